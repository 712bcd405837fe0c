// SPDX-License-Identifier: GPL-2.0-or-later
/* A hostile driver, made of input. */
#include "tests/fuzz/guest.h"

#include <endian.h>
#include <linux/virtio_blk.h>

#define DESC 16		/* bytes of a descriptor */

/* Two that touch, one behind a hole, one that ends at the top. */
static const struct guest_region layout[GUEST_REGIONS] = {
	{ .iova = 0x1000, .len = 1024, .writable = true },
	{ .iova = 0x1400, .len = 512, .writable = true },
	{ .iova = 0x1600, .len = 250 },
	{ .iova = 0x8000, .len = 4096, .writable = true },
	{ .iova = UINT64_MAX - 63, .len = 63, .writable = true },
};

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
	value = htole64(value);
	memcpy(at, &value, bytes);
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

/* Some byte of driver memory, and how much room there is. */
static uint8_t *somewhere(struct guest *guest, size_t *room)
{
	const struct guest_region *r =
		&guest->regions[fuzz_u8(guest->in) % GUEST_REGIONS];
	size_t offset = fuzz_u16(guest->in) % r->len;

	*room = r->len - offset;
	return r->ptr + offset;
}

static uint64_t address(struct guest *guest)
{
	uint8_t kind = fuzz_u8(guest->in);
	const struct guest_region *r = &guest->regions[kind % GUEST_REGIONS];

	if (kind > 250)
		return fuzz_u64(guest->in);
	return r->iova + fuzz_u16(guest->in) % (r->len + 1);
}

static void make_desc(struct guest *guest, uint8_t *at)
{
	static const uint32_t lengths[] = { 1, 16, 512, 1024, 0, 513, 20, 48 };
	uint8_t kind;

	put(at, address(guest), 8);
	kind = fuzz_u8(guest->in);
	put(at + 8, kind < 64 ? lengths[kind % 8] :
		    kind < 250 ? kind * 16U : fuzz_u32(guest->in), 4);
	put(at + 12, fuzz_u8(guest->in) & 7, 2);
	kind = fuzz_u8(guest->in);
	put(at + 14, kind < 250 ? kind % guest->num : fuzz_u16(guest->in), 2);
}

static void make_header(struct guest *guest, uint8_t *at)
{
	put(at, fuzz_u8(guest->in) & 15, 4);
	put(at + 4, 0, 4);
	put(at + 8, fuzz_u8(guest->in) & 1 ? fuzz_u64(guest->in) :
					     fuzz_u8(guest->in), 8);
}

static void scribble(struct guest *guest)
{
	size_t room = 0;
	uint8_t *at;

	switch (fuzz_u8(guest->in) % 8) {
	case 0:
		make_desc(guest, guest->desc +
			  fuzz_u8(guest->in) % guest->num * DESC);
		break;
	case 1:
		at = somewhere(guest, &room);
		*at = fuzz_u8(guest->in);
		break;
	case 2:
		at = somewhere(guest, &room);
		if (room >= DESC)
			make_desc(guest, at);
		break;
	default:
		break;
	}
}

static void *translate(void *opaque, uint64_t iova, uint64_t *len, bool write)
{
	struct guest *guest = opaque;

	CHECK(*len > 0);
	guest->n_translated++;
	if (guest->changing)
		scribble(guest);
	if (iova > UINT64_MAX - *len)
		return NULL;
	for (unsigned int i = 0; i < GUEST_REGIONS; i++) {
		const struct guest_region *r = &guest->regions[i];

		if (iova < r->iova || iova - r->iova >= r->len)
			continue;
		if (write && !r->writable)
			return NULL;
		if (*len > r->len - (iova - r->iova))
			*len = r->len - (iova - r->iova);
		return r->ptr + (iova - r->iova);
	}
	return NULL;
}

bool guest_has(const struct guest *guest, const void *ptr, size_t len,
	       bool write)
{
	uintptr_t at = (uintptr_t)ptr;

	for (unsigned int i = 0; i < GUEST_REGIONS; i++) {
		const struct guest_region *r = &guest->regions[i];
		uintptr_t start = (uintptr_t)r->ptr;

		if (at < start || at + len > start + r->len || len == 0)
			continue;
		for (size_t n = 0; n < len; n++)
			(void)((const volatile uint8_t *)ptr)[n];
		return r->writable || !write;
	}
	return false;
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return le64toh(value);
}

/* Descriptor number index of the table at iova, or NULL. */
static const uint8_t *find_desc(const struct guest *guest, uint64_t iova,
				uint64_t index, uint8_t copy[DESC])
{
	for (uint64_t i = 0; i < DESC; i++) {
		uint64_t at = iova + index * DESC + i, r = 0;

		while (r < GUEST_REGIONS &&
		       (at < guest->regions[r].iova ||
			at - guest->regions[r].iova >= guest->regions[r].len))
			r++;
		if (r == GUEST_REGIONS)
			return NULL;
		copy[i] = guest->regions[r].ptr[at - guest->regions[r].iova];
	}
	return copy;
}

bool guest_chain_ends(const struct guest *guest, uint16_t head,
		      uint64_t *ret_bytes)
{
	uint64_t table = 0, n = guest->num, index = head;
	uint8_t copy[DESC];
	bool indirect = false;

	*ret_bytes = 0;
	for (unsigned int hops = 0; hops < guest->num && index < n;) {
		const uint8_t *desc = indirect ?
			find_desc(guest, table, index, copy) :
			guest->desc + index * DESC;

		if (!desc)
			return false;
		if (get(desc + 12, 2) & 4) {
			if (indirect)
				return false;
			table = get(desc, 8);
			n = get(desc + 8, 4) / DESC;
			index = 0;
			indirect = true;
			continue;
		}
		*ret_bytes += get(desc + 8, 4);
		if (!(get(desc + 12, 2) & 1))
			return true;
		index = get(desc + 14, 2);
		hops++;
	}
	return false;
}

void guest_init(struct guest *guest, struct fuzz *in)
{
	uint8_t how = fuzz_u8(in);

	*guest = (struct guest){
		.in = in,
		.num = (uint16_t)(1U << how % 7),
		.changing = how & 0x80,
		.mem = { .translate = translate, .opaque = guest },
	};
	memcpy(guest->regions, layout, sizeof(layout));
	for (unsigned int i = 0; i < GUEST_REGIONS; i++)
		guest->regions[i].ptr = calloc(1, guest->regions[i].len);
	guest->desc = calloc(1, vdu__ring_desc_bytes(guest->num));
	guest->avail = calloc(1, vdu__ring_avail_bytes(guest->num));
	/* A driver may lay the used ring over its descriptors. */
	guest->used = how & 0x40 ? guest->desc :
		      calloc(1, vdu__ring_used_bytes(guest->num));
}

void guest_free(struct guest *guest)
{
	for (unsigned int i = 0; i < GUEST_REGIONS; i++)
		free(guest->regions[i].ptr);
	if (guest->used != guest->desc)
		free(guest->used);
	free(guest->desc);
	free(guest->avail);
}

static void offer(struct guest *guest)
{
	uint16_t idx = get16(guest->avail + 2);
	uint8_t head = fuzz_u8(guest->in);

	put(guest->avail + 4 + (idx & (guest->num - 1)) * 2,
	    head < 250 ? head % guest->num : fuzz_u16(guest->in), 2);
	put(guest->avail + 2, idx + 1U, 2);
}

void guest_step(struct guest *guest)
{
	size_t room = 0, n;
	uint8_t *at;

	switch (fuzz_u8(guest->in) % 8) {
	case 0:
	case 1:
		make_desc(guest, guest->desc +
			  fuzz_u8(guest->in) % guest->num * DESC);
		break;
	case 2:
		at = somewhere(guest, &room);
		if (room >= DESC)
			make_desc(guest, at);
		break;
	case 3:
		at = somewhere(guest, &room);
		if (room >= sizeof(struct virtio_blk_outhdr))
			make_header(guest, at);
		break;
	case 4:
	case 5:
		offer(guest);
		break;
	case 6:
		at = somewhere(guest, &room);
		n = fuzz_u8(guest->in);
		fuzz_bytes(guest->in, at, n < room ? n : room);
		break;
	case 7:
		/* Flags, index, an event: of the one ring or the other. */
		n = fuzz_u8(guest->in);
		if (n & 1)
			put(guest->avail + (n & 2 ? 2 : 0),
			    fuzz_u16(guest->in), 2);
		else
			put(guest->avail + 4 + guest->num * 2,
			    fuzz_u16(guest->in), 2);
		break;
	}
}
