// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The file backend: a regular file or a block device, through io_uring and the
 * page cache. Opening it (claims, sizes, abilities) is in file-open.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/backend/backend.h"
#include "lib/backend/file-map.h"
#include "lib/backend/file-open.h"

/* Zeroes to write where the file system cannot make them. */
#define ZEROES_BYTES (64 << 10)
static const char zeroes[ZEROES_BYTES];

/* readv(2): at most this many pieces in one call. */
#define MAX_PIECES 1024U
/* Of an I/O that the kernel asks to repeat. */
#define MAX_RETRIES 100
/* So many bytes are written until it is seen that it took long. */
#define WRITTEN_MAX (32U << 10)

/* Ways to zero a range, best first; io->attempt counts through them. */
enum zero_way { ZERO_NATIVE, ZERO_OTHER, ZERO_WRITE };

/* Drop len bytes from the front of the I/O. */
static void consume(struct vdu__io *io, uint64_t len)
{
	io->offset += len;
	io->len -= len;
	while (len) {
		if (len < io->iov->iov_len) {
			io->iov->iov_base = (char *)io->iov->iov_base + len;
			io->iov->iov_len -= len;
			return;
		}
		len -= io->iov->iov_len;
		io->iov++;
		io->n_iov--;
	}
}

/*
 * After res bytes: 0 done, -errno, or PENDING. A short transfer is continued;
 * none at all means that the file ends before the disk does.
 */
static int transferred(struct vdu__io *io, ssize_t res)
{
	if ((res == -EINTR || res == -EAGAIN) && io->retries++ < MAX_RETRIES)
		return VDU_IO_PENDING;
	if (res < 0)
		return (int)res;
	if ((uint64_t)res == io->len)
		return 0;
	if (res == 0 || (uint64_t)res > io->len)
		return -EIO;
	consume(io, (uint64_t)res);
	return VDU_IO_PENDING;
}

/* A registered file spares the kernel looking it up. */
static void aim(struct io_uring_sqe *sqe, struct vdu__io *io)
{
	if (io->registered) {
		sqe->fd = 0;
		io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	}
	io_uring_sqe_set_data(sqe, io);
}

static void queue_transfer(struct vdu__io *io, struct io_uring *uring)
{
	struct io_uring_sqe *sqe = vdu__get_sqe(uring);
	unsigned int n = MIN(io->n_iov, MAX_PIECES);

	if (io->op == VDU_IO_READ)
		io_uring_prep_readv(sqe, io->fd, io->iov, n, io->offset);
	else
		io_uring_prep_writev2(sqe, io->fd, io->iov, n, io->offset,
				      io->durable ? RWF_DSYNC : 0);
	aim(sqe, io);
}

static ssize_t transfer_once(const struct vdu__io *io, int flags)
{
	int n = (int)MIN(io->n_iov, MAX_PIECES);
	ssize_t res;

	if (io->op == VDU_IO_READ)
		res = preadv2(io->fd, io->iov, n, (off_t)io->offset, flags);
	else if (n == 1 && !flags && !io->durable)
		/* The same, and 3 % of all that a small write needs less. */
		res = pwrite(io->fd, io->iov->iov_base, io->iov->iov_len,
			     (off_t)io->offset);
	else
		res = pwritev2(io->fd, io->iov, n, (off_t)io->offset,
			       flags | (io->durable ? RWF_DSYNC : 0));
	return res < 0 ? -errno : res;
}

/* A file in memory never waits: no need to go through the ring. */
static int transfer_now(struct vdu__io *io)
{
	int r;

	do
		r = transferred(io, transfer_once(io, 0));
	while (r == VDU_IO_PENDING);
	return r;
}

/* How often this thread has waited; -1: not known. */
static long waits(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) < 0 ? -1 : usage.ru_nvcsw;
}

/*
 * A file system that cannot promise not to wait may still not: most writes find
 * their pages and a journal that runs. Those that did wait are the last ones for
 * a while, as others would wait behind them. When some took long, somebody else
 * may have had the processor meanwhile: of the next one we look which it was.
 */
static int write_that_may_wait(struct vdu__io *io)
{
	struct vdu__at_once *at_once = io->at_once;
	bool suspect = at_once->write_suspect;
	long before = suspect ? waits() : -1;
	ssize_t res;

	at_once->written += io->len;
	vdu__at_once_wait(at_once, true);
	res = transfer_once(io, 0);
	vdu__at_once_wait(at_once, false);
	/* A look at the clock for each would be some percent of it. */
	if (suspect || at_once->written >= WRITTEN_MAX)
		vdu__at_once_look(at_once, vdu__now_ns());
	if (suspect && at_once->write_suspect &&
	    (before < 0 || waits() != before))
		vdu__pace_missed(&at_once->write);
	return transferred(io, res);
}

/*
 * What is in the page cache is copied right here. PENDING: the rest is for the
 * ring, as it waits for the medium.
 */
static int transfer_cached(struct vdu__io *io)
{
	bool read = io->op == VDU_IO_READ;
	struct vdu__pace *pace = read ? &io->at_once->read :
					&io->at_once->write;
	ssize_t res;

	if (!vdu__pace_may(pace))
		return VDU_IO_PENDING;
	if (!read && io->at_once->write_waits)
		return write_that_may_wait(io);
	res = transfer_once(io, RWF_NOWAIT);
	if (res == -EOPNOTSUPP && !read) {
		io->at_once->write_waits = true;
		return write_that_may_wait(io);
	}
	if (res == -EAGAIN || res == -EOPNOTSUPP) {
		vdu__pace_missed(pace);
		return VDU_IO_PENDING;
	}
	vdu__pace_paid(pace);
	return transferred(io, res);
}

static int transfer(const struct vdu__backend *backend, struct vdu__io *io,
		    struct io_uring *uring)
{
	int r = VDU_IO_PENDING;

	if (backend->map && io->at_once && io->op == VDU_IO_READ &&
	    vdu__file_map_read(backend->map, io))
		return 0;
	if (backend->immediate)
		return transfer_now(io);
	if (io->at_once && !io->durable)
		r = transfer_cached(io);
	if (r == VDU_IO_PENDING)
		queue_transfer(io, uring);
	return r;
}

static int zero_mode(const struct vdu__backend *backend,
		     const struct vdu__io *io)
{
	bool punch = io->op == VDU_IO_DISCARD ||
		     (io->ranges[io->next_range].unmap &&
		      backend->abilities.discard);

	if (io->attempt == ZERO_OTHER)
		punch = !punch;
	return FALLOC_FL_KEEP_SIZE |
	       (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

static void queue_sync(struct vdu__io *io, struct io_uring *uring)
{
	struct io_uring_sqe *sqe = vdu__get_sqe(uring);

	io_uring_prep_fsync(sqe, io->fd, IORING_FSYNC_DATASYNC);
	aim(sqe, io);
}

/* Queue the next step of a discard or write-zeroes; 0 when there is none. */
static int queue_range(struct vdu__backend *backend, struct vdu__io *io,
		       struct io_uring *uring)
{
	const struct vdu__blk_range *range;
	struct io_uring_sqe *sqe;
	uint64_t at, len;

	while (io->next_range < io->n_ranges &&
	       io->range_done == io->ranges[io->next_range].len) {
		io->next_range++;
		io->range_done = 0;
	}
	if (io->next_range == io->n_ranges && !io->durable)
		return 0;
	if (io->next_range == io->n_ranges) {
		queue_sync(io, uring);
		return VDU_IO_PENDING;
	}
	range = &io->ranges[io->next_range];
	at = range->offset + io->range_done;
	len = range->len - io->range_done;
	sqe = vdu__get_sqe(uring);
	if (io->attempt == ZERO_WRITE)
		io_uring_prep_write(sqe, io->fd, zeroes,
				    (unsigned int)MIN(len, ZEROES_BYTES), at);
	else
		io_uring_prep_fallocate(sqe, io->fd, zero_mode(backend, io),
					(off_t)at, (off_t)len);
	aim(sqe, io);
	return VDU_IO_PENDING;
}

static int range_completed(struct vdu__backend *backend, struct vdu__io *io,
			   int res, struct io_uring *uring)
{
	const struct vdu__blk_range *range;
	bool unsupported = res == -EOPNOTSUPP || res == -ENOSYS ||
			   res == -EINVAL;

	/* All ranges are done, and this was the sync behind them. */
	if (io->next_range == io->n_ranges)
		return res;
	range = &io->ranges[io->next_range];
	if (res == -EINTR || res == -EAGAIN)
		return io->retries++ < MAX_RETRIES ?
		       queue_range(backend, io, uring) : res;
	if (io->attempt == ZERO_WRITE) {
		if (res <= 0)
			return res ? res : -EIO;
		io->range_done += (uint64_t)res;
	} else if (unsupported && io->op == VDU_IO_DISCARD) {
		/* A discard is a hint: not doing it is allowed. */
		io->range_done = range->len;
	} else if (unsupported) {
		io->attempt++;
	} else if (res < 0) {
		return res;
	} else {
		io->range_done = range->len;
	}
	return queue_range(backend, io, uring);
}

static int file_submit(struct vdu__backend *backend, struct vdu__io *io,
		       struct io_uring *uring)
{
	switch (io->op) {
	case VDU_IO_READ:
	case VDU_IO_WRITE:
		return transfer(backend, io, uring);
	case VDU_IO_FLUSH:
		queue_sync(io, uring);
		return VDU_IO_PENDING;
	case VDU_IO_DISCARD:
	case VDU_IO_WRITE_ZEROES:
		return queue_range(backend, io, uring);
	}
	return -EINVAL;
}

static int file_complete(struct vdu__backend *backend, struct vdu__io *io,
			 int res, struct io_uring *uring)
{
	int r;

	switch (io->op) {
	case VDU_IO_READ:
	case VDU_IO_WRITE:
		r = transferred(io, res);
		if (r == VDU_IO_PENDING)
			queue_transfer(io, uring);
		return r;
	case VDU_IO_FLUSH:
		return res;
	case VDU_IO_DISCARD:
	case VDU_IO_WRITE_ZEROES:
		return range_completed(backend, io, res, uring);
	}
	return -EINVAL;
}

static void file_serve(struct vdu__backend *backend)
{
	backend->map = vdu__file_map_new(backend->fd, backend->size_bytes);
}

static void file_close(struct vdu__backend *backend)
{
	vdu__file_map_free(backend->map);
	backend->map = NULL;
	(void)close(backend->fd);
	backend->fd = -EBADF;
}

const struct vdu__backend_ops vdu__backend_file = {
	.name = "file",
	.open = vdu__file_open,
	.serve = file_serve,
	.close = file_close,
	.submit = file_submit,
	.complete = file_complete,
};
