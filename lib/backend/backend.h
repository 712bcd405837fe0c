// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Backends: where a block device's bytes live. Adding one: a file here with a
 * struct vdu__backend_ops, and a row in backend.c.
 *
 * An I/O belongs to the data thread that submits it, and so does the io_uring
 * it uses: no locks. A backend may answer at once or later.
 */
#pragma once

#include <liburing.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vduse/spec.h>

#include "lib/blk/config.h"
#include "lib/blk/request.h"
#include "lib/util/ctx.h"
#include "lib/util/pace.h"

enum vdu__io_op {
	VDU_IO_READ,
	VDU_IO_WRITE,
	VDU_IO_FLUSH,
	VDU_IO_DISCARD,
	VDU_IO_WRITE_ZEROES,
};

/*
 * Of a data thread: how I/O that is done at once, without the ring, went lately.
 */
struct vdu__at_once {
	uint64_t now_ns;	/* at the last look at the clock */
	struct vdu__pace read, write, fills;
	bool write_waits;	/* the file system cannot say that it would */
	uint64_t written;	/* bytes, since that look */
	bool write_suspect;	/* what was written before it took long */
	/*
	 * Give bytes to the driver whose buffers these are; how many it has,
	 * from the beginning. NULL: it cannot be done. For fill.c.
	 */
	uint64_t (*fill)(void *filler, const struct iovec *iov,
			 unsigned int n_iov, const char *from);
	void *filler;
	atomic_bool waiting;	/* in the kernel, perhaps for the medium */
};

/* A hint for the watchdog, from the data thread. */
static inline void vdu__at_once_wait(struct vdu__at_once *at_once, bool waiting)
{
	atomic_store_explicit(&at_once->waiting, waiting,
			      memory_order_relaxed);
}

/* Writes that took longer than this, and a nanosecond a byte, have waited. */
#define VDU_WRITE_NS_MAX 1000000

/* A look at the clock also says how long the writes before it took. */
static inline void vdu__at_once_look(struct vdu__at_once *at_once,
				     uint64_t now_ns)
{
	if (at_once->written) {
		at_once->write_suspect = now_ns - at_once->now_ns >
					 VDU_WRITE_NS_MAX + at_once->written;
		if (!at_once->write_suspect)
			vdu__pace_paid(&at_once->write);
		at_once->written = 0;
	}
	at_once->now_ns = now_ns;
}

struct vdu__io {
	enum vdu__io_op op;
	int fd;				/* file: the data thread's */
	bool registered;		/* as file 0 of its io_uring */
	struct vdu__at_once *at_once;	/* the same; NULL: through the ring */
	bool durable;			/* write: on stable storage when done */
	uint64_t offset, len;		/* bytes; read and write */
	struct iovec *iov;		/* consumed as the I/O goes on */
	unsigned int n_iov;
	const struct vdu__blk_range *ranges;	/* discard, write zeroes */
	unsigned int n_ranges, next_range;
	uint64_t range_done;		/* bytes of the current range */
	unsigned int attempt;		/* backend's own: which way is tried */
	unsigned int retries;
};

struct vdu__backend;
struct vdu__file_map;

/* An I/O that goes on: its completion comes through the ring. */
#define VDU_IO_PENDING 1

struct vdu__backend_ops {
	const char *name;

	/*
	 * Required. Open what spec names if backend->fd is not open already,
	 * fill ->size_bytes and ->abilities; nothing is changed on the medium.
	 * Called for the preflight of create, too. An error leaves ->fd alone
	 * or has closed it.
	 */
	int (*open)(struct vdu_ctx *ctx, struct vdu__backend *backend,
		    const struct vdu_blk_spec *spec, struct vdu_error *err);

	/* Optional. I/O is to come, in this process; makes it faster. */
	void (*serve)(struct vdu__backend *backend);

	/* Required. */
	void (*close)(struct vdu__backend *backend);

	/*
	 * Required. Begin io: 0 or -errno when it is done already, or
	 * VDU_IO_PENDING with an SQE prepared whose user data is io.
	 */
	int (*submit)(struct vdu__backend *backend, struct vdu__io *io,
		      struct io_uring *uring);

	/*
	 * Optional: for those that say PENDING. A CQE of io came with result
	 * res: 0, -errno, or VDU_IO_PENDING if there is more to do.
	 */
	int (*complete)(struct vdu__backend *backend, struct vdu__io *io,
			int res, struct io_uring *uring);
};

struct vdu__backend {
	const struct vdu__backend_ops *ops;
	uint64_t size_bytes;
	struct vdu__blk_abilities abilities;
	bool read_only;
	int fd;			/* file, memory; else -EBADF */
	bool immediate;		/* file: lives in memory, never waits */
	struct vdu__file_map *map;	/* file: NULL if there is none */
	char *memory;		/* memory: the bytes */
	bool fresh;		/* memory: nobody has written to it yet */
};

/*
 * Open the backend that spec names. -EINVAL for an unknown name. fd: its open
 * file, which another server has shared or left, and which is ours from now on,
 * also if this fails; -EBADF: there is none.
 */
int vdu__backend_open(struct vdu_ctx *ctx, const struct vdu_blk_spec *spec,
		      int fd, struct vdu__backend *ret, struct vdu_error *err);
void vdu__backend_close(struct vdu__backend *backend);

/*
 * Another open file of the backend's fd; -errno. The kernel tells each open
 * file once of the writes that it took and could not bring to the medium: with
 * one for each data thread no flush takes that away from another's.
 */
int vdu__backend_reopen(const struct vdu__backend *backend);

/* An SQE, submitting what is queued if there is no room. Never NULL. */
struct io_uring_sqe *vdu__get_sqe(struct io_uring *uring);

extern const struct vdu__backend_ops vdu__backend_file;
extern const struct vdu__backend_ops vdu__backend_memory;
extern const struct vdu__backend_ops vdu__backend_null;
