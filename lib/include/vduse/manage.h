// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The management side: create, attach and bind, take away, destroy.
 *
 *   create:  none -> created -> serving      (vdu_create_blk)
 *   bind:    serving -> bound                (vdu_bind)
 *   unbind:  bound -> serving                (vdu_unbind)
 *   destroy: any -> none                     (vdu_destroy)
 *
 * Every function is a transaction: it ends in its goal or where it began.
 * Each waits at most as long as the context allows (-ETIMEDOUT) and can be
 * cancelled (-EINTR).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <vduse/error.h>
#include <vduse/spec.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vdu_driver {
	VDU_DRIVER_NONE,
	VDU_DRIVER_VIRTIO,	/* virtio_vdpa: a node on this host */
	VDU_DRIVER_VHOST,	/* vhost_vdpa: a node for a VM */
	VDU_DRIVER_OTHER,
};

#define VDU_CREATE_DRY_RUN	(1u << 0)	/* check everything, change nothing */

/*
 * Create a block device and start its server; returns when it serves.
 * spec gets the defaults that were chosen (name, size, serial, ...).
 * -EEXIST: the name is taken; -EBUSY: the backend is in use; -ENOSPC;
 * -ENOENT: no such file; -ENODEV with VDU_STAGE_MODULE: no VDUSE here.
 */
int vdu_create_blk(struct vdu_ctx *ctx, struct vdu_blk_spec *spec,
		   unsigned int flags, struct vdu_error *err);

#define VDU_BIND_REBIND		(1u << 0)	/* take it from another driver first */
#define VDU_BIND_NO_WAIT	(1u << 1)	/* do not wait for the node */

/*
 * Attach the device to the vDPA bus if need be and give it to a driver.
 * ret_node (VDU_NODE_MAX bytes) gets the node, "/dev/vda" or
 * "/dev/vhost-vdpa-0", once it is usable: for a block device on
 * VDU_DRIVER_VIRTIO that means a live node of the right size and serial.
 * Already bound so: 0. -EBUSY: bound to the other driver, or nobody serves
 * the device; -ENOENT: no such device; -ENODEV: no such driver.
 */
#define VDU_NODE_MAX 64
int vdu_bind(struct vdu_ctx *ctx, const char *name, enum vdu_driver driver,
	     unsigned int flags, char ret_node[VDU_NODE_MAX],
	     struct vdu_error *err);

#define VDU_UNBIND_FORCE	(1u << 0)	/* whatever its server does */

/*
 * Take the device from its driver and off the bus. Not attached: 0.
 * -EBUSY with VDU_STAGE_HOLDER: somebody uses it, and the text says who.
 * VDU_UNBIND_FORCE ends its server, stuck or not, foreign or not, and answers
 * what is in flight or still comes with errors; who uses the disk is told in
 * the log (level 4). Only a VM is not robbed: -EBUSY. -ETIMEDOUT: the text
 * names the step; a second call goes on from there.
 */
int vdu_unbind(struct vdu_ctx *ctx, const char *name, unsigned int flags,
	       struct vdu_error *err);

#define VDU_DESTROY_KEEP_IMAGE	(1u << 0)	/* leave the default image */
#define VDU_DESTROY_FORCE	(1u << 1)	/* as VDU_UNBIND_FORCE */
#define VDU_DESTROY_KEEP_RECORD	(1u << 2)	/* vdu_restore() brings it back */
#define VDU_DESTROY_FORCE_DEAD	(1u << 3)	/* FORCE, if its server is dead */

/*
 * Unbind, stop the server, destroy the device, remove its files: also the
 * image, if create made it by default, and the record of a persistent device,
 * which need not be there otherwise. -EBUSY: as vdu_unbind(), or the server
 * is not ours; -ENOENT: no such device. VDU_DESTROY_FORCE_DEAD: with force if
 * nobody serves the device, or a server of ours gives no answer for 2 seconds;
 * else without.
 */
int vdu_destroy(struct vdu_ctx *ctx, const char *name, unsigned int flags,
		struct vdu_error *err);

/*
 * Be the server of a device of ours, in this process, until SIGTERM, SIGINT
 * or a Stop call; then drain, flush and return 0. Readiness is told by the
 * sd_notify(3) protocol.
 */
int vdu_serve(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * The same for a device that is served: take it over from its server, which
 * drains its requests, hands over and ends. If this fails before, that one goes
 * on. -EOPNOTSUPP: it cannot hand over.
 */
int vdu_take_over(struct vdu_ctx *ctx, const char *name,
		  struct vdu_error *err);

/*
 * Be the server of last resort of a device, ours or not, whose server is gone:
 * answer the kernel's messages, and every request with an error, until SIGTERM
 * or SIGINT. -EBUSY: somebody serves it; -EPERM with VDU_STAGE_DEVICE: the
 * kernel has given it up, so that there is nothing to answer.
 */
int vdu_rescue(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * Keep a server of a device of ours running, in a child process, until SIGTERM
 * or SIGINT, or until the server ends as it was asked to (vdu_serve()); then
 * return 0. One that dies, or shows no life for 10 seconds or a third of the
 * device's msg_timeout, is replaced: at once, then with growing pauses.
 * While that does not work, I/O gets what spec.on_death says. The server must
 * come up once: if it does not, its failure is that of this function. -EBUSY:
 * supervised already, or served by a process that no supervisor started.
 * Speaks sd_notify(3) to who started it, WATCHDOG=1 included.
 */
int vdu_supervise(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * Start a supervisor (vdu_supervise()) and thereby the server of a device of
 * ours whose server is gone; returns when it serves. Served already: 0; if its
 * supervisor is gone, it gets a new one. -ENOENT: no such device; -EBUSY: its
 * server is not ours.
 */
int vdu_start(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * Replace the server of a device of ours, and its supervisor, by new processes
 * of the program that is now installed: the new server takes over from the
 * running one, requests wait meanwhile, and if it cannot the running one goes
 * on. *ret_pause_us: how long nobody served, in microseconds; 0 if nobody had
 * served before, so that one was just started. -EBUSY: its server has no
 * supervisor that could do it. Else as vdu_start().
 */
int vdu_restart(struct vdu_ctx *ctx, const char *name, uint64_t *ret_pause_us,
		struct vdu_error *err);

/*
 * Ask the server of a device of ours to drain, flush and exit, and wait until
 * it and its supervisor are gone; the device stays. No server: 0. -ENOENT: no
 * such device; -EBUSY: its server is not ours.
 */
int vdu_stop(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/*
 * Change a live device of ours: n texts KEY=VALUE, all of them or none.
 * "on-death=queue", "on-death=fail=SECONDS": spec.on_death; "persist=yes",
 * "persist=no": vdu_persist(). "virtio-timeout=SECONDS", "vhost-timeout=SECONDS":
 * how long a driver waits for the server, in our kernel module, of foreign
 * devices too, until the device is destroyed; -EOPNOTSUPP with VDU_STAGE_MODULE:
 * the stock one. "cache=writeback", "cache=writethrough": spec.cache. A server
 * that runs is in the new cache mode when this returns, with what it has
 * acknowledged on the medium; write-back under a driver that need not flush
 * begins with its next reset, which the log tells (level 4). -EINVAL with
 * VDU_STAGE_USAGE: no such key or value; -ENOENT: no such device.
 */
int vdu_set(struct vdu_ctx *ctx, const char *name, const char *const *texts,
	    size_t n, struct vdu_error *err);
/* Key number index of those that vdu_set() knows, from 0; NULL: no more. */
const char *vdu_set_key(unsigned int index);

/*
 * One call to the control socket of a device's server (Varlink). params is a
 * JSON object or NULL; *ret_reply gets the reply's parameters as JSON text,
 * to be freed by the caller. -ENOENT: no server; -ETIMEDOUT; -EPROTO.
 */
int vdu_call(struct vdu_ctx *ctx, const char *name, const char *method,
	     const char *params, char **ret_reply, struct vdu_error *err);

#ifdef __cplusplus
}
#endif
