// SPDX-License-Identifier: GPL-2.0-or-later
/* One block request at a time, framed as every driver does it. */
#pragma once

#include "tests/tools/vhost/queue.h"

#define IO_DATA_MAX 131072u
#define IO_STATUS_NONE 0xff	/* what the status byte holds before */

struct io {
	struct queue *queue;
	struct region *mem;
	struct virtio_blk_outhdr *header;
	uint8_t *status, *data;
};

/* Before dev_start(): it takes memory. The queue may be set later. */
int io_init(struct io *io, struct dev *dev);

/*
 * Do one request with len bytes of io->data, which the device writes if in.
 * 0: done, *io->status and *used_len are the device's; -ETIMEDOUT, -EPROTO.
 */
int io_raw(struct io *io, uint32_t type, uint64_t sector, uint32_t len,
	   bool in, uint32_t *used_len);

/* The same, and complain if it fails, has a bad length or not status OK. */
int io_do(struct io *io, uint32_t type, uint64_t sector, uint32_t len,
	  bool in);

/* "OK", "IOERR", "UNSUPP", "not written", or "unknown". */
const char *io_status_name(uint8_t status);
