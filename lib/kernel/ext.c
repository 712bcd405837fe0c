// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which extensions the module has, and giving them to a device. */
#include "lib/kernel/ext.h"

#include <fcntl.h>
#include <linux/vduse.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/util/error.h"

/* The layouts that module and library must agree on. */
_Static_assert(VDUSE_EXT_BASE == VDUSE_BASE, "one family of ioctls");
_Static_assert(VDUSE_EXT_NAME_MAX == VDUSE_NAME_MAX, "one kind of names");
_Static_assert(sizeof(struct vduse_ext_setup) == 64, "no padding");
_Static_assert(sizeof(struct vduse_ext_queue) == 80, "no padding");
_Static_assert(sizeof(struct vduse_ext_message) == 32, "no padding");
_Static_assert(sizeof(struct vduse_ext_info) == 504, "no padding");
_Static_assert(sizeof(struct vduse_ext_config) == 24, "no padding");
_Static_assert(sizeof(struct vduse_ext_config_write) ==
	       16 + VDUSE_EXT_CONFIG_DATA, "no padding");
_Static_assert(sizeof(struct vduse_ext_config_cleared) == 16, "no padding");

/* A module without them does not know the question. */
static int ask(int control_fd, uint64_t *ret)
{
	__u64 extensions = 0;
	int r = ioctl(control_fd, VDUSE_EXT_GET, &extensions) < 0 ? -errno : 0;

	*ret = extensions;
	return r == -EINVAL || r == -ENOTTY ? 0 : r;
}

uint64_t vdu__ext_get(int control_fd)
{
	uint64_t extensions;

	return ask(control_fd, &extensions) < 0 ? 0 : extensions;
}

static int set_instance(int control_fd, uint64_t want, struct vdu_error *err)
{
	__u64 features = 0;

	if (ioctl(control_fd, VDUSE_EXT_GET_INSTANCE, &features) < 0)
		return 0;
	features &= want;
	if (ioctl(control_fd, VDUSE_EXT_SET_INSTANCE, &features) < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
				 "the kernel refuses its instance features: %s",
				 strerror(errno));
	return 0;
}

int vdu__ext_setup(int control_fd, const struct vdu__ext *want,
		   size_t config_size, struct vdu_error *err)
{
	struct vduse_ext_setup setup = { 0 };
	uint64_t has;
	int r;

	r = ask(control_fd, &has);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, r,
				 "the kernel does not say what it can do: %s",
				 strerror(-r));
	setup.extensions = want->extensions & has;
	if (!setup.extensions)
		return 0;
	r = set_instance(control_fd, want->instance, err);
	if (r < 0)
		return r;
	if (setup.extensions & VDUSE_EXT_FEATURES)
		setup.required = want->required;
	if (want->access && setup.extensions & VDUSE_EXT_CONFIG) {
		setup.access = (uintptr_t)want->access;
		setup.access_size = (__u32)config_size;
	}
	if (ioctl(control_fd, VDUSE_EXT_SETUP, &setup) < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
				 "the kernel refuses its extensions: %s",
				 strerror(errno));
	return 0;
}

int vdu__ext_open(const struct vdu_ctx *ctx)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r = vdu__path(ctx, path, sizeof(path), "/dev/vduse/control");

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return vdu__ext_get(fd) ? TAKE_FD(fd) : -EOPNOTSUPP;
}
