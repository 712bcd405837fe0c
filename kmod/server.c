// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server's side of the messages: it comes, reads, answers and goes.
 */
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/pid.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "domain.h"
#include "message.h"
#include "trace.h"

static struct vduse_msg *vduse_msg_find(struct vduse_dev *dev, u32 id)
{
	struct vduse_msg *msg;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_read, node)
		if (msg->req.id == id)
			return msg;
	return NULL;
}

/*
 * Whether this is not, or no longer, who serves the device. If it is, it lives;
 * the descriptor may have gone to another process, too.
 */
static bool vduse_conn_stale(struct vduse_conn *conn)
{
	struct vduse_dev *dev = conn->dev;

	lockdep_assert_held(&dev->msg_lock);
	if (conn->cut)
		return true;
	dev->late = false;
	if (dev->server != task_tgid(current)) {
		put_pid(dev->server);
		dev->server = get_pid(task_tgid(current));
	}
	return false;
}

/**
 * vduse_conn_use - the server does something else than a message
 * @conn: who
 *
 * Return: 0 or -ENOTCONN.
 */
int vduse_conn_use(struct vduse_conn *conn)
{
	struct vduse_dev *dev = conn->dev;
	bool stale;

	if (likely(!READ_ONCE(conn->cut) && !READ_ONCE(dev->late) &&
		   READ_ONCE(dev->server) == task_tgid(current)))
		return 0;

	spin_lock(&dev->msg_lock);
	stale = vduse_conn_stale(conn);
	spin_unlock(&dev->msg_lock);
	return stale ? -ENOTCONN : 0;
}

/* Take the oldest message to be read; 0 if there was one. */
static int vduse_msg_take(struct vduse_conn *conn, struct vduse_request *req)
{
	struct vduse_dev *dev = conn->dev;
	struct vduse_msg *msg;
	int ret = -EAGAIN;

	spin_lock(&dev->msg_lock);
	if (vduse_conn_stale(conn)) {
		ret = -ENOTCONN;
		goto unlock;
	}
	msg = list_first_entry_or_null(&dev->msg_queued, struct vduse_msg, node);
	if (msg) {
		list_move_tail(&msg->node, &dev->msg_read);
		msg->read = true;
		*req = msg->req;
		wake_up(&dev->msg_wait);
		ret = 0;
	}
unlock:
	spin_unlock(&dev->msg_lock);
	return ret;
}

/* It did not arrive: it is the next to be read, unless its sender gave up. */
static void vduse_msg_untake(struct vduse_dev *dev, u32 id)
{
	struct vduse_msg *msg;

	spin_lock(&dev->msg_lock);
	msg = vduse_msg_find(dev, id);
	if (msg) {
		list_move(&msg->node, &dev->msg_queued);
		msg->read = false;
		wake_up(&dev->msg_wait);
	}
	spin_unlock(&dev->msg_lock);
}

static bool vduse_msg_readable(struct vduse_conn *conn)
{
	return !list_empty_careful(&conn->dev->msg_queued) ||
	       READ_ONCE(conn->dev->broken) || READ_ONCE(conn->cut);
}

ssize_t vduse_dev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vduse_conn *conn = iocb->ki_filp->private_data;
	struct vduse_request req;
	int ret;

	if (iov_iter_count(to) < sizeof(req))
		return -EINVAL;

	for (;;) {
		ret = vduse_msg_take(conn, &req);
		if (!ret)
			break;
		if (ret != -EAGAIN || iocb->ki_filp->f_flags & O_NONBLOCK ||
		    iocb->ki_flags & IOCB_NOWAIT)
			return ret;
		if (READ_ONCE(conn->dev->broken))
			return -EIO;
		ret = wait_event_interruptible(conn->dev->msg_wait,
					       vduse_msg_readable(conn));
		if (ret)
			return ret;
	}

	if (copy_to_iter(&req, sizeof(req), to) != sizeof(req)) {
		vduse_msg_untake(conn->dev, req.id);
		return -EFAULT;
	}
	return sizeof(req);
}

/* The server agrees: what it agrees to is so before it can do more. */
static void vduse_msg_agreed(struct vduse_dev *dev, struct vduse_msg *msg)
{
	lockdep_assert_held(&dev->msg_lock);
	switch (msg->req.type) {
	case VDUSE_SET_STATUS:
		vduse_status_agreed(dev, msg->req.status.status);
		break;
	case VDUSE_EXT_MSG_SUSPEND:
		WRITE_ONCE(dev->suspended, true);
		break;
	case VDUSE_EXT_MSG_RESUME:
		WRITE_ONCE(dev->suspended, false);
		break;
	}
}

ssize_t vduse_dev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vduse_conn *conn = iocb->ki_filp->private_data;
	struct vduse_dev *dev = conn->dev;
	struct vduse_dev_response resp;
	struct vduse_msg *msg;
	ssize_t ret = -ENOENT;
	bool ok;

	if (iov_iter_count(from) < sizeof(resp))
		return -EINVAL;
	if (!copy_from_iter_full(&resp, sizeof(resp), from))
		return -EINVAL;
	if (memchr_inv(resp.reserved, 0, sizeof(resp.reserved)))
		return -EINVAL;

	spin_lock(&dev->msg_lock);
	if (vduse_conn_stale(conn)) {
		ret = -ENOTCONN;
		goto unlock;
	}
	msg = vduse_msg_find(dev, resp.request_id);
	if (msg) {
		ok = resp.result == VDUSE_REQ_RESULT_OK;
		if (ok)
			vduse_msg_agreed(dev, msg);
		msg->resp = resp;
		vduse_msg_end(dev, msg, ok ? 0 : EIO);
		ret = sizeof(resp);
	}
unlock:
	spin_unlock(&dev->msg_lock);
	return ret;
}

__poll_t vduse_dev_poll(struct file *file, struct poll_table_struct *wait)
{
	struct vduse_conn *conn = file->private_data;
	struct vduse_dev *dev = conn->dev;
	__poll_t mask = 0;

	poll_wait(file, &dev->msg_wait, wait);

	spin_lock(&dev->msg_lock);
	if (conn->cut) {
		mask = EPOLLERR | EPOLLHUP;
		goto unlock;
	}
	if (dev->broken)
		mask |= EPOLLERR;
	if (!list_empty(&dev->msg_queued))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!list_empty(&dev->msg_read))
		mask |= EPOLLOUT | EPOLLWRNORM;
unlock:
	spin_unlock(&dev->msg_lock);
	return mask;
}

/**
 * vduse_conn_open - let a server in, one at a time
 * @conn: it
 *
 * Return: 0 or -EBUSY.
 */
int vduse_conn_open(struct vduse_conn *conn)
{
	struct vduse_dev *dev = conn->dev;
	int ret = 0;

	lockdep_assert_held(&dev->lock);
	spin_lock(&dev->msg_lock);
	if (dev->conn) {
		ret = -EBUSY;
	} else {
		WRITE_ONCE(dev->conn, conn);
		WRITE_ONCE(dev->server, get_pid(task_tgid(current)));
		dev->aborted = false;
		WRITE_ONCE(dev->late, false);
		vduse_cleared_push(dev);
	}
	spin_unlock(&dev->msg_lock);
	return ret;
}

/*
 * A driver that waits for its reset has it, if the server is one with which
 * the kernel keeps the status: nobody can touch the rings any more.
 */
static void vduse_resets_done(struct vduse_dev *dev)
{
	struct vduse_msg *msg, *next;
	LIST_HEAD(resets);

	list_for_each_entry_safe(msg, next, &dev->msg_queued, node)
		if (msg->req.type == VDUSE_SET_STATUS &&
		    !msg->req.status.status)
			list_move_tail(&msg->node, &resets);
	if (list_empty(&resets) && !dev->reset_owed)
		return;
	list_for_each_entry_safe(msg, next, &resets, node)
		vduse_msg_end(dev, msg, 0);
	vduse_status_agreed(dev, 0);
}

/**
 * vduse_conn_drop - nobody serves the device any more
 * @dev: the device
 *
 * What was read and not answered is read again, first and in its order.
 */
void vduse_conn_drop(struct vduse_dev *dev)
{
	struct vduse_msg *msg;

	lockdep_assert_held(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_read, node)
		msg->read = false;
	list_splice_init(&dev->msg_read, &dev->msg_queued);
	WRITE_ONCE(dev->conn, NULL);
	put_pid(dev->server);
	WRITE_ONCE(dev->server, NULL);
	if (vduse_ext(dev, VDUSE_EXT_RECOVER))
		vduse_resets_done(dev);
	if (vduse_is_going_down())
		vduse_msg_fail_all(dev, ESHUTDOWN);
}

/**
 * vduse_conn_strip - take from a server what it has of the device
 * @conn: it
 * @windows: what it has mapped, too
 */
void vduse_conn_strip(struct vduse_conn *conn, bool windows)
{
	struct vduse_dev *dev = conn->dev;
	struct vduse_domain *domain = vduse_dev_domain(dev);
	u32 i;

	lockdep_assert_held(&dev->lock);
	for (i = 0; i < dev->vq_num; i++) {
		vduse_queue_drop_kickfd(dev->vqs[i], conn);
		vduse_irqfd_drop(dev->vqs[i], conn);
		cond_resched();
	}
	if (!domain)
		return;
	/* It may be filling buffers: see vduse_fill_piece(). */
	if (READ_ONCE(conn->cut))
		synchronize_rcu();
	vduse_umem_drop(domain, &conn->cut);
	if (windows)
		vduse_window_shut(domain);
}

/*
 * The server has closed the device. With RECOVER that ends a reset, so it lets
 * go of the rings then, too; one that was cut off has nothing left.
 */
void vduse_conn_close(struct vduse_conn *conn)
{
	struct vduse_dev *dev = conn->dev;
	bool recover = vduse_ext(dev, VDUSE_EXT_RECOVER);

	vduse_conn_strip(conn, recover && !conn->cut);
	spin_lock(&dev->msg_lock);
	if (dev->conn == conn)
		vduse_conn_drop(dev);
	spin_unlock(&dev->msg_lock);
}
