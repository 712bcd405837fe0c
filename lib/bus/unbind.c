// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Taking a device from its driver and off the bus. The driver goes first and
 * by sysfs: DEV_DEL of a bound device would wait with the host's generic
 * netlink locked.
 */
#include <stdio.h>
#include <string.h>

#include "lib/bus/driver.h"
#include "lib/kernel/persist.h"
#include "lib/server/client.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

/* A server that is busy answers in far less. */
#define ANSWER_MS 2000

static pid_t server_pid(const struct vdu_ctx *ctx, const char *name)
{
	return vdu__device_ours(ctx, name) ? vdu__server_pid(ctx, name) :
		vdu__opener_pid(ctx, name, NULL, 0);
}

/* A server that is there but stuck would leave the unbind half done. */
static int require_server(struct vdu_ctx *ctx, const char *name,
			  struct vdu_error *err)
{
	if (!server_pid(ctx, name))
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "the server of '%s' is gone: start it again first",
				 name);
	return vdu__device_ours(ctx, name) ?
		vdu__server_ping(ctx, name, err) : 0;
}

int vdu__device_served(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err)
{
	uint64_t deadline = vdu__limit(ctx, ANSWER_MS);
	int r = require_server(ctx, name, NULL);

	ctx->deadline_ns = deadline;
	return r == 0 ? 1 : vdu__check_cancel(ctx, "its server answered", err);
}

int vdu__require_free(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	char who[300];
	int n = vdu_holders(ctx, name, who, sizeof(who), err);

	if (n <= 0)
		return n;
	return vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY, "'%s' is in use: %s",
			 name, who);
}

/*
 * A vhost node has one owner: opening it tells whether it is free, and only if
 * not, all processes are looked at for whose it is.
 */
static int flush_free(struct vdu_ctx *ctx, const char *name, const char *node,
		      struct vdu_error *err)
{
	int busy, r = vdu__vhost_flush(ctx, node, err);

	if (r != -EBUSY)
		return r;
	busy = vdu__require_free(ctx, name, err);
	return busy < 0 ? busy : r;
}

int vdu__driver_release(struct vdu_ctx *ctx, const char *name,
			const struct vdu__binding *binding, bool for_good,
			struct vdu_error *err)
{
	bool vhost = binding->driver == VDU_DRIVER_VHOST;
	bool maps_end = vdu__exists(ctx, VDU_RUN_DIR "/%s/broken", name) ||
			(for_good && !server_pid(ctx, name));
	int r = 0;

	/*
	 * A disk is removed only after its last request, a VM's map is cleared
	 * only by a message: both need the server. Without a virtio driver
	 * there are no requests; a broken device gets no messages, and its
	 * maps end with it, as do those of one that goes for good.
	 */
	if (binding->driver == VDU_DRIVER_VIRTIO ? binding->virtio_driver :
						   !(vhost && maps_end))
		r = require_server(ctx, name, err);
	if (r == 0 && vhost && !maps_end && binding->node[0])
		r = flush_free(ctx, name, binding->node, err);
	else if (r == 0)
		r = vdu__require_free(ctx, name, err);
	if (r == 0)
		r = vdu__driver_unbind(ctx, name, binding, err);
	return r;
}

int vdu__unbind_locked(struct vdu_ctx *ctx, const char *name, bool for_good,
		       struct vdu_error *err)
{
	struct vdu__binding binding;
	int r = 0;

	if (!vdu__device_attached(ctx, name))
		return 0;
	vdu__binding_read(ctx, name, &binding);
	if (binding.driver != VDU_DRIVER_NONE)
		r = vdu__driver_release(ctx, name, &binding, for_good, err);
	if (r == 0)
		r = vdu__check_cancel(ctx, "taking it off the vDPA bus", err);
	if (r == 0)
		r = vdu__detach(ctx, name, err);
	if (r < 0)
		return r;
	if (vdu__device_attached(ctx, name))
		return vdu__fail(err, VDU_STAGE_UNBIND, -EIO,
				 "'%s' is still on the vDPA bus", name);
	return 0;
}

PUBLIC int vdu_unbind(struct vdu_ctx *ctx, const char *name,
		      unsigned int flags, struct vdu_error *err)
{
	bool force = flags & VDU_UNBIND_FORCE;
	CLEANUP_CLOSE int lock = -EBADF;
	int r;

	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	/* A foreign device has no lock: its owner knows nothing of ours. */
	r = force ? vdu__lock_forced(ctx, name, &lock, err) :
		    vdu__lock_device(ctx, name, &lock, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = force ? vdu__unbind_forced(ctx, name, false, err) :
		    vdu__unbind_locked(ctx, name, false, err);
	if (r == 0)
		vdu__persist_note_driver(ctx, name);
	return r;
}
