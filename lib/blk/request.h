// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * virtio-blk requests (virtio 1.2, 5.2.6): from a descriptor chain, in
 * whatever pieces the driver framed it, to something a backend can do. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/ring/split.h"

#define VDU_BLK_RANGES_MAX 16	/* max_discard_seg, max_write_zeroes_seg */

/* What the device is and what was negotiated: the rules for a request. */
struct vdu__blk_rules {
	uint64_t capacity;		/* 512-byte sectors */
	uint64_t features;		/* negotiated */
	bool read_only;
	uint32_t max_discard_sectors;
	uint32_t max_write_zeroes_sectors;
	char serial[20];		/* padded with NUL */
};

struct vdu__blk_range {
	uint64_t offset, len;		/* bytes; len may be 0 */
	bool unmap;			/* WRITE_ZEROES: may deallocate */
};

struct vdu__blk_request {
	uint32_t type;			/* VIRTIO_BLK_T_*, as read once */
	uint64_t sector;
	uint64_t bytes;			/* data length of IN and OUT */
	struct iovec *data;		/* IN, OUT: pieces inside the chain's iov */
	unsigned int n_data;
	unsigned int n_ranges;		/* DISCARD, WRITE_ZEROES */
	struct vdu__blk_range ranges[VDU_BLK_RANGES_MAX];
	uint8_t *status;		/* NULL: the chain has no place for it */
};

enum vdu__blk_next {
	VDU_BLK_SUBMIT,		/* give it to the backend */
	VDU_BLK_DONE,		/* answered here: complete it with ret_status */
};

/*
 * Parse a chain; its iov is edited in place (header and status cut off). On
 * VDU_BLK_DONE *ret_status is VIRTIO_BLK_S_* and *ret_len the data bytes
 * written (GET_ID). A faulty or malformed chain is DONE with IOERR, an unknown
 * type or flag with UNSUPP; *ret_malformed tells those that no correct driver
 * sends.
 */
enum vdu__blk_next vdu__blk_parse(const struct vdu__blk_rules *rules,
				  struct vdu__chain *chain,
				  struct vdu__blk_request *req,
				  uint8_t *ret_status, uint32_t *ret_len,
				  bool *ret_malformed);

/*
 * Write the status byte, if there is a place; returns the used length for
 * data_len bytes of data written (0 unless status is OK).
 */
uint32_t vdu__blk_finish(const struct vdu__blk_request *req, uint8_t status,
			 uint32_t data_len);
