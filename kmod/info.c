// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be known of a device without opening it: VDUSE_EXT_GET_INFO.
 */
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

#include "message.h"

/* Records that are copied in one call, at most. */
#define VDUSE_INFO_MAX	4096
/* Longer than any line of the attribute. */
#define VDUSE_INFO_LINE	96

/* The device of that name, or the first one behind a number. */
static struct vduse_dev *vduse_info_find(const struct vduse_ext_info *info)
{
	struct vduse_dev *dev, *found = NULL;

	mutex_lock(&vduse_devs_lock);
	if (info->name[0]) {
		found = vduse_dev_find(info->name);
	} else {
		/* New ones come at the end. */
		list_for_each_entry(dev, &vduse_devs, node) {
			if (dev->number <= info->cursor)
				continue;
			found = dev;
			break;
		}
	}
	if (found)
		get_device(&found->dev);
	mutex_unlock(&vduse_devs_lock);
	return found;
}

static u64 vduse_info_age(ktime_t since)
{
	return ktime_to_ns(ktime_sub(ktime_get(), since));
}

static u32 vduse_info_flags(struct vduse_dev *dev)
{
	lockdep_assert_held(&dev->msg_lock);
	return (dev->conn ? VDUSE_EXT_I_CONNECTED : 0) |
	       (dev->broken ? VDUSE_EXT_I_BROKEN : 0) |
	       (dev->aborted ? VDUSE_EXT_I_ABORTED : 0) |
	       (dev->suspended ? VDUSE_EXT_I_SUSPENDED : 0) |
	       (dev->late ? VDUSE_EXT_I_LATE : 0);
}

static void vduse_info_fill_device(struct vduse_dev *dev,
				   struct vduse_ext_info *info)
{
	bool recover = vduse_ext(dev, VDUSE_EXT_RECOVER);

	memset(info->name, 0, sizeof(info->name));
	strscpy(info->name, dev_name(&dev->dev), sizeof(info->name));
	info->cursor = dev->number;
	info->device_id = dev->device_id;
	info->vendor_id = dev->vendor_id;
	info->features = dev->features;
	info->driver_features = READ_ONCE(dev->driver_features);
	info->required = dev->required;
	info->instance = dev->instance;
	info->extensions = dev->extensions;
	info->api_version = dev->api_version;
	info->vq_num = dev->vq_num;
	info->config_size = dev->config_size;
	info->generation = vduse_config_generation(dev);
	info->bus = READ_ONCE(dev->bus);
	info->virtio_timeout = READ_ONCE(dev->virtio_timeout);
	info->vhost_timeout = recover ? READ_ONCE(dev->vhost_timeout) :
					info->virtio_timeout;
	info->bounce_size = READ_ONCE(dev->bounce_size);
}

/* Messages without an answer. */
u32 vduse_info_pending(struct vduse_dev *dev)
{
	lockdep_assert_held(&dev->msg_lock);
	return list_count_nodes(&dev->msg_read) +
	       list_count_nodes(&dev->msg_queued);
}

static void vduse_info_fill_messages(struct vduse_dev *dev,
				     struct vduse_ext_info *info)
{
	spin_lock(&dev->msg_lock);
	info->status = dev->status;
	info->flags = vduse_info_flags(dev);
	info->server_pid = pid_vnr(dev->server);
	info->sent = dev->msg_sent;
	info->failed = dev->msg_failed;
	info->late = dev->msg_late;
	info->aborts = dev->aborts;
	info->config_writes = dev->config_writes;
	info->config_refused = dev->config_refused;
	info->config_cleared = dev->config_cleared;
	info->last_error = dev->last_error;
	info->last_error_type = dev->last_error_type;
	info->last_error_age_ns = dev->last_error ?
				  vduse_info_age(dev->last_error_time) : 0;
	info->pending = vduse_info_pending(dev);
	spin_unlock(&dev->msg_lock);
}

static void vduse_info_fill_queue(struct vduse_queue *vq,
				  struct vduse_ext_queue *out)
{
	bool packed = vduse_dev_packed(vq->dev);

	out->index = vq->index;
	out->num_max = READ_ONCE(vq->num_max);
	out->group = READ_ONCE(vq->group);
	out->interrupts = READ_ONCE(vq->interrupts);

	spin_lock_irq(&vq->lock);
	out->num = vq->num;
	out->desc = vq->desc;
	out->driver = vq->driver;
	out->device = vq->device;
	out->kicks = vq->kicks;
	out->avail_index = packed ? vq->state.packed.last_avail_idx |
				    vq->state.packed.last_avail_counter << 15 :
				    vq->state.split.avail_index;
	out->flags = (vq->ready ? VDUSE_EXT_Q_READY : 0) |
		     (vq->kickfd ? VDUSE_EXT_Q_KICKFD : 0) |
		     (vq->kicked ? VDUSE_EXT_Q_KICKED : 0);
	spin_unlock_irq(&vq->lock);

	if (READ_ONCE(vq->cb.callback))
		out->flags |= VDUSE_EXT_Q_CALLBACK;
}

static int vduse_info_put_queues(struct vduse_dev *dev,
				 struct vduse_ext_info *info)
{
	struct vduse_ext_queue *queues;
	u32 i, n = 0;
	int ret;

	if (info->first_queue < dev->vq_num)
		n = min3(info->n_queues, dev->vq_num - info->first_queue,
			 VDUSE_INFO_MAX);
	info->n_queues = n;
	if (!n)
		return 0;

	queues = kvcalloc(n, sizeof(*queues), GFP_KERNEL_ACCOUNT);
	if (!queues)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		vduse_info_fill_queue(dev->vqs[info->first_queue + i],
				      &queues[i]);
	ret = copy_to_user(u64_to_user_ptr(info->queues), queues,
			   n * sizeof(*queues)) ? -EFAULT : 0;
	kvfree(queues);
	return ret;
}

static void vduse_info_fill_message(const struct vduse_msg *msg,
				    struct vduse_ext_message *out)
{
	out->type = msg->req.type;
	out->id = msg->req.id;
	out->arg = vduse_request_arg(&msg->req);
	out->age_ns = vduse_info_age(msg->since);
	out->pid = pid_vnr(msg->pid);
	out->flags = (msg->read ? VDUSE_EXT_M_READ : 0) |
		     (msg->pid ? 0 : VDUSE_EXT_M_POSTED);
}

/* Those that were read came first. */
static u32 vduse_info_list_messages(struct vduse_dev *dev,
				    struct vduse_ext_message *messages,
				    u32 room)
{
	struct vduse_msg *msg;
	u32 n = 0;

	spin_lock(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_read, node)
		if (n < room)
			vduse_info_fill_message(msg, &messages[n++]);
	list_for_each_entry(msg, &dev->msg_queued, node)
		if (n < room)
			vduse_info_fill_message(msg, &messages[n++]);
	spin_unlock(&dev->msg_lock);
	return n;
}

static int vduse_info_put_messages(struct vduse_dev *dev,
				   struct vduse_ext_info *info)
{
	u32 room = min3(info->n_messages, info->pending, VDUSE_INFO_MAX);
	struct vduse_ext_message *messages;
	int ret;

	info->n_messages = 0;
	if (!room)
		return 0;

	messages = kvcalloc(room, sizeof(*messages), GFP_KERNEL_ACCOUNT);
	if (!messages)
		return -ENOMEM;
	info->n_messages = vduse_info_list_messages(dev, messages, room);
	ret = copy_to_user(u64_to_user_ptr(info->messages), messages,
			   info->n_messages * sizeof(*messages)) ? -EFAULT : 0;
	kvfree(messages);
	return ret;
}

/**
 * vduse_info_get - answer VDUSE_EXT_GET_INFO
 * @argp: struct vduse_ext_info
 *
 * Return: 0 or an error.
 */
int vduse_info_get(struct vduse_ext_info __user *argp)
{
	struct vduse_ext_info info;
	struct vduse_dev *dev;
	int ret;

	if (copy_from_user(&info, argp, sizeof(info)))
		return -EFAULT;
	if (memchr_inv(info.reserved, 0, sizeof(info.reserved)))
		return -EINVAL;
	info.name[sizeof(info.name) - 1] = '\0';
	dev = vduse_info_find(&info);
	if (!dev)
		return -ENOENT;

	vduse_info_fill_device(dev, &info);
	vduse_info_fill_messages(dev, &info);
	ret = vduse_info_put_queues(dev, &info) ? :
	      vduse_info_put_messages(dev, &info);
	put_device(&dev->dev);
	if (!ret && copy_to_user(argp, &info, sizeof(info)))
		ret = -EFAULT;
	return ret;
}

/* A line that would not fit is left out. */
static int vduse_info_emit(const struct vduse_msg *msg, char *buf, int at)
{
	const char *how = msg->read ? "read" : msg->pid ? "queued" : "posted";

	if (at > PAGE_SIZE - VDUSE_INFO_LINE)
		return 0;
	return sysfs_emit_at(buf, at, "%u 0x%x 0x%x %llu %d %s\n",
			     msg->req.id, msg->req.type,
			     vduse_request_arg(&msg->req),
			     div_u64(vduse_info_age(msg->since), NSEC_PER_MSEC),
			     pid_vnr(msg->pid), how);
}

/* As many as there is room for: sysfs has one page. */
ssize_t vduse_info_show_messages(struct vduse_dev *dev, char *buf)
{
	struct vduse_msg *msg;
	int len = 0;

	spin_lock(&dev->msg_lock);
	list_for_each_entry(msg, &dev->msg_read, node)
		len += vduse_info_emit(msg, buf, len);
	list_for_each_entry(msg, &dev->msg_queued, node)
		len += vduse_info_emit(msg, buf, len);
	spin_unlock(&dev->msg_lock);
	return len;
}
