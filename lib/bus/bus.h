// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The vDPA bus for the rest of the library: modules, netlink, sysfs, holders.
 * Nothing outside lib/bus includes a netlink library.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vduse/inspect.h>
#include <vduse/manage.h>
#include <vduse/spec.h>

#include "lib/util/ctx.h"

/*
 * Load a kernel module if it is not there (sysfs tells), by modprobe(8).
 * -ENODEV with VDU_STAGE_MODULE: not available here.
 */
int vdu__module_load(struct vdu_ctx *ctx, const char *module,
		     struct vdu_error *err);

/* Is there a VDUSE device of that name (sysfs class)? */
bool vdu__device_exists(const struct vdu_ctx *ctx, const char *name);
/* Is it on the vDPA bus? */
bool vdu__device_attached(const struct vdu_ctx *ctx, const char *name);
/* Made by this library: it has a spec in the run directory. */
bool vdu__device_ours(const struct vdu_ctx *ctx, const char *name);

/* What sysfs says of an attached device's binding; never blocks. */
struct vdu__binding {
	enum vdu_driver driver;
	char driver_name[32];		/* "virtio_vdpa" */
	char virtio[32];		/* "virtio3" or "" */
	int64_t virtio_status;		/* -1: no virtio child */
	bool virtio_driver;		/* virtio child has a driver */
	char node[VDU_NODE_MAX];	/* "/dev/vda", "/dev/vhost-vdpa-0", "" */
	char block[32];			/* "vda" or "" */
	char netif[32];			/* "eth1" or "" */
};
void vdu__binding_read(const struct vdu_ctx *ctx, const char *name,
		       struct vdu__binding *ret);

/*
 * Pid and command of a process that has /dev/vduse/NAME open; 0 if none. A
 * walk over /proc: for foreign devices only.
 */
pid_t vdu__opener_pid(const struct vdu_ctx *ctx, const char *name,
		      char *comm, size_t comm_size);

/* DEV_NEW and DEV_DEL in a watched child; the kernel's own words on failure. */
int vdu__attach(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);
int vdu__detach(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * 1: somebody serves it, and if it is ours answers; 0: nobody, or it is stuck;
 * -EINTR, -ETIMEDOUT: the context's end came before that was known.
 */
int vdu__device_served(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err);

/* vdu_holders(): 0, or -EBUSY with who they are, or what it fails with. */
int vdu__require_free(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err);

/*
 * vdu_unbind() for a caller that holds the device lock. for_good: the device
 * is destroyed next, so a VM's map needs no server to clear it.
 */
int vdu__unbind_locked(struct vdu_ctx *ctx, const char *name, bool for_good,
		       struct vdu_error *err);

/*
 * The same whatever its server does: that is ended, and a rescue server answers
 * with errors until the device is off the bus. Who uses the disk is told in a
 * warning; a VM is not: -EBUSY. With for_good it is nobody's afterwards, even
 * if it was on no bus.
 */
int vdu__unbind_forced(struct vdu_ctx *ctx, const char *name, bool for_good,
		       struct vdu_error *err);

/*
 * The device's lock (vdu__lock_device()), also from a command that holds it
 * because it waits for the server.
 */
int vdu__lock_forced(struct vdu_ctx *ctx, const char *name, int *ret_lock,
		     struct vdu_error *err);
