// SPDX-License-Identifier: LGPL-2.1-or-later
/* The log of requests in flight: inflight.h says what it is for. */
#include "lib/server/inflight.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define MAGIC 0x31464e49U	/* "INF1": the number is the version */

struct header {
	uint32_t magic, n_queues, queue_size, padding;
};

struct vdu__inflight {
	struct header *header;
	size_t bytes, stride;
};

/*
 * What is written before this is in the file before what is written after it,
 * whatever kills the process: the memory is the kernel's, so only the
 * compiler's order counts.
 */
static void in_this_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static bool fits(struct vdu__inflight *log, const struct stat *st,
		 uint32_t n_queues, uint32_t queue_size)
{
	const struct header *header = log->header;

	if (st->st_size != (off_t)log->bytes || header->magic != MAGIC ||
	    header->n_queues != n_queues || header->queue_size != queue_size)
		return false;
	/* Numbers that nobody has given are damage, and not to be followed. */
	for (uint32_t i = 0; i < n_queues; i++) {
		const struct vdu__inflight_queue *queue =
			vdu__inflight_queue(log, i);

		if (queue->last > INT64_MAX)
			return false;
		for (uint32_t head = 0; head < queue_size; head++)
			if (queue->order[head] > queue->last)
				return false;
	}
	return true;
}

/* Room for all of it now: a full tmpfs would end in a SIGBUS later. */
static int map(struct vdu__inflight *log, int fd, uint32_t n_queues,
	       uint32_t queue_size)
{
	struct stat st;
	void *at;
	int r;

	/* One that is too long would not fit the next time, either. */
	if (fstat(fd, &st) < 0 ||
	    (st.st_size > (off_t)log->bytes &&
	     ftruncate(fd, (off_t)log->bytes) < 0))
		return -errno;
	r = -posix_fallocate(fd, 0, (off_t)log->bytes);
	if (r < 0)
		return r;
	at = mmap(NULL, log->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	log->header = at;
	if (fits(log, &st, n_queues, queue_size))
		return 0;
	memset(at, 0, log->bytes);
	log->header->n_queues = n_queues;
	log->header->queue_size = queue_size;
	in_this_order();
	log->header->magic = MAGIC;
	return 0;
}

int vdu__inflight_open(struct vdu_ctx *ctx, const char *name, uint32_t n_queues,
		       uint32_t queue_size, struct vdu__inflight **ret,
		       struct vdu_error *err)
{
	CLEANUP_FREE struct vdu__inflight *log = calloc(1, sizeof(*log));
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if (!log)
		return vdu__fail(err, VDU_STAGE_STATE, -ENOMEM,
				 "out of memory");
	log->stride = sizeof(struct vdu__inflight_queue) +
		      queue_size * sizeof(uint64_t);
	log->bytes = sizeof(struct header) + n_queues * log->stride;
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/inflight",
		      name);
	if (r == 0) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
		r = fd < 0 ? -errno : map(log, fd, n_queues, queue_size);
	}
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot use its in-flight log: %s",
				 strerror(-r));
	*ret = TAKE_PTR(log);
	return 0;
}

void vdu__inflight_close(struct vdu__inflight *log)
{
	if (!log)
		return;
	(void)munmap(log->header, log->bytes);
	free(log);
}

struct vdu__inflight_queue *vdu__inflight_queue(struct vdu__inflight *log,
						uint32_t index)
{
	return (struct vdu__inflight_queue *)(void *)
		((char *)(log->header + 1) + index * log->stride);
}

void vdu__inflight_reset(struct vdu__inflight_queue *log,
			 const struct vdu__ring *ring)
{
	memset(log->order, 0, ring->num * sizeof(*log->order));
	in_this_order();
	log->used_idx = ring->used_idx;
}

void vdu__inflight_take(struct vdu__inflight_queue *log,
			const struct vdu__ring *ring, uint16_t head)
{
	/* A head that no ring has is pushed back at once. */
	if (head >= ring->num)
		return;
	/* A number that was given once is not given again. */
	log->last++;
	in_this_order();
	log->order[head] = log->last;
	in_this_order();
}

void vdu__inflight_settle(struct vdu__inflight_queue *log,
			  const struct vdu__ring *ring)
{
	uint16_t behind = ring->used_idx - log->used_idx;

	/* No server of ours goes that far without settling. */
	if (behind > ring->num)
		vdu__inflight_reset(log, ring);
	in_this_order();
	for (uint16_t i = log->used_idx; i != ring->used_idx; i++) {
		uint32_t head = vdu__ring_used_head(ring, i);

		if (head < ring->num)
			log->order[head] = 0;
	}
	in_this_order();
	log->used_idx = ring->used_idx;
}

int vdu__inflight_next(const struct vdu__inflight_queue *log,
		       const struct vdu__ring *ring, uint64_t *at)
{
	int found = -1;

	for (unsigned int head = 0; head < ring->num; head++)
		if (log->order[head] > *at &&
		    (found < 0 || log->order[head] < log->order[found]))
			found = (int)head;
	if (found >= 0)
		*at = log->order[found];
	return found;
}
