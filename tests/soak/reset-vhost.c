// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A VMM whose guest resets the disk with requests in flight: nothing of them
 * may come after the reset, neither into the ring nor into their buffers.
 */
#include <string.h>

#include "tests/soak/reset.h"
#include "tests/soak/soak.h"
#include "tests/tools/vhost/io.h"
#include "tests/tools/vhost/mem.h"

#define QUEUES 4u
#define DEPTH 8u		/* of each queue */
#define FLYING (QUEUES * DEPTH)
#define ROOM 8192u		/* header, status, data of one */
#define UNTOUCHED 0x5a
#define TIMEOUT_MS 120000

_Static_assert(FLYING >= VHOST_BLOCKS, "each block has its request");

static struct known known[VHOST_BLOCKS];

struct vmm {
	struct dev dev;
	struct io io;
	struct region *mem;
	unsigned int errors;
};

static uint8_t *room(const struct vmm *vmm, unsigned int i)
{
	return vmm->mem->base + i * ROOM;
}

/* A write of its block if there is one, else a read of another's. */
static void put(struct vmm *vmm, unsigned int i)
{
	uint8_t *at = room(vmm, i);
	bool write = i < VHOST_BLOCKS && roll(2);
	unsigned int b = i % VHOST_BLOCKS;
	const struct virtio_blk_outhdr header = {
		.type = write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = (VHOST_FIRST + b) * (uint64_t)(BLOCK / SECTOR),
	};
	const struct seg segs[] = {
		{ mem_iova(vmm->mem, at), sizeof(header), false },
		{ mem_iova(vmm->mem, at + BLOCK), BLOCK, !write },
		{ mem_iova(vmm->mem, at + 64), 1, true },
	};

	memcpy(at, &header, sizeof(header));
	if (write)
		known_fill(&known[b], VHOST_FIRST + b,
			   (uint64_t *)(void *)(at + BLOCK));
	vmm->errors += queue_add(&vmm->dev.queues[i % QUEUES], segs, 3, NULL,
				 0, at) < 0;
}

/* All requests at once; the reset may find any number of them in flight. */
static void burst(struct vmm *vmm)
{
	for (unsigned int i = 0; i < FLYING; i++)
		put(vmm, i);
	for (unsigned int i = 0; i < QUEUES; i++)
		vmm->errors += queue_kick(&vmm->dev.queues[i]) < 0;
	if (roll(3))
		sleep_us(roll(3000));
}

static void mark_buffers(struct vmm *vmm)
{
	memset(vmm->mem->base, UNTOUCHED, FLYING * ROOM);
}

static void check_buffers(struct vmm *vmm)
{
	for (unsigned int i = 0; i < FLYING * ROOM; i++) {
		if (vmm->mem->base[i] == UNTOUCHED)
			continue;
		complain("written after a reset, request %u, byte %u",
			 i / ROOM, i % ROOM);
		vmm->errors++;
		return;
	}
}

/* Each block holds what it may hold, and takes a new write. */
static void check_blocks(struct vmm *vmm, unsigned int first, unsigned int n)
{
	uint64_t *data = (uint64_t *)(void *)vmm->io.data;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int b = (first + i) % VHOST_BLOCKS;
		uint64_t sector = (VHOST_FIRST + b) *
				  (uint64_t)(BLOCK / SECTOR);

		vmm->io.queue = &vmm->dev.queues[b % QUEUES];
		if (io_do(&vmm->io, VIRTIO_BLK_T_IN, sector, BLOCK, true) ||
		    !known_check(&known[b], VHOST_FIRST + b, data))
			vmm->errors++;
		known_fill(&known[b], VHOST_FIRST + b, data);
		if (io_do(&vmm->io, VIRTIO_BLK_T_OUT, sector, BLOCK, false))
			vmm->errors++;
		known_written(&known[b]);
	}
}

static int open_vmm(struct vmm *vmm, const char *node)
{
	vmm->dev.timeout_ms = TIMEOUT_MS;
	if (dev_open(&vmm->dev, node) < 0 || io_init(&vmm->io, &vmm->dev) < 0)
		return -1;
	vmm->mem = dev_add_region(&vmm->dev, FLYING * ROOM, 2);
	return vmm->mem ? dev_start(&vmm->dev, QUEUES) : -1;
}

unsigned int vhost_session(const char *node, unsigned int resets)
{
	struct vmm vmm = { .errors = 0 };

	if (open_vmm(&vmm, node) < 0)
		return 1;
	check_blocks(&vmm, 0, VHOST_BLOCKS);
	while (resets-- && !vmm.errors) {
		burst(&vmm);
		if (dev_restart(&vmm.dev) < 0)
			vmm.errors++;
		mark_buffers(&vmm);
		check_blocks(&vmm, roll(VHOST_BLOCKS), 4);
		check_buffers(&vmm);
	}
	/* The end of a VMM is a reset, too. */
	if (roll(2))
		burst(&vmm);
	dev_close(&vmm.dev);
	return vmm.errors;
}
