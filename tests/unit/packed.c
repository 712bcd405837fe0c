// SPDX-License-Identifier: GPL-2.0-or-later
/* The packed ring: laps, answers out of order, events, and what a driver may not. */
#include "tests/unit/driver.h"

#include <errno.h>

#define F_AVAIL (1U << 7)
#define F_USED (1U << 15)
#define MEM 0x10000

/* A driver with a ring of its own, and its memory at MEM: 4 KiB. */
struct packed {
	struct driver d;
	uint16_t num, next, slots_of[64];
	unsigned int used;		/* slots that have passed */
	unsigned int avail;
	uint32_t driver_event, device_event;
	struct vring_desc *ring;
	struct vdu__packed_keep *keep;
	uint8_t *data;
};

static void begin(struct packed *p, bool event_idx)
{
	assert_int_equal(vdu__packed_init(&p->d.ring, &p->d.mem, p->num,
					  p->ring, &p->driver_event,
					  &p->device_event, p->keep,
					  VDU_PACKED_WRAP, event_idx, true), 0);
}

static struct packed *new(uint16_t num, bool event_idx)
{
	struct packed *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->num = num;
	p->ring = calloc(num, sizeof(*p->ring));
	p->keep = calloc(1, vdu__packed_keep_bytes(num));
	assert_true(p->ring && p->keep);
	p->d.mem = (struct vdu__mem){ .translate = driver_translate,
				      .opaque = &p->d };
	p->d.chain.iov = p->d.iov;
	p->d.chain.max_iov = DRIVER_IOV;
	p->data = driver_map(&p->d, MEM, 4096, true);
	begin(p, event_idx);
	vdu__packed_reset(&p->d.ring);
	return p;
}

static void done(struct packed *p)
{
	free(p->data);
	free(p->ring);
	free(p->keep);
	free(p);
}

static uint16_t marks(const struct packed *p, unsigned int slot)
{
	return slot / p->num % 2 ? F_USED : F_AVAIL;
}

static void put(struct packed *p, unsigned int slot, uint64_t addr,
		uint32_t len, uint16_t id, unsigned int flags)
{
	/* id and flags stand where a split one has flags and next. */
	p->ring[slot % p->num] = driver_desc(addr, len, id,
				(uint16_t)(flags | marks(p, slot)));
}

/* n readable descriptors of one byte. */
static void offer(struct packed *p, uint16_t id, uint16_t n)
{
	for (unsigned int i = n; i-- > 0;)
		put(p, p->avail + i, MEM + i, 1, i == n - 1U ? id : 0x7777,
		    i == n - 1U ? 0 : VRING_DESC_F_NEXT);
	p->slots_of[id] = n;
	p->avail += n;
}

/* The id of the next answer, -1: there is none yet. */
static int reap(struct packed *p)
{
	const struct vring_desc *desc = &p->ring[p->used % p->num];
	uint16_t flags = le16toh(desc->next);
	bool wrap = !(p->used / p->num % 2);

	if (!(flags & F_AVAIL) == wrap || !(flags & F_USED) == wrap)
		return -1;
	p->used += p->slots_of[le16toh(desc->flags)];
	return le16toh(desc->flags);
}

static int pop(struct packed *p)
{
	return vdu__ring_pop(&p->d.ring, &p->d.chain);
}

static void laps_with_lists_of_any_length(void **state)
{
	struct packed *p = new(7, false);

	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		uint16_t a = 1 + i % 3, b = 1 + i % 4;

		assert_int_equal(pop(p), 0);
		offer(p, 3, a);
		offer(p, 5, b);
		assert_int_equal(pop(p), 1);
		assert_int_equal(p->d.chain.head, 3);
		assert_int_equal(p->d.chain.n_out, a);
		assert_int_equal(pop(p), 1);
		assert_int_equal(p->d.chain.head, 5);
		assert_int_equal(pop(p), 0);
		/* The second one first, over descriptors of the first. */
		vdu__ring_push(&p->d.ring, 5, 4);
		assert_int_equal(reap(p), -1);
		assert_true(vdu__ring_publish(&p->d.ring));
		assert_int_equal(reap(p), 5);
		assert_int_equal(reap(p), -1);
		/* Who comes next has it from the keep. */
		begin(p, false);
		vdu__packed_recover(&p->d.ring);
		vdu__ring_retake(&p->d.ring, 3, &p->d.chain);
		assert_int_equal(p->d.chain.n_out, a);
		assert_ptr_equal(p->d.chain.iov[a - 1].iov_base,
				 p->data + a - 1);
		vdu__ring_push(&p->d.ring, 3, 0);
		assert_true(vdu__ring_publish(&p->d.ring));
		assert_int_equal(reap(p), 3);
	}
	done(p);
}

static void interrupts_are_as_the_driver_wants(void **state)
{
	(void)state;
	for (unsigned int step = 1; step <= 5; step++) {
		struct packed *p = new(5, true);
		unsigned int at = 0;

		assert_true(vdu__ring_publish(&p->d.ring));
		for (unsigned int i = 0; i < 200; i++) {
			unsigned int event = at + i % 5;
			bool want = event < at + step;

			p->driver_event = 2U << 16 | event % 5 |
				(event / 5 % 2 ? 0 : VDU_PACKED_WRAP);
			for (uint16_t id = 0; id < step; id++)
				offer(p, id, 1);
			for (uint16_t id = 0; id < step; id++) {
				assert_int_equal(pop(p), 1);
				vdu__ring_push(&p->d.ring, id, 0);
			}
			assert_int_equal(vdu__ring_publish(&p->d.ring), want);
			for (uint16_t id = 0; id < step; id++)
				assert_int_equal(reap(p), id);
			at += step;
		}
		p->driver_event = 1U << 16;
		offer(p, 0, 1);
		assert_int_equal(pop(p), 1);
		vdu__ring_push(&p->d.ring, 0, 0);
		assert_false(vdu__ring_publish(&p->d.ring));
		done(p);
	}
}

static void kicks_are_asked_for_where_it_stands(void **state)
{
	struct packed *p = new(4, true);

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		assert_false(vdu__ring_arm_kick(&p->d.ring, 0));
		assert_int_equal(p->device_event, 2U << 16 | i % 4 |
				 (i / 4 % 2 ? 0 : VDU_PACKED_WRAP));
		offer(p, 1, 1);
		assert_true(vdu__ring_arm_kick(&p->d.ring, 0));
		assert_int_equal(pop(p), 1);
		vdu__ring_push(&p->d.ring, 1, 0);
		(void)vdu__ring_publish(&p->d.ring);
	}
	done(p);
	p = new(4, false);
	vdu__ring_disarm_kick(&p->d.ring);
	assert_int_equal(p->device_event, 1U << 16);
	assert_false(vdu__ring_arm_kick(&p->d.ring, 0));
	assert_int_equal(p->device_event, 0);
	done(p);
}

static void a_ring_that_cannot_be_followed_stands_still(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct packed *p = new(4, false);

		switch (i) {
		case 0: /* no such id */
			put(p, 0, MEM, 1, 4, 0);
			break;
		case 1: /* an id that is with us */
			offer(p, 2, 1);
			assert_int_equal(pop(p), 1);
			offer(p, 2, 1);
			break;
		case 2: /* a list without an end */
			for (unsigned int slot = 0; slot < 4; slot++)
				put(p, slot, MEM, 1, 0, VRING_DESC_F_NEXT);
			break;
		case 3: /* one that goes on in what is not available */
			put(p, 0, MEM, 1, 0, VRING_DESC_F_NEXT);
			break;
		}
		assert_int_equal(pop(p), -EPROTO);
		assert_int_equal(pop(p), -EPROTO);
		if (i == 1) {
			vdu__ring_push(&p->d.ring, 2, 0);
			assert_true(vdu__ring_publish(&p->d.ring));
			assert_int_equal(reap(p), 2);
		}
		done(p);
	}
}

static enum vdu__chain_fault fault_of(struct packed *p, uint32_t len,
				      unsigned int flags)
{
	put(p, p->avail++, MEM, len, 0, flags);
	p->slots_of[0] = 1;
	assert_int_equal(pop(p), 1);
	vdu__ring_push(&p->d.ring, 0, 0);
	(void)vdu__ring_publish(&p->d.ring);
	assert_int_equal(reap(p), 0);
	return p->d.chain.fault;
}

static void indirect_tables_are_lists(void **state)
{
	struct packed *p = new(4, false);
	struct vring_desc *table = (struct vring_desc *)(void *)p->data;

	(void)state;
	/* Neither links nor NEXT mean anything there. */
	for (unsigned int i = 0; i < 5; i++)
		table[i] = driver_desc(MEM + 512 + i * 8, 8,
				       i == 2 ? VRING_DESC_F_WRITE : 0, 0x9999);
	assert_int_equal(fault_of(p, 48, VRING_DESC_F_INDIRECT), VDU_CHAIN_OK);
	assert_int_equal(p->d.chain.n_out, 2);
	assert_int_equal(p->d.chain.n_in, 1);
	assert_ptr_equal(p->d.chain.last_in, p->data + 512 + 23);
	assert_int_equal(fault_of(p, 64, VRING_DESC_F_INDIRECT),
			 VDU_CHAIN_BAD_ORDER);
	assert_int_equal(fault_of(p, 80, VRING_DESC_F_INDIRECT),
			 VDU_CHAIN_LOOP);
	assert_int_equal(fault_of(p, 40, VRING_DESC_F_INDIRECT),
			 VDU_CHAIN_BAD_INDIRECT);
	assert_int_equal(fault_of(p, 0, VRING_DESC_F_INDIRECT),
			 VDU_CHAIN_BAD_INDIRECT);
	table[1].flags = htole16(VRING_DESC_F_INDIRECT);
	assert_int_equal(fault_of(p, 48, VRING_DESC_F_INDIRECT),
			 VDU_CHAIN_BAD_INDIRECT);
	assert_int_equal(fault_of(p, 8192, 0), VDU_CHAIN_BAD_ADDRESS);
	done(p);
}

static void a_keep_that_is_damaged_is_not_followed(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct packed *p = new(4, false);
		struct vdu__packed_cell *cell = p->keep->cell;

		offer(p, 1, 2);
		offer(p, 2, 1);
		assert_int_equal(pop(p), 1);
		assert_int_equal(pop(p), 1);
		vdu__ring_push(&p->d.ring, 2, 0);
		assert_true(vdu__packed_sound(p->keep, 4));
		switch (i) {
		case 0: p->keep->num = 5; break;
		case 1: p->keep->state = 4U << 16; break;
		case 2: p->keep->state |= 5; break;
		case 3: cell[0].done_id = 4; break;
		case 4: cell[1].n = 4; break;
		case 5: cell[1].first = 4; break;
		case 6: cell[2].order = 1000; break;
		case 7: cell[2].first = cell[1].first; break;
		}
		/* That two share a cell is seen only when it is followed. */
		assert_int_equal(vdu__packed_sound(p->keep, 4), i == 7);
		begin(p, false);
		vdu__packed_recover(&p->d.ring);
		assert_int_equal(pop(p), -EPROTO);
		assert_false(vdu__ring_publish(&p->d.ring));
		done(p);
	}
}

static unsigned int roll(unsigned int n)
{
	static uint64_t seed = 1;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed % n);
}

/* A descriptor as a driver could mean it, or with anything wrong. */
static void scribble(struct packed *p)
{
	static const uint16_t flags[] = {
		0, VRING_DESC_F_NEXT, VRING_DESC_F_WRITE, VRING_DESC_F_INDIRECT,
		VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, F_AVAIL, F_USED,
	};
	unsigned int slot = roll(8) ? p->d.ring.last_avail + roll(3) : roll(99);

	/* Where the ring stands, as it wants it. */
	put(p, (slot & 0x7fff) % p->num +
	    (p->d.ring.last_avail & VDU_PACKED_WRAP ? 0 : p->num),
	    MEM + roll(5000), roll(300), (uint16_t)roll(p->num + 1),
	    flags[roll(7)]);
	for (unsigned int i = 0; i < 32; i++)
		p->data[roll(4096)] = (uint8_t)roll(256);
	p->driver_event = roll(2) ? roll(4) << 16 | roll(65536) : roll(8) << 15;
}

/* The sanitizers look on; what was taken is never more than there is. */
static void whatever_a_driver_writes_is_survived(void **state)
{
	unsigned int popped = 0, lost = 0;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		struct packed *p = new((uint16_t)(1 + roll(9)), roll(2));
		uint16_t held[16];
		unsigned int n = 0;
		uint64_t at = 0;
		int r = 0;

		for (unsigned int i = 0; i < 40 && r >= 0; i++) {
			scribble(p);
			r = pop(p);
			if (r == 1) {
				held[n++] = p->d.chain.head;
				popped++;
			}
			assert_true(n <= p->num);
			if (n && roll(2))
				vdu__ring_push(&p->d.ring, held[--n], roll(9));
			if (roll(2))
				(void)vdu__ring_publish(&p->d.ring);
			(void)vdu__ring_arm_kick(&p->d.ring, 0);
			assert_true(vdu__packed_sound(p->keep, p->num));
		}
		lost += r < 0;
		scribble(p);
		begin(p, false);
		vdu__packed_recover(&p->d.ring);
		assert_false(p->d.ring.lost);
		while ((r = vdu__packed_next(&p->d.ring, &at)) >= 0) {
			vdu__ring_retake(&p->d.ring, (uint16_t)r, &p->d.chain);
			vdu__ring_push(&p->d.ring, (uint16_t)r, 0);
		}
		(void)vdu__ring_publish(&p->d.ring);
		assert_int_equal(p->d.ring.n_free, p->num);
		done(p);
	}
	assert_true(popped > 3000 && lost > 300);
}

static void only_rings_that_are_possible_begin(void **state)
{
	struct packed *p = new(4, false);
	uint8_t *at = (uint8_t *)p->ring;
	struct vdu__ring ring;

	(void)state;
	assert_false(vdu__packed_possible(0, at, at, at));
	assert_false(vdu__packed_possible(32769, at, at, at));
	assert_false(vdu__packed_possible(4, at + 8, at, at));
	assert_false(vdu__packed_possible(4, at, at + 2, at));
	assert_false(vdu__packed_possible(4, at, at, at + 2));
	assert_true(vdu__packed_possible(3, at, at, at));
	assert_int_equal(vdu__packed_init(&ring, &p->d.mem, 4, at, at, at,
					  p->keep, 4, false, false), -EINVAL);
	done(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(laps_with_lists_of_any_length),
		cmocka_unit_test(interrupts_are_as_the_driver_wants),
		cmocka_unit_test(kicks_are_asked_for_where_it_stands),
		cmocka_unit_test(a_ring_that_cannot_be_followed_stands_still),
		cmocka_unit_test(indirect_tables_are_lists),
		cmocka_unit_test(a_keep_that_is_damaged_is_not_followed),
		cmocka_unit_test(whatever_a_driver_writes_is_survived),
		cmocka_unit_test(only_rings_that_are_possible_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
