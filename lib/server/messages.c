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

#include "lib/kernel/device.h"
#include "lib/server/server.h"
#include "lib/util/fs.h"

void vdu__server_broken(struct vdu__server *server, const char *what)
{
	char path[PATH_MAX];

	if (server->broken)
		return;
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

/* What has not run since the reset is where its driver, or the log, says. */
static uint16_t next_avail(const struct vdu__server *server, uint32_t index)
{
	const struct vdu__inflight_queue *log =
		vdu__inflight_queue(server->inflight, index);
	struct vdu__vq_info info;

	if (server->started[index].num)
		return atomic_load(&server->queues[index].last_avail);
	if (log->num)
		return log->used_idx;
	return vdu__device_vq_info(server->device_fd, index, &info) < 0 ?
		0 : info.avail_index;
}

static void reply(struct vdu__server *server, bool ok)
{
	struct vduse_dev_response response = {
		.request_id = server->pending.request_id,
		.result = ok ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED,
	};

	if (server->pending.type == VDUSE_GET_VQ_STATE && ok) {
		uint32_t index = server->pending.vq_state.index;

		response.vq_state.index = index;
		response.vq_state.split.avail_index = next_avail(server, index);
	}
	/* ENOENT: the caller has given up waiting. */
	if (write(server->device_fd, &response, sizeof(response)) < 0 &&
	    errno == EPERM)
		vdu__server_broken(server, "answering a message");
}

static void set_status(struct vdu__server *server, uint8_t status);

static void finish_pending(struct vdu__server *server)
{
	enum vdu__then then = server->then;

	server->then = VDU_THEN_NOTHING;
	switch (then) {
	case VDU_THEN_NOTHING:
		break;
	case VDU_THEN_RESET:
		vdu__queues_forget(server);
		vdu__inflight_empty(server->inflight);
		memset(server->started, 0,
		       server->n_queues * sizeof(*server->started));
		server->status = 0;
		server->broken_told = false;
		server->driver_features = 0;
		vdu__count(&server->resets, 1);
		if (server->pending.s.status)
			set_status(server, server->pending.s.status);
		else
			reply(server, true);
		break;
	case VDU_THEN_REMAP:
		vdu__queues_forget(server);
		vdu__queues_go_on(server);
		reply(server, true);
		break;
	case VDU_THEN_STATE:
		reply(server, true);
		vdu__queues_go_on(server);
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
		reply(server, false);
		return;
	}
	/* A legacy driver has no FEATURES_OK step. */
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK) && !vdu__server_features_ok(server)) {
		reply(server, false);
		return;
	}
	server->status = status;
	/* The kernel takes interrupts only after it has seen the reply. */
	reply(server, true);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		vdu__queues_start(server);
}

void vdu__server_message(struct vdu__server *server)
{
	ssize_t n = read(server->device_fd, &server->pending,
			 sizeof(server->pending));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
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
			reply(server, false);
		break;
	default:
		reply(server, false);
		break;
	}
}

void vdu__server_news(struct vdu__server *server)
{
	vdu__trouble_look(server);
	for (unsigned int i = 0; i < server->n_queues; i++) {
		struct vdu__queue *queue = &server->queues[i];

		if (atomic_load(&queue->broken) && !server->broken_told) {
			server->broken_told = true;
			vdu__server_complain(server,
				"queue %u: the driver broke the ring; it stands still until the driver resets the device",
				i);
		}
		/* Ready after DRIVER_OK, and nobody told: its kick does. */
		if (atomic_load(&queue->idle) &&
		    atomic_exchange(&queue->kicked_idle, false) &&
		    server->then == VDU_THEN_NOTHING &&
		    (server->status & VIRTIO_CONFIG_S_DRIVER_OK))
			vdu__queue_kicked(server, i);
	}
	if (server->then != VDU_THEN_NOTHING && vdu__queues_idle(server))
		finish_pending(server);
}
