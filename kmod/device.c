// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vduse/NAME: what a server opens.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "domain.h"
#include "vduse.h"

static int vduse_dev_get_features(struct vduse_dev *dev, void __user *argp)
{
	return put_user(READ_ONCE(dev->driver_features), (u64 __user *)argp);
}

static int vduse_dev_inject_irq(struct vduse_dev *dev, void __user *argp)
{
	u32 index;

	if (get_user(index, (u32 __user *)argp))
		return -EFAULT;
	if (index >= dev->vq_num)
		return -EINVAL;
	index = array_index_nospec(index, dev->vq_num);
	return vduse_queue_interrupt(dev->vqs[index]);
}

static int vduse_dev_umem(struct vduse_dev *dev, void __user *argp, bool add)
{
	struct vduse_domain *domain = vduse_dev_domain(dev);
	int ret;

	mutex_lock(&dev->umem_lock);
	if (add)
		ret = vduse_umem_register(domain, argp);
	else
		ret = vduse_umem_deregister(domain, argp);
	mutex_unlock(&dev->umem_lock);
	return ret;
}

static long vduse_dev_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct vduse_dev *dev = file->private_data;
	void __user *argp = (void __user *)arg;

	if (READ_ONCE(dev->broken))
		return -EPERM;

	switch (cmd) {
	case VDUSE_VQ_INJECT_IRQ:
		return vduse_dev_inject_irq(dev, argp);
	case VDUSE_IOTLB_GET_FD:
		return vduse_iotlb_get_fd(vduse_dev_domain(dev), argp,
					  offsetofend(struct vduse_iotlb_entry,
						      perm));
	case VDUSE_IOTLB_GET_FD_IN:
		if (dev->api_version < VDUSE_API_GROUPS)
			return -ENOIOCTLCMD;
		return vduse_iotlb_get_fd(vduse_dev_domain(dev), argp,
					  sizeof(struct vduse_entry_args));
	case VDUSE_IOTLB_GET_INFO:
		return vduse_iotlb_get_info(vduse_dev_domain(dev), argp);
	case VDUSE_IOTLB_REG_UMEM:
		return vduse_dev_umem(dev, argp, true);
	case VDUSE_IOTLB_DEREG_UMEM:
		return vduse_dev_umem(dev, argp, false);
	case VDUSE_DEV_GET_FEATURES:
		return vduse_dev_get_features(dev, argp);
	case VDUSE_DEV_SET_CONFIG:
		return vduse_config_update(dev, argp);
	case VDUSE_DEV_INJECT_CONFIG_IRQ:
		return vduse_config_interrupt(dev);
	case VDUSE_VQ_SETUP:
		return vduse_queue_setup(dev, argp);
	case VDUSE_VQ_GET_INFO:
		return vduse_queue_get_info(dev, argp);
	case VDUSE_VQ_SETUP_KICKFD:
		return vduse_queue_setup_kickfd(dev, argp);
	default:
		return -ENOIOCTLCMD;
	}
}

#ifdef CONFIG_COMPAT
/*
 * i386 aligns a u64 to 4 bytes: two records end earlier there and differ in
 * nothing else, and what lies behind their last field is never copied.
 */
#define VDUSE_IOTLB_GET_FD_32 \
	_IOC(_IOC_READ | _IOC_WRITE, VDUSE_BASE, 0x10, 28)
#define VDUSE_VQ_GET_INFO_32 \
	_IOC(_IOC_READ | _IOC_WRITE, VDUSE_BASE, 0x15, 44)

static long vduse_dev_compat_ioctl(struct file *file, unsigned int cmd,
				   unsigned long arg)
{
	if (cmd == VDUSE_IOTLB_GET_FD_32)
		cmd = VDUSE_IOTLB_GET_FD;
	else if (cmd == VDUSE_VQ_GET_INFO_32)
		cmd = VDUSE_VQ_GET_INFO;
	return vduse_dev_ioctl(file, cmd, (unsigned long)compat_ptr(arg));
}
#endif

static int vduse_dev_open(struct inode *inode, struct file *file)
{
	struct vduse_dev *dev = container_of(inode->i_cdev, struct vduse_dev,
					     cdev);
	int ret;

	mutex_lock(&dev->lock);
	ret = dev->dead ? -ENODEV : vduse_msg_connect(dev);
	mutex_unlock(&dev->lock);
	if (ret)
		return ret;

	file->private_data = dev;
	return 0;
}

/*
 * The next server finds what this one left: kicks it did not see, requests it
 * did not answer, and bounce memory in the kernel's own pages.
 */
static int vduse_dev_close(struct inode *inode, struct file *file)
{
	struct vduse_dev *dev = file->private_data;
	struct vduse_domain *domain;
	u32 i;

	for (i = 0; i < dev->vq_num; i++)
		vduse_queue_drop_kickfd(dev->vqs[i]);

	domain = vduse_dev_domain(dev);
	if (domain) {
		mutex_lock(&dev->umem_lock);
		vduse_umem_drop(domain);
		mutex_unlock(&dev->umem_lock);
	}
	vduse_msg_disconnect(dev);
	return 0;
}

const struct file_operations vduse_dev_fops = {
	.owner = THIS_MODULE,
	.open = vduse_dev_open,
	.release = vduse_dev_close,
	.read_iter = vduse_dev_read_iter,
	.write_iter = vduse_dev_write_iter,
	.poll = vduse_dev_poll,
	.unlocked_ioctl = vduse_dev_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = vduse_dev_compat_ioctl,
#endif
};
