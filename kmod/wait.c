// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a message waits for its answer, and what ends all waits: an abort,
 * and the system going down.
 */
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/sched.h>

#include "message.h"
#include "trace.h"

/*
 * When the system goes down, servers have this long altogether, and then this
 * long for each message: there may be many devices.
 */
#define VDUSE_SHUTDOWN_TIMEOUT	(2 * HZ)
#define VDUSE_SHUTDOWN_GRACE	(HZ / 10)

/* For a server that was late, until it shows a sign of life. */
#define VDUSE_LATE_TIMEOUT	HZ

static bool vduse_going_down;
static unsigned long vduse_shutdown_end;	/* before vduse_going_down */

/*
 * Nobody serves the device any more when the system goes down: then there is
 * no point in waiting.
 */
bool vduse_msg_refused(struct vduse_dev *dev)
{
	lockdep_assert_held(&dev->msg_lock);
	return dev->broken || dev->aborted ||
	       (READ_ONCE(vduse_going_down) && !dev->conn);
}

static unsigned long vduse_patience_of(unsigned int seconds)
{
	if (!seconds || seconds >= MAX_SCHEDULE_TIMEOUT / HZ)
		return MAX_SCHEDULE_TIMEOUT;
	return seconds * HZ;
}

/**
 * vduse_must_not_wait - whether nothing could end the current task's wait
 * @dev: the device
 *
 * A vhost user that exits cannot be killed any more, nor can a kernel thread
 * that closes the node in its place.
 */
bool vduse_must_not_wait(struct vduse_dev *dev)
{
	return READ_ONCE(dev->bus) == VDUSE_EXT_BUS_VHOST &&
	       current->flags & (PF_EXITING | PF_KTHREAD);
}

/**
 * vduse_patience - how long the current task waits for an answer
 * @dev: the device
 *
 * A kernel driver holds locks of its own meanwhile, a vhost user can be killed.
 *
 * Return: jiffies, MAX_SCHEDULE_TIMEOUT is until there is one.
 */
unsigned long vduse_patience(struct vduse_dev *dev)
{
	unsigned long patience;
	long left;

	/* Pairs with the release in vduse_reboot(). */
	if (smp_load_acquire(&vduse_going_down)) {
		left = vduse_shutdown_end - jiffies;
		return max(left, VDUSE_SHUTDOWN_GRACE);
	}
	if (!vduse_ext(dev, VDUSE_EXT_RECOVER))
		return vduse_patience_of(READ_ONCE(dev->virtio_timeout));
	if (vduse_must_not_wait(dev))
		return 0;
	if (READ_ONCE(dev->bus) == VDUSE_EXT_BUS_VHOST)
		return vduse_patience_of(READ_ONCE(dev->vhost_timeout));
	patience = vduse_patience_of(READ_ONCE(dev->virtio_timeout));
	if (dev->late)
		patience = min(patience, VDUSE_LATE_TIMEOUT);
	return patience;
}

/**
 * vduse_dev_abort - end all waits, and cut the server off
 * @dev: the device
 *
 * A driver that has asked for a reset has it now: nobody can touch its rings
 * any more. Any other that had a message under way does not know where it is.
 */
void vduse_dev_abort(struct vduse_dev *dev)
{
	struct vduse_conn *conn;
	bool pending;

	mutex_lock(&dev->lock);
	trace_vduse_abort(dev);
	spin_lock(&dev->msg_lock);
	conn = dev->conn;
	pending = !list_empty(&dev->msg_queued) || !list_empty(&dev->msg_read);
	dev->aborted = true;
	dev->aborts++;
	vduse_conn_drop(dev);
	vduse_msg_fail_all(dev, ECONNABORTED);
	if (!vduse_ext(dev, VDUSE_EXT_RECOVER))
		WRITE_ONCE(dev->broken, dev->broken || pending);
	else if (pending && dev->status)
		vduse_needs_reset(dev);
	if (conn)
		WRITE_ONCE(conn->cut, true);
	wake_up(&dev->msg_wait);
	spin_unlock(&dev->msg_lock);

	/* It stays: its file cannot be released while dev->lock is held. */
	if (conn)
		vduse_conn_strip(conn, true);
	mutex_unlock(&dev->lock);
}

static void vduse_fail_devices(bool connected)
{
	struct vduse_dev *dev;

	mutex_lock(&vduse_devs_lock);
	list_for_each_entry(dev, &vduse_devs, node) {
		spin_lock(&dev->msg_lock);
		if (connected || !dev->conn)
			vduse_msg_fail_all(dev, ESHUTDOWN);
		spin_unlock(&dev->msg_lock);
	}
	mutex_unlock(&vduse_devs_lock);
}

/* Servers that live had their time for what was under way. */
static void vduse_reboot_late(struct work_struct *work)
{
	vduse_fail_devices(true);
}

static DECLARE_DELAYED_WORK(vduse_reboot_work, vduse_reboot_late);

/* End the waits that would hold up the shutdown. */
static int vduse_reboot(struct notifier_block *nb, unsigned long action,
			void *data)
{
	vduse_shutdown_end = jiffies + VDUSE_SHUTDOWN_TIMEOUT;
	/* Pairs with vduse_patience(). */
	smp_store_release(&vduse_going_down, true);
	vduse_fail_devices(false);
	schedule_delayed_work(&vduse_reboot_work, VDUSE_SHUTDOWN_TIMEOUT);
	return NOTIFY_DONE;
}

bool vduse_is_going_down(void)
{
	return READ_ONCE(vduse_going_down);
}

void vduse_wait_exit(void)
{
	cancel_delayed_work_sync(&vduse_reboot_work);
}

struct notifier_block vduse_reboot_notifier = {
	.notifier_call = vduse_reboot,
};
