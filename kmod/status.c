// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio status: what the driver sees of it, reset, and what that leaves.
 */
#include <uapi/linux/virtio_config.h>

#include "domain.h"
#include "message.h"
#include "trace.h"

/* Before features are written the answer is: split. */
bool vduse_dev_packed(struct vduse_dev *dev)
{
	return READ_ONCE(dev->driver_features) &
	       BIT_ULL(VIRTIO_F_RING_PACKED);
}

bool vduse_driver_ok(struct vduse_dev *dev)
{
	return READ_ONCE(dev->status) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/**
 * vduse_needs_reset - kernel and server may not agree about the device
 * @dev: the device, with RECOVER
 *
 * virtio 1.2, 2.1.2: the driver is told. A reset mends it.
 */
void vduse_needs_reset(struct vduse_dev *dev)
{
	lockdep_assert_held(&dev->msg_lock);
	WRITE_ONCE(dev->status, dev->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	if (vduse_driver_ok(dev))
		queue_work(vduse_irq_wq, &dev->config_irq_work);
}

/* The server has taken this status, or is no more and has no say in it. */
void vduse_status_agreed(struct vduse_dev *dev, u8 status)
{
	lockdep_assert_held(&dev->msg_lock);
	if (!status) {
		dev->reset_owed = false;
		WRITE_ONCE(dev->suspended, false);
	} else {
		status |= dev->status & VIRTIO_CONFIG_S_NEEDS_RESET;
	}
	WRITE_ONCE(dev->status, status);
}

/* No callback of the driver runs when this returns or later. */
static void vduse_dev_stop(struct vduse_dev *dev)
{
	u32 i;

	vduse_config_irq_clear(dev);
	for (i = 0; i < dev->vq_num; i++) {
		vduse_queue_clear(dev->vqs[i]);
		cond_resched();
	}
}

/*
 * Forget what else the driver set, but for the status. Regions of a vhost user
 * stay: they are the user's until it unmaps them or goes.
 */
static void vduse_dev_forget(struct vduse_dev *dev)
{
	struct vduse_domain *domain = vduse_dev_domain(dev);

	trace_vduse_reset(dev);
	WRITE_ONCE(dev->driver_features, 0);
	vduse_config_bump(dev);
	if (domain)
		vduse_bounce_reset(domain);
}

/**
 * vduse_dev_clear - forget all that the driver set
 * @dev: the device
 */
void vduse_dev_clear(struct vduse_dev *dev)
{
	spin_lock(&dev->msg_lock);
	vduse_status_agreed(dev, 0);
	spin_unlock(&dev->msg_lock);
	vduse_dev_forget(dev);
	vduse_dev_stop(dev);
}

/* Whether nobody is there who would have to agree: then it is so. */
static bool vduse_reset_alone(struct vduse_dev *dev)
{
	bool alone;

	spin_lock(&dev->msg_lock);
	alone = !dev->conn;
	if (alone)
		vduse_status_agreed(dev, 0);
	else
		dev->reset_owed = true;
	spin_unlock(&dev->msg_lock);
	return alone;
}

/*
 * A kernel driver is gone whatever happens, and its core takes any status but 0
 * for a bug of the driver. So a server that does not agree is cut off: then it
 * is true as well.
 */
static int vduse_reset_virtio(struct vduse_dev *dev)
{
	if (vduse_msg_reset_virtio(dev))
		vduse_dev_abort(dev);
	return 0;
}

/*
 * The status is 0 when the server has agreed, or is gone; until then the driver
 * reads another one. A vhost user that exits is not there to read it, and
 * nothing could end its wait.
 */
static int vduse_reset_vhost(struct vduse_dev *dev)
{
	int ret = -EIO;

	if (vduse_must_not_wait(dev))
		vduse_msg_post_reset(dev);
	else
		ret = vduse_msg_set_status(dev, 0);
	if (!ret || vduse_reset_alone(dev))
		return 0;

	spin_lock(&dev->msg_lock);
	if (dev->reset_owed)
		WRITE_ONCE(dev->status, VIRTIO_CONFIG_S_NEEDS_RESET);
	spin_unlock(&dev->msg_lock);
	return ret;
}

static int vduse_reset_agreed(struct vduse_dev *dev)
{
	if (vduse_reset_alone(dev))
		return 0;
	if (READ_ONCE(dev->bus) == VDUSE_EXT_BUS_VHOST)
		return vduse_reset_vhost(dev);
	return vduse_reset_virtio(dev);
}

/**
 * vduse_dev_reset - the driver resets the device
 * @dev: the device
 *
 * Whatever the server says, the device is reset for the driver.
 *
 * Return: 0, or -EIO if the server did not agree.
 */
int vduse_dev_reset(struct vduse_dev *dev)
{
	int ret;

	if (!vduse_ext(dev, VDUSE_EXT_RECOVER)) {
		ret = vduse_msg_set_status(dev, 0);
		vduse_dev_clear(dev);
		return ret;
	}
	/* First, so that a server that comes meanwhile finds no rings. */
	vduse_dev_stop(dev);
	ret = vduse_reset_agreed(dev);
	vduse_dev_forget(dev);
	return ret;
}

/**
 * vduse_features_check - whether a driver may have these features
 * @dev: the device
 * @features: what it has accepted
 *
 * virtio 1.2, 2.2.2: none that was not offered; and none but drivers that
 * accept what the device cannot do without.
 *
 * Return: 0 or -EINVAL.
 */
int vduse_features_check(struct vduse_dev *dev, u64 features)
{
	if (!vduse_ext(dev, VDUSE_EXT_FEATURES))
		return 0;
	if (features & ~dev->features || dev->required & ~features)
		return -EINVAL;
	return 0;
}

/**
 * vduse_dev_set_status - the driver sets the status
 * @dev: the device
 * @status: the new one
 *
 * The driver reads the outcome in the status: a step that is refused does not
 * show there. A driver that gives up goes away without a reset, whatever the
 * server thinks of it.
 */
void vduse_dev_set_status(struct vduse_dev *dev, u8 status)
{
	u8 added = status & ~READ_ONCE(dev->status);

	if (status & VIRTIO_CONFIG_S_FAILED)
		vduse_config_irq_clear(dev);
	if (!status && vduse_ext(dev, VDUSE_EXT_RECOVER)) {
		vduse_dev_reset(dev);
		return;
	}
	/* The server knows nothing yet of the reset that comes before this. */
	if (READ_ONCE(dev->reset_owed))
		return;
	if (added & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK) &&
	    vduse_features_check(dev, READ_ONCE(dev->driver_features)))
		return;
	vduse_msg_set_status(dev, status);
}
