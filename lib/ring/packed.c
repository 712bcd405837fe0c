// SPDX-License-Identifier: LGPL-2.1-or-later
/* The packed ring: what comes and goes, and the keep that outlives its owner. */
#include "lib/ring/packed.h"

#include <errno.h>
#include <stddef.h>

#include "lib/ring/barrier.h"
#include "lib/ring/chain.h"
#include "lib/ring/split.h"
#include "lib/util/macro.h"

/* virtio 1.2, 2.8.1 and 2.8.5. */
#define DESC_F_NEXT 1
#define DESC_F_WRITE 2
#define DESC_F_AVAIL (1U << 7)
#define DESC_F_USED (1U << 15)
#define DESC_LEN 8
#define DESC_ID 12
#define DESC_FLAGS 14

/* 2.8.10: the offset in the lower half of a word, these in the upper one. */
#define EVENT_ENABLE 0U
#define EVENT_DISABLE 1U
#define EVENT_DESC 2U
#define EVENT_FLAGS_SHIFT 16
#define EVENT_FLAGS_MASK 3U

#define NUM_MAX 32768
#define DONE_MASK 0xffffU

/* --- places ------------------------------------------------------------- */

static uint16_t advance(uint16_t place, uint16_t n, uint16_t num)
{
	unsigned int index = (place & ~VDU_PACKED_WRAP) + n;
	unsigned int wrap = place & VDU_PACKED_WRAP;

	if (index >= num) {
		index -= num;
		wrap ^= VDU_PACKED_WRAP;
	}
	return (uint16_t)(index | wrap);
}

static uint8_t *slot_at(const struct vdu__ring *ring, uint16_t place)
{
	return (uint8_t *)ring->slots +
	       (size_t)(place & ~VDU_PACKED_WRAP) * VDU_DESC_SIZE;
}

static bool is_available(uint16_t flags, uint16_t place)
{
	bool wrap = place & VDU_PACKED_WRAP;

	return !(flags & DESC_F_AVAIL) != wrap && !(flags & DESC_F_USED) == wrap;
}

/*
 * Has the answer that goes there been given? What the driver makes available
 * there, now or in its next lap, does not look so, or does, respectively.
 */
static bool is_used(uint16_t flags, uint16_t place)
{
	return !(flags & DESC_F_USED) == !(place & VDU_PACKED_WRAP);
}

/* --- the keep ----------------------------------------------------------- */

/*
 * What is written before this is in the keep before what is written after it,
 * whatever kills the process: only the compiler's order counts.
 */
static void in_this_order(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void set_state(struct vdu__packed_keep *keep, uint16_t used,
		      unsigned int n_done)
{
	in_this_order();
	__atomic_store_n(&keep->state, (uint32_t)used << 16 | n_done,
			 __ATOMIC_RELAXED);
	in_this_order();
}

static uint16_t used_place(const struct vdu__packed_keep *keep)
{
	return (uint16_t)(keep->state >> 16);
}

uint16_t vdu__packed_used(const struct vdu__packed_keep *keep)
{
	return (uint16_t)(__atomic_load_n(&keep->state, __ATOMIC_RELAXED) >>
			  16);
}

size_t vdu__packed_keep_bytes(uint32_t num)
{
	return sizeof(struct vdu__packed_keep) +
	       num * sizeof(struct vdu__packed_cell);
}

/*
 * The chains of what is with us stay within the cells, and together have no
 * more of them than there are; none shares one, which vdu__packed_recover()
 * sees when it collects the free ones.
 */
static bool chains_sound(const struct vdu__packed_keep *keep)
{
	unsigned int total = 0;

	for (unsigned int id = 0; id < keep->num; id++) {
		const struct vdu__packed_cell *at = &keep->cell[id];
		uint16_t cell = at->first;

		if (!at->order)
			continue;
		total += at->n;
		if (at->order > keep->last || at->n == 0 || total > keep->num)
			return false;
		for (unsigned int i = 0; i < at->n; i++) {
			if (cell >= keep->num)
				return false;
			cell = keep->cell[cell].desc.next;
		}
	}
	return true;
}

bool vdu__packed_sound(const struct vdu__packed_keep *keep, uint32_t max)
{
	const unsigned int n_done = keep->state & DONE_MASK;

	if (keep->num == 0)
		return true;
	if (keep->num > max || n_done > keep->num || keep->last > INT64_MAX ||
	    (used_place(keep) & ~VDU_PACKED_WRAP) >= keep->num)
		return false;
	for (unsigned int i = 0; i < n_done; i++)
		if (keep->cell[i].done_id >= keep->num ||
		    keep->cell[i].done_n == 0 ||
		    keep->cell[i].done_n > keep->num)
			return false;
	return chains_sound(keep);
}

/* Free cells are linked, too; how many there are says where the end is. */
static void free_chain(struct vdu__ring *ring, uint16_t first, uint16_t n)
{
	struct vdu__packed_cell *cell = ring->keep->cell;
	uint16_t last = first;

	for (unsigned int i = 1; i < n; i++)
		last = cell[last].desc.next;
	cell[last].desc.next = ring->free_cell;
	ring->free_cell = first;
	ring->n_free += n;
}

/* --- beginning ---------------------------------------------------------- */

uint64_t vdu__packed_desc_bytes(uint16_t num)
{
	return (uint64_t)num * VDU_DESC_SIZE;
}

bool vdu__packed_possible(uint16_t num, const void *desc, const void *driver,
			  const void *device)
{
	/* virtio 1.2, 2.8.10: also what makes loads and stores atomic. */
	return num > 0 && num <= NUM_MAX && (uintptr_t)desc % 16 == 0 &&
	       (uintptr_t)driver % 4 == 0 && (uintptr_t)device % 4 == 0;
}

int vdu__packed_init(struct vdu__ring *ring, const struct vdu__mem *mem,
		     uint16_t num, void *desc, const void *driver,
		     void *device, struct vdu__packed_keep *keep, uint16_t next,
		     bool event_idx, bool indirect)
{
	if (!vdu__packed_possible(num, desc, driver, device) ||
	    (next & ~VDU_PACKED_WRAP) >= num)
		return -EINVAL;
	*ring = (struct vdu__ring){
		.mem = mem,
		.num = num,
		.packed = true,
		.event_idx = event_idx,
		.indirect = indirect,
		.desc = desc,
		.slots = desc,
		.avail = driver,
		.used = device,
		.keep = keep,
		.last_avail = next,
	};
	return 0;
}

/* All cells are free. */
static void free_all(struct vdu__ring *ring)
{
	ring->n_free = ring->free_cell = 0;
	for (unsigned int i = ring->num; i-- > 0;)
		free_chain(ring, (uint16_t)i, 1);
}

void vdu__packed_reset(struct vdu__ring *ring)
{
	struct vdu__packed_keep *keep = ring->keep;

	/*
	 * After a pause it has this place already, and nothing but that: it
	 * must not be without a place for a moment.
	 */
	if (keep->num != ring->num)
		keep->num = 0;
	in_this_order();
	for (unsigned int id = 0; id < ring->num; id++)
		keep->cell[id].order = 0;
	set_state(keep, ring->last_avail, 0);
	keep->num = ring->num;
	in_this_order();
	free_all(ring);
}

static bool is_torn(const struct vdu__ring *ring)
{
	return ring->mem && ring->mem->torn && atomic_load(ring->mem->torn);
}

/*
 * Those of the answers it was about to give that the ring shows: they come one
 * after the other, so these are the first ones. Read as a whole first: if the
 * ring was taken away meanwhile, they are none.
 */
static bool settle_shown(struct vdu__ring *ring)
{
	struct vdu__packed_keep *keep = ring->keep;
	unsigned int n_done = keep->state & DONE_MASK, shown = 0;
	uint16_t place = used_place(keep);

	for (; shown < n_done; shown++) {
		uint16_t flags = vdu__load16(slot_at(ring, place) + DESC_FLAGS);

		if (!is_used(flags, place))
			break;
		place = advance(place, keep->cell[shown].done_n, ring->num);
	}
	if (is_torn(ring))
		return false;
	for (unsigned int i = 0; i < shown; i++)
		keep->cell[keep->cell[i].done_id].order = 0;
	set_state(keep, place, 0);
	return true;
}

/* The rest of the cells is free; false: two chains share one. */
static bool collect_free(struct vdu__ring *ring, uint16_t *ret_taken)
{
	struct vdu__packed_cell *cell = ring->keep->cell;
	uint16_t at;

	/* Nothing is about to be answered: a mark may stand there. */
	for (unsigned int i = 0; i < ring->num; i++)
		cell[i].done_n = 0;
	*ret_taken = 0;
	for (unsigned int id = 0; id < ring->num; id++) {
		at = cell[id].first;
		for (unsigned int i = 0; cell[id].order && i < cell[id].n;
		     i++, at = cell[at].desc.next) {
			if (cell[at].done_n++)
				return false;
			(*ret_taken)++;
		}
	}
	for (unsigned int i = ring->num; i-- > 0;)
		if (!cell[i].done_n)
			free_chain(ring, (uint16_t)i, 1);
	return true;
}

void vdu__packed_recover(struct vdu__ring *ring)
{
	struct vdu__packed_keep *keep = ring->keep;
	uint16_t taken = 0;

	/* The driver made it ready, but nobody has begun with it. */
	if (keep->num == 0) {
		vdu__packed_reset(ring);
		return;
	}
	ring->n_free = ring->free_cell = 0;
	if (keep->num != ring->num || !vdu__packed_sound(keep, ring->num) ||
	    !settle_shown(ring) || !collect_free(ring, &taken)) {
		ring->lost = ring->mute = true;
		return;
	}
	/* Taken is what stands between answers and what is to come. */
	ring->last_avail = advance(used_place(keep), taken, ring->num);
}

int vdu__packed_next(const struct vdu__ring *ring, uint64_t *at)
{
	const struct vdu__packed_cell *cell = ring->keep->cell;
	int found = -1;

	if (ring->lost)
		return -1;
	for (unsigned int id = 0; id < ring->num; id++)
		if (cell[id].order > *at &&
		    (found < 0 || cell[id].order < cell[found].order))
			found = (int)id;
	if (found >= 0)
		*at = cell[found].order;
	return found;
}

/* --- coming ------------------------------------------------------------- */

static int lose(struct vdu__ring *ring)
{
	ring->lost = true;
	return -EPROTO;
}

/*
 * Copy a buffer's descriptors to free cells, each field read once; from here on
 * nobody looks at the driver's. Returns their number, 0 if they are none that
 * the standard allows.
 */
static uint16_t copy_list(struct vdu__ring *ring, uint16_t flags,
			  uint16_t *ret_id, uint16_t *ret_place,
			  uint16_t *ret_free)
{
	uint16_t at = ring->free_cell, place = ring->last_avail, n = 0;

	for (;;) {
		const uint8_t *slot = slot_at(ring, place);
		struct vdu__packed_desc *desc = &ring->keep->cell[at].desc;

		/* This also ends every list. */
		if (n == ring->n_free || !is_available(flags, place))
			return 0;
		desc->addr = vdu__load64(slot);
		desc->len = vdu__load32(slot + DESC_LEN);
		desc->flags = flags;
		n++;
		at = desc->next;
		place = advance(place, 1, ring->num);
		if (!(flags & DESC_F_NEXT)) {
			*ret_id = vdu__load16(slot + DESC_ID);
			break;
		}
		flags = vdu__load16(slot_at(ring, place) + DESC_FLAGS);
	}
	*ret_place = place;
	*ret_free = at;
	return n;
}

int vdu__packed_pop(struct vdu__ring *ring, struct vdu__chain *chain)
{
	struct vdu__packed_cell *cell = ring->keep->cell;
	uint16_t first = ring->free_cell, id = 0, place, next_free, flags, n;

	if (ring->lost)
		return -EPROTO;
	/*
	 * Acquire: all descriptors of the buffer are read after the flags of its
	 * first one. Partner: the driver writes those last, with a release.
	 */
	flags = vdu__load16_acquire(slot_at(ring, ring->last_avail) +
				    DESC_FLAGS);
	if (!is_available(flags, ring->last_avail))
		return 0;
	n = copy_list(ring, flags, &id, &place, &next_free);
	/* What was read of torn memory may be zeroes that nobody wrote. */
	if (n == 0 || id >= ring->num || cell[id].order || is_torn(ring))
		return lose(ring);
	cell[id].first = first;
	cell[id].n = n;
	ring->keep->last++;
	in_this_order();
	cell[id].order = ring->keep->last;
	in_this_order();
	ring->free_cell = next_free;
	ring->n_free -= n;
	ring->last_avail = place;
	vdu__chain_take_copy(ring, chain, id, first, n);
	return 1;
}

void vdu__packed_retake(struct vdu__ring *ring, uint16_t id,
			struct vdu__chain *chain)
{
	const struct vdu__packed_cell *cell = &ring->keep->cell[id];

	vdu__chain_take_copy(ring, chain, id, cell->first, cell->n);
}

/* --- going -------------------------------------------------------------- */

void vdu__packed_push(struct vdu__ring *ring, uint16_t id, uint32_t len)
{
	struct vdu__packed_keep *keep = ring->keep;
	unsigned int n_done = keep->state & DONE_MASK;
	struct vdu__packed_cell *done = &keep->cell[n_done];

	done->done_len = len;
	done->done_id = id;
	done->done_n = keep->cell[id].n;
	set_state(keep, used_place(keep), n_done + 1);
}

/*
 * Release: data and status bytes are there before the answer, which one store
 * makes: its length, id and flags. Partner: the driver's acquire of the flags.
 */
static void answer(const struct vdu__ring *ring, uint16_t place,
		   const struct vdu__packed_cell *done)
{
	uint64_t flags = done->done_len ? DESC_F_WRITE : 0;

	if (place & VDU_PACKED_WRAP)
		flags |= DESC_F_AVAIL | DESC_F_USED;
	vdu__store64_release(slot_at(ring, place) + DESC_LEN,
			     done->done_len | (uint64_t)done->done_id << 32 |
			     flags << 48);
}

/* The driver can see them: they are not with us any more. */
static void drop_done(struct vdu__ring *ring, unsigned int n_done,
		      uint16_t place)
{
	struct vdu__packed_cell *cell = ring->keep->cell;

	for (unsigned int i = 0; i < n_done; i++) {
		uint16_t id = cell[i].done_id;

		cell[id].order = 0;
		in_this_order();
		free_chain(ring, cell[id].first, cell[id].n);
	}
	set_state(ring->keep, place, 0);
}

/* Is the driver's offset among the moved places before this one? */
static bool passes(uint16_t offset, uint16_t place, uint16_t moved,
		   uint16_t num)
{
	uint16_t new = place & ~VDU_PACKED_WRAP;
	uint16_t event = offset & ~VDU_PACKED_WRAP;

	if ((offset ^ place) & VDU_PACKED_WRAP)
		event -= num;
	return (uint16_t)(new - event - 1) < moved;
}

bool vdu__packed_publish(struct vdu__ring *ring)
{
	struct vdu__packed_keep *keep = ring->keep;
	unsigned int n_done = keep->state & DONE_MASK, flags;
	bool first = !ring->signalled_valid;
	uint16_t place = used_place(keep), moved = 0;
	uint32_t wish;

	if (ring->mute || (n_done == 0 && !first))
		return false;
	in_this_order();
	for (unsigned int i = 0; i < n_done; i++) {
		uint16_t n = keep->cell[i].done_n;

		answer(ring, place, &keep->cell[i]);
		place = advance(place, n, ring->num);
		moved += n;
	}
	/*
	 * The answers must be visible before the driver's wish is read. Partner:
	 * the driver's fence between writing its wish and looking once more.
	 */
	vdu__fence();
	/* Who has the keep next finds out what the driver could see. */
	ring->mute = is_torn(ring);
	if (!ring->mute)
		drop_done(ring, n_done, place);
	ring->signalled_valid = true;
	wish = vdu__load32(ring->avail);
	flags = wish >> EVENT_FLAGS_SHIFT & EVENT_FLAGS_MASK;
	if (first || !ring->event_idx || flags != EVENT_DESC)
		return flags != EVENT_DISABLE;
	return passes((uint16_t)wish, place, moved, ring->num);
}

/* --- kicks -------------------------------------------------------------- */

uint16_t vdu__packed_waiting(struct vdu__ring *ring)
{
	return is_available(vdu__load16(slot_at(ring, ring->last_avail) +
					DESC_FLAGS), ring->last_avail);
}

bool vdu__packed_arm_kick(struct vdu__ring *ring)
{
	uint32_t wish = EVENT_ENABLE << EVENT_FLAGS_SHIFT;

	if (ring->event_idx)
		wish = EVENT_DESC << EVENT_FLAGS_SHIFT | ring->last_avail;
	vdu__store32(ring->used, wish);
	/*
	 * The wish must be visible before the ring is read again. Partner: the
	 * driver's fence between making a buffer available and reading it.
	 */
	vdu__fence();
	return vdu__packed_waiting(ring);
}

void vdu__packed_disarm_kick(struct vdu__ring *ring)
{
	/* An offset that is left behind asks for nothing by itself. */
	if (!ring->event_idx)
		vdu__store32(ring->used, EVENT_DISABLE << EVENT_FLAGS_SHIFT);
}

void vdu__packed_look(const void *driver, const void *device,
		      struct vdu__ring_view *ret)
{
	uint32_t driver_wish = vdu__load32(driver);
	uint32_t device_wish = vdu__load32(device);

	*ret = (struct vdu__ring_view){
		.used_event = (uint16_t)driver_wish,
		.avail_flags = (uint16_t)(driver_wish >> EVENT_FLAGS_SHIFT),
		.avail_event = (uint16_t)device_wish,
		.used_flags = (uint16_t)(device_wish >> EVENT_FLAGS_SHIFT),
	};
}
