// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Binding: the server is alive, the device is on the bus, the wanted driver
 * has it, the node is usable. One step each, each with its reverse.
 */
#include <stdio.h>
#include <string.h>

#include "lib/bus/autoprobe.h"
#include "lib/bus/driver.h"
#include "lib/bus/uevent.h"
#include "lib/kernel/persist.h"
#include "lib/server/client.h"
#include "lib/util/lock.h"
#include "lib/util/undo.h"

struct bind {
	const char *name;
	enum vdu_driver driver;
	const char *driver_name;	/* "virtio_vdpa" */
	struct vdu__binding before;
	char old_override[32];
};

static bool has_driver(const struct vdu_ctx *ctx, const char *name)
{
	struct vdu__binding binding;

	vdu__binding_read(ctx, name, &binding);
	return binding.driver != VDU_DRIVER_NONE;
}

/* Never DEV_DEL a bound device: it would wait with genl_mutex held. */
static void undo_attach(struct vdu_ctx *ctx, void *arg)
{
	const struct bind *bind = arg;

	if (!has_driver(ctx, bind->name))
		(void)vdu__detach(ctx, bind->name, NULL);
}

static void undo_override(struct vdu_ctx *ctx, void *arg)
{
	const struct bind *bind = arg;

	(void)vdu__driver_override(ctx, bind->name, bind->old_override, NULL, 0);
}

static void undo_bind(struct vdu_ctx *ctx, void *arg)
{
	const struct bind *bind = arg;
	struct vdu__binding now;

	vdu__binding_read(ctx, bind->name, &now);
	if (now.driver == bind->driver)
		(void)vdu__driver_unbind(ctx, bind->name, &now, NULL);
}

static void undo_release(struct vdu_ctx *ctx, void *arg)
{
	const struct bind *bind = arg;

	if (!has_driver(ctx, bind->name))
		(void)vdu__driver_bind(ctx, bind->name,
				       bind->before.driver_name, NULL);
}

/* DEV_NEW and the probe behind it wait for the server: is there one? */
static int require_server(struct vdu_ctx *ctx, const char *name,
			  struct vdu_error *err)
{
	if (vdu__device_ours(ctx, name))
		return vdu__server_ping(ctx, name, err);
	if (vdu__opener_pid(ctx, name, NULL, 0))
		return 0;
	return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY, "nobody serves '%s'",
			 name);
}

/* With autoprobe off: the device stays free, and so do all the others. */
static int attach(struct vdu_ctx *ctx, struct bind *bind,
		  struct vdu__undo *undo, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	CLEANUP(vdu__autoprobe_restore) struct vdu__autoprobe guard = { 0 };
	int r;

	r = vdu__lock_host(ctx, &lock, err);
	if (r == 0)
		r = vdu__autoprobe_off(ctx, &guard, err);
	if (r == 0)
		r = vdu__module_load(ctx, bind->driver_name, err);
	if (r == 0 && !vdu__device_attached(ctx, bind->name)) {
		r = vdu__attach(ctx, bind->name, err);
		if (r == 0)
			vdu__undo_push(undo, undo_attach, bind);
	}
	return r;
}

static int override(struct vdu_ctx *ctx, struct bind *bind,
		    struct vdu__undo *undo, struct vdu_error *err)
{
	int r = vdu__driver_override(ctx, bind->name, bind->driver_name,
				     bind->old_override,
				     sizeof(bind->old_override));

	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BIND, r,
				 "cannot set driver_override of '%s': %s",
				 bind->name, strerror(-r));
	vdu__undo_push(undo, undo_override, bind);
	return 0;
}

static void close_uevents(struct mnl_socket **nl)
{
	vdu__uevent_close(*nl);
}

static int bind_and_wait(struct vdu_ctx *ctx, struct bind *bind,
			 unsigned int flags, struct vdu__undo *undo,
			 char ret_node[VDU_NODE_MAX], struct vdu_error *err)
{
	CLEANUP(close_uevents) struct mnl_socket *uevents = NULL;
	struct vdu__binding now;
	int r;

	/* Before the driver acts, so that nothing it says is missed. */
	r = vdu__uevent_open(&uevents);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BIND, r,
				 "cannot listen to kernel uevents: %s",
				 strerror(-r));
	/* Even a bind that timed out may have come far enough to undo. */
	vdu__undo_push(undo, undo_bind, bind);
	r = vdu__driver_bind(ctx, bind->name, bind->driver_name, err);
	if (r < 0)
		return r;
	if (!(flags & VDU_BIND_NO_WAIT))
		return vdu__node_wait(ctx, bind->name, bind->driver, uevents,
				      ret_node, err);
	vdu__binding_read(ctx, bind->name, &now);
	memcpy(ret_node, now.node, sizeof(now.node));
	return 0;
}

static int already_bound(const struct bind *bind, unsigned int flags,
			 char ret_node[VDU_NODE_MAX], struct vdu_error *err)
{
	if (!bind->before.node[0] && !(flags & VDU_BIND_NO_WAIT))
		return vdu__fail(err, VDU_STAGE_NODE, -EIO,
				 "'%s' is bound to %s, but has no node (virtio status 0x%02llx)",
				 bind->name, bind->driver_name,
				 (long long)bind->before.virtio_status);
	memcpy(ret_node, bind->before.node, sizeof(bind->before.node));
	return 0;
}

static int bind_locked(struct vdu_ctx *ctx, struct bind *bind,
		       unsigned int flags, char ret_node[VDU_NODE_MAX],
		       struct vdu_error *err)
{
	CLEANUP(vdu__undo_run) struct vdu__undo undo = { .ctx = ctx };
	const struct vdu__binding *before = &bind->before;
	int r;

	if (before->driver == bind->driver)
		return already_bound(bind, flags, ret_node, err);
	if (before->driver != VDU_DRIVER_NONE && !(flags & VDU_BIND_REBIND))
		return vdu__fail(err, VDU_STAGE_BIND, -EBUSY,
				 "'%s' is bound to %s already%s%s", bind->name,
				 before->driver_name,
				 before->node[0] ? " as " : "", before->node);
	r = require_server(ctx, bind->name, err);
	if (r == 0 && before->driver != VDU_DRIVER_NONE) {
		r = vdu__driver_release(ctx, bind->name, before, false, err);
		if (r == 0)
			vdu__undo_push(&undo, undo_release, bind);
	}
	if (r == 0)
		r = attach(ctx, bind, &undo, err);
	if (r == 0)
		r = override(ctx, bind, &undo, err);
	if (r == 0)
		r = vdu__check_cancel(ctx, "binding", err);
	if (r == 0)
		r = bind_and_wait(ctx, bind, flags, &undo, ret_node, err);
	if (r == 0)
		vdu__undo_disarm(&undo);
	return r;
}

PUBLIC int vdu_bind(struct vdu_ctx *ctx, const char *name,
		    enum vdu_driver driver, unsigned int flags,
		    char ret_node[VDU_NODE_MAX], struct vdu_error *err)
{
	struct bind bind = {
		.name = name,
		.driver = driver,
		.driver_name = vdu__driver_name(driver),
	};
	CLEANUP_CLOSE int lock = -EBADF;
	int r;

	if (!bind.driver_name)
		return vdu__fail(err, VDU_STAGE_USAGE, -ENODEV,
				 "no such driver");
	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	/* A foreign device has no lock: its owner knows nothing of ours. */
	r = vdu__lock_device(ctx, name, &lock, err);
	if (r < 0 && r != -ENOENT)
		return r;
	/* Not everywhere does udev load it when its device appears. */
	if (driver == VDU_DRIVER_VIRTIO && vdu__device_ours(ctx, name)) {
		r = vdu__module_load(ctx, "virtio_blk", err);
		if (r < 0)
			return r;
	}
	vdu__binding_read(ctx, name, &bind.before);
	r = bind_locked(ctx, &bind, flags, ret_node, err);
	if (r == 0)
		vdu__persist_note_driver(ctx, name);
	return r;
}
