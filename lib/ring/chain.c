// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Following a descriptor chain. Descriptors belong to the driver, who may be a
 * guest and may be malicious: each is read once into a copy, checked, and only
 * then used.
 */
#include "lib/ring/chain.h"

#include <endian.h>
#include <stddef.h>

#include "lib/ring/barrier.h"
#include "lib/ring/packed.h"
#include "lib/util/macro.h"

/* virtio 1.2, 2.7.5. */
#define DESC_F_NEXT 1
#define DESC_F_WRITE 2
#define DESC_F_INDIRECT 4

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* The ring's own table, or an indirect one that may be in pieces. */
struct table {
	bool indirect;
	uint32_t n;
	uint64_t iova;
	const uint8_t *ptr;	/* of what is contiguous from iova */
	uint64_t mapped;	/* bytes of that */
};

struct walk {
	const struct vdu__ring *ring;
	struct vdu__chain *chain;
	struct table table;
	bool in_seen;		/* a writable descriptor was there */
	bool last_known;
	uint64_t last_in;	/* address of the last writable byte */
};

const char *vdu__chain_fault_name(enum vdu__chain_fault fault)
{
	static const char *const names[VDU_CHAIN_FAULT_MAX] = {
		[VDU_CHAIN_OK] = "ok",
		[VDU_CHAIN_BAD_HEAD] = "bad-head",
		[VDU_CHAIN_LOOP] = "loop",
		[VDU_CHAIN_BAD_NEXT] = "bad-next",
		[VDU_CHAIN_BAD_ADDRESS] = "bad-address",
		[VDU_CHAIN_BAD_INDIRECT] = "bad-indirect",
		[VDU_CHAIN_BAD_ORDER] = "bad-order",
		[VDU_CHAIN_TOO_LONG] = "too-long",
	};

	if ((unsigned int)fault >= VDU_CHAIN_FAULT_MAX)
		return "unknown";
	return names[fault];
}

/* The first fault is the one to report. */
static void set_fault(struct walk *walk, enum vdu__chain_fault fault)
{
	if (walk->chain->fault == VDU_CHAIN_OK)
		walk->chain->fault = fault;
}

static void *translate(const struct walk *walk, uint64_t iova, uint64_t *len,
		       bool write)
{
	const struct vdu__mem *mem = walk->ring->mem;

	walk->chain->steps++;
	return mem->translate(mem->opaque, iova, len, write);
}

static bool copy_iova(const struct walk *walk, uint64_t iova, uint8_t *dst,
		      uint64_t len)
{
	while (len > 0) {
		uint64_t piece = len;
		const void *ptr = translate(walk, iova, &piece, false);

		if (!ptr)
			return false;
		vdu__copy_in(dst, ptr, piece);
		dst += piece;
		iova += piece;
		len -= piece;
	}
	return true;
}

static bool read_desc(const struct walk *walk, uint32_t index, struct desc *ret)
{
	const struct table *table = &walk->table;
	uint64_t offset = (uint64_t)index * VDU_DESC_SIZE;
	uint64_t raw[VDU_DESC_SIZE / 8], rest;

	if (table->mapped >= offset + VDU_DESC_SIZE)
		vdu__copy_in(raw, table->ptr + offset, sizeof(raw));
	else if (!copy_iova(walk, table->iova + offset, (uint8_t *)raw,
			    sizeof(raw)))
		return false;
	rest = le64toh(raw[1]);
	ret->addr = le64toh(raw[0]);
	ret->len = (uint32_t)rest;
	ret->flags = (uint16_t)(rest >> 32);
	ret->next = (uint16_t)(rest >> 48);
	return true;
}

/*
 * Go on in the indirect table that desc describes. Ordinary descriptors may
 * stand before it, none behind it (virtio 1.2, 2.7.5.3); its WRITE flag means
 * nothing.
 */
static bool enter_indirect(struct walk *walk, const struct desc *desc)
{
	uint64_t mapped = desc->len;

	if (!walk->ring->indirect || walk->table.indirect ||
	    (desc->flags & DESC_F_NEXT) || desc->len == 0 ||
	    desc->len % VDU_DESC_SIZE)
		return false;
	walk->table = (struct table){
		.indirect = true,
		.n = desc->len / VDU_DESC_SIZE,
		.iova = desc->addr,
		.ptr = translate(walk, desc->addr, &mapped, false),
	};
	walk->table.mapped = mapped;
	return walk->table.ptr != NULL;
}

static enum vdu__chain_fault map_buffer(const struct walk *walk,
					const struct desc *desc, bool in)
{
	struct vdu__chain *chain = walk->chain;
	uint64_t addr = desc->addr, len = desc->len;

	while (len > 0) {
		unsigned int n = chain->n_out + chain->n_in;
		uint64_t piece = len;
		void *ptr = translate(walk, addr, &piece, in);

		if (!ptr)
			return VDU_CHAIN_BAD_ADDRESS;
		if (n == chain->max_iov)
			return VDU_CHAIN_TOO_LONG;
		chain->iov[n] = (struct iovec){ ptr, piece };
		if (in)
			chain->n_in++;
		else
			chain->n_out++;
		addr += piece;
		len -= piece;
	}
	return VDU_CHAIN_OK;
}

/* After a fault only the place of the last writable byte is of interest. */
static void add_buffer(struct walk *walk, const struct desc *desc)
{
	struct vdu__chain *chain = walk->chain;
	bool in = desc->flags & DESC_F_WRITE;

	if (!in && walk->in_seen)
		set_fault(walk, VDU_CHAIN_BAD_ORDER);
	walk->in_seen |= in;
	/* An empty buffer is legal and contributes nothing. */
	if (desc->len == 0)
		return;
	if (in)
		walk->last_known = !__builtin_add_overflow(desc->addr,
							   desc->len - 1,
							   &walk->last_in);
	if (chain->out_bytes + chain->in_bytes + desc->len > UINT32_MAX)
		set_fault(walk, VDU_CHAIN_TOO_LONG);
	if (chain->fault != VDU_CHAIN_OK)
		return;
	if (in)
		chain->in_bytes += desc->len;
	else
		chain->out_bytes += desc->len;
	set_fault(walk, map_buffer(walk, desc, in));
}

static uint8_t *find_last_in(const struct walk *walk)
{
	const struct vdu__chain *chain = walk->chain;
	uint64_t one = 1;

	if (chain->fault == VDU_CHAIN_OK && chain->n_in > 0) {
		const struct iovec *last =
			&chain->iov[chain->n_out + chain->n_in - 1];

		return (uint8_t *)last->iov_base + last->iov_len - 1;
	}
	if (!walk->last_known)
		return NULL;
	return translate(walk, walk->last_in, &one, true);
}

/*
 * Follow the chain from its head. A fault in what a descriptor describes lets
 * the walk go on; one in the links ends it, and then nobody can tell which
 * byte would have been the last one.
 */
static enum vdu__chain_fault follow(struct walk *walk, uint16_t head)
{
	uint32_t index = head;
	unsigned int count = 0;
	struct desc desc;

	if (head >= walk->table.n)
		return VDU_CHAIN_BAD_HEAD;
	for (;;) {
		if (!read_desc(walk, index, &desc))
			return VDU_CHAIN_BAD_INDIRECT;
		if (desc.flags & DESC_F_INDIRECT) {
			if (!enter_indirect(walk, &desc))
				return VDU_CHAIN_BAD_INDIRECT;
			index = 0;
			continue;
		}
		/*
		 * No chain may be longer than the queue, indirect or not
		 * (virtio 1.2, 2.7.5.3.1): this also ends every loop.
		 */
		if (count++ == walk->ring->num)
			return VDU_CHAIN_LOOP;
		add_buffer(walk, &desc);
		if (!(desc.flags & DESC_F_NEXT))
			return VDU_CHAIN_OK;
		if (desc.next >= walk->table.n)
			return VDU_CHAIN_BAD_NEXT;
		index = desc.next;
	}
}

/*
 * The chain that a driver makes of all its requests, if all of it lies in the
 * one stretch that is known to be mapped: a look at each descriptor and an
 * addition. At anything else it gives up, and follow() begins anew: what was
 * read here is forgotten.
 */
static bool take_hot(const struct vdu__ring *ring, struct vdu__chain *chain,
		     uint16_t head)
{
	/* A copy: what is stored below does not change it. */
	const struct vdu__span hot = ring->mem->hot;
	unsigned int max = MIN(chain->max_iov, ring->num);
	unsigned int n_out = 0, n = 0;
	uint64_t out_bytes = 0, in_bytes = 0;
	const uint8_t *table = ring->desc;
	uint32_t index = head, entries = ring->num, flags;
	struct iovec *iov = chain->iov;
	bool indirect = ring->indirect;

	do {
		const uint8_t *desc = table + (size_t)index * VDU_DESC_SIZE;
		uint64_t rest, len, at;

		if (index >= entries)
			return false;
		at = vdu__load64(desc) - hot.start;
		rest = vdu__load64(desc + 8);
		len = (uint32_t)rest;
		flags = (uint16_t)(rest >> 32);
		index = (uint32_t)(rest >> 48);
		if (len == 0 || at >= hot.bytes || len > hot.bytes - at)
			return false;
		if (flags & DESC_F_INDIRECT) {
			if (!indirect || (flags & DESC_F_NEXT) ||
			    !hot.readable ||
			    len % VDU_DESC_SIZE ||
			    (uintptr_t)(hot.va + at) % sizeof(uint64_t))
				return false;
			indirect = false;
			table = hot.va + at;
			entries = (uint32_t)len / VDU_DESC_SIZE;
			index = 0;
			flags = DESC_F_NEXT;
			continue;
		}
		if (n == max)
			return false;
		if (flags & DESC_F_WRITE) {
			if (!hot.writable)
				return false;
			in_bytes += len;
		} else {
			if (in_bytes || !hot.readable)
				return false;
			out_bytes += len;
			n_out++;
		}
		iov[n++] = (struct iovec){ hot.va + at, len };
	} while (flags & DESC_F_NEXT);

	if (out_bytes + in_bytes > UINT32_MAX)
		return false;
	chain->n_out = n_out;
	chain->n_in = n - n_out;
	chain->out_bytes = out_bytes;
	chain->in_bytes = in_bytes;
	chain->last_in = in_bytes ? (uint8_t *)iov[n - 1].iov_base +
				    iov[n - 1].iov_len - 1 : NULL;
	chain->steps = n;
	chain->fault = VDU_CHAIN_OK;
	return true;
}

/* An indirect table of a packed ring is a list by itself: no links in it. */
static enum vdu__chain_fault follow_table(struct walk *walk,
					  const struct desc *head)
{
	struct desc desc;

	if (!enter_indirect(walk, head))
		return VDU_CHAIN_BAD_INDIRECT;
	if (walk->table.n > walk->ring->num)
		return VDU_CHAIN_LOOP;
	for (uint32_t i = 0; i < walk->table.n; i++) {
		if (!read_desc(walk, i, &desc) ||
		    (desc.flags & DESC_F_INDIRECT))
			return VDU_CHAIN_BAD_INDIRECT;
		add_buffer(walk, &desc);
	}
	return VDU_CHAIN_OK;
}

static enum vdu__chain_fault follow_copy(struct walk *walk, uint16_t at,
					 uint16_t n)
{
	const struct vdu__packed_cell *cell = walk->ring->keep->cell;

	for (uint16_t i = 0; i < n; i++, at = cell[at].desc.next) {
		const struct desc desc = {
			.addr = cell[at].desc.addr,
			.len = cell[at].desc.len,
			.flags = cell[at].desc.flags,
		};

		/* It stands alone (virtio 1.2, 2.8.7). */
		if (desc.flags & DESC_F_INDIRECT)
			return n == 1 ? follow_table(walk, &desc) :
					VDU_CHAIN_BAD_INDIRECT;
		add_buffer(walk, &desc);
	}
	return VDU_CHAIN_OK;
}

static void begin(struct vdu__chain *chain)
{
	chain->fault = VDU_CHAIN_OK;
	chain->n_out = 0;
	chain->n_in = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	chain->steps = 0;
	chain->last_in = NULL;
}

static void end(struct walk *walk, enum vdu__chain_fault broken_link)
{
	if (broken_link == VDU_CHAIN_OK)
		walk->chain->last_in = find_last_in(walk);
	else
		set_fault(walk, broken_link);
}

void vdu__chain_take_copy(const struct vdu__ring *ring,
			  struct vdu__chain *chain, uint16_t id, uint16_t first,
			  uint16_t n)
{
	struct walk walk = { .ring = ring, .chain = chain };

	chain->head = id;
	begin(chain);
	end(&walk, follow_copy(&walk, first, n));
}

void vdu__chain_take(const struct vdu__ring *ring, struct vdu__chain *chain,
		     uint16_t head)
{
	struct walk walk = {
		.ring = ring,
		.chain = chain,
		.table = {
			.n = ring->num,
			.ptr = ring->desc,
			.mapped = (uint64_t)ring->num * VDU_DESC_SIZE,
		},
	};

	chain->head = head;
	if (take_hot(ring, chain, head))
		return;
	begin(chain);
	end(&walk, follow(&walk, head));
}
