// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtio status: reset, and what it leaves.
 */
#include <uapi/linux/virtio_config.h>

#include "domain.h"
#include "trace.h"
#include "vduse.h"

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
 * vduse_dev_clear - forget all that the driver set
 * @dev: the device
 *
 * No callback of the driver runs when this returns or later. Regions of a
 * vhost user stay: they are the user's until it unmaps them or goes.
 */
void vduse_dev_clear(struct vduse_dev *dev)
{
	struct vduse_domain *domain = vduse_dev_domain(dev);
	u32 i;

	trace_vduse_reset(dev);
	spin_lock(&dev->msg_lock);
	WRITE_ONCE(dev->status, 0);
	spin_unlock(&dev->msg_lock);
	WRITE_ONCE(dev->driver_features, 0);
	vduse_config_bump(dev);

	vduse_config_irq_clear(dev);
	for (i = 0; i < dev->vq_num; i++) {
		vduse_queue_clear(dev->vqs[i]);
		cond_resched();
	}
	if (domain)
		vduse_bounce_reset(domain);
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
	int ret = vduse_msg_set_status(dev, 0);

	vduse_dev_clear(dev);
	return ret;
}
