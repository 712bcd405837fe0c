// SPDX-License-Identifier: GPL-2.0-or-later
/* A virtqueue's data thread without the thread. */
#include "tests/fuzz/worker.h"

#include <errno.h>
#include <linux/virtio_blk.h>

static struct vdu__iotlb iotlb;

static struct worker *worker_of(struct vdu__backend *backend)
{
	return (struct worker *)(void *)((char *)backend -
					 offsetof(struct worker, backend));
}

/* Done well, done badly, or there is more to do. */
static int outcome(struct worker *worker, struct vdu__io *io)
{
	uint8_t how = fuzz_u8(worker->guest.in) % 4;

	if (how < 2)
		return how ? -EIO : 0;
	CHECK(worker->n_held < WORKER_SIZE);
	worker->held[worker->n_held++] = io;
	return VDU_IO_PENDING;
}

static void check_io(const struct worker *worker, const struct vdu__io *io)
{
	const uint64_t end = WORKER_CAPACITY * 512;
	bool reads = io->op == VDU_IO_READ;
	uint64_t bytes = 0;

	if (io->op == VDU_IO_FLUSH)
		return;
	if (reads || io->op == VDU_IO_WRITE) {
		CHECK(io->len > 0 && io->len % 512 == 0 && io->n_iov > 0);
		CHECK(io->offset <= end && io->len <= end - io->offset);
		for (unsigned int i = 0; i < io->n_iov; i++) {
			CHECK(guest_has(&worker->guest, io->iov[i].iov_base,
					io->iov[i].iov_len, reads));
			bytes += io->iov[i].iov_len;
		}
		CHECK(bytes == io->len);
		CHECK(reads || !worker->queue.rules.read_only);
		return;
	}
	CHECK(io->n_ranges > 0 && io->n_ranges <= VDU_BLK_RANGES_MAX);
	CHECK(!worker->queue.rules.read_only);
	for (unsigned int i = 0; i < io->n_ranges; i++)
		CHECK(io->ranges[i].offset <= end &&
		      io->ranges[i].len <= end - io->ranges[i].offset);
}

static int submit(struct vdu__backend *backend, struct vdu__io *io,
		  struct io_uring *uring)
{
	struct worker *worker = worker_of(backend);

	(void)uring;
	check_io(worker, io);
	for (unsigned int i = 0; io->op == VDU_IO_READ && i < io->n_iov; i++)
		memset(io->iov[i].iov_base, 0xda, io->iov[i].iov_len);
	return outcome(worker, io);
}

static int complete(struct vdu__backend *backend, struct vdu__io *io, int res,
		    struct io_uring *uring)
{
	(void)uring;
	return res < 0 ? res : outcome(worker_of(backend), io);
}

static const struct vdu__backend_ops ops = {
	.name = "fuzz",
	.submit = submit,
	.complete = complete,
};

void worker_init(struct worker *worker, struct fuzz *in,
		 struct vdu__inflight_queue *log)
{
	uint8_t how = fuzz_u8(in);

	memset(worker, 0, sizeof(*worker));
	guest_init(&worker->guest, in);
	worker->backend.ops = &ops;
	atomic_store(&iotlb.torn, how & 1);
	worker->queue.max_size = WORKER_SIZE;
	worker->queue.backend = &worker->backend;
	worker->queue.iotlb = &iotlb;
	worker->queue.inflight = log;
	worker->queue.lost = &worker->lost;
	worker->queue.ack_fd = -EBADF;
	worker->queue.now_ns = 1;
	worker->queue.write_through = how & 2;
	worker->queue.rules = (struct vdu__blk_rules){
		.capacity = WORKER_CAPACITY,
		.features = how & 4 ? 0 : UINT64_MAX,
		.read_only = how & 8,
		.max_discard_sectors = 32,
		.max_write_zeroes_sectors = 48,
		.serial = "serial",
	};
	CHECK(vdu__slots_init(&worker->queue) == 0);
}

void worker_free(struct worker *worker)
{
	vdu__slots_free(&worker->queue);
	guest_free(&worker->guest);
}

void worker_start(struct worker *worker, uint16_t next_avail)
{
	struct guest *guest = &worker->guest;
	uint8_t how = fuzz_u8(guest->in);

	CHECK(vdu__ring_init(&worker->queue.ring, &guest->mem, guest->num,
			     guest->desc, guest->avail, guest->used,
			     next_avail, how & 1, how & 2) == 0);
	worker->first_used = worker->queue.ring.used_idx;
}

void worker_complete(struct worker *worker)
{
	unsigned int i;
	struct vdu__io *io;

	if (!worker->n_held)
		return;
	i = fuzz_u8(worker->guest.in) % worker->n_held;
	io = worker->held[i];
	worker->held[i] = worker->held[--worker->n_held];
	vdu__request_complete(&worker->queue, (struct vdu__slot *)(void *)io,
			      fuzz_u8(worker->guest.in) & 1 ? -EIO : 0);
}

void worker_drain(struct worker *worker)
{
	while (worker->n_held) {
		struct vdu__io *io = worker->held[--worker->n_held];

		vdu__request_complete(&worker->queue,
				      (struct vdu__slot *)(void *)io, -EIO);
	}
	CHECK(atomic_load(&worker->queue.in_flight) == 0);
	for (unsigned int i = 0; i < worker->queue.used_slots; i++)
		CHECK(!atomic_load(&vdu__slot(&worker->queue, i)->shown_type));
}
