// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/class/vduse/NAME/ext: what the kernel knows of a device, and what an
 * admin may do with it. VDUSE_EXT_GET_INFO says the same, and more.
 */
#include <linux/kstrtox.h>
#include <linux/pid.h>
#include <linux/sysfs.h>

#include "vduse.h"

/* An attribute that is one number of the device. */
#define VDUSE_EXT_NUMBER(_name, _format, _value)			\
static ssize_t _name##_show(struct device *device,			\
			    struct device_attribute *attr, char *buf)	\
{									\
	struct vduse_dev *dev = vduse_from_device(device);		\
									\
	return sysfs_emit(buf, _format "\n", READ_ONCE(_value));	\
}									\
static DEVICE_ATTR_RO(_name)

VDUSE_EXT_NUMBER(device_id, "%u", dev->device_id);
VDUSE_EXT_NUMBER(vendor_id, "0x%x", dev->vendor_id);
VDUSE_EXT_NUMBER(features, "0x%llx", dev->features);
VDUSE_EXT_NUMBER(driver_features, "0x%llx", dev->driver_features);
VDUSE_EXT_NUMBER(required, "0x%llx", dev->required);
VDUSE_EXT_NUMBER(extensions, "0x%llx", dev->extensions);
VDUSE_EXT_NUMBER(status, "0x%x", dev->status);
VDUSE_EXT_NUMBER(generation, "%u", dev->generation);
VDUSE_EXT_NUMBER(last_error, "%u", dev->last_error);
VDUSE_EXT_NUMBER(config_writes, "%llu", dev->config_writes);
VDUSE_EXT_NUMBER(config_refused, "%llu", dev->config_refused);
VDUSE_EXT_NUMBER(config_cleared, "%llu", dev->config_cleared);

static ssize_t server_pid_show(struct device *device,
			       struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);
	pid_t pid;

	spin_lock(&dev->msg_lock);
	pid = pid_vnr(dev->server);
	spin_unlock(&dev->msg_lock);
	return sysfs_emit(buf, "%d\n", pid);
}

static DEVICE_ATTR_RO(server_pid);

static ssize_t pending_show(struct device *device,
			    struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);
	u32 pending;

	spin_lock(&dev->msg_lock);
	pending = vduse_info_pending(dev);
	spin_unlock(&dev->msg_lock);
	return sysfs_emit(buf, "%u\n", pending);
}

static DEVICE_ATTR_RO(pending);

static ssize_t messages_show(struct device *device,
			     struct device_attribute *attr, char *buf)
{
	return vduse_info_show_messages(vduse_from_device(device), buf);
}

/* It says who waits, by PID. */
static DEVICE_ATTR_ADMIN_RO(messages);

static ssize_t virtio_timeout_show(struct device *device,
				   struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);

	return sysfs_emit(buf, "%u\n", READ_ONCE(dev->virtio_timeout));
}

static ssize_t virtio_timeout_store(struct device *device,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return vduse_store_seconds(&vduse_from_device(device)->virtio_timeout,
				   buf, count);
}

static DEVICE_ATTR_RW(virtio_timeout);

/* Without RECOVER both buses have the same one. */
static unsigned int *vduse_vhost_timeout(struct vduse_dev *dev)
{
	return vduse_ext(dev, VDUSE_EXT_RECOVER) ? &dev->vhost_timeout :
						   &dev->virtio_timeout;
}

static ssize_t vhost_timeout_show(struct device *device,
				  struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);

	return sysfs_emit(buf, "%u\n", READ_ONCE(*vduse_vhost_timeout(dev)));
}

static ssize_t vhost_timeout_store(struct device *device,
				   struct device_attribute *attr,
				   const char *buf, size_t count)
{
	struct vduse_dev *dev = vduse_from_device(device);

	return vduse_store_seconds(vduse_vhost_timeout(dev), buf, count);
}

static DEVICE_ATTR_RW(vhost_timeout);

static ssize_t abort_store(struct device *device, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	bool value;
	int ret;

	ret = kstrtobool(buf, &value);
	if (ret)
		return ret;
	if (!value)
		return -EINVAL;
	vduse_dev_abort(vduse_from_device(device));
	return count;
}

static DEVICE_ATTR_WO(abort);

static struct attribute *vduse_ext_attrs[] = {
	&dev_attr_device_id.attr,
	&dev_attr_vendor_id.attr,
	&dev_attr_features.attr,
	&dev_attr_driver_features.attr,
	&dev_attr_required.attr,
	&dev_attr_extensions.attr,
	&dev_attr_status.attr,
	&dev_attr_generation.attr,
	&dev_attr_server_pid.attr,
	&dev_attr_pending.attr,
	&dev_attr_messages.attr,
	&dev_attr_last_error.attr,
	&dev_attr_config_writes.attr,
	&dev_attr_config_refused.attr,
	&dev_attr_config_cleared.attr,
	&dev_attr_virtio_timeout.attr,
	&dev_attr_vhost_timeout.attr,
	&dev_attr_abort.attr,
	NULL,
};

/*
 * On the bus the device becomes a directory of its own name beside this one:
 * one that is called so goes without.
 */
static bool vduse_ext_group_visible(struct kobject *kobj)
{
	return strcmp(kobject_name(kobj), "ext");
}

DEFINE_SIMPLE_SYSFS_GROUP_VISIBLE(vduse_ext);

const struct attribute_group vduse_ext_group = {
	.name = "ext",
	.attrs = vduse_ext_attrs,
	.is_visible = SYSFS_GROUP_VISIBLE(vduse_ext),
};
