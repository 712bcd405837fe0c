// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space: the server writes it, drivers read the kernel's
 * copy and never wait for the server.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vduse.h"

/**
 * vduse_config_read - read a stretch as it was at one moment
 * @dev: the device
 * @offset: where; may lie outside
 * @buf: where to
 * @len: how much; what the space does not have reads as 0
 */
void vduse_config_read(struct vduse_dev *dev, unsigned int offset, void *buf,
		       unsigned int len)
{
	unsigned int seq, have = 0;

	if (offset < dev->config_size)
		have = min(len, dev->config_size - offset);
	memset(buf + have, 0, len - have);
	if (!have)
		return;

	do {
		seq = read_seqbegin(&dev->config_lock);
		memcpy(buf, dev->config + offset, have);
	} while (read_seqretry(&dev->config_lock, seq));
}

int vduse_config_update(struct vduse_dev *dev,
			struct vduse_config_data __user *argp)
{
	struct vduse_config_data head;
	void *data;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (!head.length || head.offset > dev->config_size ||
	    head.length > dev->config_size - head.offset)
		return -EINVAL;

	data = vmemdup_user(argp->buffer, head.length);
	if (IS_ERR(data))
		return PTR_ERR(data);

	write_seqlock(&dev->config_lock);
	memcpy(dev->config + head.offset, data, head.length);
	dev->generation++;
	write_sequnlock(&dev->config_lock);
	kvfree(data);
	return 0;
}

u32 vduse_config_generation(struct vduse_dev *dev)
{
	return READ_ONCE(dev->generation);
}

/* A driver that reads across this reads again. */
void vduse_config_bump(struct vduse_dev *dev)
{
	write_seqlock(&dev->config_lock);
	dev->generation++;
	write_sequnlock(&dev->config_lock);
}
