// SPDX-License-Identifier: GPL-2.0-or-later
/* One block request at a time. */
#include <string.h>

#include "tests/tools/vhost/io.h"
#include "tests/tools/vhost/mem.h"

#define STATUS_AT 64		/* away from the header */
#define DATA_AT 4096

int io_init(struct io *io, struct dev *dev)
{
	io->mem = dev_add_region(dev, DATA_AT + IO_DATA_MAX, 2);
	if (!io->mem)
		return -ENOMEM;
	io->header = (struct virtio_blk_outhdr *)io->mem->base;
	io->status = io->mem->base + STATUS_AT;
	io->data = io->mem->base + DATA_AT;
	return 0;
}

const char *io_status_name(uint8_t status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return "OK";
	case VIRTIO_BLK_S_IOERR:
		return "IOERR";
	case VIRTIO_BLK_S_UNSUPP:
		return "UNSUPP";
	case IO_STATUS_NONE:
		return "not written";
	default:
		return "unknown";
	}
}

static int await(struct io *io, uint32_t *used_len)
{
	struct queue *queue = io->queue;
	void *cookie;
	int ret;

	ret = queue_wait(queue, queue->dev->timeout_ms);
	if (ret == 0)
		return -ETIMEDOUT;
	if (ret < 0)
		return ret;
	ret = queue_reap(queue, &cookie, used_len);
	return ret == 1 && cookie == io ? 0 : -EPROTO;
}

int io_raw(struct io *io, uint32_t type, uint64_t sector, uint32_t len,
	   bool in, uint32_t *used_len)
{
	const struct seg header = {
		mem_iova(io->mem, io->header), sizeof(*io->header), false,
	};
	const struct seg data = { mem_iova(io->mem, io->data), len, in };
	const struct seg status = { mem_iova(io->mem, io->status), 1, true };
	struct seg segs[3] = { header, len ? data : status, status };
	int ret;

	*io->header = (struct virtio_blk_outhdr){
		.type = type,
		.sector = sector,
	};
	*io->status = IO_STATUS_NONE;
	ret = queue_add(io->queue, segs, len ? 3 : 2, NULL, 0, io);
	if (ret == 0)
		ret = queue_kick(io->queue);
	return ret < 0 ? ret : await(io, used_len);
}

int io_do(struct io *io, uint32_t type, uint64_t sector, uint32_t len, bool in)
{
	uint32_t used_len;
	int ret = io_raw(io, type, sector, len, in, &used_len);

	if (ret < 0) {
		complain("request type %u, sector %llu: %s", type,
			 (unsigned long long)sector, strerror(-ret));
		return ret;
	}
	if (*io->status != VIRTIO_BLK_S_OK) {
		complain("request type %u, sector %llu: status 0x%02x (%s)",
			 type, (unsigned long long)sector, *io->status,
			 io_status_name(*io->status));
		return -EIO;
	}
	if (used_len != (in ? len : 0) + 1) {
		complain("request type %u: used length %u, not %u", type,
			 used_len, (in ? len : 0) + 1);
		return -EPROTO;
	}
	return 0;
}
