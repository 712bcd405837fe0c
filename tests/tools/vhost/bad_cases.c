// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The malformed requests. Most start as a good one in descriptors 0 (header),
 * 1 (data) and 2 (status) of which one thing is then wrong.
 */
#include <string.h>

#include "tests/tools/vhost/bad.h"
#include "tests/tools/vhost/mem.h"

#define LENGTH 4096u
#define HALF_32BIT 0x80000000u

static void set(struct vring_desc *desc, uint64_t addr, uint32_t len,
		uint16_t flags, uint16_t next)
{
	*desc = (struct vring_desc){ addr, len, flags, next };
}

/* A good request in the three descriptors at desc. */
static void fill(struct bad *bad, struct vring_desc *desc, uint32_t type,
		 uint64_t sector, uint32_t len)
{
	const uint16_t in = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;

	*bad->io.header = (struct virtio_blk_outhdr){
		.type = type,
		.sector = sector,
	};
	set(&desc[0], mem_iova(bad->io.mem, bad->io.header),
	    sizeof(*bad->io.header), VRING_DESC_F_NEXT, 1);
	set(&desc[1], mem_iova(bad->io.mem, bad->io.data), len,
	    VRING_DESC_F_NEXT | in, 2);
	set(&desc[2], mem_iova(bad->io.mem, bad->io.status), 1,
	    VRING_DESC_F_WRITE, 0);
}

static void fill_read(struct bad *bad)
{
	fill(bad, bad->desc, VIRTIO_BLK_T_IN, 0, LENGTH);
}

static int offer(struct bad *bad)
{
	queue_offer(bad->queue, 0);
	return 0;
}

static int send_loop(struct bad *bad)
{
	fill_read(bad);
	bad->desc[2].flags |= VRING_DESC_F_NEXT;
	bad->desc[2].next = 1;
	return offer(bad);
}

static int send_next_oob(struct bad *bad)
{
	fill_read(bad);
	bad->desc[1].next = (uint16_t)(bad->queue->num + 5);
	return offer(bad);
}

static int send_addr_oob(struct bad *bad)
{
	fill_read(bad);
	bad->desc[1].addr = IOVA_UNMAPPED;
	return offer(bad);
}

static int send_addr_wrap(struct bad *bad)
{
	fill_read(bad);
	bad->desc[1].addr = UINT64_MAX - LENGTH / 2;
	return offer(bad);
}

static int send_addr_end(struct bad *bad)
{
	fill_read(bad);
	bad->desc[1].addr = bad->io.mem->iova + bad->io.mem->size - LENGTH / 2;
	return offer(bad);
}

static int send_short_header(struct bad *bad)
{
	fill_read(bad);
	bad->desc[0].len = 8;
	bad->desc[0].next = 2;
	return offer(bad);
}

static int send_no_status(struct bad *bad)
{
	/* A write of something new to where the disk is compared later. */
	fill(bad, bad->desc, VIRTIO_BLK_T_OUT, 0, LENGTH);
	for (uint32_t i = 0; i < LENGTH; i++)
		bad->io.data[i] = (uint8_t)~bad->before[i];
	bad->desc[1].flags = 0;
	return offer(bad);
}

static int send_header_writable(struct bad *bad)
{
	struct vring_desc header;

	fill_read(bad);
	header = bad->desc[0];
	bad->desc[0] = bad->desc[1];
	bad->desc[0].next = 1;
	bad->desc[1] = header;
	bad->desc[1].next = 2;
	return offer(bad);
}

static int send_status_only(struct bad *bad)
{
	fill_read(bad);
	bad->desc[0] = bad->desc[2];
	return offer(bad);
}

/* The good read moves into the table; descriptor 0 points there. */
static void fill_indirect(struct bad *bad)
{
	fill(bad, bad->table, VIRTIO_BLK_T_IN, 0, LENGTH);
	set(&bad->desc[0], mem_iova(bad->io.mem, bad->table),
	    3 * sizeof(*bad->table), VRING_DESC_F_INDIRECT, 0);
}

static int send_indirect_loop(struct bad *bad)
{
	fill_indirect(bad);
	bad->table[1] = bad->desc[0];
	return offer(bad);
}

static int send_indirect_cycle(struct bad *bad)
{
	fill_indirect(bad);
	bad->table[2].flags |= VRING_DESC_F_NEXT;
	bad->table[2].next = 1;
	return offer(bad);
}

static int send_indirect_next(struct bad *bad)
{
	fill_indirect(bad);
	bad->table[1].next = 3;
	return offer(bad);
}

static int send_indirect_odd(struct bad *bad)
{
	fill_indirect(bad);
	bad->desc[0].len -= 8;
	return offer(bad);
}

static int send_indirect_oob(struct bad *bad)
{
	fill_indirect(bad);
	bad->desc[0].addr = IOVA_UNMAPPED;
	return offer(bad);
}

static int send_indirect_zero(struct bad *bad)
{
	fill_indirect(bad);
	bad->desc[0].len = 0;
	return offer(bad);
}

/* Two halves of 4 GiB and a sector: 32 bits would see the sector alone. */
static int send_len_overflow(struct bad *bad)
{
	const uint16_t flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE;

	fill(bad, bad->desc, VIRTIO_BLK_T_IN, 0, SECTOR);
	bad->desc[0].next = 3;
	set(&bad->desc[3], bad->extra->iova, HALF_32BIT, flags, 4);
	set(&bad->desc[4], bad->extra->iova, HALF_32BIT, flags, 1);
	return offer(bad);
}

/* Times 512 it is 0 in 64 bits. */
static int send_sector_overflow(struct bad *bad)
{
	fill(bad, bad->desc, VIRTIO_BLK_T_IN, 1ULL << 55, LENGTH);
	return offer(bad);
}

static int send_beyond_end(struct bad *bad)
{
	fill(bad, bad->desc, VIRTIO_BLK_T_IN, bad->dev->config.capacity - 1,
	     2 * SECTOR);
	return offer(bad);
}

static int send_write_end(struct bad *bad)
{
	fill(bad, bad->desc, VIRTIO_BLK_T_OUT, bad->dev->config.capacity,
	     LENGTH);
	return offer(bad);
}

static int send_unaligned(struct bad *bad)
{
	fill(bad, bad->desc, VIRTIO_BLK_T_IN, 0, SECTOR + 1);
	return offer(bad);
}

static int send_type_unknown(struct bad *bad)
{
	fill(bad, bad->desc, 0x7777, 0, LENGTH);
	return offer(bad);
}

static int send_range(struct bad *bad, uint32_t type, uint64_t sector,
		      uint32_t num, uint32_t flags)
{
	const struct virtio_blk_discard_write_zeroes range = {
		.sector = sector,
		.num_sectors = num,
		.flags = flags,
	};

	fill(bad, bad->desc, type, 0, sizeof(range));
	memcpy(bad->io.data, &range, sizeof(range));
	return offer(bad);
}

static int send_discard_flags(struct bad *bad)
{
	return send_range(bad, VIRTIO_BLK_T_DISCARD, 0, 8, 2);
}

static int send_discard_range(struct bad *bad)
{
	return send_range(bad, VIRTIO_BLK_T_DISCARD,
			  bad->dev->config.capacity - 8, 16, 0);
}

static int send_discard_odd(struct bad *bad)
{
	(void)send_range(bad, VIRTIO_BLK_T_DISCARD, 0, 8, 0);
	bad->desc[1].len -= 1;
	return 0;
}

static int send_zeroes_range(struct bad *bad)
{
	return send_range(bad, VIRTIO_BLK_T_WRITE_ZEROES, UINT64_MAX - 7, 8, 0);
}

static int send_head_oob(struct bad *bad)
{
	fill_read(bad);
	queue_offer(bad->queue, (uint16_t)(bad->queue->num + 3));
	return 0;
}

static int send_avail_jump(struct bad *bad)
{
	fill_read(bad);
	for (unsigned int i = 0; i <= bad->queue->num; i++)
		queue_offer(bad->queue, 0);
	return 0;
}

static int send_dup_head(struct bad *bad)
{
	fill_read(bad);
	queue_offer(bad->queue, 0);
	return offer(bad);
}

/* Let the device use the memory once, so that it has it mapped; empty it. */
static int truncate_extra(struct bad *bad)
{
	uint32_t id, len;
	int ret;

	fill_read(bad);
	bad->desc[1].addr = bad->extra->iova;
	offer(bad);
	ret = bad_await(bad, &id, &len);
	if (ret != 1)
		return ret ? ret : -ETIMEDOUT;
	*bad->io.status = IO_STATUS_NONE;
	fill_read(bad);
	return mem_truncate(bad->extra);
}

static int send_truncated(struct bad *bad, struct vring_desc *victim)
{
	int ret = truncate_extra(bad);

	if (ret < 0)
		return ret;
	victim->addr = bad->extra->iova;
	return offer(bad);
}

static int send_truncated_memfd(struct bad *bad)
{
	return send_truncated(bad, &bad->desc[1]);
}

static int send_truncated_header(struct bad *bad)
{
	return send_truncated(bad, &bad->desc[0]);
}

static int send_truncated_status(struct bad *bad)
{
	return send_truncated(bad, &bad->desc[2]);
}

static int send_truncated_table(struct bad *bad)
{
	int ret = truncate_extra(bad);

	if (ret < 0)
		return ret;
	fill_indirect(bad);
	bad->desc[0].addr = bad->extra->iova;
	return offer(bad);
}

const struct bad_case bad_cases[] = {
	{ "loop", "descriptors in a circle",
	  BAD_USED, 0, send_loop },
	{ "next-oob", "next beyond the descriptor table",
	  BAD_USED, 0, send_next_oob },
	{ "addr-oob", "data that is not mapped",
	  BAD_ERROR, 0, send_addr_oob },
	{ "addr-wrap", "data over the end of the address space",
	  BAD_ERROR, 0, send_addr_wrap },
	{ "addr-end", "data over the end of mapped memory",
	  BAD_ERROR, 0, send_addr_end },
	{ "short-header", "a header of 8 bytes",
	  BAD_ERROR, 0, send_short_header },
	{ "no-status", "a write without a status byte",
	  BAD_USED, 0, send_no_status },
	{ "header-writable", "readable after writable descriptors",
	  BAD_USED, 0, send_header_writable },
	{ "status-only", "a status byte alone",
	  BAD_USED, 0, send_status_only },
	{ "indirect-loop", "an indirect table inside itself",
	  BAD_USED, 0, send_indirect_loop },
	{ "indirect-cycle", "a circle in an indirect table",
	  BAD_USED, 0, send_indirect_cycle },
	{ "indirect-next", "next beyond an indirect table",
	  BAD_USED, 0, send_indirect_next },
	{ "indirect-odd", "a table of two descriptors and a half",
	  BAD_USED, 0, send_indirect_odd },
	{ "indirect-oob", "an indirect table that is not mapped",
	  BAD_USED, 0, send_indirect_oob },
	{ "indirect-zero", "an indirect table of length 0",
	  BAD_USED, 0, send_indirect_zero },
	{ "len-overflow", "lengths whose sum needs 33 bits",
	  BAD_ERROR, HALF_32BIT, send_len_overflow },
	{ "sector-overflow", "a sector whose byte offset needs 65 bits",
	  BAD_ERROR, 0, send_sector_overflow },
	{ "beyond-end", "a read over the end of the disk",
	  BAD_ERROR, 0, send_beyond_end },
	{ "write-end", "a write behind the end of the disk",
	  BAD_ERROR, 0, send_write_end },
	{ "unaligned", "a read of 513 bytes",
	  BAD_ERROR, 0, send_unaligned },
	{ "type-unknown", "a request type that does not exist",
	  BAD_ERROR, 0, send_type_unknown },
	{ "discard-flags", "a discard with an unknown flag",
	  BAD_ERROR, 0, send_discard_flags },
	{ "discard-range", "a discard over the end of the disk",
	  BAD_ERROR, 0, send_discard_range },
	{ "discard-odd", "a discard with a range of 15 bytes",
	  BAD_ERROR, 0, send_discard_odd },
	{ "zeroes-range", "zeroes over the end of 64 bits",
	  BAD_ERROR, 0, send_zeroes_range },
	{ "head-oob", "a head beyond the ring",
	  BAD_SURVIVE, 0, send_head_oob },
	{ "avail-jump", "an available index that jumps too far",
	  BAD_RESET, 0, send_avail_jump },
	{ "truncated-memfd", "data in memory that is no longer there",
	  BAD_SURVIVE, LENGTH, send_truncated_memfd },
	{ "truncated-header", "a header in such memory",
	  BAD_SURVIVE, LENGTH, send_truncated_header },
	{ "truncated-status", "a status byte in such memory",
	  BAD_SURVIVE, LENGTH, send_truncated_status },
	{ "truncated-table", "an indirect table in such memory",
	  BAD_SURVIVE, LENGTH, send_truncated_table },
	{ "dup-head", "the same head twice",
	  BAD_TWICE, 0, send_dup_head },
	{ NULL },
};
