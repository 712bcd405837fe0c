// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device side of a virtqueue, split (virtio 1.2, 2.7) or packed (2.8,
 * packed.h): pure code, no system calls, one thread per ring.
 *
 * A turn of the owner's loop: pop until 0, push what completed, publish once,
 * interrupt if publish says so; before sleeping arm_kick, and pop again if it
 * says that something came in between.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/ring/mem.h"
#include "lib/ring/packed.h"

struct vdu__ring {
	const struct vdu__mem *mem;
	uint16_t num;			/* split: a power of two, by init */
	bool packed, event_idx, indirect;	/* negotiated */
	/*
	 * Ring memory, mapped contiguously for the life of the ring; packed:
	 * avail and used are the driver's and the device's event area.
	 */
	const void *desc, *avail;
	void *used;
	uint16_t last_avail;		/* next avail entry, or place, to take */
	uint16_t used_idx;		/* next used entry to write */
	uint16_t signalled;		/* used_idx at the last publish */
	bool signalled_valid;		/* false: interrupt at the next publish */
	uint16_t seen_avail;		/* driver's avail index as last read */
	uint16_t ahead;			/* a kick was asked for so much later */

	/* A packed one's own. */
	bool lost;			/* cannot be followed */
	bool mute;			/* nor may it be written to */
	uint16_t free_cell, n_free;
	void *slots;			/* desc, as what is written to */
	struct vdu__packed_keep *keep;
};

/* Why a chain could not be taken as it is. */
enum vdu__chain_fault {
	VDU_CHAIN_OK,
	VDU_CHAIN_BAD_HEAD,	/* head >= queue size */
	VDU_CHAIN_LOOP,		/* more descriptors than the queue size */
	VDU_CHAIN_BAD_NEXT,	/* next beyond the table */
	VDU_CHAIN_BAD_ADDRESS,	/* a buffer that is not mapped (so) */
	VDU_CHAIN_BAD_INDIRECT,	/* not negotiated, nested, bad length, not mapped */
	VDU_CHAIN_BAD_ORDER,	/* readable after writable */
	VDU_CHAIN_TOO_LONG,	/* bytes overflow 32 bits, or too many segments */
	VDU_CHAIN_FAULT_MAX,
};
const char *vdu__chain_fault_name(enum vdu__chain_fault fault);

/* A descriptor chain as pieces of memory: readable first, then writable. */
struct vdu__chain {
	uint16_t head;
	enum vdu__chain_fault fault;
	struct iovec *iov;		/* storage of the caller: max_iov */
	unsigned int max_iov;
	unsigned int n_out, n_in;	/* iov[0..n_out), iov[n_out..n_out+n_in) */
	uint64_t out_bytes, in_bytes;
	unsigned int steps;		/* translations of addresses it took */
	/*
	 * Last byte of the last writable descriptor found, if it is mapped:
	 * where a block device writes its status; set for a faulty chain too,
	 * where it could be found.
	 */
	uint8_t *last_in;
};

/*
 * Can there be a split ring: num is a power of 2, at most 32768, and the parts
 * are aligned as virtio asks (16, 2, 4)? Nothing may look into it before.
 */
bool vdu__ring_possible(uint16_t num, const void *desc, const void *avail,
			const void *used);

/*
 * desc, avail and used must be mapped for the whole size that num gives
 * (virtio 1.2, 2.7): the caller has translated them. Starts at next_avail,
 * used index as found in the ring. -EINVAL: it is not possible.
 */
int vdu__ring_init(struct vdu__ring *ring, const struct vdu__mem *mem,
		   uint16_t num, const void *desc, const void *avail,
		   void *used, uint16_t next_avail, bool event_idx,
		   bool indirect);

/* Sizes in bytes of the three parts, for mapping them. */
uint64_t vdu__ring_desc_bytes(uint16_t num);
uint64_t vdu__ring_avail_bytes(uint16_t num);
uint64_t vdu__ring_used_bytes(uint16_t num);

/* What follows does it with a split one, or packed.h's with a packed one. */
int vdu__split_pop(struct vdu__ring *ring, struct vdu__chain *chain);
void vdu__split_retake(struct vdu__ring *ring, uint16_t head,
		       struct vdu__chain *chain);
void vdu__split_push(struct vdu__ring *ring, uint16_t head, uint32_t len);
bool vdu__split_publish(struct vdu__ring *ring);
bool vdu__split_arm_kick(struct vdu__ring *ring, uint16_t after);
uint16_t vdu__split_waiting(struct vdu__ring *ring);
void vdu__split_disarm_kick(struct vdu__ring *ring);

/*
 * Take the next chain. 1: chain is filled (look at chain->fault: a faulty
 * chain must be pushed back, too); 0: none; -EPROTO: the avail index moved by
 * more than the queue size, the ring cannot be followed until it is reset.
 */
static inline int vdu__ring_pop(struct vdu__ring *ring,
				struct vdu__chain *chain)
{
	return ring->packed ? vdu__packed_pop(ring, chain) :
			      vdu__split_pop(ring, chain);
}

/*
 * Take again, right after init, the chain of a head that an owner before us had
 * taken and not returned: in any order, each once.
 */
static inline void vdu__ring_retake(struct vdu__ring *ring, uint16_t head,
				    struct vdu__chain *chain)
{
	if (ring->packed)
		vdu__packed_retake(ring, head, chain);
	else
		vdu__split_retake(ring, head, chain);
}

/* Return a chain: len bytes were written to it. Visible after publish. */
static inline void vdu__ring_push(struct vdu__ring *ring, uint16_t head,
				  uint32_t len)
{
	if (ring->packed)
		vdu__packed_push(ring, head, len);
	else
		vdu__split_push(ring, head, len);
}

/* Show the driver what was pushed; true if it wants an interrupt for it. */
static inline bool vdu__ring_publish(struct vdu__ring *ring)
{
	return ring->packed ? vdu__packed_publish(ring) :
			      vdu__split_publish(ring);
}

/* The head in used entry number idx, as in memory now. */
uint32_t vdu__ring_used_head(const struct vdu__ring *ring, uint16_t idx);

/*
 * Ask for a kick once more than after chains are there, which without event
 * index, or with a packed ring, is at the next one; true if they are there
 * already.
 */
static inline bool vdu__ring_arm_kick(struct vdu__ring *ring, uint16_t after)
{
	return ring->packed ? vdu__packed_arm_kick(ring) :
			      vdu__split_arm_kick(ring, after);
}

/* How many chains are there to be taken; more than num: see pop. Packed: 0, 1. */
static inline uint16_t vdu__ring_waiting(struct vdu__ring *ring)
{
	return ring->packed ? vdu__packed_waiting(ring) :
			      vdu__split_waiting(ring);
}
/* No kicks, please: we will look anyway. A hint only. */
static inline void vdu__ring_disarm_kick(struct vdu__ring *ring)
{
	if (ring->packed)
		vdu__packed_disarm_kick(ring);
	else
		vdu__split_disarm_kick(ring);
}

/* Indices as in memory now, for dumps; any thread may take them. */
struct vdu__ring_view {
	uint16_t avail_idx, used_idx, avail_event, used_event;
	uint16_t avail_flags, used_flags;
};
void vdu__ring_look(uint16_t num, const void *avail, const void *used,
		    struct vdu__ring_view *ret);
/* Packed: there are no indices, and an event has its wrap counter in bit 15. */
void vdu__packed_look(const void *driver, const void *device,
		      struct vdu__ring_view *ret);
