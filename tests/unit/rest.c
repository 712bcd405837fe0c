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

/* n requests are taken in the time, and then there are none. */
static uint16_t after(struct vdu__queue *queue, uint16_t n, uint64_t ns)
{
	queue->ring.last_avail += n;
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
		assert_int_equal(queue->rest.gather_ns, 0);
	}
	free(queue);
}

static void test_many(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	/* One less, as the next makes it as many; twice the time they took. */
	assert_int_equal(after(queue, 16, 160 * US), 15);
	assert_int_equal(queue->rest.gather_ns, 320 * US);
	/* Not while the backend works: its answers wake us anyway. */
	queue->in_flight = 1;
	assert_int_equal(after(queue, 16, 160 * US), 0);
	assert_int_equal(queue->rest.gather_ns, 0);
	free(queue);
}

/* They come so slowly that nobody would wait for so many of them. */
static void test_slow(void **state)
{
	struct vdu__queue *queue = queue_new(true);

	(void)state;
	assert_int_equal(after(queue, 4, 40000 * US), 0);
	assert_int_equal(queue->rest.gather_ns, 0);
	free(queue);
}

/* A driver without event index kicks at the first one. */
static void test_no_event_idx(void **state)
{
	struct vdu__queue *queue = queue_new(false);

	(void)state;
	assert_int_equal(after(queue, 32, 100 * US), 0);
	assert_int_equal(queue->rest.gather_ns, 0);
	free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_no_event_idx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
