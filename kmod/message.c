// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages from the kernel to the server: who sends one waits for its answer,
 * or posts it and goes on. How long, is in wait.c; the server's side of it in
 * server.c.
 */
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "message.h"
#include "trace.h"

/* The device failed a message: what, why and when. */
static void vduse_msg_note(struct vduse_dev *dev, const struct vduse_msg *msg,
			   int error)
{
	lockdep_assert_held(&dev->msg_lock);
	dev->msg_failed++;
	dev->last_error = error;
	dev->last_error_type = msg->req.type;
	dev->last_error_time = ktime_get();
}

/**
 * vduse_msg_queue - append a message
 * @dev: the device
 * @msg: it; with a sender that waits (@msg->pid) or without
 */
void vduse_msg_queue(struct vduse_dev *dev, struct vduse_msg *msg)
{
	lockdep_assert_held(&dev->msg_lock);
	msg->req.id = dev->msg_id++;
	msg->since = ktime_get();
	dev->msg_sent++;
	if (!msg->pid)
		dev->msg_posted++;
	list_add_tail(&msg->node, &dev->msg_queued);
	wake_up(&dev->msg_wait);
}

/**
 * vduse_msg_end - a message has its answer, or will get none
 * @dev: the device
 * @msg: it; its sender's again as soon as msg_lock is, or gone
 * @error: 0, or why it failed
 */
void vduse_msg_end(struct vduse_dev *dev, struct vduse_msg *msg, int error)
{
	lockdep_assert_held(&dev->msg_lock);
	list_del_init(&msg->node);
	msg->error = error;
	if (error)
		vduse_msg_note(dev, msg, error);
	if (msg->pid) {
		complete(&msg->done);
		return;
	}
	dev->msg_posted--;
	if (msg == &dev->cleared->msg)
		vduse_cleared_push(dev);
	else
		kfree(msg);
}

void vduse_msg_fail_all(struct vduse_dev *dev, int error)
{
	struct vduse_msg *msg, *next;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry_safe(msg, next, &dev->msg_read, node)
		vduse_msg_end(dev, msg, error);
	list_for_each_entry_safe(msg, next, &dev->msg_queued, node)
		vduse_msg_end(dev, msg, error);
}

/* Not RECOVER: there is no way back. */
static void vduse_msg_break(struct vduse_dev *dev)
{
	lockdep_assert_held(&dev->msg_lock);
	WRITE_ONCE(dev->broken, true);
	vduse_msg_fail_all(dev, EIO);
	wake_up(&dev->msg_wait);
}

/*
 * The sender waits no more. What a driver wrote into the configuration space
 * stays there, and so the server must hear of it; any other message is
 * withdrawn. If the server has read it, nobody knows what it did.
 *
 * Return: whether the message goes on; then it may be gone already.
 */
static bool vduse_msg_give_up(struct vduse_dev *dev, struct vduse_msg *msg,
			      bool late)
{
	bool unsure = (late || msg->read) && !dev->reset_owed;
	bool goes_on = msg->heap;

	lockdep_assert_held(&dev->msg_lock);
	if (late)
		dev->msg_late++;
	if (goes_on) {
		vduse_msg_note(dev, msg, late ? ETIMEDOUT : EINTR);
		msg->pid = NULL;
		dev->msg_posted++;
	} else {
		vduse_msg_end(dev, msg, late ? ETIMEDOUT : EINTR);
	}
	if (!vduse_ext(dev, VDUSE_EXT_RECOVER)) {
		if (late)
			vduse_msg_break(dev);
		return goes_on;
	}
	dev->late |= late;
	if (unsure)
		vduse_needs_reset(dev);
	return goes_on;
}

/**
 * vduse_msg_wait - wait for the answer to a message that was queued
 * @dev: the device
 * @msg: it
 * @patience: for so long, in jiffies
 *
 * Return: 0, -EIO, or -EINPROGRESS: @msg was on the heap, goes on without its
 *	sender and is no longer the sender's.
 */
int vduse_msg_wait(struct vduse_dev *dev, struct vduse_msg *msg,
		   unsigned long patience)
{
	struct vduse_request req = msg->req;
	int error = EINPROGRESS;
	bool goes_on = false;
	long left;

	left = wait_for_completion_killable_timeout(&msg->done, patience);

	spin_lock(&dev->msg_lock);
	if (!list_empty(&msg->node))
		goes_on = vduse_msg_give_up(dev, msg, !left);
	if (!goes_on)
		error = msg->error;
	spin_unlock(&dev->msg_lock);

	trace_vduse_answer(dev, &req, error);
	if (error == EINPROGRESS)
		return -EINPROGRESS;
	return error ? -EIO : 0;
}

/* Queue a message whose sender will wait so long; false: it is in vain. */
static bool vduse_msg_send(struct vduse_dev *dev, struct vduse_msg *msg,
			   unsigned long *patience)
{
	bool refused;

	init_completion(&msg->done);
	msg->pid = task_tgid(current);
	spin_lock(&dev->msg_lock);
	refused = vduse_msg_refused(dev);
	*patience = vduse_patience(dev);
	if (!refused)
		vduse_msg_queue(dev, msg);
	spin_unlock(&dev->msg_lock);
	if (!refused)
		trace_vduse_message(dev, &msg->req);
	return !refused;
}

static int vduse_msg_sync(struct vduse_dev *dev, struct vduse_msg *msg)
{
	unsigned long patience;

	if (!vduse_msg_send(dev, msg, &patience))
		return -EIO;
	return vduse_msg_wait(dev, msg, patience);
}

int vduse_msg_get_vq_state(struct vduse_dev *dev, struct vduse_queue *vq,
			   struct vdpa_vq_state *state)
{
	struct vduse_msg msg = {
		.req.type = VDUSE_GET_VQ_STATE,
		.req.vq_state.index = vq->index,
	};
	const struct vduse_vq_state_packed *packed = &msg.resp.vq_state.packed;
	int ret;

	ret = vduse_msg_sync(dev, &msg);
	if (ret)
		return ret;

	if (vduse_dev_packed(dev)) {
		state->packed.last_avail_counter = packed->last_avail_counter;
		state->packed.last_avail_idx = packed->last_avail_idx;
		state->packed.last_used_counter = packed->last_used_counter;
		state->packed.last_used_idx = packed->last_used_idx;
	} else {
		state->split.avail_index = msg.resp.vq_state.split.avail_index;
	}
	return 0;
}

/* The status changes with the answer, before the server can do more. */
int vduse_msg_set_status(struct vduse_dev *dev, u8 status)
{
	struct vduse_msg msg = {
		.req.type = VDUSE_SET_STATUS,
		.req.status.status = status,
	};

	/* That bit is between the kernel and the driver. */
	if (vduse_ext(dev, VDUSE_EXT_RECOVER))
		msg.req.status.status &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
	return vduse_msg_sync(dev, &msg);
}

/**
 * vduse_msg_reset_virtio - a kernel driver resets the device
 * @dev: the device, with RECOVER
 *
 * It cannot give up: who is killed waits a little longer for the answer.
 *
 * Return: 0 or -EIO.
 */
int vduse_msg_reset_virtio(struct vduse_dev *dev)
{
	struct vduse_msg msg = { .req.type = VDUSE_SET_STATUS };
	unsigned long patience;

	if (!vduse_msg_send(dev, &msg, &patience))
		return -EIO;
	if (wait_for_completion_killable_timeout(&msg.done, patience) < 0)
		wait_for_completion_timeout(&msg.done, min(patience, HZ));
	return vduse_msg_wait(dev, &msg, 0);
}

/* Nobody waits: who would has no time, or must not. */
static int vduse_msg_post(struct vduse_dev *dev,
			  const struct vduse_request *req)
{
	struct vduse_msg *msg;
	bool refused;

	msg = kzalloc(sizeof(*msg), GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	msg->heap = true;
	msg->req = *req;

	spin_lock(&dev->msg_lock);
	refused = vduse_msg_refused(dev) ||
		  dev->msg_posted >= VDUSE_MSG_POSTED_MAX;
	if (!refused)
		vduse_msg_queue(dev, msg);
	spin_unlock(&dev->msg_lock);
	if (refused) {
		kfree(msg);
		return -EIO;
	}
	return 0;
}

int vduse_msg_post_reset(struct vduse_dev *dev)
{
	struct vduse_request req = {
		.type = VDUSE_SET_STATUS,
	};

	return vduse_msg_post(dev, &req);
}

int vduse_msg_update_iotlb(struct vduse_dev *dev, u32 asid, u64 start,
			   u64 last)
{
	struct vduse_msg msg = {
		.req.type = VDUSE_UPDATE_IOTLB,
		.req.range.start = start,
		.req.range.last = last,
		.req.range.asid = asid,
	};

	return vduse_msg_sync(dev, &msg);
}

/* Whether such a message waits already for the server to read it. */
static bool vduse_msg_iotlb_queued(struct vduse_dev *dev, u32 asid)
{
	struct vduse_msg *msg;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_queued, node)
		if (msg->req.type == VDUSE_UPDATE_IOTLB &&
		    msg->req.range.asid == asid)
			return true;
	return false;
}

/**
 * vduse_msg_post_iotlb - tell the server of regions that have come
 * @dev: the device
 * @asid: in which address space
 *
 * A message that it has not read yet says that as well.
 *
 * Return: 0 or an error.
 */
int vduse_msg_post_iotlb(struct vduse_dev *dev, u32 asid)
{
	struct vduse_request req = {
		.type = VDUSE_UPDATE_IOTLB,
		.range.last = U64_MAX,
		.range.asid = asid,
	};
	bool queued;

	spin_lock(&dev->msg_lock);
	queued = vduse_msg_iotlb_queued(dev, asid);
	spin_unlock(&dev->msg_lock);
	return queued ? 0 : vduse_msg_post(dev, &req);
}

/* The kernel's part of the change is none: groups are the server's matter. */
int vduse_msg_set_group_asid(struct vduse_dev *dev, u32 group, u32 asid)
{
	struct vduse_msg msg = {
		.req.type = VDUSE_MSG_GROUP_ASID,
		.req.group.group = group,
		.req.group.asid = asid,
	};

	return vduse_msg_sync(dev, &msg);
}

/* Without an answer there is no telling what the server does with the queue. */
int vduse_msg_queue_ready(struct vduse_dev *dev, u16 index, bool ready)
{
	struct vduse_msg msg = {
		.req.type = VDUSE_EXT_MSG_QUEUE_READY,
		.req.ready.num = index,
		.req.ready.ready = ready,
	};
	int ret;

	ret = vduse_msg_sync(dev, &msg);
	if (!ret)
		return 0;
	spin_lock(&dev->msg_lock);
	if (vduse_ext(dev, VDUSE_EXT_RECOVER))
		vduse_needs_reset(dev);
	else if (!dev->broken)
		vduse_msg_break(dev);
	spin_unlock(&dev->msg_lock);
	return ret;
}

int vduse_msg_suspend(struct vduse_dev *dev)
{
	struct vduse_msg msg = { .req.type = VDUSE_EXT_MSG_SUSPEND };

	return vduse_msg_sync(dev, &msg);
}

int vduse_msg_resume(struct vduse_dev *dev)
{
	struct vduse_msg msg = { .req.type = VDUSE_EXT_MSG_RESUME };

	return vduse_msg_sync(dev, &msg);
}
