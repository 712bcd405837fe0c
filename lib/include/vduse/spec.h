// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a block device is to be: the request of `create`, kept as
 * /run/vdusectl/NAME/spec.json for the server and for every later command.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <vduse/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdu_ctx;

#define VDU_NAME_MAX 64		/* bytes, without the NUL */
#define VDU_SERIAL_MAX 20	/* virtio 1.2, 5.2.6: GET_ID returns 20 bytes */
#define VDU_QUEUES_MAX 64
#define VDU_QUEUE_SIZE_MIN 4
#define VDU_QUEUE_SIZE_MAX 1024

enum vdu_discard {
	VDU_DISCARD_AUTO,	/* on where the backend can */
	VDU_DISCARD_ON,		/* fail if the backend cannot */
	VDU_DISCARD_OFF,
};

/* What I/O gets while the server is dead and cannot be brought back. */
enum vdu_on_death {
	VDU_ON_DEATH_QUEUE,	/* it waits */
	VDU_ON_DEATH_FAIL,	/* it waits fail_seconds, then it gets EIO */
};
#define VDU_FAIL_SECONDS_MAX 604800	/* a week */

/* When a write is done. */
enum vdu_cache {
	VDU_CACHE_WRITEBACK,	/* when the backend has it; safe after a flush */
	VDU_CACHE_WRITETHROUGH,	/* when it is on stable storage */
};

/* Where the thread of a queue runs. */
enum vdu_affinity {
	VDU_AFFINITY_NONE,	/* on any processor */
	VDU_AFFINITY_AUTO,	/* on those whose requests the queue gets */
};

/*
 * Zero-initialise and set size_of; fields left 0 or empty take their default
 * in vdu_create_blk(), which writes back what it chose.
 */
struct vdu_blk_spec {
	size_t size_of;			/* sizeof(struct vdu_blk_spec) */
	char name[VDU_NAME_MAX + 1];	/* empty: lowest free blkN */
	uint64_t size_bytes;		/* 0: that of the existing backend */
	char backend[16];		/* "file" (default), "memory", "null" */
	char path[4096];		/* file: empty means a new sparse image */
	char serial[VDU_SERIAL_MAX + 1]; /* default: the name, cut */
	uint32_t n_queues;		/* default 1 */
	uint32_t queue_size;		/* default 1024; a power of two */
	uint32_t block_size;		/* bytes, default 512; 512..4096 */
	int read_only;
	int discard;			/* enum vdu_discard */
	int image_owned;		/* out: the image goes with the device */
	int on_death;			/* enum vdu_on_death */
	uint32_t fail_seconds;		/* VDU_ON_DEATH_FAIL only */
	int cache;			/* enum vdu_cache */
	int writeback_control;		/* the driver may change the cache mode */
	int packed;			/* offer packed virtqueues */
	uint32_t poll_percent;		/* of a processor for each queue, to look
					   for requests; default 0: sleep */
	int affinity;			/* enum vdu_affinity */
};

/*
 * Split "file:PATH", "memory" or "null" into spec->backend and spec->path.
 * -EINVAL with the reason for anything else.
 */
int vdu_blk_spec_set_backend(struct vdu_blk_spec *spec, const char *text,
			     struct vdu_error *err);

/*
 * Read "queue" or "fail=SECONDS" into spec->on_death and spec->fail_seconds.
 * -EINVAL with the reason for anything else.
 */
int vdu_blk_spec_set_on_death(struct vdu_blk_spec *spec, const char *text,
			      struct vdu_error *err);

/* Read "writeback" or "writethrough" into spec->cache; else -EINVAL. */
int vdu_blk_spec_set_cache(struct vdu_blk_spec *spec, const char *text,
			   struct vdu_error *err);

/*
 * Check every field by itself and against the others, without looking at the
 * system. -EINVAL or -ERANGE with the rule that is broken.
 */
int vdu_blk_spec_validate(const struct vdu_blk_spec *spec,
			  struct vdu_error *err);

/* Read the spec of an existing device of ours. -ENOENT if there is none. */
int vdu_blk_spec_load(struct vdu_ctx *ctx, const char *name,
		      struct vdu_blk_spec *ret, struct vdu_error *err);

/*
 * Compare what was asked for with what exists; fields that `want` leaves at
 * their default are not compared. Returns the number of differences; text
 * gets "size 1073741824 instead of 2147483648, ...", cut to text_size.
 */
int vdu_blk_spec_diff(const struct vdu_blk_spec *want,
		      const struct vdu_blk_spec *have,
		      char *text, size_t text_size);

#ifdef __cplusplus
}
#endif
