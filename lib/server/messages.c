// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's messages (struct vduse_dev_request) and the state of the device
 * that follows from them. A message that needs the queues idle is answered
 * later, from vdu__server_news; no other is taken before.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/kernel/device.h"
#include "lib/server/server.h"
#include "lib/util/fs.h"

void vdu__server_cut_off(struct vdu__server *server)
{
	if (server->cut_off)
		return;
	server->cut_off = server->leave = true;
	vdu__log(server->ctx, 3,
		 "cut off from the device, most likely by an abort: ending, so that another server can serve it");
}

void vdu__server_broken(struct vdu__server *server, const char *what)
{
	char path[PATH_MAX];

	if (server->broken)
		return;
	/* One that the kernel does not give up has only lost this server. */
	if (server->recovers) {
		vdu__server_cut_off(server);
		return;
	}
	server->broken = true;
	vdu__queues_do_not_look(server);
	vdu__log(server->ctx, 3,
		 "the kernel has given the device up (%s): only destroying it helps",
		 what);
	/* So that list can tell without asking. */
	if (vdu__path(server->ctx, path, sizeof(path), VDU_RUN_DIR "/%s/broken",
		      server->file.spec.name) == 0)
		(void)vdu__replace_file(path, "", 0);
	for (unsigned int i = 0; i < server->n_queues; i++) {
		server->started[i].live = false;
		vdu__queue_stop(&server->queues[i]);
	}
}

void vdu__server_failed(struct vdu__server *server, int r, const char *what)
{
	if (r == -EPERM)
		vdu__server_broken(server, what);
	else if (r == -ENOTCONN)
		vdu__server_cut_off(server);
}

/* What has not run since the reset is where its driver, or the log, says. */
static uint16_t next_avail(const struct vdu__server *server, uint32_t index)
{
	const struct vdu__inflight_queue *log =
		vdu__inflight_queue(server->inflight, index);
	const struct vdu__packed_keep *keep =
		vdu__inflight_keep(server->inflight, index);
	bool packed = vdu__server_packed(server);
	struct vdu__vq_info info;

	if (server->started[index].num)
		return atomic_load(&server->queues[index].last_avail);
	if (packed && keep && keep->num)
		return vdu__packed_used(keep);
	if (!packed && log->num)
		return log->used_idx;
	if (vdu__device_vq_info(server->device_fd, index, &info) < 0)
		return packed ? VDU_PACKED_WRAP : 0;
	return packed ? info.packed_place : info.avail_index;
}

/* -ENOENT: the kernel has given this message up, as if it had never been. */
static int reply(struct vdu__server *server, bool ok)
{
	struct vduse_dev_response response = {
		.request_id = server->pending.request_id,
		.result = ok ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED,
	};

	if (server->pending.type == VDUSE_GET_VQ_STATE && ok) {
		uint32_t index = server->pending.vq_state.index;

		response.vq_state.index = index;
		if (vdu__server_packed(server))
			vdu__device_packed_state(next_avail(server, index),
						 &response.vq_state.packed);
		else
			response.vq_state.split.avail_index =
				next_avail(server, index);
	}
	int r;

	r = write(server->device_fd, &response, sizeof(response)) < 0 ? -errno :
									0;
	vdu__server_failed(server, r, "answering a message");
	return r;
}

static void set_status(struct vdu__server *server, uint8_t status);

/*
 * Nothing but the log knows where a packed ring stands, so it is kept until the
 * driver is really gone: who comes after us meanwhile finds a right one, and the
 * message again.
 */
static void finish_reset(struct vdu__server *server)
{
	const bool packed = vdu__server_packed(server),
		   late = packed && server->pending.s.status == 0;

	vdu__queues_forget(server);
	if (!late || reply(server, true) != -ENOENT)
		vdu__inflight_empty(server->inflight);
	memset(server->started, 0,
	       server->n_queues * sizeof(*server->started));
	server->status = 0;
	server->suspended = false;
	server->broken_told = false;
	server->driver_features = 0;
	vdu__cache_reset(server);
	vdu__count(&server->resets, 1);
	if (server->pending.s.status)
		set_status(server, server->pending.s.status);
	else if (!late)
		(void)reply(server, true);
}

/* The note comes first: who comes after us finds it, or the message again. */
static void suspend(struct vdu__server *server, bool suspended)
{
	server->suspended = suspended;
	vdu__inflight_suspend(server->inflight, suspended);
}

static void finish_suspend(struct vdu__server *server)
{
	vdu__queues_forget(server);
	suspend(server, true);
	if (reply(server, true) != -ENOENT)
		return;
	suspend(server, false);
	vdu__queues_go_on(server);
}

static void finish_cache(struct vdu__server *server)
{
	int r = vdu__cache_result(server);

	if (r < 0) {
		vdu__log(server->ctx, 3,
			 "no write-through for the driver: what it wrote before cannot be flushed: %s",
			 strerror(-r));
		vdu__cache_refuse_write(server);
	}
	(void)reply(server, r == 0);
}

static void finish_pending(struct vdu__server *server)
{
	enum vdu__then then = server->then;

	server->then = VDU_THEN_NOTHING;
	switch (then) {
	case VDU_THEN_NOTHING:
		break;
	case VDU_THEN_RESET:
		finish_reset(server);
		break;
	case VDU_THEN_REMAP:
		vdu__queues_forget(server);
		vdu__queues_go_on(server);
		(void)reply(server, true);
		break;
	case VDU_THEN_STATE:
		(void)reply(server, true);
		vdu__queues_go_on(server);
		break;
	case VDU_THEN_SUSPEND:
		finish_suspend(server);
		break;
	case VDU_THEN_CACHE:
		finish_cache(server);
		break;
	case VDU_THEN_HAND_OVER:
		vdu__handover_finish(server);
		break;
	case VDU_THEN_LEAVE:
		server->leave = true;
		break;
	}
}

static void when_idle(struct vdu__server *server, enum vdu__then then)
{
	server->then = then;
	vdu__queues_do_not_look(server);
	for (unsigned int i = 0; i < server->n_queues; i++)
		if (!atomic_load(&server->queues[i].idle))
			vdu__queue_stop(&server->queues[i]);
	if (vdu__queues_idle(server))
		finish_pending(server);
}

void vdu__server_leave(struct vdu__server *server)
{
	/* A message in progress is answered by a later server (redelivered). */
	when_idle(server, VDU_THEN_LEAVE);
}

void vdu__server_hand_over(struct vdu__server *server)
{
	when_idle(server, VDU_THEN_HAND_OVER);
}

/* --- messages ---------------------------------------------------------- */

bool vdu__server_features_ok(struct vdu__server *server)
{
	uint64_t features;

	if (vdu__device_features(server->device_fd, &features) < 0)
		return false;
	server->driver_features = features;
	vdu__cache_apply(server);
	/* virtio 1.2, 2.2: the driver must not accept what was not offered. */
	return !(features & ~server->features);
}

static void set_status(struct vdu__server *server, uint8_t status)
{
	uint8_t added = status & ~server->status;

	/*
	 * A driver that begins again: it was reset by a message that a server
	 * before us had answered when it died, and that we took for running.
	 */
	bool again = (server->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
		     !(status & VIRTIO_CONFIG_S_DRIVER_OK);

	vdu__debug(server->ctx, "status 0x%x", status);
	if (again || status == 0) {
		when_idle(server, VDU_THEN_RESET);
		return;
	}
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && !vdu__server_features_ok(server)) {
		vdu__server_complain(server,
			"the driver wants features that were not offered: 0x%llx",
			(unsigned long long)server->driver_features);
		(void)reply(server, false);
		return;
	}
	/* A legacy driver has no FEATURES_OK step. */
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK) && !vdu__server_features_ok(server)) {
		(void)reply(server, false);
		return;
	}
	if (added & VIRTIO_CONFIG_S_FEATURES_OK)
		vdu__cache_negotiated(server);
	/* Else nobody could tell later that no packed ring has run yet. */
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) && vdu__server_packed(server))
		vdu__inflight_driver(server->inflight, server->driver_features);
	/*
	 * The kernel takes interrupts only after it has seen the reply. Who has
	 * not waited for it has no status like this.
	 */
	if (reply(server, true) == -ENOENT)
		return;
	server->status = status;
	/* Suspended before it began? No kernel does that. */
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) && vdu__server_may_start(server))
		vdu__queues_start(server);
}

/* --- messages of our module --------------------------------------------- */

/* The one thing that a driver may write, in one piece, as the module sees to. */
static void config_write(struct vdu__server *server)
{
	struct vduse_ext_config_write body;
	bool taken;

	_Static_assert(sizeof(body) <= sizeof(server->pending.padding),
		       "it is what the kernel sends");
	memcpy(&body, server->pending.padding, sizeof(body));
	taken = body.offset == VDU_BLK_CONFIG_WCE && body.length == 1 &&
		server->file.spec.writeback_control &&
		vdu__cache_written(server, body.data[0]);
	if (!taken)
		vdu__server_complain(server,
			"the driver may not write this to the configuration space: %u byte(s) at %u",
			body.length, body.offset);
	if (taken && !vdu__cache_settled(server))
		server->then = VDU_THEN_CACHE;
	else if (taken)
		finish_cache(server);
	else
		(void)reply(server, false);
}

/* As DRIVER_OK: first the answer, then the queues. */
static void resume(struct vdu__server *server)
{
	const bool was = server->suspended;

	suspend(server, false);
	if (reply(server, true) == -ENOENT) {
		suspend(server, was);
		return;
	}
	/* Those that ran go on where they stopped. */
	if (was && vdu__server_may_start(server))
		vdu__queues_start(server);
}

void vdu__server_message(struct vdu__server *server)
{
	ssize_t n = read(server->device_fd, &server->pending,
			 sizeof(server->pending));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno == ENOTCONN) {
		vdu__server_cut_off(server);
		return;
	}
	if (n != (ssize_t)sizeof(server->pending)) {
		vdu__server_broken(server, "reading a message");
		return;
	}
	vdu__count(&server->messages, 1);
	switch (server->pending.type) {
	case VDUSE_SET_STATUS:
		set_status(server, server->pending.s.status);
		break;
	case VDUSE_UPDATE_IOTLB:
		when_idle(server, VDU_THEN_REMAP);
		break;
	case VDUSE_GET_VQ_STATE:
		if (server->pending.vq_state.index < server->n_queues)
			when_idle(server, VDU_THEN_STATE);
		else
			(void)reply(server, false);
		break;
	case VDUSE_EXT_MSG_CONFIG_WRITE:
		config_write(server);
		break;
	case VDUSE_EXT_MSG_CONFIG_CLEARED:
		/* No byte of ours is cleared by reading. */
		(void)reply(server, true);
		break;
	case VDUSE_EXT_MSG_SUSPEND:
		when_idle(server, VDU_THEN_SUSPEND);
		break;
	case VDUSE_EXT_MSG_RESUME:
		resume(server);
		break;
	default:
		(void)reply(server, false);
		break;
	}
}

bool vdu__server_may_start(const struct vdu__server *server)
{
	/* The cache mode reaches them whether they run or not. */
	return (server->then == VDU_THEN_NOTHING ||
		server->then == VDU_THEN_CACHE) && !server->suspended &&
	       (server->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Has what the pending message waits for come? */
static bool is_due(const struct vdu__server *server)
{
	if (server->then == VDU_THEN_CACHE)
		return vdu__cache_settled(server);
	return server->then != VDU_THEN_NOTHING && vdu__queues_idle(server);
}

void vdu__server_news(struct vdu__server *server)
{
	vdu__trouble_look(server);
	for (unsigned int i = 0; i < server->n_queues; i++) {
		struct vdu__queue *queue = &server->queues[i];
		int r = atomic_exchange(&queue->not_pinned, 0);

		if (r < 0)
			vdu__queue_log_unpinned(server, i, r);
		if (atomic_load(&queue->broken) && !server->broken_told) {
			server->broken_told = true;
			vdu__server_complain(server,
				"queue %u: the driver broke the ring; it stands still until the driver resets the device",
				i);
		}
		/* Ready after DRIVER_OK, and nobody told: its kick does. */
		if (atomic_load(&queue->idle) &&
		    atomic_exchange(&queue->kicked_idle, false) &&
		    vdu__server_may_start(server))
			vdu__queue_kicked(server, i);
	}
	if (is_due(server))
		finish_pending(server);
}
