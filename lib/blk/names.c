// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names for virtio's numbers. */
#include <vduse/virtio.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "lib/util/macro.h"

#define BIT_NAME(name) [name] = #name

/* Bits that mean the same for every type of device. */
static const char *const common_bits[64] = {
	BIT_NAME(VIRTIO_F_NOTIFY_ON_EMPTY),
	BIT_NAME(VIRTIO_F_ANY_LAYOUT),
	BIT_NAME(VIRTIO_RING_F_INDIRECT_DESC),
	BIT_NAME(VIRTIO_RING_F_EVENT_IDX),
	BIT_NAME(VIRTIO_F_VERSION_1),
	BIT_NAME(VIRTIO_F_ACCESS_PLATFORM),
	BIT_NAME(VIRTIO_F_RING_PACKED),
	BIT_NAME(VIRTIO_F_IN_ORDER),
	BIT_NAME(VIRTIO_F_ORDER_PLATFORM),
	BIT_NAME(VIRTIO_F_SR_IOV),
	/* virtio 1.2, 6; not in every linux/virtio_config.h. */
	[38] = "VIRTIO_F_NOTIFICATION_DATA",
	[39] = "VIRTIO_F_NOTIF_CONFIG_DATA",
	[40] = "VIRTIO_F_RING_RESET",
	[41] = "VIRTIO_F_ADMIN_VQ",
};

static const char *const blk_bits[64] = {
	BIT_NAME(VIRTIO_BLK_F_BARRIER),
	BIT_NAME(VIRTIO_BLK_F_SIZE_MAX),
	BIT_NAME(VIRTIO_BLK_F_SEG_MAX),
	BIT_NAME(VIRTIO_BLK_F_GEOMETRY),
	BIT_NAME(VIRTIO_BLK_F_RO),
	BIT_NAME(VIRTIO_BLK_F_BLK_SIZE),
	BIT_NAME(VIRTIO_BLK_F_SCSI),
	BIT_NAME(VIRTIO_BLK_F_FLUSH),
	BIT_NAME(VIRTIO_BLK_F_TOPOLOGY),
	BIT_NAME(VIRTIO_BLK_F_CONFIG_WCE),
	BIT_NAME(VIRTIO_BLK_F_MQ),
	BIT_NAME(VIRTIO_BLK_F_DISCARD),
	BIT_NAME(VIRTIO_BLK_F_WRITE_ZEROES),
	/* virtio 1.2, 5.2.3. */
	[15] = "VIRTIO_BLK_F_LIFETIME",
	[16] = "VIRTIO_BLK_F_SECURE_ERASE",
	[17] = "VIRTIO_BLK_F_ZONED",
};

static const char *const net_bits[64] = {
	BIT_NAME(VIRTIO_NET_F_CSUM),
	BIT_NAME(VIRTIO_NET_F_GUEST_CSUM),
	BIT_NAME(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS),
	BIT_NAME(VIRTIO_NET_F_MTU),
	BIT_NAME(VIRTIO_NET_F_MAC),
	BIT_NAME(VIRTIO_NET_F_GSO),
	BIT_NAME(VIRTIO_NET_F_GUEST_TSO4),
	BIT_NAME(VIRTIO_NET_F_GUEST_TSO6),
	BIT_NAME(VIRTIO_NET_F_GUEST_ECN),
	BIT_NAME(VIRTIO_NET_F_GUEST_UFO),
	BIT_NAME(VIRTIO_NET_F_HOST_TSO4),
	BIT_NAME(VIRTIO_NET_F_HOST_TSO6),
	BIT_NAME(VIRTIO_NET_F_HOST_ECN),
	BIT_NAME(VIRTIO_NET_F_HOST_UFO),
	BIT_NAME(VIRTIO_NET_F_MRG_RXBUF),
	BIT_NAME(VIRTIO_NET_F_STATUS),
	BIT_NAME(VIRTIO_NET_F_CTRL_VQ),
	BIT_NAME(VIRTIO_NET_F_CTRL_RX),
	BIT_NAME(VIRTIO_NET_F_CTRL_VLAN),
	BIT_NAME(VIRTIO_NET_F_CTRL_RX_EXTRA),
	BIT_NAME(VIRTIO_NET_F_GUEST_ANNOUNCE),
	BIT_NAME(VIRTIO_NET_F_MQ),
	BIT_NAME(VIRTIO_NET_F_CTRL_MAC_ADDR),
	/* virtio 1.2, 5.1.3. */
	[53] = "VIRTIO_NET_F_NOTF_COAL",
	[54] = "VIRTIO_NET_F_GUEST_USO4",
	[55] = "VIRTIO_NET_F_GUEST_USO6",
	[56] = "VIRTIO_NET_F_HOST_USO",
	[57] = "VIRTIO_NET_F_HASH_REPORT",
	[59] = "VIRTIO_NET_F_GUEST_HDRLEN",
	[60] = "VIRTIO_NET_F_RSS",
	[61] = "VIRTIO_NET_F_RSC_EXT",
	[62] = "VIRTIO_NET_F_STANDBY",
	[63] = "VIRTIO_NET_F_SPEED_DUPLEX",
};

static const char *const fs_bits[64] = {
	[0] = "VIRTIO_FS_F_NOTIFICATION",
};

static const struct {
	const char *name;
	const char *const *bits;
} types[] = {
	[VIRTIO_ID_NET] = { "net", net_bits },
	[VIRTIO_ID_BLOCK] = { "blk", blk_bits },
	[VIRTIO_ID_CONSOLE] = { "console" },
	[VIRTIO_ID_RNG] = { "rng" },
	[VIRTIO_ID_SCSI] = { "scsi" },
	[VIRTIO_ID_GPU] = { "gpu" },
	[VIRTIO_ID_INPUT] = { "input" },
	[VIRTIO_ID_VSOCK] = { "vsock" },
	[VIRTIO_ID_CRYPTO] = { "crypto" },
	[VIRTIO_ID_SOUND] = { "sound" },
	[VIRTIO_ID_FS] = { "fs", fs_bits },
};

PUBLIC const char *vdu_feature_name(uint32_t device_id, unsigned int bit)
{
	if (bit >= 64)
		return NULL;
	if (common_bits[bit])
		return common_bits[bit];
	if (device_id >= ARRAY_SIZE(types) || !types[device_id].bits)
		return NULL;
	return types[device_id].bits[bit];
}

PUBLIC const char *vdu_device_type_name(uint32_t device_id)
{
	if (device_id >= ARRAY_SIZE(types))
		return NULL;
	return types[device_id].name;
}

PUBLIC const char *vdu_status_name(unsigned int bit)
{
	static const char *const names[] = {
		[0] = "ACKNOWLEDGE",
		[1] = "DRIVER",
		[2] = "DRIVER_OK",
		[3] = "FEATURES_OK",
		[6] = "DEVICE_NEEDS_RESET",
		[7] = "FAILED",
	};

	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}

PUBLIC const char *vdu_blk_op_name(uint32_t type)
{
	static const char *const names[] = {
		[VIRTIO_BLK_T_IN] = "read",
		[VIRTIO_BLK_T_OUT] = "write",
		[VIRTIO_BLK_T_FLUSH] = "flush",
		[VIRTIO_BLK_T_GET_ID] = "get-id",
		[VIRTIO_BLK_T_DISCARD] = "discard",
		[VIRTIO_BLK_T_WRITE_ZEROES] = "write-zeroes",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

PUBLIC const struct vdu_config_field *vdu_blk_config_field(unsigned int index)
{
	static const struct vdu_config_field fields[] = {
		{ "capacity", 0, 8, -1, "sectors",
		  "Size of the device." },
		{ "size_max", 8, 4, VIRTIO_BLK_F_SIZE_MAX, "bytes",
		  "Largest data segment of a request." },
		{ "seg_max", 12, 4, VIRTIO_BLK_F_SEG_MAX, "segments",
		  "Most data segments in a request." },
		{ "geometry.cylinders", 16, 2, VIRTIO_BLK_F_GEOMETRY, "",
		  "Cylinders of a legacy geometry." },
		{ "geometry.heads", 18, 1, VIRTIO_BLK_F_GEOMETRY, "",
		  "Heads of a legacy geometry." },
		{ "geometry.sectors", 19, 1, VIRTIO_BLK_F_GEOMETRY, "",
		  "Sectors per track of a legacy geometry." },
		{ "blk_size", 20, 4, VIRTIO_BLK_F_BLK_SIZE, "bytes",
		  "Logical block size." },
		{ "physical_block_exp", 24, 1, VIRTIO_BLK_F_TOPOLOGY, "",
		  "Logical blocks per physical block, as a power of two." },
		{ "alignment_offset", 25, 1, VIRTIO_BLK_F_TOPOLOGY, "blocks",
		  "First logical block that is physically aligned." },
		{ "min_io_size", 26, 2, VIRTIO_BLK_F_TOPOLOGY, "blocks",
		  "Smallest request without a penalty." },
		{ "opt_io_size", 28, 4, VIRTIO_BLK_F_TOPOLOGY, "blocks",
		  "Best size of a sustained request; 0 is unknown." },
		{ "writeback", 32, 1, VIRTIO_BLK_F_CONFIG_WCE, "",
		  "1 if writes are cached until a flush." },
		{ "num_queues", 34, 2, VIRTIO_BLK_F_MQ, "queues",
		  "Number of request queues." },
		{ "max_discard_sectors", 36, 4, VIRTIO_BLK_F_DISCARD, "sectors",
		  "Longest range of a discard." },
		{ "max_discard_seg", 40, 4, VIRTIO_BLK_F_DISCARD, "segments",
		  "Most ranges in a discard." },
		{ "discard_sector_alignment", 44, 4, VIRTIO_BLK_F_DISCARD,
		  "sectors", "What a discard should be aligned to." },
		{ "max_write_zeroes_sectors", 48, 4, VIRTIO_BLK_F_WRITE_ZEROES,
		  "sectors", "Longest range of a write of zeroes." },
		{ "max_write_zeroes_seg", 52, 4, VIRTIO_BLK_F_WRITE_ZEROES,
		  "segments", "Most ranges in a write of zeroes." },
		{ "write_zeroes_may_unmap", 56, 1, VIRTIO_BLK_F_WRITE_ZEROES,
		  "", "1 if a write of zeroes may free the blocks." },
	};

	return index < ARRAY_SIZE(fields) ? &fields[index] : NULL;
}
