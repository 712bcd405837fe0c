/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For long tests of the kernel module: the smallest server of a split ring
 * that still distrusts what it finds there.
 */
#pragma once

#include <linux/virtio_ring.h>
#include <stddef.h>
#include <stdint.h>

struct region {
	char *addr;		/* NULL: not mapped */
	uint64_t start;
	size_t size;
};

struct ring {
	struct region memory;	/* of desc, avail and used */
	uint32_t index;
	uint32_t num;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next;
};

/* Map the region at an address. Negative errno, or the region's descriptor. */
int region_map(int fd, uint64_t iova, struct region *region);
void region_unmap(struct region *region);

/* Look at what the driver set up and go on where the last server stopped. */
int ring_start(int fd, uint32_t index, struct ring *ring);
void ring_stop(struct ring *ring);

/* What to do with a request; returns the bytes written to its buffers. */
typedef uint32_t (*ring_handler)(struct ring *ring, uint16_t head, void *data);

/* Serve what is there, with an interrupt for it; how many. */
int ring_serve(int fd, struct ring *ring, ring_handler handler, void *data);

/* A disk in memory, whose buffers are in bounce memory. */
struct disk {
	char *data;
	size_t size;
	char *bounce;
	size_t bounce_size;
};

/* The handler of requests to a struct disk. */
uint32_t disk_request(struct ring *ring, uint16_t head, void *data);
