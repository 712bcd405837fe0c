// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading a list of devices: iteration and getters. */
#include "lib/bus/list.h"

#include <linux/virtio_config.h>
#include <stdio.h>

#include "lib/bus/sysfs.h"
#include "lib/server/record.h"
#include "lib/kernel/persist.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

PUBLIC struct vdu_list *vdu_list_free(struct vdu_list *list)
{
	if (list) {
		for (size_t i = 0; i < list->n; i++)
			free(list->devs[i].backend);
		free(list->devs);
		free(list->nodes.nodes);
		free(list->infos);
		free(list);
	}
	return NULL;
}

PUBLIC struct vdu_dev *vdu_list_first(struct vdu_list *list)
{
	return list->n ? list->devs : NULL;
}

PUBLIC struct vdu_dev *vdu_list_next(struct vdu_list *list,
				     struct vdu_dev *dev)
{
	return dev + 1 < list->devs + list->n ? dev + 1 : NULL;
}

PUBLIC const char *vdu_dev_name(struct vdu_dev *dev)
{
	return dev->name;
}

PUBLIC const char *vdu_dev_type(struct vdu_dev *dev)
{
	return dev->type;
}

PUBLIC const char *vdu_dev_state(struct vdu_dev *dev)
{
	return dev->state;
}

PUBLIC const char *vdu_dev_owner(struct vdu_dev *dev)
{
	return dev->ours ? "vdusectl" : "foreign";
}

PUBLIC const char *vdu_dev_driver(struct vdu_dev *dev)
{
	switch (dev->binding.driver) {
	case VDU_DRIVER_NONE:
		return "";
	case VDU_DRIVER_VIRTIO:
		return "virtio";
	case VDU_DRIVER_VHOST:
		return "vhost";
	case VDU_DRIVER_OTHER:
		break;
	}
	return dev->binding.driver_name;
}

PUBLIC const char *vdu_dev_node(struct vdu_dev *dev)
{
	return dev->binding.node;
}

PUBLIC const char *vdu_dev_backend(struct vdu_dev *dev)
{
	return dev->backend ? dev->backend : "";
}

PUBLIC const char *vdu_dev_serial(struct vdu_dev *dev)
{
	return dev->serial;
}

PUBLIC pid_t vdu_dev_pid(struct vdu_dev *dev)
{
	return dev->pid;
}

PUBLIC int64_t vdu_dev_size_bytes(struct vdu_dev *dev)
{
	return dev->size_bytes;
}

PUBLIC int64_t vdu_dev_block_size(struct vdu_dev *dev)
{
	return dev->block_size;
}

PUBLIC int64_t vdu_dev_n_queues(struct vdu_dev *dev)
{
	return dev->n_queues;
}

PUBLIC int64_t vdu_dev_queue_size(struct vdu_dev *dev)
{
	return dev->queue_size;
}

PUBLIC int vdu_dev_read_only(struct vdu_dev *dev)
{
	return dev->read_only;
}

PUBLIC int vdu_dev_attached(struct vdu_dev *dev)
{
	return dev->attached;
}

PUBLIC int vdu_dev_persist(struct vdu_dev *dev)
{
	return dev->ours && vdu__persist_exists(dev->ctx, dev->name);
}

/* A number that the kernel serves from memory; -1 if it cannot be read. */
static int64_t attribute(const struct vdu_dev *dev, const char *name)
{
	uint64_t value;

	if (vdu__read_u64_at(dev->ctx, &value, VDU__SYS_DEVICE "/%s",
			     dev->name, name) < 0 || value > INT64_MAX)
		return -1;
	return (int64_t)value;
}

PUBLIC int64_t vdu_dev_virtio_status(struct vdu_dev *dev)
{
	struct vdu__binding now;

	if (dev->status >= 0)
		return dev->status;
	if (dev->binding.virtio_status < 0 && dev->binding.virtio[0]) {
		vdu__binding_read(dev->ctx, dev->name, &now);
		dev->binding.virtio_status = now.virtio_status;
	}
	return dev->binding.virtio_status;
}

PUBLIC int vdu_dev_needs_reset(struct vdu_dev *dev)
{
	return dev->status < 0 ? -1 :
				 !!(dev->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

PUBLIC int64_t vdu_dev_msg_timeout(struct vdu_dev *dev)
{
	return attribute(dev, "msg_timeout");
}

PUBLIC int64_t vdu_dev_bounce_size(struct vdu_dev *dev)
{
	return attribute(dev, "bounce_size");
}

PUBLIC const char *vdu_dev_on_death(struct vdu_dev *dev)
{
	return dev->on_death;
}

PUBLIC void vdu_dev_supervision(struct vdu_dev *dev,
				struct vdu_supervision *ret)
{
	struct vdu__record record;

	*ret = (struct vdu_supervision){ .size_of = sizeof(*ret) };
	if (!dev->ours)
		return;
	vdu__record_load(dev->ctx, dev->name, &record);
	ret->pid = vdu__supervisor_pid(dev->ctx, dev->name);
	ret->restarts = record.restarts;
	ret->failing = record.failing && record.server == dev->pid;
	(void)snprintf(ret->last_exit, sizeof(ret->last_exit), "%s",
		       record.last_exit);
}
