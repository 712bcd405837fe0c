// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device side of a packed virtqueue (virtio 1.2, 2.8), behind the interface
 * of split.h.
 *
 * There, answers overwrite descriptors, also those of requests that are not
 * answered yet, and no index tells where the ring stands. So each ring has a
 * keep: its owner's memory, in which it notes what it has taken, with a copy of
 * the descriptors, and what it is about to answer. If that memory outlives the
 * owner, the next one goes on from there, whatever store was the last one.
 *
 * A place in the ring has its wrap counter in bit 15, as in the standard's event
 * offsets and the kernel's states. Descriptors that the driver marks otherwise
 * than the standard says, a buffer id that is none or is with us already, and
 * more descriptors than there are end the ring: -EPROTO until it is reset.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vdu__chain;
struct vdu__mem;
struct vdu__ring;

#define VDU_PACKED_WRAP 0x8000U

/* A descriptor that was taken; next: the cell of the one behind it. */
struct vdu__packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* Three arrays in one: each has its own meaning of the cell's number. */
struct vdu__packed_cell {
	/* By buffer id. order: number of its taking, 0: not with us. */
	uint64_t order;
	/* By allocation. */
	struct vdu__packed_desc desc;
	/* By place among those that are about to be answered. */
	uint32_t done_len;
	uint16_t done_id, done_n;
	/* By buffer id: cell of the first descriptor, their number. */
	uint16_t first, n;
	uint32_t padding;
};

struct vdu__packed_keep {
	uint64_t last;		/* the order that was given last */
	/*
	 * Where the next answer goes << 16 | how many are about to go there:
	 * changed at once, so that they never contradict each other.
	 */
	uint32_t state;
	uint16_t num;		/* of the ring it is about; 0: none yet */
	uint16_t padding;
	struct vdu__packed_cell cell[];
};

/* Bytes of a keep for rings of at most num descriptors. */
size_t vdu__packed_keep_bytes(uint32_t num);
/* Can a ring of at most max descriptors have left it so? */
bool vdu__packed_sound(const struct vdu__packed_keep *keep, uint32_t max);
/* Where answers stand: for dumps, by any thread. */
uint16_t vdu__packed_used(const struct vdu__packed_keep *keep);

/* Sizes in bytes: of the ring, and of each of the two event areas. */
uint64_t vdu__packed_desc_bytes(uint16_t num);
#define VDU_PACKED_EVENT_BYTES 4

/* As vdu__ring_possible(): num may be any up to 32768. */
bool vdu__packed_possible(uint16_t num, const void *desc, const void *driver,
			  const void *device);
/*
 * As vdu__ring_init(), at next: the ring and its event areas are mapped. Then
 * comes either reset, nothing is with us, or recover.
 */
int vdu__packed_init(struct vdu__ring *ring, const struct vdu__mem *mem,
		     uint16_t num, void *desc, const void *driver,
		     void *device, struct vdu__packed_keep *keep, uint16_t next,
		     bool event_idx, bool indirect);
void vdu__packed_reset(struct vdu__ring *ring);
/*
 * Go on where the keep says, if it says anything. What it has is then taken
 * again: next gives one id after the other, -1 at the end; *at is 0 at first.
 */
void vdu__packed_recover(struct vdu__ring *ring);
int vdu__packed_next(const struct vdu__ring *ring, uint64_t *at);

/* What split.h says of vdu__ring_*, for a packed one. */
int vdu__packed_pop(struct vdu__ring *ring, struct vdu__chain *chain);
void vdu__packed_retake(struct vdu__ring *ring, uint16_t id,
			struct vdu__chain *chain);
void vdu__packed_push(struct vdu__ring *ring, uint16_t id, uint32_t len);
bool vdu__packed_publish(struct vdu__ring *ring);
bool vdu__packed_arm_kick(struct vdu__ring *ring);
uint16_t vdu__packed_waiting(struct vdu__ring *ring);
void vdu__packed_disarm_kick(struct vdu__ring *ring);
