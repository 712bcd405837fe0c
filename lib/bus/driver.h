// SPDX-License-Identifier: LGPL-2.1-or-later
/* Giving an attached device to a driver and taking it away, by sysfs. */
#pragma once

#include "lib/bus/bus.h"

/* "virtio_vdpa", "vhost_vdpa"; NULL for the others. */
const char *vdu__driver_name(enum vdu_driver driver);

/* driver_override; "" clears it. ret_old may be NULL. 0 or -errno. */
int vdu__driver_override(const struct vdu_ctx *ctx, const char *name,
			 const char *driver, char *ret_old, size_t size);

/*
 * Bind in a watched child: the driver's probe sends messages to the server
 * and reads the partition table. 0 says only that the driver took it.
 */
int vdu__driver_bind(struct vdu_ctx *ctx, const char *name, const char *driver,
		     struct vdu_error *err);

/*
 * Unbind in a watched child. A disk is held exclusively from before until
 * after, so that nobody can mount it in between: -EBUSY with
 * VDU_STAGE_HOLDER if somebody has it.
 */
int vdu__driver_unbind(struct vdu_ctx *ctx, const char *name,
		       const struct vdu__binding *binding,
		       struct vdu_error *err);

/*
 * Make the device forget the memory of the VM that had it: the kernel keeps
 * the map after the last close, and its addresses would shadow those of the
 * next driver. In a watched child; needs a living server.
 */
int vdu__vhost_flush(struct vdu_ctx *ctx, const char *node,
		     struct vdu_error *err);

/*
 * vdu_unbind() without the bus part: is it in use, is it safe, then take it
 * from its driver.
 */
int vdu__driver_release(struct vdu_ctx *ctx, const char *name,
			const struct vdu__binding *binding, bool for_good,
			struct vdu_error *err);

/*
 * Wait until the node of a freshly bound device is there and is the right
 * one: alive, of the right size and serial if the device is ours.
 */
struct mnl_socket;
int vdu__node_wait(struct vdu_ctx *ctx, const char *name,
		   enum vdu_driver driver, struct mnl_socket *uevents,
		   char ret_node[VDU_NODE_MAX], struct vdu_error *err);
