// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vduse/control, and the list of devices it makes.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vduse.h"

/*
 * A user that never asked speaks version 0; one that asks what there is gets
 * the newest and speaks that.
 */
#define VDUSE_API_UNASKED	U64_MAX

/* Guards the list of devices. */
DEFINE_MUTEX(vduse_devs_lock);
LIST_HEAD(vduse_devs);

static struct cdev vduse_control_cdev;
static struct device *vduse_control_dev;

/**
 * struct vduse_control - an open control node
 * @lock: guards the rest; a leaf but for the making of a device
 * @api_version: what this user speaks, or VDUSE_API_UNASKED
 * @setup: what the next device is to have
 */
struct vduse_control {
	struct mutex lock;	/* see above */
	u64 api_version;
	struct vduse_setup setup;
};

/**
 * vduse_dev_find - look up a device
 * @name: its name
 *
 * Context: vduse_devs_lock is held, which also keeps the device.
 * Return: the device or NULL.
 */
struct vduse_dev *vduse_dev_find(const char *name)
{
	struct vduse_dev *dev;

	lockdep_assert_held(&vduse_devs_lock);
	list_for_each_entry(dev, &vduse_devs, node)
		if (!strcmp(dev_name(&dev->dev), name))
			return dev;
	return NULL;
}

static int vduse_control_create(struct vduse_control *control,
				void __user *argp)
{
	struct vduse_create_args args;
	void *space = NULL;
	u64 version;
	int ret;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	args.name[VDUSE_NAME_MAX - 1] = '\0';

	mutex_lock(&control->lock);
	version = control->api_version;
	if (version == VDUSE_API_UNASKED)
		version = VDUSE_API_VERSION;

	ret = vduse_check_args(&args, version, &control->setup);
	if (ret)
		goto unlock;

	if (args.config_size) {
		space = vmemdup_user(argp + sizeof(args), args.config_size);
		if (IS_ERR(space)) {
			ret = PTR_ERR(space);
			goto unlock;
		}
	}
	ret = vduse_dev_create(&args, version, space, &control->setup);
	if (!ret)
		vduse_setup_drop(&control->setup);
	kvfree(space);
unlock:
	mutex_unlock(&control->lock);
	return ret;
}

static int vduse_control_destroy(void __user *argp)
{
	char name[VDUSE_NAME_MAX];
	struct vduse_dev *dev;
	int ret = 0;

	if (copy_from_user(name, argp, sizeof(name)))
		return -EFAULT;
	name[VDUSE_NAME_MAX - 1] = '\0';

	mutex_lock(&vduse_devs_lock);
	dev = vduse_dev_find(name);
	if (!dev) {
		ret = -EINVAL;
		goto unlock;
	}

	mutex_lock(&dev->lock);
	if (READ_ONCE(dev->vdpa) || READ_ONCE(dev->conn))
		ret = -EBUSY;
	else
		dev->dead = true;
	mutex_unlock(&dev->lock);

	/* The next device of this name waits until sysfs has forgotten it. */
	if (!ret) {
		list_del(&dev->node);
		vduse_dev_destroy(dev);
	}
unlock:
	mutex_unlock(&vduse_devs_lock);
	return ret;
}

static int vduse_control_get_version(struct vduse_control *control,
				     void __user *argp)
{
	u64 version;

	mutex_lock(&control->lock);
	if (control->api_version == VDUSE_API_UNASKED)
		control->api_version = VDUSE_API_GROUPS;
	version = control->api_version;
	mutex_unlock(&control->lock);
	return put_user(version, (u64 __user *)argp);
}

static int vduse_control_set_version(struct vduse_control *control,
				     void __user *argp)
{
	u64 version;

	if (get_user(version, (u64 __user *)argp))
		return -EFAULT;
	if (version > VDUSE_API_GROUPS)
		return -EINVAL;

	mutex_lock(&control->lock);
	control->api_version = version;
	mutex_unlock(&control->lock);
	return 0;
}

static int vduse_control_set_instance(struct vduse_control *control,
				      void __user *argp)
{
	u64 instance;

	if (get_user(instance, (u64 __user *)argp))
		return -EFAULT;
	if (instance & ~VDUSE_EXT_INST_ALL)
		return -EINVAL;

	mutex_lock(&control->lock);
	control->setup.instance = instance;
	mutex_unlock(&control->lock);
	return 0;
}

static int vduse_control_setup(struct vduse_control *control,
			       void __user *argp)
{
	int ret;

	mutex_lock(&control->lock);
	ret = vduse_setup_fetch(&control->setup, argp);
	mutex_unlock(&control->lock);
	return ret;
}

static int vduse_control_abort(void __user *argp)
{
	char name[VDUSE_NAME_MAX];
	struct vduse_dev *dev;

	if (copy_from_user(name, argp, sizeof(name)))
		return -EFAULT;
	name[VDUSE_NAME_MAX - 1] = '\0';

	mutex_lock(&vduse_devs_lock);
	dev = vduse_dev_find(name);
	if (dev)
		get_device(&dev->dev);
	mutex_unlock(&vduse_devs_lock);
	if (!dev)
		return -ENOENT;

	vduse_dev_abort(dev);
	put_device(&dev->dev);
	return 0;
}

static long vduse_control_ioctl(struct file *file, unsigned int cmd,
				unsigned long arg)
{
	struct vduse_control *control = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case VDUSE_GET_API_VERSION:
		return vduse_control_get_version(control, argp);
	case VDUSE_SET_API_VERSION:
		return vduse_control_set_version(control, argp);
	case VDUSE_CREATE_DEV:
		return vduse_control_create(control, argp);
	case VDUSE_DESTROY_DEV:
		return vduse_control_destroy(argp);
	case VDUSE_EXT_GET_INSTANCE:
		return put_user(VDUSE_EXT_INST_ALL, (u64 __user *)argp);
	case VDUSE_EXT_SET_INSTANCE:
		return vduse_control_set_instance(control, argp);
	case VDUSE_EXT_GET:
		return put_user(VDUSE_EXT_ALL, (u64 __user *)argp);
	case VDUSE_EXT_SETUP:
		return vduse_control_setup(control, argp);
	case VDUSE_EXT_ABORT:
		return vduse_control_abort(argp);
	case VDUSE_EXT_GET_INFO:
		return vduse_info_get(argp);
	default:
		return -EINVAL;
	}
}

static int vduse_control_open(struct inode *inode, struct file *file)
{
	struct vduse_control *control;

	control = kzalloc(sizeof(*control), GFP_KERNEL_ACCOUNT);
	if (!control)
		return -ENOMEM;

	mutex_init(&control->lock);
	control->api_version = VDUSE_API_UNASKED;
	file->private_data = control;
	return 0;
}

static int vduse_control_release(struct inode *inode, struct file *file)
{
	struct vduse_control *control = file->private_data;

	vduse_setup_drop(&control->setup);
	kfree(control);
	return 0;
}

static const struct file_operations vduse_control_fops = {
	.owner = THIS_MODULE,
	.open = vduse_control_open,
	.release = vduse_control_release,
	.unlocked_ioctl = vduse_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int vduse_control_init(void)
{
	int ret;

	cdev_init(&vduse_control_cdev, &vduse_control_fops);
	vduse_control_cdev.owner = THIS_MODULE;
	ret = cdev_add(&vduse_control_cdev, vduse_devt(0), 1);
	if (ret)
		return ret;

	vduse_control_dev = device_create(&vduse_class, NULL, vduse_devt(0),
					  NULL, "control");
	if (IS_ERR(vduse_control_dev)) {
		cdev_del(&vduse_control_cdev);
		return PTR_ERR(vduse_control_dev);
	}
	return 0;
}

void vduse_control_exit(void)
{
	device_destroy(&vduse_class, vduse_devt(0));
	cdev_del(&vduse_control_cdev);
}
