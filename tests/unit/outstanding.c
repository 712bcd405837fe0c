// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which heads a dead server has left, from the rings alone: a driver that
 * takes the head freed last, as Linux does, and servers that answer in order or
 * not, stopped anywhere. Whatever is called certain must be so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/ring/outstanding.h"

#define NUM_MAX 256
#define RUNS 3000

struct rings {
	uint16_t num;
	uint16_t avail[2 + NUM_MAX + 1];
	uint32_t used[1 + NUM_MAX * 2 + 1];
	uint16_t avail_idx, used_idx, seen_used;
	uint16_t free[NUM_MAX], open[NUM_MAX];
	unsigned int n_free, n_open;
	bool busy[NUM_MAX];		/* as the server knows it */
};

static uint64_t random_state = 88172645463325252ULL;

static unsigned int roll(unsigned int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned int)(random_state % n);
}

static void begin(struct rings *r, uint16_t num, uint16_t index)
{
	memset(r, 0, sizeof(*r));
	r->num = num;
	r->avail_idx = r->used_idx = r->seen_used = index;
	for (unsigned int i = 0; i < num; i++)
		r->free[r->n_free++] = (uint16_t)(num - 1 - i);
}

static void make_available(struct rings *r)
{
	uint16_t head = r->free[--r->n_free];

	r->avail[2 + r->avail_idx++ % r->num] = htole16(head);
	r->open[r->n_open++] = head;
	r->busy[head] = true;
}

static void answer(struct rings *r, unsigned int which)
{
	uint16_t head = r->open[which];

	r->used[1 + r->used_idx++ % r->num * 2] = htole32(head);
	memmove(&r->open[which], &r->open[which + 1],
		(--r->n_open - which) * sizeof(r->open[0]));
	r->busy[head] = false;
}

/* The driver looks at what was answered: free again. */
static void look(struct rings *r)
{
	while (r->seen_used != r->used_idx)
		r->free[r->n_free++] = (uint16_t)
			le32toh(r->used[1 + r->seen_used++ % r->num * 2]);
}

/* depth: as many as the driver wants open; reach: how far out of order. */
static void run(struct rings *r, unsigned int steps, unsigned int depth,
		unsigned int reach)
{
	while (steps--) {
		unsigned int n = roll(4);

		if (roll(2))
			look(r);
		while (n-- && r->n_open < depth && r->n_free)
			make_available(r);
		n = roll(4);
		while (n-- && r->n_open)
			answer(r, roll(reach < r->n_open ? reach : r->n_open));
	}
}

struct score {
	unsigned int runs, exact, certain, wrong;
};

static void judge(struct rings *r, struct score *score)
{
	uint16_t heads[NUM_MAX];
	unsigned int certain = 0, hits = 0;
	int n = vdu__ring_outstanding(r->num, r->avail, r->avail_idx, r->used,
				      r->used_idx, heads, &certain);

	assert_true(n >= 0 && (unsigned int)n <= r->n_open);
	assert_true(certain <= (unsigned int)n);
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < i; j++)
			assert_int_not_equal(heads[i], heads[j]);
		hits += r->busy[heads[i]];
		if ((unsigned int)i < certain)
			assert_true(r->busy[heads[i]]);
	}
	score->runs++;
	score->exact += hits == r->n_open;
	score->certain += certain == r->n_open;
	score->wrong += hits != (unsigned int)n;
}

static void tally(const char *what, struct score *score, uint16_t num,
		  unsigned int depth, unsigned int reach)
{
	static struct rings r;

	memset(score, 0, sizeof(*score));
	for (unsigned int i = 0; i < RUNS; i++) {
		begin(&r, num, i % 3 ? 0 : (uint16_t)(65536 - roll(2 * num)));
		run(&r, roll(6 * num), depth, reach);
		judge(&r, score);
	}
	print_message("%s: %u runs, %u right, %u certain, %u wrong\n", what,
		      score->runs, score->exact, score->certain, score->wrong);
}

static void in_order_is_certain_and_right(void **state)
{
	struct score score;

	(void)state;
	for (unsigned int depth = 1; depth <= 128; depth *= 4) {
		tally("in order", &score, 128, depth, 1);
		assert_int_equal(score.exact, RUNS);
	}
}

static void out_of_order_is_mostly_right(void **state)
{
	struct score score;

	(void)state;
	tally("a little out of order", &score, 128, 32, 8);
	assert_true(score.exact >= RUNS * 99 / 100);
	/* Here a request may be so old that the ring has forgotten it. */
	tally("in any order", &score, 128, 32, 32);
	assert_true(score.exact >= RUNS * 9 / 10);
	tally("full, in any order", &score, 64, 64, 64);
	assert_true(score.certain < score.runs);
}

static int look_at(const struct rings *r)
{
	uint16_t heads[NUM_MAX];
	unsigned int certain;

	return vdu__ring_outstanding(r->num, r->avail, r->avail_idx, r->used,
				     r->used_idx, heads, &certain);
}

static void impossible_rings_are_refused(void **state)
{
	static struct rings r;

	(void)state;
	begin(&r, 16, 0);
	r.avail_idx = 17;
	assert_int_equal(look_at(&r), -EPROTO);
	r.avail_idx = 3;
	r.avail[2 + 1] = htole16(16);
	assert_int_equal(look_at(&r), -EPROTO);
	/* Anything at all: it ends, and stays inside (sanitizers). */
	for (unsigned int i = 0; i < RUNS; i++) {
		begin(&r, 16, (uint16_t)roll(65536));
		for (unsigned int j = 0; j < 16; j++) {
			r.avail[2 + j] = htole16((uint16_t)roll(16));
			r.used[1 + j * 2] = htole32(roll(16));
		}
		r.avail_idx += (uint16_t)roll(17);
			assert_true(look_at(&r) <= 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_is_certain_and_right),
		cmocka_unit_test(out_of_order_is_mostly_right),
		cmocka_unit_test(impossible_rings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
