// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What sysfs says of a device: is it there, who has it, what node came of it.
 * Reads only attributes that the kernel serves from memory.
 */
#include <stdio.h>
#include <string.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

/* "control" is the control node, no device. */
static bool is_device_name(const char *name)
{
	return vdu__is_component(name) && strcmp(name, "control") != 0;
}

bool vdu__device_exists(const struct vdu_ctx *ctx, const char *name)
{
	return is_device_name(name) &&
	       vdu__exists(ctx, VDU__SYS_DEVICE "/dev", name);
}

/*
 * Looked up below the class device, not on the bus: a vDPA device of that
 * name could belong to another management device.
 */
bool vdu__device_attached(const struct vdu_ctx *ctx, const char *name)
{
	return is_device_name(name) &&
	       vdu__exists(ctx, VDU__SYS_VDPA "/driver_override", name, name);
}

bool vdu__device_ours(const struct vdu_ctx *ctx, const char *name)
{
	return vdu__exists(ctx, VDU_RUN_DIR "/%s/spec.json", name);
}

static enum vdu_driver driver_by_name(const char *name)
{
	if (!name[0])
		return VDU_DRIVER_NONE;
	if (!strcmp(name, "virtio_vdpa"))
		return VDU_DRIVER_VIRTIO;
	if (!strcmp(name, "vhost_vdpa"))
		return VDU_DRIVER_VHOST;
	return VDU_DRIVER_OTHER;
}

static void read_status(const struct vdu_ctx *ctx, const char *name,
			struct vdu__binding *ret)
{
	char text[32];
	unsigned int status;

	if (vdu__read_at(ctx, text, sizeof(text), VDU__SYS_VDPA "/%s/status",
			 name, name, ret->virtio) > 0 &&
	    sscanf(text, "0x%x", &status) == 1)
		ret->virtio_status = status;
	ret->virtio_driver = vdu__exists(ctx, VDU__SYS_VDPA "/%s/driver",
					 name, name, ret->virtio);
}

static void read_virtio(const struct vdu_ctx *ctx, const char *name,
			struct vdu__binding *ret)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, VDU__SYS_VDPA, name, name);
	CLEANUP_DIR DIR *block = NULL;
	CLEANUP_DIR DIR *net = NULL;

	if (!dir || vdu__find_entry(dir, "virtio", ret->virtio,
				    sizeof(ret->virtio)) < 0)
		return;
	read_status(ctx, name, ret);
	if (!ret->virtio_driver)
		return;
	block = vdu__opendir_at(ctx, VDU__SYS_VDPA "/%s/block", name, name,
				ret->virtio);
	if (block) {
		if (vdu__find_entry(block, "", ret->block,
				    sizeof(ret->block)) == 0)
			(void)snprintf(ret->node, sizeof(ret->node), "/dev/%s",
				       ret->block);
		return;
	}
	net = vdu__opendir_at(ctx, VDU__SYS_VDPA "/%s/net", name, name,
			      ret->virtio);
	if (net && vdu__find_entry(net, "", ret->netif,
				   sizeof(ret->netif)) == 0)
		(void)snprintf(ret->node, sizeof(ret->node), "%s", ret->netif);
}

static void read_vhost(const struct vdu_ctx *ctx, const char *name,
		       struct vdu__binding *ret)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, VDU__SYS_VDPA, name, name);
	char child[32];

	if (dir && vdu__find_entry(dir, "vhost-vdpa-", child,
				   sizeof(child)) == 0)
		(void)snprintf(ret->node, sizeof(ret->node), "/dev/%s", child);
}

void vdu__binding_read(const struct vdu_ctx *ctx, const char *name,
		       struct vdu__binding *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->virtio_status = -1;
	if (!is_device_name(name) ||
	    vdu__link_name_at(ctx, ret->driver_name, sizeof(ret->driver_name),
			      VDU__SYS_VDPA "/driver", name, name) < 0)
		return;
	ret->driver = driver_by_name(ret->driver_name);
	if (ret->driver == VDU_DRIVER_VIRTIO)
		read_virtio(ctx, name, ret);
	else if (ret->driver == VDU_DRIVER_VHOST)
		read_vhost(ctx, name, ret);
}
