// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One request of verify in flight: its bytes, cut into pieces at random and
 * scattered over a stretch of device memory with guarded gaps between them.
 */
#pragma once

#include "tests/tools/vhost/queue.h"

#define SLOT_DATA_MAX 65536u
#define SLOT_PIECES_MAX 34u
#define SLOT_GAP_MAX 61u
#define SLOT_GUARD 0xa5	/* in every byte the request does not use */
#define SLOT_TABLE (SLOT_PIECES_MAX * sizeof(struct vring_desc))
/* A multiple of 16, what the table wants. */
#define SLOT_ROOM ((SLOT_TABLE + SLOT_DATA_MAX + \
		    SLOT_PIECES_MAX * SLOT_GAP_MAX + 64) / 16 * 16)

struct piece {
	uint32_t at, len;		/* at: from the start of slot->mem */
	bool in;
};

struct slot {
	bool busy, indirect;
	struct region *region;
	uint8_t *mem;			/* SLOT_ROOM bytes of the region */

	uint32_t type;
	uint64_t first, n;		/* blocks, if it has any */
	uint64_t began_ms;
	/* Request bytes in order: header and data; data and status. */
	uint8_t out[sizeof(struct virtio_blk_outhdr) + SLOT_DATA_MAX];
	uint8_t in[SLOT_DATA_MAX + 1];
	uint32_t out_len, in_len;

	struct piece pieces[SLOT_PIECES_MAX];
	unsigned int n_pieces;
};

/* How requests may be framed. */
struct framing {
	unsigned int pieces_max;	/* 4..SLOT_PIECES_MAX */
	uint32_t piece_len_max;		/* data bytes in one descriptor */
	bool indirect;
};

/* Size of the memory of n slots, for dev_add_region(). */
static inline uint64_t slots_size(unsigned int n)
{
	return n * (uint64_t)SLOT_ROOM;
}

void slot_init(struct slot *slot, struct region *region, unsigned int index);

/* Cut, scatter and give to the queue what out and in_len say. */
int slot_submit(struct slot *slot, struct queue *queue,
		const struct framing *framing, uint64_t *rng);

/* Gather in; NULL, or what the device did to memory that is not its. */
const char *slot_complete(struct slot *slot);
