// SPDX-License-Identifier: LGPL-2.1-or-later
/* /dev/vduse/control: making and ending devices. */
#include "lib/kernel/control.h"

#include <fcntl.h>
#include <linux/vduse.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/bus/bus.h"

/* The vring alignment of the legacy layout; only split rings care. */
#define VRING_ALIGN 4096

static int open_node(struct vdu_ctx *ctx)
{
	char path[PATH_MAX];
	int r, fd;

	r = vdu__path(ctx, path, sizeof(path), "/dev/vduse/control");
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vdu__control_open(struct vdu_ctx *ctx, struct vdu_error *err)
{
	int fd = open_node(ctx), r;

	if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV) {
		r = vdu__module_load(ctx, "vduse", err);
		if (r < 0)
			return r;
		fd = open_node(ctx);
	}
	if (fd == -EACCES || fd == -EPERM)
		return vdu__fail(err, VDU_STAGE_CONTROL, fd,
				 "cannot open /dev/vduse/control: %s",
				 strerror(-fd));
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_MODULE, -ENODEV,
				 "cannot open /dev/vduse/control: %s",
				 strerror(-fd));
	return fd;
}

int vdu__control_create(int control_fd, const struct vdu__device_config *config,
			struct vdu_error *err)
{
	CLEANUP_FREE struct vduse_dev_config *dev =
		calloc(1, sizeof(*dev) + config->config_size);
	uint64_t version = VDUSE_API_VERSION;
	int r;

	if (!dev)
		return vdu__fail(err, VDU_STAGE_CONTROL, -ENOMEM,
				 "out of memory");
	if (ioctl(control_fd, VDUSE_SET_API_VERSION, &version) < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
				 "the kernel refuses VDUSE API version 0: %s",
				 strerror(errno));
	r = vdu__ext_setup(control_fd, &config->ext, config->config_size, err);
	if (r < 0)
		return r;
	(void)snprintf(dev->name, sizeof(dev->name), "%s", config->name);
	dev->vendor_id = config->vendor_id;
	dev->device_id = config->device_id;
	dev->features = config->features;
	dev->vq_num = config->n_queues;
	dev->vq_align = VRING_ALIGN;
	dev->config_size = (uint32_t)config->config_size;
	memcpy(dev->config, config->config, config->config_size);
	if (ioctl(control_fd, VDUSE_CREATE_DEV, dev) < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
				 "the kernel refuses to create it: %s",
				 errno == EEXIST ? "the name is taken" :
						   strerror(errno));
	return 0;
}

int vdu__control_destroy(struct vdu_ctx *ctx, const char *name,
			 struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = vdu__control_open(ctx, err);
	char buf[VDUSE_NAME_MAX] = "";
	unsigned int try = 0;

	if (fd < 0)
		return fd;
	(void)snprintf(buf, sizeof(buf), "%s", name);
	for (;;) {
		int r;

		if (ioctl(fd, VDUSE_DESTROY_DEV, buf) == 0)
			return 0;
		/* EINVAL is the kernel's word for "no such device". */
		if (errno == EINVAL)
			return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
					 "no such device");
		if (errno != EBUSY)
			return vdu__fail(err, VDU_STAGE_CONTROL, -errno,
					 "the kernel refuses to destroy it: %s",
					 strerror(errno));
		/* The last reference is being dropped. */
		r = vdu__pause(ctx, &try);
		if (r < 0)
			return vdu__fail(err, VDU_STAGE_CONTROL, r,
					 "the kernel still counts it as in use");
	}
}
