// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues: what both sides set up, and kicks from driver to server.
 */
#include <linux/eventfd.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "trace.h"
#include "vduse.h"

static void vduse_queue_kick_work(struct irq_work *work)
{
	vduse_queue_kick(container_of(work, struct vduse_queue, kick_work));
}

static struct vduse_queue *vduse_queue_create(struct vduse_dev *dev, u16 index)
{
	struct vduse_queue *vq;
	int ret;

	vq = kzalloc(sizeof(*vq), GFP_KERNEL_ACCOUNT);
	if (!vq)
		return ERR_PTR(-ENOMEM);
	if (!zalloc_cpumask_var(&vq->affinity, GFP_KERNEL_ACCOUNT)) {
		kfree(vq);
		return ERR_PTR(-ENOMEM);
	}

	vq->dev = dev;
	vq->index = index;
	spin_lock_init(&vq->lock);
	init_irq_work(&vq->kick_work, vduse_queue_kick_work);
	vduse_queue_irq_init(vq);

	ret = kobject_init_and_add(&vq->kobj, &vduse_queue_type, &dev->dev.kobj,
				   "vq%u", index);
	if (ret) {
		kobject_put(&vq->kobj);
		return ERR_PTR(ret);
	}
	return vq;
}

/**
 * vduse_queues_create - make the queues of a device
 * @dev: the device, visible in sysfs
 *
 * Return: 0 or an error, after which there are none to be seen.
 */
int vduse_queues_create(struct vduse_dev *dev)
{
	struct vduse_queue *vq;
	u32 i;

	if (!dev->vq_num)
		return 0;
	dev->vqs = kvcalloc(dev->vq_num, sizeof(*dev->vqs), GFP_KERNEL_ACCOUNT);
	if (!dev->vqs)
		return -ENOMEM;

	for (i = 0; i < dev->vq_num; i++) {
		vq = vduse_queue_create(dev, i);
		if (IS_ERR(vq)) {
			vduse_queues_hide(dev);
			return PTR_ERR(vq);
		}
		dev->vqs[i] = vq;
		cond_resched();
	}
	return 0;
}

/* The device goes. A server that was cut off may be in the middle of a call. */
void vduse_queues_hide(struct vduse_dev *dev)
{
	u32 i;

	for (i = 0; dev->vqs && i < dev->vq_num && dev->vqs[i]; i++) {
		kobject_del(&dev->vqs[i]->kobj);
		cond_resched();
	}
}

void vduse_queues_free(struct vduse_dev *dev)
{
	u32 i;

	for (i = 0; dev->vqs && i < dev->vq_num && dev->vqs[i]; i++) {
		kobject_put(&dev->vqs[i]->kobj);
		cond_resched();
	}
	kvfree(dev->vqs);
}

/**
 * vduse_queue_clear - forget all that the driver set
 * @vq: the queue
 *
 * The eventfd of the server goes too: after a reset it sets one up again.
 */
void vduse_queue_clear(struct vduse_queue *vq)
{
	struct eventfd_ctx *kickfd;

	spin_lock_bh(&vq->irq_lock);
	memset(&vq->cb, 0, sizeof(vq->cb));
	spin_lock_irq(&vq->lock);
	kickfd = vq->kickfd;
	vq->kickfd = NULL;
	vq->kick_conn = NULL;
	vq->ready = false;
	vq->kicked = false;
	vq->num = 0;
	vq->desc = 0;
	vq->driver = 0;
	vq->device = 0;
	memset(&vq->state, 0, sizeof(vq->state));
	spin_unlock_irq(&vq->lock);
	spin_unlock_bh(&vq->irq_lock);

	if (kickfd)
		eventfd_ctx_put(kickfd);
	cancel_work_sync(&vq->irq_work);
	irq_work_sync(&vq->kick_work);
}

void vduse_queue_set_ready(struct vduse_queue *vq, bool ready)
{
	spin_lock_bh(&vq->irq_lock);
	spin_lock_irq(&vq->lock);
	vq->ready = ready;
	spin_unlock_irq(&vq->lock);
	spin_unlock_bh(&vq->irq_lock);
}

/**
 * vduse_queue_kick - the driver has put requests into the ring
 * @vq: the queue
 *
 * Context: any. vhost calls it while another eventfd is being signalled, with
 *	the lock of that one held: then nothing is locked here, since a server
 *	may have given us the very same eventfd.
 */
void vduse_queue_kick(struct vduse_queue *vq)
{
	enum vduse_kick_how how = VDUSE_KICK_REMEMBERED;
	unsigned long flags;

	if (!eventfd_signal_allowed()) {
		trace_vduse_kick(vq, VDUSE_KICK_DEFERRED);
		irq_work_queue(&vq->kick_work);
		return;
	}

	spin_lock_irqsave(&vq->lock, flags);
	if (!vq->ready)
		goto unlock;
	vq->kicks++;
	if (vq->kickfd && !READ_ONCE(vq->dev->suspended)) {
		eventfd_signal(vq->kickfd);
		how = VDUSE_KICK_SIGNALLED;
	} else {
		vq->kicked = true;
	}
	trace_vduse_kick(vq, how);
unlock:
	spin_unlock_irqrestore(&vq->lock, flags);
}

/* Tell the server of a kick that it has not heard. */
static void vduse_queue_remind(struct vduse_queue *vq)
{
	lockdep_assert_held(&vq->lock);
	if (!vq->kickfd || !vq->ready || !vq->kicked ||
	    READ_ONCE(vq->dev->suspended))
		return;
	vq->kicked = false;
	eventfd_signal(vq->kickfd);
}

/* The device goes on. */
void vduse_queue_catch_up(struct vduse_queue *vq)
{
	spin_lock_irq(&vq->lock);
	vduse_queue_remind(vq);
	spin_unlock_irq(&vq->lock);
}

struct vduse_queue *vduse_queue_get(struct vduse_dev *dev, u32 index)
{
	if (index >= dev->vq_num)
		return NULL;
	return dev->vqs[array_index_nospec(index, dev->vq_num)];
}

int vduse_queue_setup(struct vduse_dev *dev,
		      struct vduse_queue_args __user *argp)
{
	struct vduse_queue_args args;
	struct vduse_queue *vq;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	vq = vduse_queue_get(dev, args.index);
	if (!vq || args.reserved1 || args.group >= dev->ngroups ||
	    memchr_inv(args.reserved2, 0, sizeof(args.reserved2)))
		return -EINVAL;
	/* Version 0 never minded. */
	if (dev->api_version >= VDUSE_API_GROUPS && vduse_driver_ok(dev))
		return -EINVAL;

	WRITE_ONCE(vq->num_max, args.max_size);
	WRITE_ONCE(vq->group, args.group);
	return 0;
}

int vduse_queue_get_info(struct vduse_dev *dev,
			 struct vduse_vq_info __user *argp)
{
	struct vduse_vq_info info = {};
	struct vdpa_vq_state state;
	struct vduse_queue *vq;

	if (get_user(info.index, &argp->index))
		return -EFAULT;
	vq = vduse_queue_get(dev, info.index);
	if (!vq)
		return -EINVAL;

	spin_lock_irq(&vq->lock);
	info.num = vq->num;
	info.desc_addr = vq->desc;
	info.driver_addr = vq->driver;
	info.device_addr = vq->device;
	info.ready = vq->ready;
	state = vq->state;
	spin_unlock_irq(&vq->lock);

	if (vduse_dev_packed(dev)) {
		info.packed.last_avail_counter = state.packed.last_avail_counter;
		info.packed.last_avail_idx = state.packed.last_avail_idx;
		info.packed.last_used_counter = state.packed.last_used_counter;
		info.packed.last_used_idx = state.packed.last_used_idx;
	} else {
		info.split.avail_index = state.split.avail_index;
	}

	if (copy_to_user(argp, &info, offsetofend(struct vduse_vq_info, ready)))
		return -EFAULT;
	return 0;
}

/* Swap it in, unless the server was cut off: then its eventfd is not heard. */
static int vduse_queue_listen(struct vduse_queue *vq,
			      const struct vduse_conn *conn,
			      struct eventfd_ctx **ctx)
{
	int ret = 0;

	spin_lock_irq(&vq->lock);
	if (READ_ONCE(conn->cut)) {
		ret = -ENOTCONN;
		goto unlock;
	}
	swap(vq->kickfd, *ctx);
	vq->kick_conn = conn;
	vduse_queue_remind(vq);
unlock:
	spin_unlock_irq(&vq->lock);
	return ret;
}

int vduse_queue_setup_kickfd(const struct vduse_conn *conn,
			     struct vduse_vq_eventfd __user *argp)
{
	struct vduse_vq_eventfd config;
	struct eventfd_ctx *ctx = NULL;
	struct vduse_queue *vq;
	int ret;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	vq = vduse_queue_get(conn->dev, config.index);
	if (!vq)
		return -EINVAL;

	if (config.fd >= 0) {
		ctx = eventfd_ctx_fdget(config.fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	} else if (config.fd != VDUSE_EVENTFD_DEASSIGN) {
		return 0;
	}

	ret = vduse_queue_listen(vq, conn, &ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return ret;
}

/**
 * vduse_queue_drop_kickfd - the server is gone
 * @vq: the queue
 * @conn: which server
 *
 * It may have left a kick unread in its eventfd: the next server gets one in
 * any case.
 */
void vduse_queue_drop_kickfd(struct vduse_queue *vq,
			     const struct vduse_conn *conn)
{
	struct eventfd_ctx *kickfd = NULL;

	spin_lock_irq(&vq->lock);
	if (vq->kick_conn == conn) {
		swap(vq->kickfd, kickfd);
		vq->kick_conn = NULL;
	}
	if (kickfd && vq->ready)
		vq->kicked = true;
	spin_unlock_irq(&vq->lock);

	if (kickfd)
		eventfd_ctx_put(kickfd);
}
