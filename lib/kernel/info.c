// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking the control node about devices, and aborting one. */
#include "lib/kernel/info.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/bus/bus.h"

int vdu__info_open(const struct vdu_ctx *ctx, const char *name,
		   const char *cannot, struct vdu_error *err)
{
	int fd;

	if (!vdu__device_exists(ctx, name) ||
	    strlen(name) >= VDUSE_EXT_NAME_MAX)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	fd = vdu__ext_open(ctx);
	if (fd == -EOPNOTSUPP || fd == -ENOENT)
		return vdu__fail(err, VDU_STAGE_MODULE, -EOPNOTSUPP,
				 "the loaded vduse module %s", cannot);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, fd,
				 "cannot open /dev/vduse/control: %s",
				 strerror(-fd));
	return fd;
}

int vdu__info_get(int control_fd, struct vduse_ext_info *io)
{
	return ioctl(control_fd, VDUSE_EXT_GET_INFO, io) < 0 ? -errno : 0;
}

int vdu__info_of(const struct vdu_ctx *ctx, const char *name,
		 struct vduse_ext_info *ret)
{
	CLEANUP_CLOSE int fd = vdu__ext_open(ctx);

	if (fd < 0)
		return fd;
	/* "" would be the first device. */
	if (!name[0] || strlen(name) >= sizeof(ret->name))
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
	return vdu__info_get(fd, ret);
}

ssize_t vdu__info_all(const struct vdu_ctx *ctx, struct vduse_ext_info **ret)
{
	CLEANUP_CLOSE int fd = vdu__ext_open(ctx);
	CLEANUP_FREE struct vduse_ext_info *infos = NULL;
	size_t n = 0, room = 0;
	__u64 cursor = 0;
	int r;

	if (fd < 0)
		return fd;
	for (;;) {
		if (n == room) {
			void *grown;

			room = room ? 2 * room : 16;
			grown = reallocarray(infos, room, sizeof(*infos));
			if (!grown)
				return -ENOMEM;
			infos = grown;
		}
		memset(&infos[n], 0, sizeof(*infos));
		infos[n].cursor = cursor;
		r = vdu__info_get(fd, &infos[n]);
		if (r < 0)
			break;
		cursor = infos[n++].cursor;
	}
	if (r != -ENOENT)
		return r;
	*ret = TAKE_PTR(infos);
	return (ssize_t)n;
}

int vdu__abort(const struct vdu_ctx *ctx, const char *name,
	       struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = vdu__info_open(ctx, name,
					      "cannot abort a device", err);
	char buf[VDUSE_EXT_NAME_MAX] = "";

	if (fd < 0)
		return fd;
	memcpy(buf, name, strlen(name));
	if (ioctl(fd, VDUSE_EXT_ABORT, buf) == 0)
		return 0;
	if (errno == ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
			 "the kernel does not abort it: %s", strerror(errno));
}
