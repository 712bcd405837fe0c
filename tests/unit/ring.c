// SPDX-License-Identifier: GPL-2.0-or-later
/* The available and the used ring: indices, events, and what is refused. */
#include "tests/unit/driver.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE

static void test_init_refuses(void **state)
{
	static const uint16_t bad[] = { 0, 3, 6, 1000, 32769, 65535 };
	struct driver *d = driver_new(8, 0, false, false);
	struct vdu__ring ring;
	uint8_t *desc = (uint8_t *)d->desc, *avail = (uint8_t *)d->avail;
	uint8_t *used = (uint8_t *)d->used;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vdu__ring_init(&ring, &d->mem, bad[i], desc,
						avail, used, 0, true, true),
				 -EINVAL);
	assert_int_equal(vdu__ring_init(&ring, &d->mem, 4, desc + 8, avail,
					used, 0, true, true), -EINVAL);
	assert_int_equal(vdu__ring_init(&ring, &d->mem, 4, desc, avail + 1,
					used, 0, true, true), -EINVAL);
	assert_int_equal(vdu__ring_init(&ring, &d->mem, 4, desc, avail,
					used + 2, 0, true, true), -EINVAL);
	assert_int_equal(vdu__ring_init(&ring, &d->mem, 1, desc, avail, used, 0,
					true, true), 0);
	driver_free(d);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(vdu__ring_desc_bytes(256), 4096);
	assert_int_equal(vdu__ring_avail_bytes(256), 6 + 512);
	assert_int_equal(vdu__ring_used_bytes(256), 6 + 2048);
	assert_int_equal(vdu__ring_desc_bytes(32768), 524288);
	assert_int_equal(vdu__ring_used_bytes(32768), 6 + 262144);
}

static void test_one_buffer(void **state)
{
	struct driver *d = driver_new(8, 0, false, false);
	uint8_t *out = driver_map(d, 0x1000, 100, false);
	uint8_t *in = driver_map(d, 0x9000, 50, true);
	struct vdu__chain *c;
	uint32_t id, len;

	(void)state;
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 0);
	d->desc[5] = driver_desc(0x1000, 100, NEXT, 2);
	d->desc[2] = driver_desc(0x9001, 49, WRITE, 77);
	c = driver_take(d, 5);
	assert_int_equal(c->fault, VDU_CHAIN_OK);
	assert_int_equal(c->n_out, 1);
	assert_int_equal(c->n_in, 1);
	assert_ptr_equal(c->iov[0].iov_base, out);
	assert_int_equal(c->iov[0].iov_len, 100);
	assert_ptr_equal(c->iov[1].iov_base, in + 1);
	assert_int_equal(c->iov[1].iov_len, 49);
	assert_int_equal(c->out_bytes, 100);
	assert_int_equal(c->in_bytes, 49);
	assert_ptr_equal(c->last_in, in + 49);
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 0);

	vdu__ring_push(&d->ring, 5, 49);
	assert_int_equal(driver_used_idx(d), 0);
	assert_true(vdu__ring_publish(&d->ring));
	assert_int_equal(driver_used_idx(d), 1);
	driver_used_entry(d, 0, &id, &len);
	assert_int_equal(id, 5);
	assert_int_equal(len, 49);
	driver_free(d);
}

/* Both indices run through 65535 twice, starting just below it. */
static void test_index_wrap(void **state)
{
	struct driver *d = driver_new(4, 65530, true, false);

	(void)state;
	driver_map(d, 0, 16, true);
	for (uint32_t i = 0; i < 140000; i++) {
		uint16_t head = i % 4, idx = (uint16_t)(65530 + i);
		uint32_t id, len;

		d->desc[head] = driver_desc(0, 16, WRITE, 0);
		driver_take(d, head);
		assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
		vdu__ring_push(&d->ring, head, i);
		/* The driver wants to hear of this very entry. */
		*driver_used_event(d) = htole16(idx);
		assert_true(vdu__ring_publish(&d->ring));
		assert_int_equal(driver_used_idx(d), (uint16_t)(idx + 1));
		driver_used_entry(d, idx, &id, &len);
		assert_int_equal(id, head);
		assert_int_equal(len, i);
		assert_false(vdu__ring_publish(&d->ring));
	}
	driver_free(d);
}

/* A driver may fill the whole queue, but never more. */
static void test_avail_jump(void **state)
{
	struct driver *d = driver_new(4, 65534, false, false);

	(void)state;
	driver_map(d, 0, 16, true);
	for (int i = 0; i < 4; i++) {
		d->desc[i] = driver_desc(0, 16, WRITE, 0);
		driver_offer(d, i);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
		assert_int_equal(d->chain.head, i);
	}
	d->avail[1] = htole16((uint16_t)(65534 + 4 + 5));
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), -EPROTO);
	/* To set it right afterwards does not help. */
	d->avail[1] = htole16((uint16_t)(65534 + 4));
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), -EPROTO);
	assert_true(vdu__ring_arm_kick(&d->ring, 0));
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), -EPROTO);
	/* A reset does; and backwards is a jump, too. */
	driver_start(d, 7, false, false);
	d->avail[1] = htole16(6);
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), -EPROTO);
	driver_free(d);
}

static void test_flags(void **state)
{
	struct driver *d = driver_new(4, 0, false, false);

	(void)state;
	assert_true(vdu__ring_publish(&d->ring));
	assert_false(vdu__ring_publish(&d->ring));
	vdu__ring_push(&d->ring, 0, 0);
	assert_true(vdu__ring_publish(&d->ring));
	d->avail[0] = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	vdu__ring_push(&d->ring, 0, 0);
	assert_false(vdu__ring_publish(&d->ring));
	assert_int_equal(driver_used_idx(d), 2);

	vdu__ring_disarm_kick(&d->ring);
	assert_int_equal(le16toh(d->used[0]), VRING_USED_F_NO_NOTIFY);
	assert_false(vdu__ring_arm_kick(&d->ring, 0));
	assert_int_equal(le16toh(d->used[0]), 0);
	driver_offer(d, 1);
	assert_true(vdu__ring_arm_kick(&d->ring, 0));
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
	assert_false(vdu__ring_arm_kick(&d->ring, 0));
	driver_free(d);
}

/*
 * Interrupt if and only if the entry that used_event names is among those just
 * published: every small case around 0 and around the wrap.
 */
static void test_used_event(void **state)
{
	static const uint16_t starts[] = { 0, 5, 32766, 65529, 65533, 65535 };
	struct driver *d = driver_new(8, 0, true, false);

	(void)state;
	for (size_t s = 0; s < sizeof(starts) / sizeof(starts[0]); s++)
		for (uint16_t n = 0; n <= 8; n++)
			for (int delta = -12; delta <= 12; delta++) {
				uint16_t event = (uint16_t)(starts[s] + delta);

				driver_start(d, starts[s], true, false);
				assert_true(vdu__ring_publish(&d->ring));
				*driver_used_event(d) = htole16(event);
				for (int i = 0; i < n; i++)
					vdu__ring_push(&d->ring, 0, 0);
				assert_int_equal(vdu__ring_publish(&d->ring),
						 delta >= 0 && delta < n);
			}
	driver_free(d);
}

/* The flag means nothing once event indices are negotiated. */
static void test_used_event_ignores_flag(void **state)
{
	struct driver *d = driver_new(8, 0, true, false);

	(void)state;
	assert_true(vdu__ring_publish(&d->ring));
	d->avail[0] = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	vdu__ring_push(&d->ring, 0, 0);
	assert_true(vdu__ring_publish(&d->ring));
	vdu__ring_disarm_kick(&d->ring);
	assert_int_equal(d->used[0], 0);
	driver_free(d);
}

static void test_avail_event(void **state)
{
	struct driver *d = driver_new(4, 65534, true, false);

	(void)state;
	driver_map(d, 0, 16, true);
	d->desc[0] = driver_desc(0, 16, WRITE, 0);
	for (uint32_t i = 0; i < 6; i++) {
		uint16_t next = (uint16_t)(65534 + i);

		assert_false(vdu__ring_arm_kick(&d->ring, 0));
		assert_int_equal(le16toh(*driver_avail_event(d)), next);
		/* What came in after the last pop is told. */
		driver_offer(d, 0);
		assert_true(vdu__ring_arm_kick(&d->ring, 0));
		assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
	}
	driver_free(d);
}

/*
 * A kick that was asked for after some more requests is not wanted any more once
 * we are awake: whatever the driver adds, and since when.
 */
static void test_avail_event_disarmed(void **state)
{
	struct driver *d = driver_new(8, 65530, true, false);

	(void)state;
	driver_map(d, 0, 16, true);
	d->desc[0] = driver_desc(0, 16, WRITE, 0);
	assert_false(vdu__ring_arm_kick(&d->ring, 5));
	for (uint16_t i = 0; i < 2; i++)
		driver_offer(d, 0);
	vdu__ring_disarm_kick(&d->ring);
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
	for (uint16_t old = 65530; old != 4; old++)
		for (uint16_t n = 0; n <= 8; n++)
			assert_false(vring_need_event(
				le16toh(*driver_avail_event(d)),
				(uint16_t)(old + n), old));
	assert_false(vdu__ring_arm_kick(&d->ring, 0));
	assert_int_equal(le16toh(*driver_avail_event(d)), 65532);
	/* One that is behind stays where it is. */
	vdu__ring_disarm_kick(&d->ring);
	assert_int_equal(le16toh(*driver_avail_event(d)), 65532);
	driver_free(d);
}

static void test_look(void **state)
{
	struct driver *d = driver_new(16, 0, true, false);
	struct vdu__ring_view view;

	(void)state;
	d->avail[0] = htole16(1);
	d->avail[1] = htole16(0x1234);
	*driver_used_event(d) = htole16(0x5678);
	d->used[0] = htole16(2);
	d->used[1] = htole16(0x9abc);
	*driver_avail_event(d) = htole16(0xdef0);
	vdu__ring_look(16, d->avail, d->used, &view);
	assert_int_equal(view.avail_flags, 1);
	assert_int_equal(view.avail_idx, 0x1234);
	assert_int_equal(view.used_event, 0x5678);
	assert_int_equal(view.used_flags, 2);
	assert_int_equal(view.used_idx, 0x9abc);
	assert_int_equal(view.avail_event, 0xdef0);
	driver_free(d);
}

/* A driver and a device in two threads that sleep whenever they may. */
#define RACE_BUFFERS 60000

struct race {
	struct driver *d;
	bool event_idx;
	sem_t kick, interrupt;
	atomic_bool lost;
};

static bool sleep_on(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	while (sem_timedwait(sem, &until) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

/* What was posted for something already seen must not hide a loss. */
static void drain(sem_t *sem)
{
	while (sem_trywait(sem) == 0)
		;
}

/* Let the threads meet at every distance from each other. */
static void dawdle(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	for (volatile uint32_t i = *seed >> 23; i > 0; i--)
		;
}

static void *device_thread(void *arg)
{
	struct race *race = arg;
	struct vdu__ring *ring = &race->d->ring;
	uint32_t seed = 1;

	for (uint32_t n = 0; n < RACE_BUFFERS;) {
		drain(&race->kick);
		vdu__ring_disarm_kick(ring);
		while (vdu__ring_pop(ring, &race->d->chain) == 1) {
			vdu__ring_push(ring, race->d->chain.head, 0);
			n++;
		}
		if (vdu__ring_publish(ring))
			sem_post(&race->interrupt);
		dawdle(&seed);
		if (n < RACE_BUFFERS && !vdu__ring_arm_kick(ring, 0) &&
		    !sleep_on(&race->kick)) {
			race->lost = true;
			break;
		}
	}
	return NULL;
}

static bool wants_kick(const struct race *race, uint16_t idx)
{
	if (!race->event_idx)
		return !(__atomic_load_n(&race->d->used[0], __ATOMIC_RELAXED) &
			 htole16(VRING_USED_F_NO_NOTIFY));
	return le16toh(__atomic_load_n(driver_avail_event(race->d),
				       __ATOMIC_RELAXED)) == idx;
}

/*
 * One buffer at a time, so that each one needs its kick and its interrupt. The
 * device is met while it publishes in even rounds, while it arms in odd ones.
 */
static void race_drive(struct race *race)
{
	struct driver *d = race->d;
	uint32_t seed = 2;

	for (uint32_t i = 0; i < RACE_BUFFERS && !race->lost; i++) {
		uint16_t idx = (uint16_t)i, next = (uint16_t)(i + 1);

		dawdle(&seed);
		driver_offer(d, 0);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (wants_kick(race, idx))
			sem_post(&race->kick);
		for (int j = 0; i % 2 && j < 20000; j++)
			if (driver_used_idx(d) == next)
				break;
		dawdle(&seed);
		drain(&race->interrupt);
		__atomic_store_n(driver_used_event(d), htole16(idx),
				 __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		while (driver_used_idx(d) != next)
			if (!sleep_on(&race->interrupt)) {
				race->lost = true;
				return;
			}
	}
}

static void run_race(bool event_idx)
{
	struct race race = { .event_idx = event_idx };
	pthread_t thread;

	race.d = driver_new(4, 0, event_idx, false);
	driver_map(race.d, 0, 16, true);
	race.d->desc[0] = driver_desc(0, 16, WRITE, 0);
	sem_init(&race.kick, 0, 0);
	sem_init(&race.interrupt, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, device_thread, &race), 0);
	race_drive(&race);
	pthread_join(thread, NULL);
	assert_false(race.lost);
	assert_int_equal(driver_used_idx(race.d), (uint16_t)RACE_BUFFERS);
	driver_free(race.d);
}

static void test_no_lost_wakeup_event_idx(void **state)
{
	(void)state;
	run_race(true);
}

static void test_no_lost_wakeup_flags(void **state)
{
	(void)state;
	run_race(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_refuses),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_one_buffer),
		cmocka_unit_test(test_index_wrap),
		cmocka_unit_test(test_avail_jump),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_used_event),
		cmocka_unit_test(test_used_event_ignores_flag),
		cmocka_unit_test(test_avail_event),
		cmocka_unit_test(test_avail_event_disarmed),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_no_lost_wakeup_event_idx),
		cmocka_unit_test(test_no_lost_wakeup_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
