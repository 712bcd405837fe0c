// SPDX-License-Identifier: LGPL-2.1-or-later
/* The configuration space and feature bits of a block device. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vdu_blk_spec;

#define VDU_BLK_CONFIG_SIZE 60	/* virtio 1.2: up to write_zeroes_may_unmap + 3 */

#define VDU_BLK_CONFIG_WCE 32	/* the byte that says the cache mode */

/* Longest range of a DISCARD or WRITE_ZEROES: 2 GiB, for bounded latency. */
#define VDU_BLK_RANGE_SECTORS_MAX (1u << 22)

/* What the backend can, beyond reading, writing and flushing. */
struct vdu__blk_abilities {
	bool discard, write_zeroes;
	uint32_t discard_granularity;	/* bytes; 0: block size */
	uint32_t optimal_io;		/* bytes; 0: unknown */
};

/*
 * Largest number of data segments offered for a queue of that size: header
 * and status take one descriptor each (virtio 1.2, 5.2.4: seg_max).
 */
uint32_t vdu__blk_seg_max(uint32_t queue_size);

/* Feature bits to offer, transport bits (VERSION_1, ...) included. */
uint64_t vdu__blk_features(const struct vdu_blk_spec *spec,
			   const struct vdu__blk_abilities *abilities);

/* What the cache mode's byte is before a driver changes it. */
uint8_t vdu__blk_wce(const struct vdu_blk_spec *spec);

/* What a driver may do with each byte: VDUSE_EXT_WRITABLE, ... */
void vdu__blk_access(const struct vdu_blk_spec *spec,
		     uint8_t access[VDU_BLK_CONFIG_SIZE]);

/* Fill the configuration space, little-endian; all fields, offered or not. */
void vdu__blk_config(const struct vdu_blk_spec *spec,
		     const struct vdu__blk_abilities *abilities,
		     uint8_t config[VDU_BLK_CONFIG_SIZE]);
