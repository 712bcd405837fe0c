// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space as the server has it: it makes and updates it. What
 * drivers do with it is in config-driver.c.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vduse.h"

static bool vduse_config_has(struct vduse_dev *dev, u32 offset, u32 length)
{
	return length && offset <= dev->config_size &&
	       length <= dev->config_size - offset;
}

/* All or nothing, and one new generation. */
static u32 vduse_config_store(struct vduse_dev *dev, u32 offset,
			      const void *data, u32 length)
{
	u32 generation;

	write_seqlock(&dev->config_lock);
	memcpy(dev->config + offset, data, length);
	generation = ++dev->generation;
	write_sequnlock(&dev->config_lock);
	return generation;
}

int vduse_config_update(struct vduse_dev *dev,
			struct vduse_config_data __user *argp)
{
	struct vduse_config_data head;
	void *data;

	if (copy_from_user(&head, argp, sizeof(head)))
		return -EFAULT;
	if (!vduse_config_has(dev, head.offset, head.length))
		return -EINVAL;

	data = vmemdup_user(argp->buffer, head.length);
	if (IS_ERR(data))
		return PTR_ERR(data);

	vduse_config_store(dev, head.offset, data, head.length);
	kvfree(data);
	return 0;
}

/**
 * vduse_config_update_ext - answer VDUSE_EXT_SET_CONFIG
 * @dev: the device
 * @argp: struct vduse_ext_config
 *
 * Return: 0 or an error, after which nothing has changed; -EFAULT may also say
 *	that the generation did not arrive.
 */
int vduse_config_update_ext(struct vduse_dev *dev,
			    struct vduse_ext_config __user *argp)
{
	struct vduse_ext_config args;
	void *data;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~VDUSE_EXT_INTERRUPT ||
	    !vduse_config_has(dev, args.offset, args.length))
		return -EINVAL;

	data = vmemdup_user(u64_to_user_ptr(args.buffer), args.length);
	if (IS_ERR(data))
		return PTR_ERR(data);

	args.generation = vduse_config_store(dev, args.offset, data,
					     args.length);
	kvfree(data);
	/* Before DRIVER_OK nobody has read it yet. */
	if (args.flags & VDUSE_EXT_INTERRUPT)
		vduse_config_interrupt(dev);
	return put_user(args.generation, &argp->generation);
}

/**
 * vduse_config_fetch_ext - answer VDUSE_EXT_GET_CONFIG
 * @dev: the device
 * @argp: struct vduse_ext_config
 *
 * Return: 0 or an error.
 */
int vduse_config_fetch_ext(struct vduse_dev *dev,
			   struct vduse_ext_config __user *argp)
{
	struct vduse_ext_config args;
	unsigned int seq;
	void *data;
	int ret = 0;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.flags || !vduse_config_has(dev, args.offset, args.length))
		return -EINVAL;
	data = kvmalloc(args.length, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	do {
		seq = read_seqbegin(&dev->config_lock);
		memcpy(data, dev->config + args.offset, args.length);
		args.generation = dev->generation;
	} while (read_seqretry(&dev->config_lock, seq));

	if (copy_to_user(u64_to_user_ptr(args.buffer), data, args.length) ||
	    put_user(args.generation, &argp->generation))
		ret = -EFAULT;
	kvfree(data);
	return ret;
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
