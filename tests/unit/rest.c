// SPDX-License-Identifier: GPL-2.0-or-later
/* How many requests a data thread waits for before the driver kicks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "lib/server/queue.h"
#include "lib/server/rest.h"

#define US UINT64_C(1000)

static struct vdu__queue *queue_new(bool event_idx)
{
	struct vdu__queue *queue = calloc(1, sizeof(*queue));

	assert_non_null(queue);
	queue->ring.num = 64;
	queue->ring.event_idx = event_idx;
	queue->ring.last_avail = 65530;
	queue->now_ns = 1000 * US;
	vdu__rest_begin(queue);
	return queue;
}

/* n requests are taken at once in the time, and then there are none. */
static uint16_t after(struct vdu__queue *queue, uint16_t n, uint64_t ns)
{
	queue->ring.last_avail += n;
	vdu__rest_took(queue, n);
	queue->now_ns += ns;
	return vdu__rest_gather(queue);
}

/* Whoever sends one at a time waits for its answer: the first one wakes us. */
static void test_few(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(after(queue, 1 + i % 2, 20 * US), 0);
		assert_false(queue->rest.gathers);
	}
	free(queue);
}

static void test_many(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	/* One less, as the next makes it as many; the time they took. */
	assert_int_equal(after(queue, 16, 160 * US), 15);
	assert_true(queue->rest.gathers);
	assert_int_equal(queue->rest.gather_ns, 160 * US);
	/* Not while the backend works: its answers wake us anyway. */
	queue->in_flight = 1;
	assert_int_equal(after(queue, 16, 160 * US), 0);
	assert_false(queue->rest.gathers);
	free(queue);
}

/* Many one after the other, each answered before the next, are still few. */
static void test_few_for_long(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	for (int i = 0; i < 20; i++)
		vdu__rest_took(queue, 1);
	queue->ring.last_avail += 20;
	queue->now_ns += 400 * US;
	assert_int_equal(vdu__rest_gather(queue), 0);
	assert_false(queue->rest.gathers);
	free(queue);
}

static void test_no_more_than_half_a_queue(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	assert_int_equal(after(queue, 64, 640 * US), 31);
	free(queue);
}

/* What came last is what is waited for: soon more, soon less. */
static void test_learn(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	assert_int_equal(after(queue, 3, 30 * US), 2);
	assert_int_equal(after(queue, 32, 320 * US), 31);
	assert_int_equal(after(queue, 32, 320 * US), 31);
	assert_int_equal(after(queue, 5, 50 * US), 4);
	assert_int_equal(after(queue, 1, 10 * US), 0);
	free(queue);
}

/* Another one woke us, and nothing has come: the rest of them still may. */
static void test_woken_by_another(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	assert_int_equal(after(queue, 16, 160 * US), 15);
	queue->rest.disturbed = true;
	queue->rest.gathers = false;
	queue->now_ns += 10 * US;
	assert_int_equal(vdu__rest_gather(queue), 15);
	assert_true(queue->rest.gathers);
	assert_int_equal(queue->rest.gather_ns, 160 * US);
	/* Something has: no longer. */
	queue->rest.disturbed = true;
	assert_int_equal(after(queue, 2, 10 * US), 0);
	assert_false(queue->rest.gathers);
	free(queue);
}

/* They come so slowly that nobody would wait for so many of them. */
static void test_slow(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	assert_int_equal(after(queue, 4, 40000 * US), 0);
	assert_false(queue->rest.gathers);
	free(queue);
}

/* A driver without event index kicks at the first one. */
static void test_no_event_idx(void **state)
{
	struct vdu__queue *queue = queue_new(false);

	(void)state;
	assert_int_equal(after(queue, 32, 100 * US), 0);
	assert_false(queue->rest.gathers);
	free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_few_for_long),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_learn),
		cmocka_unit_test(test_no_more_than_half_a_queue),
		cmocka_unit_test(test_woken_by_another),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_no_event_idx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
