// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages from the kernel to the server, each waited for by its sender.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/poll.h>
#include <linux/reboot.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "trace.h"
#include "vduse.h"

/*
 * When the system goes down, servers have this long altogether, and then this
 * long for each message: there may be many devices.
 */
#define VDUSE_SHUTDOWN_TIMEOUT	(2 * HZ)
#define VDUSE_SHUTDOWN_GRACE	(HZ / 10)

/**
 * struct vduse_msg - a message, on its sender's stack
 * @node: in msg_queued or msg_sent, or alone once it has its answer
 * @req: what the server reads
 * @resp: what it wrote
 * @done: it has its answer
 */
struct vduse_msg {
	struct list_head node;
	struct vduse_request req;
	struct vduse_dev_response resp;
	struct completion done;
};

static bool vduse_going_down;
static unsigned long vduse_shutdown_end;	/* before vduse_going_down */

/* End a message. Its memory is its sender's again as soon as msg_lock is. */
static void vduse_msg_end(struct vduse_msg *msg, u32 result)
{
	list_del_init(&msg->node);
	msg->resp.result = result;
	complete(&msg->done);
}

static void vduse_msg_fail_all(struct vduse_dev *dev)
{
	struct vduse_msg *msg, *next;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry_safe(msg, next, &dev->msg_sent, node)
		vduse_msg_end(msg, VDUSE_REQ_RESULT_FAILED);
	list_for_each_entry_safe(msg, next, &dev->msg_queued, node)
		vduse_msg_end(msg, VDUSE_REQ_RESULT_FAILED);
}

static unsigned long vduse_msg_patience(struct vduse_dev *dev)
{
	unsigned long seconds = READ_ONCE(dev->msg_timeout);
	long left;

	/* Pairs with the release in vduse_reboot(). */
	if (smp_load_acquire(&vduse_going_down)) {
		left = vduse_shutdown_end - jiffies;
		return max(left, VDUSE_SHUTDOWN_GRACE);
	}
	if (!seconds || seconds >= MAX_SCHEDULE_TIMEOUT / HZ)
		return MAX_SCHEDULE_TIMEOUT;
	return seconds * HZ;
}

/*
 * Send a message and wait for its answer. Nobody serves the device any more
 * when the system goes down: then there is no point in waiting.
 */
static int vduse_msg_sync(struct vduse_dev *dev, struct vduse_msg *msg)
{
	unsigned long patience;
	bool refused;
	long left;

	init_completion(&msg->done);
	spin_lock(&dev->msg_lock);
	refused = dev->broken || (READ_ONCE(vduse_going_down) &&
				   !dev->connected);
	if (!refused) {
		patience = vduse_msg_patience(dev);
		msg->req.id = dev->msg_id++;
		list_add_tail(&msg->node, &dev->msg_queued);
		wake_up(&dev->msg_wait);
	}
	spin_unlock(&dev->msg_lock);
	if (refused)
		return -EIO;

	trace_vduse_message(dev, &msg->req);
	left = wait_for_completion_killable_timeout(&msg->done, patience);

	spin_lock(&dev->msg_lock);
	if (!list_empty(&msg->node)) {
		vduse_msg_end(msg, VDUSE_REQ_RESULT_FAILED);
		if (!left) {
			WRITE_ONCE(dev->broken, true);
			vduse_msg_fail_all(dev);
			wake_up(&dev->msg_wait);
		}
	}
	spin_unlock(&dev->msg_lock);

	trace_vduse_answer(dev, &msg->req, msg->resp.result);
	return msg->resp.result == VDUSE_REQ_RESULT_OK ? 0 : -EIO;
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

	return vduse_msg_sync(dev, &msg);
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

static struct vduse_msg *vduse_msg_find(struct vduse_dev *dev, u32 id)
{
	struct vduse_msg *msg;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_sent, node)
		if (msg->req.id == id)
			return msg;
	return NULL;
}

/* Take the oldest message to be read; false if there is none. */
static bool vduse_msg_take(struct vduse_dev *dev, struct vduse_request *req)
{
	struct vduse_msg *msg;

	spin_lock(&dev->msg_lock);
	msg = list_first_entry_or_null(&dev->msg_queued, struct vduse_msg, node);
	if (msg) {
		list_move_tail(&msg->node, &dev->msg_sent);
		*req = msg->req;
		wake_up(&dev->msg_wait);
	}
	spin_unlock(&dev->msg_lock);
	return msg;
}

/* It did not arrive: it is the next to be read, unless its sender gave up. */
static void vduse_msg_untake(struct vduse_dev *dev, u32 id)
{
	struct vduse_msg *msg;

	spin_lock(&dev->msg_lock);
	msg = vduse_msg_find(dev, id);
	if (msg) {
		list_move(&msg->node, &dev->msg_queued);
		wake_up(&dev->msg_wait);
	}
	spin_unlock(&dev->msg_lock);
}

static bool vduse_msg_readable(struct vduse_dev *dev)
{
	return !list_empty_careful(&dev->msg_queued) || READ_ONCE(dev->broken);
}

ssize_t vduse_dev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vduse_dev *dev = iocb->ki_filp->private_data;
	struct vduse_request req;
	int ret;

	if (iov_iter_count(to) < sizeof(req))
		return -EINVAL;

	while (!vduse_msg_take(dev, &req)) {
		if (iocb->ki_filp->f_flags & O_NONBLOCK ||
		    iocb->ki_flags & IOCB_NOWAIT)
			return -EAGAIN;
		if (READ_ONCE(dev->broken))
			return -EIO;
		ret = wait_event_interruptible(dev->msg_wait,
					       vduse_msg_readable(dev));
		if (ret)
			return ret;
	}

	if (copy_to_iter(&req, sizeof(req), to) != sizeof(req)) {
		vduse_msg_untake(dev, req.id);
		return -EFAULT;
	}
	return sizeof(req);
}

ssize_t vduse_dev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vduse_dev *dev = iocb->ki_filp->private_data;
	struct vduse_dev_response resp;
	struct vduse_msg *msg;

	if (iov_iter_count(from) < sizeof(resp))
		return -EINVAL;
	if (!copy_from_iter_full(&resp, sizeof(resp), from))
		return -EINVAL;
	if (memchr_inv(resp.reserved, 0, sizeof(resp.reserved)))
		return -EINVAL;

	spin_lock(&dev->msg_lock);
	msg = vduse_msg_find(dev, resp.request_id);
	if (msg) {
		if (msg->req.type == VDUSE_SET_STATUS &&
		    resp.result == VDUSE_REQ_RESULT_OK)
			WRITE_ONCE(dev->status, msg->req.status.status);
		msg->resp = resp;
		vduse_msg_end(msg, resp.result);
	}
	spin_unlock(&dev->msg_lock);
	return msg ? sizeof(resp) : -ENOENT;
}

__poll_t vduse_dev_poll(struct file *file, struct poll_table_struct *wait)
{
	struct vduse_dev *dev = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &dev->msg_wait, wait);

	spin_lock(&dev->msg_lock);
	if (dev->broken)
		mask |= EPOLLERR;
	if (!list_empty(&dev->msg_queued))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&dev->msg_sent))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&dev->msg_lock);
	return mask;
}

/**
 * vduse_msg_connect - let a server in, one at a time
 * @dev: the device
 *
 * Return: 0 or -EBUSY.
 */
int vduse_msg_connect(struct vduse_dev *dev)
{
	int ret = 0;

	spin_lock(&dev->msg_lock);
	if (dev->connected)
		ret = -EBUSY;
	else
		WRITE_ONCE(dev->connected, true);
	spin_unlock(&dev->msg_lock);
	return ret;
}

/* What was read and not answered is read again, first and in its order. */
void vduse_msg_disconnect(struct vduse_dev *dev)
{
	spin_lock(&dev->msg_lock);
	list_splice_init(&dev->msg_sent, &dev->msg_queued);
	if (READ_ONCE(vduse_going_down))
		vduse_msg_fail_all(dev);
	WRITE_ONCE(dev->connected, false);
	spin_unlock(&dev->msg_lock);
}

static void vduse_msg_abort(bool connected)
{
	struct vduse_dev *dev;

	mutex_lock(&vduse_devs_lock);
	list_for_each_entry(dev, &vduse_devs, node) {
		spin_lock(&dev->msg_lock);
		if (connected || !dev->connected)
			vduse_msg_fail_all(dev);
		spin_unlock(&dev->msg_lock);
	}
	mutex_unlock(&vduse_devs_lock);
}

/* Servers that live had their time for what was under way. */
static void vduse_reboot_late(struct work_struct *work)
{
	vduse_msg_abort(true);
}

static DECLARE_DELAYED_WORK(vduse_reboot_work, vduse_reboot_late);

/* End the waits that would hold up the shutdown. */
static int vduse_reboot(struct notifier_block *nb, unsigned long action,
			void *data)
{
	vduse_shutdown_end = jiffies + VDUSE_SHUTDOWN_TIMEOUT;
	/* Pairs with vduse_msg_patience(). */
	smp_store_release(&vduse_going_down, true);
	vduse_msg_abort(false);
	schedule_delayed_work(&vduse_reboot_work, VDUSE_SHUTDOWN_TIMEOUT);
	return NOTIFY_DONE;
}

void vduse_message_exit(void)
{
	cancel_delayed_work_sync(&vduse_reboot_work);
}

struct notifier_block vduse_reboot_notifier = {
	.notifier_call = vduse_reboot,
};
