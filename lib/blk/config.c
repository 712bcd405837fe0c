// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a block device says about itself: feature bits, configuration space. */
#include "lib/blk/config.h"

#include <endian.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>

#include <vduse/spec.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/blk/request.h"
#include "lib/util/macro.h"

#define SECTOR_SIZE 512
#define SEG_MAX 254	/* with header and status: 256 descriptors */
#define DIRECT_MIN 1024	/* descriptors: four of the largest requests */

_Static_assert(offsetof(struct virtio_blk_config, max_secure_erase_sectors) ==
	       VDU_BLK_CONFIG_SIZE, "the space ends before secure erase");

static bool offers_discard(const struct vdu_blk_spec *spec,
			   const struct vdu__blk_abilities *abilities)
{
	return abilities->discard && !spec->read_only &&
	       spec->discard != VDU_DISCARD_OFF;
}

uint32_t vdu__blk_seg_max(uint32_t queue_size)
{
	if (queue_size < 4)
		return 1;
	return MIN(queue_size - 2, SEG_MAX);
}

_Static_assert(offsetof(struct virtio_blk_config, wce) == VDU_BLK_CONFIG_WCE,
	       "where the cache mode stands");

/*
 * Left out on purpose: SIZE_MAX (segments may be of any size) and GEOMETRY.
 * With CONFIG_WCE only our kernel module creates a device.
 */
uint64_t vdu__blk_features(const struct vdu_blk_spec *spec,
			   const struct vdu__blk_abilities *abilities)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1 |
			    1ULL << VIRTIO_F_ACCESS_PLATFORM |
			    1ULL << VIRTIO_RING_F_EVENT_IDX |
			    1ULL << VIRTIO_BLK_F_SEG_MAX |
			    1ULL << VIRTIO_BLK_F_BLK_SIZE |
			    1ULL << VIRTIO_BLK_F_TOPOLOGY |
			    1ULL << VIRTIO_BLK_F_FLUSH;

	/*
	 * A table of its own for each request costs both sides more than the
	 * request: it is for rings that would be full without.
	 */
	if (spec->queue_size < DIRECT_MIN)
		features |= 1ULL << VIRTIO_RING_F_INDIRECT_DESC;
	if (spec->packed)
		features |= 1ULL << VIRTIO_F_RING_PACKED;
	if (spec->read_only)
		features |= 1ULL << VIRTIO_BLK_F_RO;
	if (spec->n_queues > 1)
		features |= 1ULL << VIRTIO_BLK_F_MQ;
	if (spec->writeback_control)
		features |= 1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	if (offers_discard(spec, abilities))
		features |= 1ULL << VIRTIO_BLK_F_DISCARD;
	if (abilities->write_zeroes && !spec->read_only)
		features |= 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	return features;
}

uint8_t vdu__blk_wce(const struct vdu_blk_spec *spec)
{
	/* FLUSH is offered: what is not flushed may be lost. */
	return !spec->writeback_control || spec->cache == VDU_CACHE_WRITEBACK;
}

void vdu__blk_access(const struct vdu_blk_spec *spec,
		     uint8_t access[VDU_BLK_CONFIG_SIZE])
{
	memset(access, 0, VDU_BLK_CONFIG_SIZE);
	if (spec->writeback_control)
		access[VDU_BLK_CONFIG_WCE] = VDUSE_EXT_WRITABLE |
					     VDUSE_EXT_ACKED;
}

void vdu__blk_config(const struct vdu_blk_spec *spec,
		     const struct vdu__blk_abilities *abilities,
		     uint8_t config[VDU_BLK_CONFIG_SIZE])
{
	uint32_t block_size = spec->block_size ? spec->block_size : SECTOR_SIZE;
	uint32_t granularity = MAX(abilities->discard_granularity, block_size);
	const struct virtio_blk_config c = {
		.capacity = htole64(spec->size_bytes / SECTOR_SIZE),
		.seg_max = htole32(vdu__blk_seg_max(spec->queue_size)),
		.blk_size = htole32(block_size),
		.min_io_size = htole16(1),
		.opt_io_size = htole32(abilities->optimal_io / block_size),
		.wce = vdu__blk_wce(spec),
		.num_queues = htole16((uint16_t)MAX(spec->n_queues, 1)),
		.max_discard_sectors = htole32(VDU_BLK_RANGE_SECTORS_MAX),
		.max_discard_seg = htole32(VDU_BLK_RANGES_MAX),
		.discard_sector_alignment = htole32(granularity / SECTOR_SIZE),
		.max_write_zeroes_sectors = htole32(VDU_BLK_RANGE_SECTORS_MAX),
		.max_write_zeroes_seg = htole32(VDU_BLK_RANGES_MAX),
		.write_zeroes_may_unmap = offers_discard(spec, abilities),
	};

	memcpy(config, &c, VDU_BLK_CONFIG_SIZE);
}
