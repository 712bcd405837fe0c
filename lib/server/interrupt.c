// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/server/interrupt.h"

#include <errno.h>
#include <linux/vduse.h>
#include <string.h>

#include "lib/kernel/device.h"
#include "lib/server/queue.h"

#define RETRIES_MAX 5000	/* milliseconds: one retry in each */

void vdu__interrupt_begin(struct vdu__queue *queue)
{
	queue->interrupts.due = false;
	queue->interrupts.refused = false;
	queue->interrupts.retries = 0;
}

/*
 * The kernel refuses interrupts until it has seen our reply to DRIVER_OK
 * (facts of VDUSE_VQ_INJECT_IRQ): what is due then must not get lost.
 */
static void arm_retry(struct vdu__queue *queue)
{
	static struct __kernel_timespec delay = { .tv_nsec = 1000000 };
	struct io_uring_sqe *sqe;

	if (queue->interrupts.retry_armed ||
	    queue->interrupts.retries++ >= RETRIES_MAX)
		return;
	queue->interrupts.retry_armed = true;
	sqe = vdu__get_sqe(&queue->uring);
	io_uring_prep_timeout(sqe, &delay, 0, 0);
	sqe->user_data = VDU_TAG_RETRY;
}

/* True: the driver has it. */
static bool call(struct vdu__queue *queue)
{
	int r = vdu__device_interrupt(queue->device_fd, queue->index);

	queue->interrupts.refused = r == -EINVAL;
	if (r == 0) {
		queue->interrupts.retries = 0;
		vdu__count(&queue->stats.interrupts, 1);
	} else if (r == -EINVAL) {
		arm_retry(queue);
	} else {
		atomic_store(&queue->broken, true);
		vdu__queue_tell_control(queue);
	}
	return r == 0;
}

void vdu__interrupt_now(struct vdu__queue *queue)
{
	if (!queue->interrupts.due)
		return;
	queue->interrupts.due = false;
	(void)call(queue);
}

/*
 * Our module takes the call as a command of io_uring, too (VDUSE_EXT_INJECT).
 * Only one that failed is told of.
 */
void vdu__interrupt_submit(struct vdu__queue *queue)
{
	struct io_uring_sqe *sqe;

	if (!queue->interrupts.due)
		return;
	if (queue->interrupts.by_call) {
		vdu__interrupt_now(queue);
		return;
	}
	queue->interrupts.due = false;
	sqe = vdu__get_sqe(&queue->uring);
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, queue->device_fd, NULL, 0,
			 0);
	sqe->cmd_op = VDUSE_VQ_INJECT_IRQ;
	memcpy(sqe->cmd, &queue->index, sizeof(queue->index));
	io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
	sqe->user_data = VDU_TAG_INTERRUPT;
	vdu__count(&queue->stats.interrupts, 1);
}

/* If the call does what the command did not, that is no way to go. */
void vdu__interrupt_failed(struct vdu__queue *queue)
{
	vdu__count(&queue->stats.interrupts, (uint64_t)-1);
	if (queue->running && call(queue))
		queue->interrupts.by_call = true;
}

void vdu__interrupt_again(struct vdu__queue *queue)
{
	queue->interrupts.retry_armed = false;
	if (queue->running && queue->interrupts.refused)
		(void)call(queue);
}
