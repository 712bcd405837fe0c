// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which queues run, and where each begins: after DRIVER_OK, after a pause, and
 * after another server.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/timerfd.h>

#include "lib/kernel/device.h"
#include "lib/server/server.h"

/*
 * A vhost_vdpa user may enable its queues after DRIVER_OK, and the kernel
 * (before 7.3) sends no message for that: look every few milliseconds, for a
 * while; later than that the queue's first kick tells.
 */
#define READY_TICK_MS 5
#define READY_TICKS 400

static void look_every(struct vdu__server *server, unsigned int ms)
{
	struct itimerspec when = {
		.it_value.tv_nsec = ms * 1000000L,
		.it_interval.tv_nsec = ms * 1000000L,
	};

	(void)timerfd_settime(server->timer_fd, 0, &when, NULL);
}

void vdu__queues_do_not_look(struct vdu__server *server)
{
	look_every(server, 0);
}

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

bool vdu__server_packed(const struct vdu__server *server)
{
	/* A driver that takes what was not offered is refused. */
	return server->file.spec.packed && has(server, VIRTIO_F_RING_PACKED);
}

/* Where a queue begins to take. */
enum from {
	FROM_DRIVER,	/* where the driver said: a fresh start */
	FROM_USED,	/* behind the last used entry: another server was here */
	FROM_PAUSE,	/* where our data thread stopped */
};

/* Its three parts, if they are in memory that the driver has mapped. */
static void map_split(struct vdu__server *server,
		      const struct vdu__vq_info *info,
		      struct vdu__queue_setup *setup)
{
	setup->desc = vdu__iotlb_span(server->iotlb, info->desc,
				      vdu__ring_desc_bytes(setup->num), false);
	setup->avail = vdu__iotlb_span(server->iotlb, info->avail,
				       vdu__ring_avail_bytes(setup->num),
				       false);
	setup->used = vdu__iotlb_span(server->iotlb, info->used,
				      vdu__ring_used_bytes(setup->num), true);
}

static void map_packed(struct vdu__server *server,
		       const struct vdu__vq_info *info,
		       struct vdu__queue_setup *setup)
{
	setup->slots = vdu__iotlb_span(server->iotlb, info->desc,
				       vdu__packed_desc_bytes(setup->num),
				       true);
	setup->desc = setup->slots;
	setup->avail = vdu__iotlb_span(server->iotlb, info->avail,
				       VDU_PACKED_EVENT_BYTES, false);
	setup->used = vdu__iotlb_span(server->iotlb, info->used,
				      VDU_PACKED_EVENT_BYTES, true);
}

static bool is_possible(const struct vdu__queue_setup *setup)
{
	return setup->packed ?
		vdu__packed_possible(setup->num, setup->desc, setup->avail,
				     setup->used) :
		vdu__ring_possible(setup->num, setup->desc, setup->avail,
				   setup->used);
}

bool vdu__queue_find(struct vdu__server *server, unsigned int index,
		     struct vdu__vq_info *info, struct vdu__queue_setup *setup)
{
	memset(setup, 0, sizeof(*setup));
	if (vdu__device_vq_info(server->device_fd, index, info) < 0 ||
	    !info->ready || !info->num ||
	    info->num > server->file.spec.queue_size)
		return false;
	setup->num = (uint16_t)info->num;
	setup->packed = vdu__server_packed(server);
	if (setup->packed)
		map_packed(server, info, setup);
	else
		map_split(server, info, setup);
	if (!setup->desc || !setup->avail || !setup->used) {
		vdu__server_complain(server,
			"queue %u: its ring is not in mapped memory", index);
		return false;
	}
	if (!is_possible(setup)) {
		vdu__server_complain(server,
			"queue %u: its size or its addresses are none of a ring",
			index);
		return false;
	}
	return true;
}

/* A packed ring goes on where its keep says; else it has not begun yet. */
static uint16_t next_avail(const struct vdu__queue_setup *setup,
			   const struct vdu__vq_info *info, enum from from)
{
	struct vdu__ring_view view;

	if (setup->packed)
		return info->packed_place;
	if (from != FROM_USED)
		return info->avail_index;
	vdu__ring_look(setup->num, setup->avail, setup->used, &view);
	return view.used_idx;
}

/* No error of the device: it is served as well. */
void vdu__queue_log_unpinned(const struct vdu__server *server,
			     unsigned int index, int r)
{
	vdu__log(server->ctx, 4,
		 "queue %u: its thread is not bound to its processors: %s",
		 index, strerror(-r));
}

/* A driver of this host spreads its processors before it says DRIVER_OK. */
static void choose_cpus(struct vdu__server *server, unsigned int index,
			struct vdu__queue_setup *setup)
{
	int r;

	if (!server->affinity)
		return;
	r = vdu__affinity_read(server->affinity, index, &setup->cpus);
	setup->pin = r == 0;
	if (r < 0)
		vdu__queue_log_unpinned(server, index, r);
}

/* Start a queue that the driver has made ready; false if it is not. */
static bool start_queue(struct vdu__server *server, unsigned int index,
			enum from from)
{
	struct vdu__queue *queue = &server->queues[index];
	struct started *started = &server->started[index];
	struct vdu__inflight_queue *log =
		vdu__inflight_queue(server->inflight, index);
	struct vdu__packed_keep *keep =
		vdu__inflight_keep(server->inflight, index);
	struct vdu__queue_setup setup;
	struct vdu__vq_info info;

	/* It has run since the reset: its place is where our thread stopped. */
	if (from == FROM_DRIVER && started->num) {
		if (atomic_load(&queue->broken))
			return true;
		from = FROM_PAUSE;
	}
	if (started->running || !atomic_load(&queue->idle) ||
	    !vdu__queue_find(server, index, &info, &setup))
		return started->running;
	/* Or a server before us stopped, but we could not have its ring yet. */
	if (from == FROM_DRIVER && (setup.packed ? keep->num : log->num))
		from = FROM_USED;
	setup.next_avail = from == FROM_PAUSE ?
		atomic_load(&queue->last_avail) :
		next_avail(&setup, &info, from);
	setup.keep = keep;
	setup.resumed = from != FROM_DRIVER;
	setup.recover = from == FROM_USED;
	setup.inflight = log;
	setup.lost = vdu__inflight_lost(server->inflight);
	setup.event_idx = has(server, VIRTIO_RING_F_EVENT_IDX);
	setup.indirect = has(server, VIRTIO_RING_F_INDIRECT_DESC);
	fill_rules(server, &setup.rules);
	choose_cpus(server, index, &setup);
	*started = (struct started){
		.running = true, .live = true, .num = setup.num,
		.desc = info.desc, .avail = info.avail, .used = info.used,
		.avail_ptr = setup.avail, .used_ptr = setup.used,
		.keep = setup.packed ? keep : NULL,
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
	/* Before the first request of a queue. */
	vdu__cache_apply(server);
	for (unsigned int i = 0; i < server->n_queues; i++) {
		struct started *started = &server->started[i];
		int r = 0;

		/* First the kick fd: a kick from now on is not lost. */
		if (!started->live)
			r = vdu__device_set_kick(server->device_fd, i,
						 server->queues[i].kick_fd);
		vdu__server_failed(server, r, "setting a kick fd");
		if (server->broken || server->cut_off)
			return;
		started->live = r == 0;
		all = start_queue(server, i, from) && all;
	}
	server->timer_ticks = 0;
	look_every(server, all ? 0 : READY_TICK_MS);
}

/* A pause ended the search for queues that become ready late: go on. */
static void watch_queues(struct vdu__server *server)
{
	bool all = true;

	for (unsigned int i = 0; i < server->n_queues; i++)
		all = all && server->started[i].running;
	server->timer_ticks = 0;
	if (!all && vdu__server_may_start(server))
		look_every(server, READY_TICK_MS);
}

bool vdu__queues_idle(const struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++)
		if (!atomic_load(&server->queues[i].idle))
			return false;
	return true;
}

void vdu__queues_forget(struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++) {
		server->started[i].running = false;
		server->started[i].avail_ptr = NULL;
		server->started[i].used_ptr = NULL;
	}
	vdu__iotlb_flush(server->iotlb);
}

void vdu__queues_go_on(struct vdu__server *server)
{
	if (server->suspended)
		return;
	for (unsigned int i = 0; i < server->n_queues; i++) {
		server->started[i].running = false;
		/* One that never ran begins as the timer or a kick finds it. */
		if (server->started[i].num &&
		    !atomic_load(&server->queues[i].broken))
			(void)start_queue(server, i, FROM_PAUSE);
	}
	watch_queues(server);
}

void vdu__queue_kicked(struct vdu__server *server, unsigned int index)
{
	(void)start_queue(server, index, FROM_DRIVER);
}

void vdu__queues_start(struct vdu__server *server)
{
	start_queues(server, FROM_DRIVER);
}

void vdu__queues_resume(struct vdu__server *server)
{
	start_queues(server, FROM_USED);
}

void vdu__server_tick(struct vdu__server *server)
{
	bool all = true;

	/* One that has come due with a reset finds its queues still ready. */
	if (vdu__server_may_start(server))
		for (unsigned int i = 0; i < server->n_queues; i++)
			all = start_queue(server, i, FROM_DRIVER) && all;
	if (all || ++server->timer_ticks >= READY_TICKS)
		look_every(server, 0);
}
