// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Taking a device away whatever its server does: end it, let a rescue server
 * answer in its place, unbind, detach. Each step is bounded by the context; one
 * that was interrupted is taken again by the next call.
 */
#include <stdio.h>
#include <string.h>

#include "lib/bus/driver.h"
#include "lib/kernel/info.h"
#include "lib/server/client.h"
#include "lib/server/rescue.h"
#include "lib/util/lock.h"
#include "lib/util/undo.h"

/* For another command to end, before we think that it waits for the server. */
#define LOCK_MS 1000
/* For a server of others to end, before it is cut off. */
#define END_MS 6000
/* One that has just died may be about to let go. */
#define CLOSE_MS 2000
/* To find out who uses the disk, which is only for the warning. */
#define HOLDERS_MS 3000

static bool is_connected(struct vdu_ctx *ctx, const char *name)
{
	struct vduse_ext_info info;

	return vdu__info_of(ctx, name, &info) == 0 &&
	       info.flags & VDUSE_EXT_I_CONNECTED;
}

static bool stays_connected(struct vdu_ctx *ctx, const char *name)
{
	uint64_t end = vdu__now_ns() + UINT64_C(1000000) * CLOSE_MS;
	unsigned int try = 0;

	while (is_connected(ctx, name)) {
		if (vdu__now_ns() >= end)
			return true;
		if (vdu__pause(ctx, &try) < 0)
			return false;
	}
	return false;
}

/*
 * End the server. With our module one of others that the kernel holds, or whose
 * device somebody has that is not to be seen, is cut off. One of ours is not
 * given up before it has let go of its backend.
 */
static int end_server(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	bool may_cut = is_connected(ctx, name) && !vdu__device_ours(ctx, name);
	uint64_t deadline = ctx->deadline_ns;
	struct vdu_error own = { 0 };
	int r;

	if (may_cut)
		deadline = vdu__limit(ctx, END_MS);
	r = vdu__server_end(ctx, name, &own);
	ctx->deadline_ns = deadline;
	if (r == 0 ? stays_connected(ctx, name) : may_cut && r == -ETIMEDOUT) {
		vdu__log(ctx, 4, "%s: cutting it off",
			 r < 0 ? own.text : "somebody else has it open");
		return vdu__abort(ctx, name, err);
	}
	if (r < 0 && err)
		*err = own;
	return r;
}

static void end_rescue(struct vdu_ctx *ctx, void *arg)
{
	(void)vdu__server_end(ctx, arg, NULL);
	vdu__rescue_clear(ctx, arg);
}

int vdu__lock_forced(struct vdu_ctx *ctx, const char *name, int *ret_lock,
		     struct vdu_error *err)
{
	CLEANUP(vdu__undo_run) struct vdu__undo undo = { .ctx = ctx };
	uint64_t deadline = vdu__limit(ctx, LOCK_MS);
	int r = vdu__lock_device(ctx, name, ret_lock, err);

	ctx->deadline_ns = deadline;
	if (r != -ETIMEDOUT || vdu__check_cancel(ctx, "locking it", err) < 0)
		return r;
	/* The other command may be at just this, and then it ends. */
	if (!vdu__rescue_pid(ctx, name)) {
		vdu__undo_push(&undo, end_rescue, (void *)(uintptr_t)name);
		r = vdu__server_end(ctx, name, err);
		if (r < 0)
			return r;
		/* If it cannot serve, the lock tells how that ends. */
		(void)vdu__rescue_start(ctx, name, NULL);
	}
	return vdu__lock_device(ctx, name, ret_lock, err);
}

/* A VM's end of a device is closed by the VM alone: unbinding would wait. */
static int refuse_vm(struct vdu_ctx *ctx, const char *name,
		     const struct vdu__binding *binding, struct vdu_error *err)
{
	char who[300];
	int n;

	if (binding->driver != VDU_DRIVER_VHOST)
		return 0;
	n = vdu_holders(ctx, name, who, sizeof(who), err);
	if (n <= 0)
		return n;
	return vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY,
			 "'%s' is in use: %s; nothing but its end lets go of it",
			 name, who);
}

static void warn_users(struct vdu_ctx *ctx, const char *name)
{
	uint64_t deadline = vdu__limit(ctx, HOLDERS_MS);
	char who[300];

	if (vdu_holders(ctx, name, who, sizeof(who), NULL) > 0)
		vdu__log(ctx, 4, "'%s' is in use: %s; I/O to it fails from now on",
			 name, who);
	ctx->deadline_ns = deadline;
}

/* rescued: somebody answers messages; without, they fail by themselves. */
static int release(struct vdu_ctx *ctx, const char *name, bool rescued,
		   bool for_good, struct vdu_error *err)
{
	struct vdu__binding binding, now;
	int r;

	vdu__binding_read(ctx, name, &binding);
	if (binding.driver == VDU_DRIVER_NONE)
		return 0;
	r = refuse_vm(ctx, name, &binding, err);
	if (r < 0)
		return r;
	if (binding.block[0])
		warn_users(ctx, name);
	if (binding.driver == VDU_DRIVER_VHOST && binding.node[0] && rescued &&
	    !for_good)
		r = vdu__vhost_flush(ctx, binding.node, err);
	/* Not held exclusively meanwhile: others may have it. */
	binding.block[0] = '\0';
	if (r == 0)
		r = vdu__driver_unbind(ctx, name, &binding, err);
	/* An earlier unbind that was stuck may have been faster. */
	vdu__binding_read(ctx, name, &now);
	return now.driver == VDU_DRIVER_NONE ? 0 : r;
}

static int detach(struct vdu_ctx *ctx, const char *name, struct vdu_error *err)
{
	int r = vdu__check_cancel(ctx, "taking it off the vDPA bus", err);

	if (r == 0)
		r = vdu__detach(ctx, name, err);
	if (!vdu__device_attached(ctx, name))
		return 0;
	return r < 0 ? r : vdu__fail(err, VDU_STAGE_UNBIND, -EIO,
				     "'%s' is still on the vDPA bus", name);
}

int vdu__unbind_forced(struct vdu_ctx *ctx, const char *name, bool for_good,
		       struct vdu_error *err)
{
	CLEANUP(vdu__undo_run) struct vdu__undo undo = { .ctx = ctx };
	struct vdu_error own = { 0 };
	struct vdu__binding binding;
	bool rescued;
	int r;

	if (!vdu__device_attached(ctx, name))
		return for_good ? end_server(ctx, name, err) : 0;
	vdu__binding_read(ctx, name, &binding);
	r = refuse_vm(ctx, name, &binding, err);
	if (r == 0)
		r = end_server(ctx, name, err);
	/* A server of others may take its device along. */
	if (r < 0 || !vdu__device_exists(ctx, name))
		return r;
	/* In each case at the end, with time of its own. */
	vdu__undo_push(&undo, end_rescue, (void *)(uintptr_t)name);
	r = vdu__rescue_start(ctx, name, &own);
	rescued = r == 0;
	/* Given up by the kernel: messages fail at once, which is as good. */
	if (r < 0 && !(r == -EPERM && own.stage == VDU_STAGE_DEVICE)) {
		if (err)
			*err = own;
		return r;
	}
	r = release(ctx, name, rescued, for_good, err);
	return r < 0 ? r : detach(ctx, name, err);
}
