// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes in sysfs: of a device, and of each of its queues in vqN.
 */
#include <linux/kobject.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "domain.h"
#include "vduse.h"

/* Seconds to wait; 0 is for ever. */
ssize_t vduse_store_seconds(unsigned int *seconds, const char *buf,
			    size_t count)
{
	unsigned int value;
	int ret;

	ret = kstrtouint(buf, 10, &value);
	if (ret)
		return ret;
	WRITE_ONCE(*seconds, value);
	return count;
}

static ssize_t msg_timeout_show(struct device *device,
				struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);

	return sysfs_emit(buf, "%u\n", READ_ONCE(dev->virtio_timeout));
}

static ssize_t msg_timeout_store(struct device *device,
				 struct device_attribute *attr, const char *buf,
				 size_t count)
{
	return vduse_store_seconds(&vduse_from_device(device)->virtio_timeout,
				   buf, count);
}

static DEVICE_ATTR_RW(msg_timeout);

static ssize_t bounce_size_show(struct device *device,
				struct device_attribute *attr, char *buf)
{
	struct vduse_dev *dev = vduse_from_device(device);

	return sysfs_emit(buf, "%zu\n", READ_ONCE(dev->bounce_size));
}

static ssize_t bounce_size_store(struct device *device,
				 struct device_attribute *attr, const char *buf,
				 size_t count)
{
	struct vduse_dev *dev = vduse_from_device(device);
	unsigned int bytes;
	int ret;

	mutex_lock(&dev->lock);
	ret = -EPERM;
	if (dev->domain)
		goto unlock;
	ret = kstrtouint(buf, 10, &bytes);
	if (ret)
		goto unlock;
	ret = -EINVAL;
	if (bytes < VDUSE_BOUNCE_MIN || bytes > VDUSE_BOUNCE_MAX)
		goto unlock;
	WRITE_ONCE(dev->bounce_size, bytes & PAGE_MASK);
	ret = count;
unlock:
	mutex_unlock(&dev->lock);
	return ret;
}

static DEVICE_ATTR_RW(bounce_size);

static struct attribute *vduse_dev_attrs[] = {
	&dev_attr_msg_timeout.attr,
	&dev_attr_bounce_size.attr,
	NULL,
};

static const struct attribute_group vduse_dev_group = {
	.attrs = vduse_dev_attrs,
};

const struct attribute_group *vduse_dev_groups[] = {
	&vduse_dev_group,
	&vduse_ext_group,
	NULL,
};

/**
 * struct vduse_queue_attr - an attribute in vqN
 * @attr: name and mode
 * @show: read it
 * @store: write it, or NULL
 */
struct vduse_queue_attr {
	struct attribute attr;
	ssize_t (*show)(struct vduse_queue *vq, char *buf);
	ssize_t (*store)(struct vduse_queue *vq, const char *buf, size_t count);
};

static ssize_t irq_cb_affinity_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%*pb\n", cpumask_pr_args(vq->affinity));
}

static ssize_t irq_cb_affinity_store(struct vduse_queue *vq, const char *buf,
				     size_t count)
{
	cpumask_var_t mask;
	int ret;

	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	ret = cpumask_parse(buf, mask);
	if (!ret && !cpumask_intersects(mask, cpu_online_mask))
		ret = -EINVAL;
	if (!ret)
		vduse_queue_set_affinity(vq, mask, true);
	free_cpumask_var(mask);
	return ret ? : count;
}

static struct vduse_queue_attr vduse_queue_irq_cb_affinity =
	__ATTR_RW(irq_cb_affinity);

static ssize_t kicks_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(vq->kicks));
}

static struct vduse_queue_attr vduse_queue_kicks = __ATTR_RO(kicks);

static ssize_t interrupts_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%llu\n", READ_ONCE(vq->interrupts));
}

static struct vduse_queue_attr vduse_queue_interrupts = __ATTR_RO(interrupts);

static ssize_t ready_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(vq->ready));
}

static struct vduse_queue_attr vduse_queue_ready = __ATTR_RO(ready);

static ssize_t num_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(vq->num));
}

static struct vduse_queue_attr vduse_queue_num = __ATTR_RO(num);

static ssize_t num_max_show(struct vduse_queue *vq, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(vq->num_max));
}

static struct vduse_queue_attr vduse_queue_num_max = __ATTR_RO(num_max);

static struct attribute *vduse_queue_attrs[] = {
	&vduse_queue_irq_cb_affinity.attr,
	&vduse_queue_kicks.attr,
	&vduse_queue_interrupts.attr,
	&vduse_queue_ready.attr,
	&vduse_queue_num.attr,
	&vduse_queue_num_max.attr,
	NULL,
};
ATTRIBUTE_GROUPS(vduse_queue);

static ssize_t vduse_queue_attr_show(struct kobject *kobj,
				     struct attribute *attr, char *buf)
{
	struct vduse_queue *vq = container_of(kobj, struct vduse_queue, kobj);
	struct vduse_queue_attr *own =
		container_of(attr, struct vduse_queue_attr, attr);

	return own->show(vq, buf);
}

static ssize_t vduse_queue_attr_store(struct kobject *kobj,
				      struct attribute *attr, const char *buf,
				      size_t count)
{
	struct vduse_queue *vq = container_of(kobj, struct vduse_queue, kobj);
	struct vduse_queue_attr *own =
		container_of(attr, struct vduse_queue_attr, attr);

	return own->store ? own->store(vq, buf, count) : -EIO;
}

static const struct sysfs_ops vduse_queue_sysfs_ops = {
	.show = vduse_queue_attr_show,
	.store = vduse_queue_attr_store,
};

static void vduse_queue_release(struct kobject *kobj)
{
	struct vduse_queue *vq = container_of(kobj, struct vduse_queue, kobj);

	free_cpumask_var(vq->affinity);
	kfree(vq);
}

const struct kobj_type vduse_queue_type = {
	.release = vduse_queue_release,
	.sysfs_ops = &vduse_queue_sysfs_ops,
	.default_groups = vduse_queue_groups,
};
