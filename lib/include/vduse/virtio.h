// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names for what virtio numbers: feature bits, status bits, request types,
 * fields of the configuration space. Tables only; nothing touches a device.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "VIRTIO_BLK_F_FLUSH" for (2, 9); NULL if the bit has no name. */
const char *vdu_feature_name(uint32_t device_id, unsigned int bit);

/* "blk" for 2, "net" for 1, "fs" for 26; NULL if unknown. */
const char *vdu_device_type_name(uint32_t device_id);

/* Status bit by number: "ACKNOWLEDGE" (0), "DRIVER" (1), ...; or NULL. */
const char *vdu_status_name(unsigned int bit);

/* "read", "write", "flush", "get-id", "discard", "write-zeroes"; or NULL. */
const char *vdu_blk_op_name(uint32_t type);

/* A field of struct virtio_blk_config (virtio 1.2, 5.2.4), in order. */
struct vdu_config_field {
	const char *name;	/* "capacity" */
	uint16_t offset;	/* bytes */
	uint8_t width;		/* bytes: 1, 2, 4, 8; little-endian */
	int8_t feature;		/* bit that makes it valid; -1: always */
	const char *unit;	/* "sectors", "bytes", "" */
	const char *help;	/* one sentence */
};
/* Field number index, from 0; NULL behind the last. */
const struct vdu_config_field *vdu_blk_config_field(unsigned int index);

#ifdef __cplusplus
}
#endif
