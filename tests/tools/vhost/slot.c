// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests in random pieces. */
#include <string.h>

#include "tests/tools/vhost/mem.h"
#include "tests/tools/vhost/slot.h"

void slot_init(struct slot *slot, struct region *region, unsigned int index)
{
	slot->region = region;
	slot->mem = region->base + index * (uint64_t)SLOT_ROOM;
	memset(slot->mem, SLOT_GUARD, SLOT_ROOM);
}

static void add_piece(struct slot *slot, uint32_t len, bool in)
{
	slot->pieces[slot->n_pieces++] = (struct piece){ .len = len, .in = in };
}

/* The plain way: sectors in a few descriptors, nothing else in them. */
static void cut_data(struct slot *slot, uint32_t len, bool in,
		     const struct framing *framing, uint64_t *rng)
{
	/* Header and status take two. */
	unsigned int room = framing->pieces_max - 2;
	uint32_t take, least;

	if (len % SECTOR) {	/* the range of a WRITE_ZEROES */
		add_piece(slot, len, in);
		return;
	}
	for (; len; len -= take, room--) {
		least = (len / SECTOR + room - 1) / room;
		take = (uint32_t)rnd_in(rng, least, len / SECTOR) * SECTOR;
		take = MIN(take, framing->piece_len_max);
		add_piece(slot, take, in);
	}
}

static void cut_plain(struct slot *slot, const struct framing *framing,
		      uint64_t *rng)
{
	const uint32_t header = sizeof(struct virtio_blk_outhdr);

	add_piece(slot, header, false);
	cut_data(slot, slot->out_len - header, false, framing, rng);
	cut_data(slot, slot->in_len - 1, true, framing, rng);
	add_piece(slot, 1, true);
}

/* The odd way: anywhere, through the header, data and status together. */
static void cut_odd(struct slot *slot, uint32_t len, bool in,
		    unsigned int room, const struct framing *framing,
		    uint64_t *rng)
{
	unsigned int n = (unsigned int)rnd_in(rng, 1, room);
	uint32_t take;

	for (; len; len -= take, n -= n > 1) {
		take = n == 1 ? len : (uint32_t)rnd_in(rng, 1, len);
		/* Short first pieces cut the header. */
		if (n > 1 && !in && slot->n_pieces == 0 && (rnd(rng) & 1))
			take = (uint32_t)rnd_in(rng, 1, 15);
		take = MIN(take, framing->piece_len_max);
		add_piece(slot, take, in);
	}
}

static void place_pieces(struct slot *slot, uint64_t *rng)
{
	uint32_t at = SLOT_TABLE, done_out = 0;

	for (unsigned int i = 0; i < slot->n_pieces; i++) {
		struct piece *piece = &slot->pieces[i];

		at += (uint32_t)rnd_in(rng, 0, SLOT_GAP_MAX);
		piece->at = at;
		at += piece->len;
		if (!piece->in) {
			memcpy(slot->mem + piece->at, slot->out + done_out,
			       piece->len);
			done_out += piece->len;
		}
	}
}

int slot_submit(struct slot *slot, struct queue *queue,
		const struct framing *framing, uint64_t *rng)
{
	struct seg segs[SLOT_PIECES_MAX];
	struct vring_desc *table = NULL;

	slot->n_pieces = 0;
	/* A limit on the length cannot be kept with few, random pieces. */
	if ((rnd(rng) & 1) || framing->piece_len_max < SLOT_DATA_MAX) {
		cut_plain(slot, framing, rng);
	} else {
		cut_odd(slot, slot->out_len, false, framing->pieces_max / 2,
			framing, rng);
		cut_odd(slot, slot->in_len, true, framing->pieces_max / 2,
			framing, rng);
	}
	place_pieces(slot, rng);
	for (unsigned int i = 0; i < slot->n_pieces; i++) {
		segs[i].iova = mem_iova(slot->region,
					slot->mem + slot->pieces[i].at);
		segs[i].len = slot->pieces[i].len;
		segs[i].write = slot->pieces[i].in;
	}
	if (framing->indirect && (rnd(rng) & 1))
		table = (struct vring_desc *)slot->mem;
	slot->indirect = table;
	slot->busy = true;
	return queue_add(queue, segs, slot->n_pieces, table,
			 mem_iova(slot->region, slot->mem), slot);
}

static bool is_guard(const uint8_t *mem, uint32_t len)
{
	return mem[0] == SLOT_GUARD && memcmp(mem, mem + 1, len - 1) == 0;
}

const char *slot_complete(struct slot *slot)
{
	uint32_t done_out = 0, done_in = 0;
	const char *wrong = NULL;

	for (unsigned int i = 0; i < slot->n_pieces; i++) {
		const struct piece *piece = &slot->pieces[i];
		uint8_t *mem = slot->mem + piece->at;

		if (piece->in) {
			memcpy(slot->in + done_in, mem, piece->len);
			done_in += piece->len;
		} else {
			if (memcmp(mem, slot->out + done_out, piece->len) != 0)
				wrong = "a buffer only to read was written";
			done_out += piece->len;
		}
		memset(mem, SLOT_GUARD, piece->len);
	}
	if (!is_guard(slot->mem + SLOT_TABLE, SLOT_ROOM - SLOT_TABLE)) {
		wrong = "memory around the buffers was written";
		memset(slot->mem, SLOT_GUARD, SLOT_ROOM);
	}
	slot->busy = false;
	return wrong;
}
