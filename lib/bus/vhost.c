// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making a vhost-vdpa device forget the memory map of the VM that had it. */
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/vhost_types.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/bus/driver.h"
#include "lib/util/child.h"

static int send_iotlb(int fd, uint8_t type)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .type = type },
	};
	ssize_t n = write(fd, &msg, sizeof(msg));

	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(msg) ? 0 : -EIO;
}

/* A batch with nothing in it hands the device an empty map. */
static int empty_map(int fd)
{
	uint64_t features = UINT64_C(1) << VHOST_BACKEND_F_IOTLB_MSG_V2 |
			    UINT64_C(1) << VHOST_BACKEND_F_IOTLB_BATCH;
	int r;

	if (ioctl(fd, VHOST_SET_OWNER) < 0 ||
	    ioctl(fd, VHOST_SET_BACKEND_FEATURES, &features) < 0)
		return -errno;
	r = send_iotlb(fd, VHOST_IOTLB_BATCH_BEGIN);
	return r < 0 ? r : send_iotlb(fd, VHOST_IOTLB_BATCH_END);
}

static int flush_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = open(data, O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	(void)ctx;
	if (r == -EBUSY)
		return vdu__fail(err, VDU_STAGE_HOLDER, r,
				 "a VM has %s open", (const char *)data);
	if (r == 0)
		r = empty_map(fd);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_UNBIND, r,
				 "cannot clear the memory map of %s: %s",
				 (const char *)data, strerror(-r));
	return 0;
}

int vdu__vhost_flush(struct vdu_ctx *ctx, const char *node,
		     struct vdu_error *err)
{
	char path[PATH_MAX];
	int r = vdu__path(ctx, path, sizeof(path), "%s", node);

	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "the root is too long");
	vdu__debug(ctx, "vhost: empty map for %s", node);
	return vdu__in_child(ctx, "clearing the memory map", flush_child, path,
			     sizeof(path), err);
}
