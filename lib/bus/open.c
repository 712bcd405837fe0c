// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening the disk that a device is on this host, for who does I/O on it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/inspect.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

static int require_disk(const struct vdu__binding *binding, const char *name,
			struct vdu_error *err)
{
	if (binding->block[0])
		return 0;
	if (binding->driver == VDU_DRIVER_NONE)
		return vdu__fail(err, VDU_STAGE_BIND, -ENOTCONN,
				 "'%s' is not bound to a driver: it has no node",
				 name);
	if (binding->driver == VDU_DRIVER_VHOST)
		return vdu__fail(err, VDU_STAGE_BIND, -EOPNOTSUPP,
				 "'%s' is bound to vhost: it is the disk of a VM, not of this host",
				 name);
	return vdu__fail(err, VDU_STAGE_NODE, -EOPNOTSUPP,
			 "'%s' is no disk of this host", name);
}

/* Is it the disk, and not a file that somebody put in its place? */
static int check_node(const struct vdu_ctx *ctx, int fd, const char *block,
		      struct vdu_error *err)
{
	struct stat st;
	dev_t rdev;

	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	    vdu__read_dev_at(ctx, &rdev, "/sys/block/%s/dev", block) == 0 &&
	    st.st_rdev == rdev)
		return 0;
	return vdu__fail(err, VDU_STAGE_NODE, -EIO,
			 "the file /dev/%s is not its disk", block);
}

static int open_node(const struct vdu_ctx *ctx,
		     const struct vdu__binding *binding, int flags,
		     struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r = vdu__path(ctx, path, sizeof(path), "%s", binding->node);

	if (r < 0)
		return vdu__fail(err, VDU_STAGE_NODE, r, "the root is too long");
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY,
				 "%s is in use", binding->node);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_NODE, -errno,
				 "cannot open %s: %s", binding->node,
				 strerror(errno));
	r = check_node(ctx, fd, binding->block, err);
	return r < 0 ? r : TAKE_FD(fd);
}

PUBLIC int vdu_open_disk(struct vdu_ctx *ctx, const char *name, int flags,
			 struct vdu_error *err)
{
	struct vdu__binding binding;
	int r;

	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	vdu__binding_read(ctx, name, &binding);
	r = require_disk(&binding, name, err);
	if (r == 0)
		r = vdu__device_served(ctx, name, err);
	if (r == 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOENT,
				 "its server does not serve it: I/O would wait");
	if (r > 0 && (flags & O_ACCMODE) != O_RDONLY) {
		/* This has the last word, but does not say who it is. */
		flags |= O_EXCL;
		r = vdu__require_free(ctx, name, err);
	}
	return r < 0 ? r : open_node(ctx, &binding, flags, err);
}
