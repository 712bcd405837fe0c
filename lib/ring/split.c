// SPDX-License-Identifier: LGPL-2.1-or-later
/* The available and the used ring: which chains come and go, and who is told. */
#include "lib/ring/split.h"

#include <errno.h>
#include <stddef.h>

#include "lib/ring/barrier.h"
#include "lib/ring/chain.h"

/* virtio 1.2, 2.7.6 and 2.7.8. */
#define AVAIL_F_NO_INTERRUPT 1
#define USED_F_NO_NOTIFY 1
#define RING_FLAGS 0
#define RING_IDX 2
#define RING_ENTRIES 4
#define USED_ENTRY_SIZE 8

#define NUM_MAX 32768

uint64_t vdu__ring_desc_bytes(uint16_t num)
{
	return (uint64_t)num * VDU_DESC_SIZE;
}

/* Both rings end in an event index, whether it is negotiated or not. */
uint64_t vdu__ring_avail_bytes(uint16_t num)
{
	return RING_ENTRIES + (uint64_t)num * 2 + 2;
}

uint64_t vdu__ring_used_bytes(uint16_t num)
{
	return RING_ENTRIES + (uint64_t)num * USED_ENTRY_SIZE + 2;
}

static const uint8_t *avail_at(const struct vdu__ring *ring, size_t offset)
{
	return (const uint8_t *)ring->avail + offset;
}

static uint8_t *used_at(const struct vdu__ring *ring, size_t offset)
{
	return (uint8_t *)ring->used + offset;
}

bool vdu__ring_possible(uint16_t num, const void *desc, const void *avail,
			const void *used)
{
	if (num == 0 || num > NUM_MAX || (num & (num - 1)))
		return false;
	/* virtio 1.2, 2.7: also what makes single loads and stores atomic. */
	return (uintptr_t)desc % 16 == 0 && (uintptr_t)avail % 2 == 0 &&
	       (uintptr_t)used % 4 == 0;
}

int vdu__ring_init(struct vdu__ring *ring, const struct vdu__mem *mem,
		   uint16_t num, const void *desc, const void *avail,
		   void *used, uint16_t next_avail, bool event_idx,
		   bool indirect)
{
	if (!vdu__ring_possible(num, desc, avail, used))
		return -EINVAL;
	*ring = (struct vdu__ring){
		.mem = mem,
		.num = num,
		.event_idx = event_idx,
		.indirect = indirect,
		.desc = desc,
		.avail = avail,
		.used = used,
		.last_avail = next_avail,
		.seen_avail = next_avail,
	};
	ring->used_idx = vdu__load16(used_at(ring, RING_IDX));
	ring->signalled = ring->used_idx;
	return 0;
}

int vdu__split_pop(struct vdu__ring *ring, struct vdu__chain *chain)
{
	uint16_t waiting = ring->seen_avail - ring->last_avail, slot;

	if (waiting == 0) {
		/*
		 * Acquire: entries and descriptors are read after the index.
		 * Partner: the driver's release of avail->idx.
		 */
		ring->seen_avail =
			vdu__load16_acquire(avail_at(ring, RING_IDX));
		waiting = ring->seen_avail - ring->last_avail;
	}
	if (waiting == 0)
		return 0;
	/* seen_avail stays, so that every later call says the same. */
	if (waiting > ring->num)
		return -EPROTO;
	slot = ring->last_avail & (ring->num - 1);
	vdu__chain_take(ring, chain,
		   vdu__load16(avail_at(ring, RING_ENTRIES + slot * 2)));
	ring->last_avail++;
	return 1;
}

void vdu__split_retake(struct vdu__ring *ring, uint16_t head,
		       struct vdu__chain *chain)
{
	vdu__chain_take(ring, chain, head);
	/* It has its place in the available ring behind what was used. */
	ring->last_avail++;
	ring->seen_avail++;
}

void vdu__split_push(struct vdu__ring *ring, uint16_t head, uint32_t len)
{
	uint16_t slot = ring->used_idx & (ring->num - 1);
	uint8_t *entry = used_at(ring, RING_ENTRIES + slot * USED_ENTRY_SIZE);

	vdu__store32(entry, head);
	vdu__store32(entry + 4, len);
	ring->used_idx++;
}

uint32_t vdu__ring_used_head(const struct vdu__ring *ring, uint16_t idx)
{
	uint16_t slot = idx & (ring->num - 1);

	return vdu__load32(used_at(ring, RING_ENTRIES +
				   slot * USED_ENTRY_SIZE));
}

/* A driver is never so far: that is the size of the largest queue. */
#define OUT_OF_REACH 0x8000U

/* Does the step from old to new pass event (virtio 1.2, 2.7.10)? */
static bool passes(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

bool vdu__split_publish(struct vdu__ring *ring)
{
	uint16_t old = ring->signalled, new = ring->used_idx;
	bool first = !ring->signalled_valid;

	if (old == new && !first)
		return false;
	/*
	 * Release: data, status bytes and used entries are there before the
	 * index. Partner: the driver's acquire of used->idx.
	 */
	vdu__store16_release(used_at(ring, RING_IDX), new);
	/*
	 * The index must be visible before the driver's wish is read. Partner:
	 * the driver's fence between writing used_event (or clearing its flag)
	 * and looking at used->idx once more.
	 */
	vdu__fence();
	ring->signalled = new;
	ring->signalled_valid = true;
	if (!ring->event_idx)
		return !(vdu__load16(avail_at(ring, RING_FLAGS)) &
			 AVAIL_F_NO_INTERRUPT);
	return first || passes(vdu__load16(avail_at(ring, RING_ENTRIES +
						    ring->num * 2)), new, old);
}

static void wish_event(struct vdu__ring *ring, uint16_t event)
{
	vdu__store16(used_at(ring, RING_ENTRIES + ring->num * USED_ENTRY_SIZE),
		     event);
}

bool vdu__split_arm_kick(struct vdu__ring *ring, uint16_t after)
{
	if (ring->event_idx)
		wish_event(ring, (uint16_t)(ring->last_avail + after));
	else
		vdu__store16(used_at(ring, RING_FLAGS), 0);
	ring->ahead = after;
	/*
	 * The wish must be visible before the index is read again. Partner:
	 * the driver's fence between writing avail->idx and reading avail_event
	 * (or used->flags).
	 */
	vdu__fence();
	return vdu__split_waiting(ring) > (ring->event_idx ? after : 0);
}

uint16_t vdu__split_waiting(struct vdu__ring *ring)
{
	uint16_t waiting = ring->seen_avail - ring->last_avail;

	/* An index that jumped stays, as for pop. */
	if (waiting > ring->num)
		return waiting;
	ring->seen_avail = vdu__load16_acquire(avail_at(ring, RING_IDX));
	return ring->seen_avail - ring->last_avail;
}

void vdu__split_disarm_kick(struct vdu__ring *ring)
{
	if (!ring->event_idx)
		vdu__store16(used_at(ring, RING_FLAGS), USED_F_NO_NOTIFY);
	/*
	 * An event index that is left behind asks for nothing by itself. One
	 * that the driver has yet to reach would: out of its reach with it.
	 */
	else if (ring->ahead)
		wish_event(ring, (uint16_t)(ring->last_avail + OUT_OF_REACH));
	ring->ahead = 0;
}

void vdu__ring_look(uint16_t num, const void *avail, const void *used,
		    struct vdu__ring_view *ret)
{
	const uint8_t *a = avail, *u = used;

	ret->avail_flags = vdu__load16(a + RING_FLAGS);
	ret->avail_idx = vdu__load16(a + RING_IDX);
	ret->used_event = vdu__load16(a + RING_ENTRIES + (size_t)num * 2);
	ret->used_flags = vdu__load16(u + RING_FLAGS);
	ret->used_idx = vdu__load16(u + RING_IDX);
	ret->avail_event = vdu__load16(u + RING_ENTRIES +
				       (size_t)num * USED_ENTRY_SIZE);
}
