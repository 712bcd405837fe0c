// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Opening a file or block device as a backend: nobody else may use it, its
 * size is read from it and never changed.
 */
#include "lib/backend/file-open.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "lib/util/fs.h"

/* An attached loop device on this file writes to it behind our back. */
static int refuse_loop(struct vdu_ctx *ctx, const struct stat *st,
		       struct vdu_error *err)
{
	char pattern[PATH_MAX], backing[PATH_MAX];
	glob_t found;
	int r;

	r = vdu__path(ctx, pattern, sizeof(pattern),
		      "/sys/block/loop*/loop/backing_file");
	if (r < 0 || glob(pattern, GLOB_NOSORT, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc && r == 0; i++) {
		struct stat other;

		if (vdu__read_file(found.gl_pathv[i], backing,
				   sizeof(backing)) > 0 &&
		    stat(backing, &other) == 0 && other.st_dev == st->st_dev &&
		    other.st_ino == st->st_ino)
			r = vdu__fail(err, VDU_STAGE_BACKEND, -EBUSY,
				      "%s is in use by a loop device", backing);
	}
	globfree(&found);
	return r;
}

/* One writer or many readers, the rule other disk programs follow, too. */
static int claim_file(int fd, const struct vdu_blk_spec *spec,
		      struct vdu_error *err)
{
	struct flock lock = {
		.l_type = spec->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return vdu__fail(err, VDU_STAGE_BACKEND, -EBUSY,
				 "%s is in use: another process has locked it",
				 spec->path);
	/* Some network file systems cannot lock; that is no reason to refuse. */
	return 0;
}

static int open_regular(struct vdu_ctx *ctx, struct vdu__backend *backend,
			const struct vdu_blk_spec *spec, const struct stat *st,
			struct vdu_error *err)
{
	struct statfs fs;
	int r;

	r = claim_file(backend->fd, spec, err);
	if (r == 0)
		r = refuse_loop(ctx, st, err);
	if (r < 0)
		return r;
	backend->size_bytes = (uint64_t)st->st_size;
	/* Behind the end there is nothing to lose: a question, not a change. */
	if (!spec->read_only &&
	    fallocate(backend->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      st->st_size, 4096) == 0)
		backend->abilities.discard = true;
	backend->abilities.discard_granularity = (uint32_t)st->st_blksize;
	if (fstatfs(backend->fd, &fs) == 0)
		backend->immediate = fs.f_type == TMPFS_MAGIC ||
				     fs.f_type == RAMFS_MAGIC;
	return 0;
}

static uint64_t queue_limit(struct vdu_ctx *ctx, dev_t dev, const char *name)
{
	uint64_t value = 0;

	/* A partition has its limits one level up. */
	if (vdu__read_u64_at(ctx, &value, "/sys/dev/block/%u:%u/queue/%s",
			     major(dev), minor(dev), name) < 0)
		(void)vdu__read_u64_at(ctx, &value,
				       "/sys/dev/block/%u:%u/../queue/%s",
				       major(dev), minor(dev), name);
	return value;
}

static int open_block(struct vdu_ctx *ctx, struct vdu__backend *backend,
		      const struct vdu_blk_spec *spec, const struct stat *st,
		      struct vdu_error *err)
{
	if (ioctl(backend->fd, BLKGETSIZE64, &backend->size_bytes) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot read the size of %s: %s", spec->path,
				 strerror(errno));
	backend->abilities.discard =
		queue_limit(ctx, st->st_rdev, "discard_max_bytes") > 0;
	backend->abilities.discard_granularity = (uint32_t)
		queue_limit(ctx, st->st_rdev, "discard_granularity");
	backend->abilities.optimal_io = (uint32_t)
		queue_limit(ctx, st->st_rdev, "optimal_io_size");
	return 0;
}

static int open_path(const struct vdu_blk_spec *spec, struct stat *st,
		     struct vdu_error *err)
{
	int flags = (spec->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC |
		    O_NONBLOCK | O_NOCTTY;
	int fd;

	if (stat(spec->path, st) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot use %s: %s", spec->path,
				 strerror(errno));
	if (S_ISDIR(st->st_mode))
		return vdu__fail(err, VDU_STAGE_USAGE, -EISDIR,
				 "%s is a directory", spec->path);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				 "%s is neither a file nor a block device",
				 spec->path);
	/* For a block device: refused while mounted or claimed otherwise. */
	if (S_ISBLK(st->st_mode))
		flags |= O_EXCL;
	fd = open(spec->path, flags);
	if (fd < 0 && errno == EBUSY)
		return vdu__fail(err, VDU_STAGE_BACKEND, -EBUSY,
				 "%s is in use (mounted, swap or part of another device)",
				 spec->path);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot open %s: %s", spec->path,
				 strerror(errno));
	/*
	 * The name may have changed hands in between. O_NONBLOCK was for opening
	 * only: io_uring would answer EAGAIN instead of waiting.
	 */
	if (fstat(fd, st) < 0 || fcntl(fd, F_SETFL, 0) < 0 ||
	    (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))) {
		(void)close(fd);
		return vdu__fail(err, VDU_STAGE_BACKEND, -EIO,
				 "%s changed while it was opened", spec->path);
	}
	return fd;
}

int vdu__file_open(struct vdu_ctx *ctx, struct vdu__backend *backend,
		   const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	struct stat st;
	int r;

	if (backend->fd < 0)
		backend->fd = open_path(spec, &st, err);
	else if (fstat(backend->fd, &st) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot look at %s: %s", spec->path,
				 strerror(errno));
	if (backend->fd < 0)
		return backend->fd;
	backend->abilities.write_zeroes = !spec->read_only;
	if (S_ISBLK(st.st_mode))
		r = open_block(ctx, backend, spec, &st, err);
	else
		r = open_regular(ctx, backend, spec, &st, err);
	if (r == 0 && !backend->size_bytes)
		r = vdu__fail(err, VDU_STAGE_USAGE, -EINVAL, "%s is empty",
			      spec->path);
	return r;
}
