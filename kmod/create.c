// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making and ending a device.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#include "domain.h"
#include "vduse.h"

static DEFINE_IDA(vduse_minors);

/*
 * The vDPA device becomes a directory of the same name inside the device's
 * own directory in sysfs: it must not meet what is there already.
 */
static const char * const vduse_reserved_names[] = {
	".", "..", "control", "power", "uevent", "dev", "subsystem",
	"msg_timeout", "bounce_size",
};

static bool vduse_is_queue_name(const char *name)
{
	if (name[0] != 'v' || name[1] != 'q' || !name[2] ||
	    (name[2] == '0' && name[3]))
		return false;
	for (name += 2; *name; name++)
		if (!isdigit(*name))
			return false;
	return true;
}

static bool vduse_name_valid(const char *name)
{
	if (!name[0] || strchr(name, '/') || vduse_is_queue_name(name))
		return false;
	return match_string(vduse_reserved_names,
			    ARRAY_SIZE(vduse_reserved_names), name) < 0;
}

static bool vduse_features_valid(u32 device_id, u64 features,
				 const struct vduse_setup *setup)
{
	/* A driver's write of the cache mode must get to the server. */
	bool wce = vduse_setup_writable(setup,
					offsetof(struct virtio_blk_config, wce));

	/* Without it the rings would not be seen through the DMA operations. */
	if (!(features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)))
		return false;

	/* The legacy interface is for block devices only. */
	if (device_id == VIRTIO_ID_BLOCK)
		return wce || !(features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE));
	if (!(features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return false;

	/* The net driver waits for the control queue with a spinning loop. */
	return device_id != VIRTIO_ID_NET ||
	       !(features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ));
}

/* Version 0 has one group and one address space, and does not say so. */
static bool vduse_groups_valid(const struct vduse_create_args *args,
			       u64 api_version)
{
	if (api_version < VDUSE_API_GROUPS)
		return !args->ngroups && !args->nas;
	return args->ngroups && args->ngroups <= VDUSE_MAX_GROUPS &&
	       args->nas && args->nas <= VDUSE_MAX_SPACES;
}

/**
 * vduse_check_args - judge the fixed part of VDUSE_CREATE_DEV
 * @args: from user space, its name terminated
 * @api_version: what the caller speaks
 * @setup: what else the device is to have
 *
 * Return: 0, -EINVAL or -EPERM.
 */
int vduse_check_args(const struct vduse_create_args *args, u64 api_version,
		     const struct vduse_setup *setup)
{
	if (memchr_inv(args->reserved, 0, sizeof(args->reserved)) ||
	    !vduse_groups_valid(args, api_version))
		return -EINVAL;
	if (!vduse_name_valid(args->name))
		return -EINVAL;
	if (args->vq_align < 4 || args->vq_align > PAGE_SIZE ||
	    !is_power_of_2(args->vq_align))
		return -EINVAL;
	if (args->config_size > PAGE_SIZE || args->vq_num > 0xffff)
		return -EINVAL;
	if (!vduse_device_type_allowed(args->device_id) ||
	    !vduse_features_valid(args->device_id, args->features, setup) ||
	    !vduse_setup_valid(setup, args))
		return -EINVAL;
	if (args->device_id == VIRTIO_ID_NET && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return 0;
}

static void vduse_dev_release(struct device *device)
{
	struct vduse_dev *dev = container_of(device, struct vduse_dev, dev);

	vduse_queues_free(dev);
	put_pid(dev->server);
	kfree(dev->cleared);
	kvfree(dev->access);
	if (dev->domain)
		vduse_domain_put(dev->domain);
	if (MINOR(device->devt))
		ida_free(&vduse_minors, MINOR(device->devt));
	kvfree(dev->config);
	kfree(dev);
}

/* What the maker has negotiated, but for the access map. */
static int vduse_dev_extend(struct vduse_dev *dev,
			    const struct vduse_setup *setup)
{
	const struct vduse_ext_setup *args = &setup->args;

	dev->instance = setup->instance;
	dev->extensions = args->extensions;
	dev->required = args->required;
	if (args->flags & VDUSE_EXT_TIMEOUTS) {
		dev->virtio_timeout = args->virtio_timeout;
		dev->vhost_timeout = args->vhost_timeout;
	}
	vduse_vdpa_choose_ops(dev);
	if (!vduse_ext(dev, VDUSE_EXT_CONFIG))
		return 0;
	dev->cleared = vduse_cleared_create();
	return dev->cleared ? 0 : -ENOMEM;
}

static int vduse_dev_set_up(struct vduse_dev *dev,
			    const struct vduse_create_args *args,
			    u64 api_version, const void *space,
			    const struct vduse_setup *setup)
{
	int minor, ret;

	dev->api_version = api_version;
	dev->device_id = args->device_id;
	dev->vendor_id = args->vendor_id;
	dev->features = args->features;
	dev->vq_num = args->vq_num;
	dev->vq_align = args->vq_align;
	dev->ngroups = max(args->ngroups, 1);
	dev->nas = max(args->nas, 1);
	dev->config_size = args->config_size;
	if (space) {
		dev->config = kvmemdup(space, dev->config_size,
				       GFP_KERNEL_ACCOUNT);
		if (!dev->config)
			return -ENOMEM;
	}

	ret = vduse_dev_extend(dev, setup);
	if (ret)
		return ret;

	minor = ida_alloc_range(&vduse_minors, 1, VDUSE_MINORS - 1, GFP_KERNEL);
	if (minor < 0)
		return minor;
	dev->dev.devt = vduse_devt(minor);
	return dev_set_name(&dev->dev, "%s", args->name);
}

static struct vduse_dev *vduse_dev_alloc(void)
{
	struct vduse_dev *dev;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return NULL;

	device_initialize(&dev->dev);
	dev->dev.class = &vduse_class;
	dev->dev.groups = vduse_dev_groups;
	dev->dev.release = vduse_dev_release;

	mutex_init(&dev->lock);
	spin_lock_init(&dev->msg_lock);
	INIT_LIST_HEAD(&dev->msg_queued);
	INIT_LIST_HEAD(&dev->msg_read);
	init_waitqueue_head(&dev->msg_wait);
	mutex_init(&dev->irqfd_lock);
	seqlock_init(&dev->config_lock);
	vduse_config_irq_init(dev);

	dev->bounce_size = VDUSE_BOUNCE_DEFAULT;
	dev->virtio_timeout = VDUSE_MSG_TIMEOUT;
	return dev;
}

/**
 * vduse_dev_create - make a device and show it to user space
 * @args: its description, checked
 * @api_version: what the caller speaks
 * @space: the first content of its configuration space; NULL if it has none
 * @setup: what else it is to have; its access map belongs to the device then
 *
 * Return: 0 or an error.
 */
int vduse_dev_create(const struct vduse_create_args *args, u64 api_version,
		     const void *space, struct vduse_setup *setup)
{
	static u64 number;	/* under vduse_devs_lock */
	struct vduse_dev *dev;
	int ret;

	dev = vduse_dev_alloc();
	if (!dev)
		return -ENOMEM;

	ret = vduse_dev_set_up(dev, args, api_version, space, setup);
	if (ret)
		goto err_put;

	mutex_lock(&vduse_devs_lock);
	if (vduse_dev_find(args->name)) {
		ret = -EEXIST;
		goto err_unlock;
	}
	dev->number = ++number;
	swap(dev->access, setup->access);
	cdev_init(&dev->cdev, &vduse_dev_fops);
	dev->cdev.owner = THIS_MODULE;

	/*
	 * The queues come first, so that whoever hears of the device finds it
	 * whole; they hang below it, so its directory comes before them.
	 */
	dev_set_uevent_suppress(&dev->dev, true);
	ret = device_add(&dev->dev);
	if (ret)
		goto err_access;
	ret = vduse_queues_create(dev);
	if (ret)
		goto err_device;
	cdev_set_parent(&dev->cdev, &dev->dev.kobj);
	ret = cdev_add(&dev->cdev, dev->dev.devt, 1);
	if (ret)
		goto err_queues;

	__module_get(THIS_MODULE);
	list_add_tail(&dev->node, &vduse_devs);
	dev_set_uevent_suppress(&dev->dev, false);
	kobject_uevent(&dev->dev.kobj, KOBJ_ADD);
	mutex_unlock(&vduse_devs_lock);
	return 0;

err_queues:
	vduse_queues_hide(dev);
err_device:
	device_del(&dev->dev);
err_access:
	swap(dev->access, setup->access);
err_unlock:
	mutex_unlock(&vduse_devs_lock);
err_put:
	put_device(&dev->dev);
	return ret;
}

/**
 * vduse_dev_destroy - end a device
 * @dev: the device, which is no longer in the list, on the bus or open
 */
void vduse_dev_destroy(struct vduse_dev *dev)
{
	vduse_dev_clear(dev);
	vduse_queues_hide(dev);
	cdev_device_del(&dev->cdev, &dev->dev);
	put_device(&dev->dev);
	module_put(THIS_MODULE);
}

void vduse_create_exit(void)
{
	ida_destroy(&vduse_minors);
}
