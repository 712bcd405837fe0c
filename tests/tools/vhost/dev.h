// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A virtio block device behind /dev/vhost-vdpa-N, seen by its driver: opening,
 * negotiation, memory, reset.
 *
 * Memory is made of regions. A region is one range of I/O virtual addresses and
 * one range of our own addresses, but several memfds with an offset each: the
 * device must cope with buffers that cross from one file into the next. No I/O
 * virtual address equals the address we use ourselves.
 */
#pragma once

#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/tools/vhost/util.h"

#define REGION_FILES_MAX 4

/* Never mapped by us. */
#define IOVA_UNMAPPED 0x7f5500000000u

struct region {
	struct region *next;
	uint8_t *base;
	uint64_t iova, size;
	int fds[REGION_FILES_MAX];
	unsigned int n_files;
};

struct queue;

struct dev {
	const char *path;
	int fd;
	uint64_t backend_features;
	uint64_t offered, features;	/* features: 0 until dev_start() */
	struct virtio_blk_config config;
	uint32_t config_size;
	unsigned int n_vqs;		/* that the device has */
	uint16_t num_max;

	struct region *regions;
	uint64_t next_iova;

	struct queue *queues;
	unsigned int n_queues;		/* that we use */

	/* Wishes of the caller, set before dev_start(). */
	bool no_event_idx, no_indirect;
	uint16_t num;			/* ring size; 0: the device's, <= 256 */
	uint16_t reserve;		/* descriptors kept from queue_add() */
	unsigned int timeout_ms;
};

/* Open and read what the device offers; it is left reset. */
int dev_open(struct dev *dev, const char *path);

/*
 * More memory for the device; only before dev_start(). NULL on failure. Size
 * is rounded up; n_files memfds hold it.
 */
struct region *dev_add_region(struct dev *dev, uint64_t size,
			      unsigned int n_files);

/* Negotiate, set up n_queues queues, map all regions, DRIVER_OK. */
int dev_start(struct dev *dev, unsigned int n_queues);

/* Reset and start again with the same memory, as a guest that reboots. */
int dev_restart(struct dev *dev);

/* Numbers of backend features that <linux/vhost_types.h> of 6.1 half has. */
#define DEV_CAN_SUSPEND 4	/* VHOST_BACKEND_F_SUSPEND */
#define DEV_CAN_RESUME 5	/* VHOST_BACKEND_F_RESUME */

/* The device stands still, with all that it has taken answered; it goes on. */
int dev_suspend(const struct dev *dev);
int dev_resume(const struct dev *dev);

/*
 * To another device with the same memory, queues and features: leave, arrive,
 * queue_restore() for each queue, go on.
 */
void dev_leave(struct dev *dev);
int dev_arrive(struct dev *dev, const char *path);
int dev_go_on(struct dev *dev);

/* Current status byte, or negative errno. */
int dev_status(const struct dev *dev);

/* Reset, take the memory back, close. */
void dev_close(struct dev *dev);

static inline bool dev_has(const struct dev *dev, unsigned int feature)
{
	return dev->features >> feature & 1;
}

static inline bool dev_can(const struct dev *dev, unsigned int feature)
{
	return dev->backend_features >> feature & 1;
}
