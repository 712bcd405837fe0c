// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend and resume, as a vhost user asks for them. A suspended device hears
 * no kicks and sends no interrupts; where its queues are does not change.
 */
#include "message.h"

static void vduse_queue_quiesce(struct vduse_queue *vq)
{
	irq_work_sync(&vq->kick_work);
	flush_work(&vq->irq_work);
}

/**
 * vduse_dev_suspend - the device stops
 * @dev: the device
 *
 * Return: 0, or -EIO if the server did not agree.
 */
int vduse_dev_suspend(struct vduse_dev *dev)
{
	int ret;
	u32 i;

	if (READ_ONCE(dev->suspended))
		return 0;
	ret = vduse_msg_suspend(dev);
	if (ret)
		return ret;
	/* What the server did before it agreed arrives before this returns. */
	for (i = 0; i < dev->vq_num; i++)
		vduse_queue_quiesce(dev->vqs[i]);
	flush_work(&dev->config_irq_work);
	return 0;
}

/**
 * vduse_dev_resume - and goes on
 * @dev: the device
 *
 * Return: 0, or -EIO if the server did not agree.
 */
int vduse_dev_resume(struct vduse_dev *dev)
{
	int ret;
	u32 i;

	if (!READ_ONCE(dev->suspended))
		return 0;
	ret = vduse_msg_resume(dev);
	if (ret)
		return ret;
	for (i = 0; i < dev->vq_num; i++)
		vduse_queue_catch_up(dev->vqs[i]);
	return 0;
}
