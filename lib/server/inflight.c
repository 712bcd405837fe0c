// SPDX-License-Identifier: LGPL-2.1-or-later
/* The log of requests in flight: inflight.h says what it is for. */
#include "lib/server/inflight.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define MAGIC 0x32464e49U	/* "INF2": the number is the version */
#define MAGIC_PACKED 0x32504e49U	/* "INP2" */
#define BOOT_ID_BYTES 40
/* No feature of a block device has these numbers. */
#define DRIVER (UINT64_C(1) << 63)
#define SUSPENDED (UINT64_C(1) << 62)

struct header {
	uint32_t magic, n_queues, queue_size;
	_Atomic uint32_t lost;
	uint64_t driver;		/* DRIVER and its features, 0: none; SUSPENDED */
	char boot_id[BOOT_ID_BYTES];
};

struct vdu__inflight {
	struct header *header;
	size_t bytes, stride;
	size_t keep;			/* of a queue's part: where; 0: none */
	size_t found;			/* bytes that were there */
	struct header wanted;
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

/* Numbers that nobody has given are damage, and not to be followed. */
static bool is_sound(struct vdu__inflight *log, uint32_t n_queues,
		     uint32_t queue_size)
{
	for (uint32_t i = 0; i < n_queues; i++) {
		const struct vdu__inflight_queue *queue =
			vdu__inflight_queue(log, i);

		const struct vdu__packed_keep *keep =
			vdu__inflight_keep(log, i);

		if (queue->last > INT64_MAX ||
		    (keep && !vdu__packed_sound(keep, queue_size)))
			return false;
		for (uint32_t head = 0; head < queue_size; head++)
			if (queue->order[head] > queue->last)
				return false;
	}
	return true;
}

bool vdu__inflight_fits(struct vdu__inflight *log)
{
	const struct header *header = log->header, *wanted = &log->wanted;

	/* It has its full size now: who looks next must not believe it. */
	if (log->found < log->bytes)
		log->header->magic = 0;
	return header->magic == wanted->magic &&
	       header->n_queues == wanted->n_queues &&
	       header->queue_size == wanted->queue_size &&
	       !memcmp(header->boot_id, wanted->boot_id, BOOT_ID_BYTES) &&
	       is_sound(log, wanted->n_queues, wanted->queue_size);
}

/* One that was killed in here leaves a log without its magic number. */
void vdu__inflight_begin(struct vdu__inflight *log)
{
	log->header->magic = 0;
	in_this_order();
	memset(log->header, 0, log->bytes);
	*log->header = log->wanted;
	log->header->magic = 0;
	in_this_order();
	log->header->magic = log->wanted.magic;
}

/*
 * Whoever else could write to it, through another name or as its owner, could
 * tell us what to do again.
 */
static bool is_private(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	       st->st_nlink == 1 && !(st->st_mode & 077);
}

static int map(struct vdu__inflight *log, int fd)
{
	struct stat st;
	void *at;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!is_private(&st))
		return -EPERM;
	/* Room for all of it now: a full tmpfs would end in a SIGBUS later. */
	r = -posix_fallocate(fd, 0, (off_t)log->bytes);
	if (r < 0)
		return r;
	at = mmap(NULL, log->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	log->header = at;
	log->found = (size_t)st.st_size;
	return 0;
}

int vdu__inflight_open(struct vdu_ctx *ctx, const char *name, uint32_t n_queues,
		       uint32_t queue_size, bool packed,
		       struct vdu__inflight **ret, struct vdu_error *err)
{
	CLEANUP_FREE struct vdu__inflight *log = calloc(1, sizeof(*log));
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if (!log)
		return vdu__fail(err, VDU_STAGE_STATE, -ENOMEM,
				 "out of memory");
	log->wanted.magic = packed ? MAGIC_PACKED : MAGIC;
	log->wanted.n_queues = n_queues;
	log->wanted.queue_size = queue_size;
	log->stride = sizeof(struct vdu__inflight_queue) +
		      queue_size * sizeof(uint64_t);
	if (packed) {
		log->keep = log->stride;
		log->stride += vdu__packed_keep_bytes(queue_size);
	}
	log->bytes = sizeof(struct header) + n_queues * log->stride;
	/* A kernel that does not tell has one boot, as far as we know. */
	(void)vdu__read_at(ctx, log->wanted.boot_id,
			   sizeof(log->wanted.boot_id),
			   "/proc/sys/kernel/random/boot_id");
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/inflight",
		      name);
	if (r == 0) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
			  O_CLOEXEC, 0600);
		r = fd < 0 ? -errno : map(log, fd);
	}
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot use its in-flight log %s: %s", path,
				 r == -EPERM ? "not a private file of ours" :
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

struct vdu__packed_keep *vdu__inflight_keep(struct vdu__inflight *log,
					    uint32_t index)
{
	char *queue = (char *)(log->header + 1) + index * log->stride;

	return log->keep ? (struct vdu__packed_keep *)(void *)
			   (queue + log->keep) : NULL;
}

bool vdu__inflight_is_of(const struct vdu__inflight *log, uint64_t features)
{
	return (log->header->driver & ~SUSPENDED) == (features | DRIVER);
}

bool vdu__inflight_suspended(const struct vdu__inflight *log)
{
	return log->header->driver & SUSPENDED;
}

void vdu__inflight_suspend(struct vdu__inflight *log, bool suspended)
{
	in_this_order();
	if (suspended)
		log->header->driver |= SUSPENDED;
	else
		log->header->driver &= ~SUSPENDED;
	in_this_order();
}

void vdu__inflight_driver(struct vdu__inflight *log, uint64_t features)
{
	if (vdu__inflight_is_of(log, features))
		return;
	vdu__inflight_empty(log);
	log->header->driver = features | DRIVER;
	in_this_order();
}

void vdu__inflight_empty(struct vdu__inflight *log)
{
	struct header *header = log->header;

	header->driver = 0;
	in_this_order();
	atomic_store(&header->lost, 0);
	memset(header + 1, 0, log->bytes - sizeof(*header));
	in_this_order();
}

_Atomic uint32_t *vdu__inflight_lost(struct vdu__inflight *log)
{
	return &log->header->lost;
}

void vdu__inflight_found(struct vdu__inflight_queue *log, uint16_t num,
			 uint16_t used_idx, const uint16_t *heads,
			 unsigned int n)
{
	/* Whoever finds it so does this again. */
	log->num = 0;
	in_this_order();
	memset(log->order, 0, num * sizeof(*log->order));
	for (unsigned int i = 0; i < n; i++)
		log->order[heads[i]] = ++log->last;
	log->used_idx = used_idx;
	in_this_order();
	log->num = num;
	in_this_order();
}

static bool is_torn(const struct vdu__ring *ring)
{
	return ring->mem && ring->mem->torn && atomic_load(ring->mem->torn);
}

void vdu__inflight_reset(struct vdu__inflight_queue *log,
			 struct vdu__ring *ring)
{
	if (ring->packed)
		vdu__packed_reset(ring);
	else
		vdu__inflight_found(log, ring->num, ring->used_idx, NULL, 0);
}

void vdu__inflight_take(struct vdu__inflight_queue *log,
			const struct vdu__ring *ring, uint16_t head)
{
	/* A head that no ring has is pushed back at once. */
	if (head >= ring->num || ring->packed)
		return;
	/* A number that was given once is not given again. */
	log->last++;
	in_this_order();
	log->order[head] = log->last;
	in_this_order();
}

/*
 * One of those that the used ring holds behind the log; false: the ring was
 * taken away meanwhile, and then the head is none.
 */
static bool settle_one(struct vdu__inflight_queue *log,
		       const struct vdu__ring *ring)
{
	uint32_t head = vdu__ring_used_head(ring, log->used_idx);

	if (is_torn(ring))
		return false;
	in_this_order();
	if (head < ring->num)
		log->order[head] = 0;
	in_this_order();
	log->used_idx++;
	return true;
}

void vdu__inflight_settle(struct vdu__inflight_queue *log,
			  const struct vdu__ring *ring)
{
	uint16_t behind = ring->used_idx - log->used_idx;

	/* Another server finds in the memory itself what is right. */
	if (is_torn(ring) || ring->packed)
		return;
	/* Another ring, or a server that kept no log has been here. */
	if (log->num != ring->num || behind > ring->num)
		vdu__inflight_found(log, ring->num, ring->used_idx, NULL, 0);
	while (log->used_idx != ring->used_idx && settle_one(log, ring))
		;
}

void vdu__inflight_recover(struct vdu__inflight_queue *log,
			   struct vdu__ring *ring)
{
	if (ring->packed)
		vdu__packed_recover(ring);
	else
		vdu__inflight_settle(log, ring);
}

int vdu__inflight_next(const struct vdu__inflight_queue *log,
		       const struct vdu__ring *ring, uint64_t *at)
{
	int found = -1;

	if (ring->packed)
		return vdu__packed_next(ring, at);
	for (unsigned int head = 0; head < ring->num; head++)
		if (log->order[head] > *at &&
		    (found < 0 || log->order[head] < log->order[found]))
			found = (int)head;
	if (found >= 0)
		*at = log->order[found];
	return found;
}
