// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The in-flight log: a server is killed at any step, and the next one must
 * find exactly the requests that were taken and not answered, in their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/server/inflight.h"
#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define NUM 16
#define ROUNDS 3000
#define STEPS 40

struct fixture {
	struct vdu_ctx *ctx;
	char root[64];
	struct vdu__inflight *log;
	_Alignas(16) uint8_t desc[NUM * 16];
	_Alignas(16) uint8_t avail[4 + NUM * 2 + 2];
	_Alignas(16) uint8_t used[4 + NUM * 8 + 2];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128];

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&f->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(f->ctx, f->root), 0);
	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d", f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	vdu__inflight_close(f->log);
	vdu_ctx_free(f->ctx);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* What a process is told by the file, not by memory of its own. */
static struct vdu__inflight_queue *reopen(struct fixture *f, uint32_t queues,
					  uint32_t size, uint32_t index)
{
	struct vdu_error err = { 0 };

	vdu__inflight_close(f->log);
	f->log = NULL;
	assert_int_equal(vdu__inflight_open(f->ctx, "d", queues, size, false, &f->log,
					    &err), 0);
	if (!vdu__inflight_fits(f->log))
		vdu__inflight_begin(f->log);
	return vdu__inflight_queue(f->log, index);
}

static uint64_t random_state = 88172645463325252ULL;

static unsigned int roll(unsigned int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state % n);
}

/* What is true, beside what the log says. */
struct truth {
	uint16_t order[NUM];	/* heads with the server, first taken first */
	unsigned int n;
	bool busy[NUM];		/* in order[], or pushed and not published */
	uint16_t pushed[NUM];
	unsigned int n_pushed;
};

static void take_one(struct truth *t, struct vdu__inflight_queue *log,
		     const struct vdu__ring *ring)
{
	uint16_t head = (uint16_t)roll(NUM);

	if (t->busy[head])
		return;
	vdu__inflight_take(log, ring, head);
	t->busy[head] = true;
	t->order[t->n++] = head;
}

static bool is_pushed(const struct truth *t, uint16_t head)
{
	for (unsigned int i = 0; i < t->n_pushed; i++)
		if (t->pushed[i] == head)
			return true;
	return false;
}

/* Any of those that are not pushed yet. */
static void push_one(struct truth *t, struct vdu__ring *ring)
{
	unsigned int from = t->n ? roll(t->n) : 0;

	for (unsigned int i = 0; i < t->n; i++) {
		uint16_t head = t->order[(from + i) % t->n];

		if (is_pushed(t, head))
			continue;
		vdu__ring_push(ring, head, 1);
		t->pushed[t->n_pushed++] = head;
		return;
	}
}

static void forget(struct truth *t, uint16_t head)
{
	unsigned int to = 0;

	for (unsigned int i = 0; i < t->n; i++)
		if (t->order[i] != head)
			t->order[to++] = t->order[i];
	t->n = to;
	t->busy[head] = false;
}

static void published(struct truth *t)
{
	while (t->n_pushed)
		forget(t, t->pushed[--t->n_pushed]);
}

static void new_ring(struct fixture *f, struct vdu__ring *ring)
{
	static const struct vdu__mem none;

	assert_int_equal(vdu__ring_init(ring, &none, NUM, f->desc, f->avail,
					f->used, 0, false, false), 0);
}

/* The next server: what does it find? */
static void recover(struct fixture *f, struct truth *t)
{
	struct vdu__inflight_queue *log = reopen(f, 2, NUM, 1);
	struct vdu__ring ring;
	unsigned int n = 0;
	uint64_t at = 0;
	int head;

	new_ring(f, &ring);
	vdu__inflight_settle(log, &ring);
	while ((head = vdu__inflight_next(log, &ring, &at)) >= 0) {
		assert_true(n < t->n);
		assert_int_equal(head, t->order[n++]);
	}
	assert_int_equal(n, t->n);
}

static void every_death_is_recovered(void **state)
{
	struct fixture *f = *state;
	struct truth t = { .n = 0 };

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct vdu__inflight_queue *log = reopen(f, 2, NUM, 1);
		unsigned int steps = roll(STEPS);
		struct vdu__ring ring;

		new_ring(f, &ring);
		vdu__inflight_settle(log, &ring);
		while (steps--) {
			switch (roll(4)) {
			case 0:
			case 1:
				take_one(&t, log, &ring);
				break;
			case 2:
				push_one(&t, &ring);
				break;
			case 3:
				(void)vdu__ring_publish(&ring);
				/* Killed here: published, not yet settled. */
				published(&t);
				if (!steps)
					break;
				vdu__inflight_settle(log, &ring);
				break;
			}
		}
		/* What was pushed and not published never happened. */
		t.n_pushed = 0;
		recover(f, &t);
	}
}

static void write_boot_id(struct fixture *f, const char *id)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/proc/sys/kernel/random",
		       f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	strcat(path, "/boot_id");
	assert_int_equal(vdu__replace_file(path, id, strlen(id)), 0);
}

static void a_log_that_does_not_fit_is_begun_anew(void **state)
{
	struct fixture *f = *state;
	struct vdu__inflight_queue *log = reopen(f, 1, NUM, 0);
	struct vdu__ring ring;
	uint64_t at = 0;
	char path[128];

	new_ring(f, &ring);
	vdu__inflight_reset(log, &ring);
	vdu__inflight_take(log, &ring, 3);
	/* A head that no ring has is not noted. */
	vdu__inflight_take(log, &ring, NUM);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), 3);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);

	at = 0;
	log = reopen(f, 2, NUM, 0);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);
	vdu__inflight_take(log, &ring, 3);
	log = reopen(f, 2, NUM * 2, 0);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);

	/* Garbage of the right length is no log. */
	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d/inflight",
		       f->root);
	vdu__inflight_take(log, &ring, 3);
	assert_int_equal(vdu__write_file(path, "garbage"), 0);
	log = reopen(f, 2, NUM * 2, 0);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);

	/* What is behind it, as another version may have left, is not looked at. */
	vdu__inflight_reset(log, &ring);
	vdu__inflight_take(log, &ring, 3);
	assert_int_equal(truncate(path, 1 << 20), 0);
	log = reopen(f, 2, NUM * 2, 0);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), 3);
}

static void a_log_is_of_one_driver_and_one_boot(void **state)
{
	struct fixture *f = *state;
	struct vdu__inflight_queue *log;
	struct vdu__ring ring;
	uint64_t at = 0;

	write_boot_id(f, "one\n");
	log = reopen(f, 1, NUM, 0);
	new_ring(f, &ring);
	vdu__inflight_driver(f->log, 0x300000000);
	vdu__inflight_reset(log, &ring);
	vdu__inflight_take(log, &ring, 3);
	atomic_store(vdu__inflight_lost(f->log), EIO);

	/* The next server finds the same driver, and goes on. */
	log = reopen(f, 1, NUM, 0);
	vdu__inflight_driver(f->log, 0x300000000);
	vdu__inflight_settle(log, &ring);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), 3);
	assert_int_equal(atomic_load(vdu__inflight_lost(f->log)), EIO);

	/* Another one has nothing to do with it. */
	at = 0;
	vdu__inflight_driver(f->log, 0x100000000);
	vdu__inflight_settle(log, &ring);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);
	assert_int_equal(atomic_load(vdu__inflight_lost(f->log)), 0);

	/* One that was reset, and came again, neither. */
	vdu__inflight_take(log, &ring, 3);
	vdu__inflight_empty(f->log);
	vdu__inflight_driver(f->log, 0x100000000);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);

	/* No features are features, too. */
	vdu__inflight_driver(f->log, 0);
	vdu__inflight_reset(log, &ring);
	vdu__inflight_take(log, &ring, 3);
	assert_true(vdu__inflight_is_of(f->log, 0));
	vdu__inflight_driver(f->log, 0);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), 3);
	at = 0;

	/* Nor a ring of another size. */
	vdu__inflight_reset(log, &ring);
	vdu__inflight_take(log, &ring, 3);
	ring.num = NUM / 2;
	vdu__inflight_settle(log, &ring);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);

	/* A run directory that outlived its kernel tells nothing. */
	vdu__inflight_take(log, &ring, 3);
	write_boot_id(f, "two\n");
	log = reopen(f, 1, NUM, 0);
	vdu__inflight_driver(f->log, 0x100000000);
	assert_int_equal(vdu__inflight_next(log, &ring, &at), -1);
}

static int open_again(struct fixture *f)
{
	vdu__inflight_close(f->log);
	f->log = NULL;
	return vdu__inflight_open(f->ctx, "d", 1, NUM, false, &f->log, NULL);
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[128], other[140];

	(void)reopen(f, 1, NUM, 0);
	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d/inflight",
		       f->root);
	(void)snprintf(other, sizeof(other), "%s.other", path);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(open_again(f), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(open_again(f), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(open_again(f), -EPERM);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(open_again(f), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_int_equal(open_again(f), -EPERM);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	assert_int_equal(open_again(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_death_is_recovered,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_log_that_does_not_fit_is_begun_anew, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_log_is_of_one_driver_and_one_boot, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_file_that_others_can_write_is_refused, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
