// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which heads are outstanding: outstanding.h says by what reasoning.
 *
 * Positions count entries of a ring from the available index backwards, so
 * they are negative. bound[i] are limits of the used index at the time when
 * avail entry i was added: each story of a head asks something of them, and a
 * story that asks too much is none.
 */
#include "lib/ring/outstanding.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/ring/barrier.h"
#include "lib/util/macro.h"

/* virtio 1.2, 2.7.6 and 2.7.8. */
#define RING_ENTRIES 4
#define USED_ENTRY_SIZE 8

/* A pass over all heads is cheap; an endless search would not be. */
#define PASSES_MAX 64

enum story { NOT_KNOWN, ANSWERED, OUTSTANDING };

/* One entry of a ring; prev: the entry before it that has the same head. */
struct entry {
	uint16_t head;
	int prev;
};

struct head {
	int last_avail, last_used;	/* entries, -1: none that we see */
	enum story story;
};

struct bound {
	int low, high;
};

struct history {
	int num, open;			/* outstanding requests */
	int n_avail, n_used;		/* entries that we see */
	bool whole;			/* and there were no others before */
	struct entry *avail, *used;	/* oldest first */
	struct head *heads;
	struct bound *bound, *next_bound;
};

static int avail_position(const struct history *h, int i)
{
	return i - h->n_avail;
}

static int used_position(const struct history *h, int j)
{
	return j - h->n_used - h->open;
}

/*
 * A story of a head, from its end backwards: entry i was made available after
 * answer j and answered by answer k; -1: by one that we do not see, -2: not.
 * Calls ask for each of its claims: the used index at i is in [low, high].
 */
static bool tell(struct history *h, const struct head *head, enum story story,
		 bool (*ask)(struct history *h, int i, int low, int high))
{
	int i = head->last_avail, k = story == OUTSTANDING ? -2 : -1;
	int j = head->last_used;

	if (story == ANSWERED && j >= 0) {
		k = j;
		j = h->used[j].prev;
	}
	while (i >= 0) {
		int low = j >= 0 ? used_position(h, j) + 1 : INT32_MIN;
		int high = INT32_MAX;

		if (k >= 0)
			high = used_position(h, k);
		else if (k == -1)
			/* No such answer is behind the beginning. */
			high = h->whole ? INT32_MIN :
					  used_position(h, 0) - 1;
		if (!ask(h, i, low, high))
			return false;
		i = h->avail[i].prev;
		k = j;
		j = j >= 0 ? h->used[j].prev : -1;
	}
	/* Answers to what we do not see being made available. */
	return k < 0 || !h->whole;
}

static bool possible(struct history *h, int i, int low, int high)
{
	return low <= h->bound[i].high && high >= h->bound[i].low;
}

static bool narrow(struct history *h, int i, int low, int high)
{
	h->next_bound[i].low = MAX(h->next_bound[i].low, low);
	h->next_bound[i].high = MIN(h->next_bound[i].high, high);
	return true;
}

/* The used index never goes back. */
static void spread(struct history *h)
{
	for (int i = 1; i < h->n_avail; i++)
		h->next_bound[i].low = MAX(h->next_bound[i].low,
					   h->next_bound[i - 1].low);
	for (int i = h->n_avail - 2; i >= 0; i--)
		h->next_bound[i].high = MIN(h->next_bound[i].high,
					    h->next_bound[i + 1].high);
	for (int i = 0; i < h->n_avail; i++)
		h->bound[i] = h->next_bound[i];
}

/* One look at each head; false if nothing new came of it. */
static bool pass(struct history *h)
{
	bool news = false;

	for (int i = 0; i < h->num; i++) {
		struct head *head = &h->heads[i];
		bool answered, outstanding;

		if (head->story != NOT_KNOWN || head->last_avail < 0)
			continue;
		answered = tell(h, head, ANSWERED, possible);
		outstanding = tell(h, head, OUTSTANDING, possible);
		if (answered == outstanding)
			continue;
		head->story = answered ? ANSWERED : OUTSTANDING;
		(void)tell(h, head, head->story, narrow);
		news = true;
	}
	if (news)
		spread(h);
	return news;
}

/* No more than num are outstanding, and none is used before it is available. */
static void first_bounds(struct history *h)
{
	for (int i = 0; i < h->n_avail; i++)
		h->next_bound[i] = (struct bound){
			.low = avail_position(h, i) + 1 - h->num,
			.high = MIN(avail_position(h, i), -h->open),
		};
	spread(h);
}

static int read_rings(struct history *h, const uint8_t *avail,
		      const uint8_t *used, uint16_t avail_idx,
		      uint16_t used_idx)
{
	for (int i = 0; i < h->num; i++)
		h->heads[i] = (struct head){ -1, -1, NOT_KNOWN };
	for (int i = 0; i < h->n_avail; i++) {
		unsigned int slot = (avail_idx - h->n_avail + i) & (h->num - 1);
		uint16_t head = vdu__load16(avail + RING_ENTRIES + slot * 2);

		if (head >= h->num)
			return -EPROTO;
		h->avail[i] = (struct entry){ head, h->heads[head].last_avail };
		h->heads[head].last_avail = i;
	}
	for (int j = 0; j < h->n_used; j++) {
		unsigned int slot = (used_idx - h->n_used + j) & (h->num - 1);
		uint32_t head = vdu__load32(used + RING_ENTRIES +
					    slot * USED_ENTRY_SIZE);

		if (head >= (uint32_t)h->num)
			return -EPROTO;
		h->used[j] = (struct entry){ (uint16_t)head,
					     h->heads[head].last_used };
		h->heads[head].last_used = j;
	}
	return 0;
}

/* Behind the index nothing was ever written: the first lap. */
static bool first_lap(const uint8_t *avail, uint16_t num, uint16_t avail_idx,
		      uint16_t used_idx)
{
	if (avail_idx >= num || used_idx > avail_idx)
		return false;
	for (unsigned int i = avail_idx; i < num; i++)
		if (vdu__load16(avail + RING_ENTRIES + i * 2))
			return false;
	return true;
}

/* The certain ones, and then the newest of those that may be. */
static int collect(const struct history *h, uint16_t *heads,
		   unsigned int *ret_certain)
{
	int n = 0;

	for (int i = 0; i < h->num; i++)
		if (h->heads[i].story == OUTSTANDING && n < h->open)
			heads[n++] = (uint16_t)i;
	*ret_certain = (unsigned int)n;
	for (int i = h->n_avail - 1; i >= 0 && n < h->open; i--) {
		const struct head *head = &h->heads[h->avail[i].head];

		if (head->story == NOT_KNOWN && head->last_avail == i)
			heads[n++] = h->avail[i].head;
	}
	return n;
}

int vdu__ring_outstanding(uint16_t num, const void *avail, uint16_t avail_idx,
			  const void *used, uint16_t used_idx, uint16_t *heads,
			  unsigned int *ret_certain)
{
	CLEANUP_FREE struct entry *entries = calloc(num, 2 * sizeof(*entries));
	CLEANUP_FREE struct head *all = calloc(num, sizeof(*all));
	CLEANUP_FREE struct bound *bounds = calloc(num, 2 * sizeof(*bounds));
	struct history h;
	int r;

	if (!entries || !all || !bounds)
		return -ENOMEM;
	/* The entries are read after the index that the caller has read. */
	vdu__fence();
	h = (struct history){
		.num = num,
		.open = (uint16_t)(avail_idx - used_idx),
		.n_avail = num,
		.n_used = num,
		.whole = first_lap(avail, num, avail_idx, used_idx),
		.avail = entries, .used = entries + num,
		.heads = all,
		.bound = bounds, .next_bound = bounds + num,
	};
	if (h.open > num)
		return -EPROTO;
	if (h.whole) {
		h.n_avail = avail_idx;
		h.n_used = used_idx;
	}
	r = read_rings(&h, avail, used, avail_idx, used_idx);
	if (r < 0)
		return r;
	first_bounds(&h);
	for (int i = 0; i < PASSES_MAX && pass(&h); i++)
		;
	return collect(&h, heads, ret_certain);
}
