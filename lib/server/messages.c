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

/*
 * A vhost_vdpa user may enable its queues after DRIVER_OK, and the kernel
 * (before 7.3) sends no message for that: look every few milliseconds, for a
 * while; later than that the queue's first kick tells.
 */
#define READY_TICK_MS 5
#define READY_TICKS 400

static void set_timer(struct vdu__server *server, unsigned int ms)
{
	struct itimerspec when = {
		.it_value.tv_nsec = ms * 1000000L,
		.it_interval.tv_nsec = ms * 1000000L,
	};

	(void)timerfd_settime(server->timer_fd, 0, &when, NULL);
}

void vdu__server_broken(struct vdu__server *server, const char *what)
{
	char path[PATH_MAX];

	if (server->broken)
		return;
	server->broken = true;
	set_timer(server, 0);
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

static void reply(struct vdu__server *server, bool ok)
{
	struct vduse_dev_response response = {
		.request_id = server->pending.request_id,
		.result = ok ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED,
	};

	if (server->pending.type == VDUSE_GET_VQ_STATE && ok) {
		uint32_t index = server->pending.vq_state.index;

		response.vq_state.index = index;
		response.vq_state.split.avail_index =
			atomic_load(&server->queues[index].last_avail);
	}
	/* ENOENT: the caller has given up waiting. */
	if (write(server->device_fd, &response, sizeof(response)) < 0 &&
	    errno == EPERM)
		vdu__server_broken(server, "answering a message");
}

/* --- starting and stopping queues -------------------------------------- */

static void fill_rules(const struct vdu__server *server,
		       struct vdu__blk_rules *rules)
{
	const struct vdu_blk_spec *spec = &server->file.spec;

	memset(rules, 0, sizeof(*rules));
	rules->capacity = spec->size_bytes / 512;
	rules->features = server->driver_features;
	rules->read_only = spec->read_only;
	rules->max_discard_sectors = VDU_BLK_RANGE_SECTORS_MAX;
	rules->max_write_zeroes_sectors = VDU_BLK_RANGE_SECTORS_MAX;
	memcpy(rules->serial, spec->serial, strnlen(spec->serial, 20));
}

static bool has(const struct vdu__server *server, unsigned int feature)
{
	return server->driver_features & (UINT64_C(1) << feature);
}

/* Where a queue begins to take. */
enum from {
	FROM_DRIVER,	/* where the driver said: a fresh start */
	FROM_USED,	/* behind the last used entry: another server was here */
	FROM_PAUSE,	/* where our data thread stopped */
};

/* Start a queue that the driver has made ready; false if it is not. */
static bool start_queue(struct vdu__server *server, unsigned int index,
			enum from from)
{
	struct vdu__queue *queue = &server->queues[index];
	struct started *started = &server->started[index];
	struct vdu__queue_setup setup;
	struct vdu__vq_info info;
	struct vdu__ring_view view;

	/* It has run since the reset: its place is where our thread stopped. */
	if (from == FROM_DRIVER && started->num) {
		if (atomic_load(&queue->broken))
			return true;
		from = FROM_PAUSE;
	}
	if (started->running || !atomic_load(&queue->idle) ||
	    vdu__device_vq_info(server->device_fd, index, &info) < 0 ||
	    !info.ready || !info.num || info.num > queue->max_size)
		return started->running;
	memset(&setup, 0, sizeof(setup));
	setup.num = (uint16_t)info.num;
	setup.desc = vdu__iotlb_span(server->iotlb, info.desc,
				     vdu__ring_desc_bytes(setup.num), false);
	setup.avail = vdu__iotlb_span(server->iotlb, info.avail,
				      vdu__ring_avail_bytes(setup.num), false);
	setup.used = vdu__iotlb_span(server->iotlb, info.used,
				     vdu__ring_used_bytes(setup.num), true);
	if (!setup.desc || !setup.avail || !setup.used) {
		vdu__server_complain(server,
			"queue %u: its ring is not in mapped memory", index);
		return false;
	}
	if (!vdu__ring_possible(setup.num, setup.desc, setup.avail,
				setup.used)) {
		vdu__server_complain(server,
			"queue %u: its size or its addresses are none of a ring",
			index);
		return false;
	}
	vdu__ring_look(setup.num, setup.avail, setup.used, &view);
	setup.next_avail = from == FROM_USED ? view.used_idx :
			   from == FROM_PAUSE ? atomic_load(&queue->last_avail) :
						info.avail_index;
	setup.resumed = from != FROM_DRIVER;
	setup.recover = from == FROM_USED;
	setup.inflight = vdu__inflight_queue(server->inflight, index);
	setup.lost = vdu__inflight_lost(server->inflight);
	setup.event_idx = has(server, VIRTIO_RING_F_EVENT_IDX);
	setup.indirect = has(server, VIRTIO_RING_F_INDIRECT_DESC);
	setup.write_through = !has(server, VIRTIO_BLK_F_FLUSH);
	fill_rules(server, &setup.rules);
	*started = (struct started){
		.running = true, .live = true, .num = setup.num,
		.desc = info.desc, .avail = info.avail, .used = info.used,
		.avail_ptr = setup.avail, .used_ptr = setup.used,
	};
	vdu__queue_start(queue, &setup);
	vdu__debug(server->ctx, "queue %u: %u entries, from %u", index,
		   setup.num, setup.next_avail);
	return true;
}

/* Start what is ready and watch for the rest. */
static void start_queues(struct vdu__server *server, enum from from)
{
	bool all = true;

	vdu__inflight_driver(server->inflight, server->driver_features);
	for (unsigned int i = 0; i < server->n_queues; i++) {
		struct started *started = &server->started[i];
		int r = 0;

		/* First the kick fd: a kick from now on is not lost. */
		if (!started->live)
			r = vdu__device_set_kick(server->device_fd, i,
						 server->queues[i].kick_fd);
		if (r == -EPERM) {
			vdu__server_broken(server, "setting a kick fd");
			return;
		}
		started->live = r == 0;
		all = start_queue(server, i, from) && all;
	}
	server->timer_ticks = 0;
	set_timer(server, all ? 0 : READY_TICK_MS);
}

/* A pause ended the search for queues that become ready late: go on. */
static void watch_queues(struct vdu__server *server)
{
	bool all = true;

	for (unsigned int i = 0; i < server->n_queues; i++)
		all = all && server->started[i].running;
	server->timer_ticks = 0;
	if (!all && (server->status & VIRTIO_CONFIG_S_DRIVER_OK))
		set_timer(server, READY_TICK_MS);
}

static bool all_idle(const struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++)
		if (!atomic_load(&server->queues[i].idle))
			return false;
	return true;
}

/* Pointers into driver memory end here; the queues are idle. */
static void forget_rings(struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++) {
		server->started[i].running = false;
		server->started[i].avail_ptr = NULL;
		server->started[i].used_ptr = NULL;
	}
	vdu__iotlb_flush(server->iotlb);
}

/*
 * After a pause each queue goes on where it was. Its position comes from the
 * data thread, not from the kernel, which knows only where it began.
 */
static void restart_queues(struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++) {
		/* One that never ran begins as the timer or a kick finds it. */
		if (server->started[i].num &&
		    !atomic_load(&server->queues[i].broken))
			(void)start_queue(server, i, FROM_PAUSE);
	}
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
		forget_rings(server);
		vdu__inflight_driver(server->inflight, 0);
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
		forget_rings(server);
		restart_queues(server);
		watch_queues(server);
		reply(server, true);
		break;
	case VDU_THEN_STATE:
		reply(server, true);
		for (unsigned int i = 0; i < server->n_queues; i++)
			server->started[i].running = false;
		restart_queues(server);
		watch_queues(server);
		break;
	case VDU_THEN_LEAVE:
		server->leave = true;
		break;
	}
}

static void when_idle(struct vdu__server *server, enum vdu__then then)
{
	server->then = then;
	set_timer(server, 0);
	for (unsigned int i = 0; i < server->n_queues; i++)
		if (!atomic_load(&server->queues[i].idle))
			vdu__queue_stop(&server->queues[i]);
	if (all_idle(server))
		finish_pending(server);
}

void vdu__server_leave(struct vdu__server *server)
{
	/* A message in progress is answered by a later server (redelivered). */
	when_idle(server, VDU_THEN_LEAVE);
}

/* --- messages ---------------------------------------------------------- */

static bool features_ok(struct vdu__server *server)
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
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(server)) {
		vdu__server_complain(server,
			"the driver wants features that were not offered: 0x%llx",
			(unsigned long long)server->driver_features);
		reply(server, false);
		return;
	}
	/* A legacy driver has no FEATURES_OK step. */
	if ((added & VIRTIO_CONFIG_S_DRIVER_OK) &&
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(server)) {
		reply(server, false);
		return;
	}
	server->status = status;
	/* The kernel takes interrupts only after it has seen the reply. */
	reply(server, true);
	if (added & VIRTIO_CONFIG_S_DRIVER_OK)
		start_queues(server, FROM_DRIVER);
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
		if (atomic_exchange(&queue->kicked_idle, false) &&
		    server->then == VDU_THEN_NOTHING &&
		    (server->status & VIRTIO_CONFIG_S_DRIVER_OK))
			(void)start_queue(server, i, FROM_DRIVER);
	}
	if (server->then != VDU_THEN_NOTHING && all_idle(server))
		finish_pending(server);
}

void vdu__server_tick(struct vdu__server *server)
{
	bool all = true;

	if (server->then == VDU_THEN_NOTHING)
		for (unsigned int i = 0; i < server->n_queues; i++)
			all = start_queue(server, i, FROM_DRIVER) && all;
	if (all || ++server->timer_ticks >= READY_TICKS)
		set_timer(server, 0);
}

void vdu__server_resume(struct vdu__server *server)
{
	struct vdu__vq_info info;
	bool running = false;

	for (unsigned int i = 0; i < server->n_queues; i++)
		if (vdu__device_vq_info(server->device_fd, i, &info) == 0 &&
		    info.ready)
			running = true;
	if (!running || !features_ok(server)) {
		/* Whoever had it has been reset behind our back. */
		vdu__inflight_driver(server->inflight, 0);
		return;
	}
	/* The kernel does not tell the status; ready queues imply this. */
	server->status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
			 VIRTIO_CONFIG_S_DRIVER |
			 VIRTIO_CONFIG_S_FEATURES_OK |
			 VIRTIO_CONFIG_S_DRIVER_OK;
	start_queues(server, FROM_USED);
}
