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

/* A descriptor whose buffer lies in the stretch that is known to be mapped. */
static bool is_hot(const struct vdu__span *hot, uint64_t at, uint64_t len)
{
	/* An empty buffer is not in there. */
	return at < hot->bytes && len - 1 < hot->bytes - at;
}

/* What the head stands for, if it is an indirect table in that stretch. */
static bool enter_hot(const struct vdu__span *hot, const uint8_t **table,
		      uint32_t *n, uint32_t *index)
{
	const uint8_t *desc = *table + (size_t)*index * VDU_DESC_SIZE;
	uint64_t at = vdu__load64(desc) - hot->start;
	uint64_t rest = vdu__load64(desc + 8);
	uint32_t len = (uint32_t)rest, flags = (uint32_t)(rest >> 32);

	if (!(flags & DESC_F_INDIRECT))
		return true;
	if ((flags & DESC_F_NEXT) || len % VDU_DESC_SIZE ||
	    !is_hot(hot, at, len) ||
	    (uintptr_t)(hot->va + at) % sizeof(uint64_t))
		return false;
	*table = hot->va + at;
	*n = len / VDU_DESC_SIZE;
	*index = 0;
	return true;
}

/*
 * The chain that a driver makes of all its requests, if all of it lies in the
 * one stretch that is known to be mapped, for both directions: a look at each
 * descriptor and an addition. At anything else it gives up, and follow() begins
 * anew: what was read here is forgotten.
 */
static bool take_hot(const struct vdu__ring *ring, struct vdu__chain *chain,
		     uint32_t index)
{
	/* A copy: what is stored below does not change it. */
	const struct vdu__span hot = ring->mem->hot;
	struct iovec *iov = chain->iov;
	const struct iovec *end = iov + MIN(chain->max_iov, ring->num);
	uint64_t bytes = 0, out_bytes = 0;
	const uint8_t *table = ring->desc;
	uint32_t n = ring->num, n_out = 0, flags, before = 0;

	if (!hot.readable || !hot.writable || index >= n ||
	    (ring->indirect && !enter_hot(&hot, &table, &n, &index)))
		return false;
	do {
		const uint8_t *desc = table + (size_t)index * VDU_DESC_SIZE;
		uint64_t at, rest;

		if (index >= n || iov == end)
			return false;
		at = vdu__load64(desc) - hot.start;
		rest = vdu__load64(desc + 8);
		flags = (uint32_t)(rest >> 32);
		if (!is_hot(&hot, at, (uint32_t)rest) ||
		    (flags & DESC_F_INDIRECT))
			return false;
		if ((flags ^ before) & DESC_F_WRITE) {
			if (before & DESC_F_WRITE)
				return false;
			n_out = (uint32_t)(iov - chain->iov);
			out_bytes = bytes;
		}
		before = flags;
		iov->iov_base = hot.va + at;
		iov->iov_len = (uint32_t)rest;
		bytes += (uint32_t)rest;
		index = (uint32_t)(rest >> 48);
		iov++;
	} while (flags & DESC_F_NEXT);

	/* Without a byte to write to: what is to be said of it is not fast. */
	if (bytes > UINT32_MAX || !(flags & DESC_F_WRITE))
		return false;
	chain->n_out = n_out;
	chain->n_in = (uint32_t)(iov - chain->iov) - n_out;
	chain->out_bytes = out_bytes;
	chain->in_bytes = bytes - out_bytes;
	chain->last_in = (uint8_t *)iov[-1].iov_base + iov[-1].iov_len - 1;
	chain->steps = (uint32_t)(iov - chain->iov);
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

/* Not inlined: its locals would cost every chain something. */
static __attribute__((noinline)) void take_cold(const struct vdu__ring *ring,
						struct vdu__chain *chain,
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

	begin(chain);
	end(&walk, follow(&walk, head));
}

void vdu__chain_take(const struct vdu__ring *ring, struct vdu__chain *chain,
		     uint16_t head)
{
	chain->head = head;
	if (!take_hot(ring, chain, head))
		take_cold(ring, chain, head);
}
