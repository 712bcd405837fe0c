// SPDX-License-Identifier: LGPL-2.1-or-later
/* The virtqueues of a rescue server: rescue-queue.h. */
#include "lib/server/rescue-queue.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include "lib/blk/request.h"
#include "lib/kernel/device.h"
#include "lib/ring/outstanding.h"

/* Of one queue, before messages and the others get their turn. */
#define TAKE_MAX 64
#define ROUNDS_MAX 16
/* For the kernel to take an interrupt. */
#define RETRY_MS 1
#define RETRIES_MAX 5000

static bool has(const struct vdu__rescue *rescue, unsigned int feature)
{
	return rescue->features & (UINT64_C(1) << feature);
}

/*
 * Without knowing what a request looks like, none can be told that it failed.
 * A network driver fills its receive queues again as soon as they are emptied,
 * for ever, and nothing waits for them to drain.
 */
static bool may_answer(const struct vdu__rescue *rescue, unsigned int index)
{
	/* Only a log tells where a packed ring stands, and what it has taken. */
	if (has(rescue, VIRTIO_F_RING_PACKED) &&
	    (!rescue->inflight || !vdu__inflight_keep(rescue->inflight, index)))
		return false;
	return rescue->type && (rescue->type != VIRTIO_ID_NET || index % 2);
}

/* --- answering --------------------------------------------------------- */

/* The chain was followed for the place of its status byte alone. */
static void answer(struct vdu__rescue *rescue, struct vdu__rescue_queue *queue,
		   const struct vdu__chain *chain)
{
	struct vdu__blk_request req = { .status = chain->last_in };
	uint32_t len = 0;

	if (rescue->type == VIRTIO_ID_BLOCK)
		len = vdu__blk_finish(&req, VIRTIO_BLK_S_IOERR, 0);
	vdu__ring_push(&queue->ring, chain->head, len);
}

static void interrupt(struct vdu__rescue *rescue,
		      struct vdu__rescue_queue *queue)
{
	int r = vdu__device_interrupt(rescue->device_fd, queue->index);

	/* Refused until the kernel has seen our reply to DRIVER_OK. */
	queue->interrupt_due = r == -EINVAL &&
			       queue->interrupt_retries++ < RETRIES_MAX;
	if (r == 0)
		queue->interrupt_retries = 0;
	rescue->lost |= r == -EPERM;
}

static void publish(struct vdu__rescue *rescue, struct vdu__rescue_queue *queue)
{
	bool wanted = vdu__ring_publish(&queue->ring);

	/* For the real server, which may come back. */
	if (rescue->inflight)
		vdu__inflight_settle(vdu__inflight_queue(rescue->inflight,
							 queue->index),
				     &queue->ring);
	if (wanted)
		interrupt(rescue, queue);
}

/* Returns 1 if the ring may have more, 0 if not, -EPROTO if it is broken. */
static int take_some(struct vdu__rescue *rescue,
		     struct vdu__rescue_queue *queue)
{
	struct vdu__chain chain = { 0 };
	int r = 1;

	for (int i = 0; i < TAKE_MAX && r == 1; i++) {
		r = vdu__ring_pop(&queue->ring, &chain);
		if (r == 1)
			answer(rescue, queue, &chain);
	}
	queue->last_avail = queue->ring.last_avail;
	return atomic_load(&rescue->iotlb->torn) ? -EPROTO : r;
}

/* Returns true if there is more. */
static bool drain(struct vdu__rescue *rescue, struct vdu__rescue_queue *queue)
{
	bool again = true;

	for (int i = 0; i < ROUNDS_MAX && again; i++) {
		vdu__ring_disarm_kick(&queue->ring);
		if (take_some(rescue, queue) < 0) {
			vdu__log(rescue->ctx, 4,
				 "queue %u: the driver broke the ring; it stands still until the driver resets the device",
				 queue->index);
			queue->running = false;
			queue->broken = true;
			publish(rescue, queue);
			return false;
		}
		publish(rescue, queue);
		again = vdu__ring_arm_kick(&queue->ring, 0);
	}
	return again;
}

int vdu__rescue_turn(struct vdu__rescue *rescue)
{
	int wait = -1;

	for (unsigned int i = 0; i < rescue->n_queues; i++) {
		struct vdu__rescue_queue *queue = &rescue->queues[i];

		if (!queue->running)
			continue;
		if (queue->interrupt_due)
			interrupt(rescue, queue);
		if (drain(rescue, queue))
			wait = 0;
		else if (queue->interrupt_due && wait < 0)
			wait = RETRY_MS;
	}
	return wait;
}

/* --- what a dead server has left --------------------------------------- */

static void answer_head(struct vdu__rescue *rescue,
			struct vdu__rescue_queue *queue, uint16_t head)
{
	struct vdu__chain chain = { 0 };

	vdu__ring_retake(&queue->ring, head, &chain);
	answer(rescue, queue, &chain);
}

/* Ours takes in order, so that what the log has not is still in the ring. */
static void answer_logged(struct vdu__rescue *rescue,
			  struct vdu__rescue_queue *queue)
{
	struct vdu__inflight_queue *log =
		vdu__inflight_queue(rescue->inflight, queue->index);
	uint64_t at = 0;
	int head;

	vdu__inflight_recover(log, &queue->ring);
	while ((head = vdu__inflight_next(log, &queue->ring, &at)) >= 0)
		answer_head(rescue, queue, (uint16_t)head);
}

/*
 * The driver gives up a queue for good on which a head is answered that it does
 * not wait for, so the certain ones come first. A server that answered in order
 * (VIRTIO_F_IN_ORDER also leaves entries out) has left what is available from
 * the used index on: there the ring can just be taken.
 */
static void answer_found(struct vdu__rescue *rescue,
			 struct vdu__rescue_queue *queue)
{
	CLEANUP_FREE uint16_t *heads = calloc(queue->ring.num, sizeof(*heads));
	struct vdu__ring_view view;
	unsigned int certain = 0;
	uint16_t open;
	int n;

	if (!heads || has(rescue, VIRTIO_F_IN_ORDER))
		return;
	vdu__ring_look(queue->ring.num, queue->ring.avail, queue->ring.used,
		       &view);
	open = view.avail_idx - view.used_idx;
	n = vdu__ring_outstanding(queue->ring.num, queue->ring.avail,
				  view.avail_idx, queue->ring.used,
				  view.used_idx, heads, &certain);
	if (n < 0)
		return;
	vdu__log(rescue->ctx, 6,
		 "queue %u: %u request(s) of a dead server, %u certain",
		 queue->index, open, certain);
	for (int i = 0; i < n; i++)
		answer_head(rescue, queue, heads[i]);
	if (n < open)
		vdu__log(rescue->ctx, 4,
			 "queue %u: %d request(s) are too old to be found",
			 queue->index, open - n);
	/* The rest of the ring is new, also if some could not be found. */
	queue->ring.last_avail = queue->ring.seen_avail = view.avail_idx;
}

/* --- starting and stopping --------------------------------------------- */

/* Where its keep says; it has the copies of what is to be answered. */
static bool begin_packed(struct vdu__rescue *rescue,
			 struct vdu__rescue_queue *queue,
			 const struct vdu__vq_info *info)
{
	uint16_t num = (uint16_t)info->num;
	void *desc = vdu__iotlb_span(rescue->iotlb, info->desc,
				     vdu__packed_desc_bytes(num), true);
	void *driver = vdu__iotlb_span(rescue->iotlb, info->avail,
				       VDU_PACKED_EVENT_BYTES, false);
	void *device = vdu__iotlb_span(rescue->iotlb, info->used,
				       VDU_PACKED_EVENT_BYTES, true);

	if (!desc || !driver || !device ||
	    vdu__packed_init(&queue->ring, &rescue->mem, num, desc, driver,
			     device,
			     vdu__inflight_keep(rescue->inflight, queue->index),
			     info->packed_place,
			     has(rescue, VIRTIO_RING_F_EVENT_IDX),
			     has(rescue, VIRTIO_RING_F_INDIRECT_DESC)) < 0)
		return false;
	answer_logged(rescue, queue);
	return true;
}

static bool begin_split(struct vdu__rescue *rescue,
			struct vdu__rescue_queue *queue,
			const struct vdu__vq_info *info)
{
	const bool left = rescue->left && !queue->was_started;
	uint16_t num = (uint16_t)info->num, begin;
	struct vdu__ring_view view;
	void *desc, *avail, *used;

	desc = vdu__iotlb_span(rescue->iotlb, info->desc,
			       vdu__ring_desc_bytes(num), false);
	avail = vdu__iotlb_span(rescue->iotlb, info->avail,
				vdu__ring_avail_bytes(num), false);
	used = vdu__iotlb_span(rescue->iotlb, info->used,
			       vdu__ring_used_bytes(num), true);
	if (!desc || !avail || !used)
		return false;
	if (!vdu__ring_possible(num, desc, avail, used))
		return false;
	vdu__ring_look(num, avail, used, &view);
	begin = queue->was_started ? queue->last_avail :
		left ? view.used_idx : info->avail_index;
	if (vdu__ring_init(&queue->ring, &rescue->mem, num, desc, avail, used,
			   begin, has(rescue, VIRTIO_RING_F_EVENT_IDX),
			   has(rescue, VIRTIO_RING_F_INDIRECT_DESC)) < 0)
		return false;
	if (left && rescue->inflight)
		answer_logged(rescue, queue);
	else if (left)
		answer_found(rescue, queue);
	return true;
}

static void start_queue(struct vdu__rescue *rescue,
			struct vdu__rescue_queue *queue)
{
	struct vdu__vq_info info;

	if (queue->running || queue->broken ||
	    !may_answer(rescue, queue->index) ||
	    vdu__device_vq_info(rescue->device_fd, queue->index, &info) < 0 ||
	    !info.ready || !info.num || info.num > 32768 ||
	    (rescue->inflight && info.num > rescue->log_size))
		return;
	if (!(has(rescue, VIRTIO_F_RING_PACKED) ?
	      begin_packed(rescue, queue, &info) :
	      begin_split(rescue, queue, &info)))
		return;
	queue->last_avail = queue->ring.last_avail;
	queue->running = queue->was_started = true;
	/* What a server before us has pushed may want an interrupt, too. */
	publish(rescue, queue);
}

void vdu__rescue_start_queues(struct vdu__rescue *rescue)
{
	for (unsigned int i = 0; i < rescue->n_queues; i++) {
		if (vdu__device_set_kick(rescue->device_fd, i,
					 rescue->kick_fd) == -EPERM)
			rescue->lost = true;
		start_queue(rescue, &rescue->queues[i]);
	}
}

void vdu__rescue_stop_queues(struct vdu__rescue *rescue)
{
	for (unsigned int i = 0; i < rescue->n_queues; i++)
		rescue->queues[i].running = false;
	vdu__iotlb_flush(rescue->iotlb);
}
