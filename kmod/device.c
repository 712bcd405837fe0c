// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vduse/NAME: what a server opens.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/slab.h>
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

/* A region of whoever serves now: not for one that was cut off meanwhile. */
static int vduse_dev_get_fd(struct vduse_conn *conn, void __user *argp,
			    size_t size)
{
	return vduse_iotlb_get_fd(vduse_dev_domain(conn->dev), argp, size,
				  &conn->cut);
}

static int vduse_dev_needs_reset(struct vduse_dev *dev)
{
	int ret = -EINVAL;

	spin_lock(&dev->msg_lock);
	if (dev->status) {
		vduse_needs_reset(dev);
		ret = 0;
	}
	spin_unlock(&dev->msg_lock);
	return ret;
}

static u64 vduse_extension_of(unsigned int cmd)
{
	switch (cmd) {
	case VDUSE_EXT_GET_CONFIG:
	case VDUSE_EXT_SET_CONFIG:
		return VDUSE_EXT_CONFIG;
	case VDUSE_EXT_INJECT_MANY:
	case VDUSE_EXT_SETUP_IRQFD:
		return VDUSE_EXT_INJECT;
	case VDUSE_EXT_FILL_BUFFERS:
		return VDUSE_EXT_FILL;
	default:
		return VDUSE_EXT_RECOVER;
	}
}

/* What only a device has that was made for it. */
static long vduse_dev_ioctl_ext(struct vduse_conn *conn, unsigned int cmd,
				void __user *argp)
{
	struct vduse_dev *dev = conn->dev;

	if (!vduse_ext(dev, vduse_extension_of(cmd)))
		return -ENOIOCTLCMD;

	switch (cmd) {
	case VDUSE_EXT_GET_CONFIG:
		return vduse_config_fetch_ext(dev, argp);
	case VDUSE_EXT_SET_CONFIG:
		return vduse_config_update_ext(dev, argp);
	case VDUSE_EXT_NEEDS_RESET:
		return vduse_dev_needs_reset(dev);
	case VDUSE_EXT_INJECT_MANY:
		return vduse_inject_many(dev, argp);
	case VDUSE_EXT_SETUP_IRQFD:
		return vduse_irqfd_setup(conn, argp);
	case VDUSE_EXT_FILL_BUFFERS:
		return vduse_fill(conn, argp);
	case VDUSE_EXT_GET_STATUS:
		return put_user(READ_ONCE(dev->status), (u8 __user *)argp);
	default:
		return -ENOIOCTLCMD;
	}
}

static long vduse_dev_ioctl(struct file *file, unsigned int cmd,
			    unsigned long arg)
{
	struct vduse_conn *conn = file->private_data;
	struct vduse_dev *dev = conn->dev;
	void __user *argp = (void __user *)arg;
	int ret;

	ret = vduse_conn_use(conn);
	if (ret)
		return ret;
	if (READ_ONCE(dev->broken))
		return -EPERM;

	switch (cmd) {
	case VDUSE_VQ_INJECT_IRQ:
		return vduse_dev_inject_irq(dev, argp);
	case VDUSE_IOTLB_GET_FD:
		return vduse_dev_get_fd(conn, argp,
					offsetofend(struct vduse_iotlb_entry,
						    perm));
	case VDUSE_IOTLB_GET_FD_IN:
		if (dev->api_version < VDUSE_API_GROUPS)
			return -ENOIOCTLCMD;
		return vduse_dev_get_fd(conn, argp,
					sizeof(struct vduse_entry_args));
	case VDUSE_IOTLB_GET_INFO:
		return vduse_iotlb_get_info(vduse_dev_domain(dev), argp);
	case VDUSE_IOTLB_REG_UMEM:
		return vduse_umem_register(vduse_dev_domain(dev), argp,
					   &conn->cut);
	case VDUSE_IOTLB_DEREG_UMEM:
		return vduse_umem_deregister(vduse_dev_domain(dev), argp,
					     &conn->cut);
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
		return vduse_queue_setup_kickfd(conn, argp);
	default:
		return vduse_dev_ioctl_ext(conn, cmd, argp);
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
	struct vduse_conn *conn;
	int ret;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL_ACCOUNT);
	if (!conn)
		return -ENOMEM;
	conn->dev = dev;

	mutex_lock(&dev->lock);
	ret = dev->dead ? -ENODEV : vduse_conn_open(conn);
	mutex_unlock(&dev->lock);
	if (ret)
		kfree(conn);
	else
		file->private_data = conn;
	return ret;
}

/*
 * The next server finds what this one left: kicks it did not see, requests it
 * did not answer, and bounce memory in the kernel's own pages.
 */
static int vduse_dev_close(struct inode *inode, struct file *file)
{
	struct vduse_conn *conn = file->private_data;
	struct vduse_dev *dev = conn->dev;

	/* Until then, an abort may still look at it. */
	mutex_lock(&dev->lock);
	vduse_conn_close(conn);
	mutex_unlock(&dev->lock);
	kfree(conn);
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
	.uring_cmd = vduse_dev_uring_cmd,
};
