// SPDX-License-Identifier: LGPL-2.1-or-later
/* vdu_inspect: a snapshot of a device by the kernel, and its getters. */
#include <linux/vduse.h>
#include <stdio.h>
#include <string.h>

#include <vduse/module.h>

#include "lib/bus/bus.h"
#include "lib/bus/proc-fds.h"
#include "lib/kernel/info.h"

/* Room for more than there were when they were counted. */
#define MESSAGES_MORE 16

struct vdu_inspection {
	const struct vdu_ctx *ctx;
	struct vduse_ext_info info;
	struct vduse_ext_queue *queues;
	struct vduse_ext_message *messages;
};

PUBLIC struct vdu_inspection *
vdu_inspection_free(struct vdu_inspection *inspection)
{
	if (inspection) {
		free(inspection->queues);
		free(inspection->messages);
		free(inspection);
	}
	return NULL;
}

static void freep(struct vdu_inspection **inspection)
{
	(void)vdu_inspection_free(*inspection);
}

/* How many queues and messages, then all of them. */
static int take(int fd, struct vdu_inspection *inspection)
{
	struct vduse_ext_info *info = &inspection->info;
	int r = vdu__info_get(fd, info);

	if (r < 0)
		return r;
	info->n_queues = info->vq_num;
	info->n_messages = info->pending + MESSAGES_MORE;
	inspection->queues = calloc(info->n_queues + 1,
				    sizeof(*inspection->queues));
	inspection->messages = calloc(info->n_messages,
				      sizeof(*inspection->messages));
	if (!inspection->queues || !inspection->messages)
		return -ENOMEM;
	info->queues = (uintptr_t)inspection->queues;
	info->messages = (uintptr_t)inspection->messages;
	return vdu__info_get(fd, info);
}

PUBLIC int vdu_inspect(struct vdu_ctx *ctx, const char *name,
		       struct vdu_inspection **ret, struct vdu_error *err)
{
	CLEANUP(freep) struct vdu_inspection *inspection =
		calloc(1, sizeof(*inspection));
	CLEANUP_CLOSE int fd = vdu__info_open(ctx, name, "does not tell", err);
	int r;

	if (fd < 0)
		return fd;
	if (!inspection)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOMEM,
				 "out of memory");
	inspection->ctx = ctx;
	(void)snprintf(inspection->info.name, sizeof(inspection->info.name),
		       "%s", name);
	r = take(fd, inspection);
	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, r, "no device '%s'",
				 name);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_CONTROL, r,
				 "the kernel does not tell of '%s': %s", name,
				 strerror(-r));
	*ret = TAKE_PTR(inspection);
	return 0;
}

PUBLIC void vdu_inspection_info(const struct vdu_inspection *inspection,
				struct vdu_inspection_info *ret)
{
	const struct vduse_ext_info *info = &inspection->info;
	const struct vdu_inspection_info all = {
		.size_of = ret->size_of,
		.device_id = info->device_id,
		.vendor_id = info->vendor_id,
		.n_queues = info->vq_num,
		.config_size = info->config_size,
		.device_features = info->features,
		.driver_features = info->driver_features,
		.required_features = info->required,
		.extensions = info->extensions,
		.status = info->status,
		.generation = info->generation,
		.server = info->server_pid,
		.connected = !!(info->flags & VDUSE_EXT_I_CONNECTED),
		.broken = !!(info->flags & VDUSE_EXT_I_BROKEN),
		.aborted = !!(info->flags & VDUSE_EXT_I_ABORTED),
		.suspended = !!(info->flags & VDUSE_EXT_I_SUSPENDED),
		.late = !!(info->flags & VDUSE_EXT_I_LATE),
		.virtio_timeout = info->virtio_timeout,
		.vhost_timeout = info->vhost_timeout,
		.n_pending = info->pending,
		.n_sent = info->sent,
		.n_failed = info->failed,
		.n_late = info->late,
		.n_aborts = info->aborts,
		.n_config_writes = info->config_writes,
		.n_config_refused = info->config_refused,
		.n_config_cleared = info->config_cleared,
		.last_error = -(int)info->last_error,
		.last_error_type = info->last_error_type,
		.last_error_age_us = info->last_error_age_ns / 1000,
	};

	memcpy(ret, &all, MIN(all.size_of, sizeof(all)));
}

PUBLIC int vdu_inspection_queue(const struct vdu_inspection *inspection,
				unsigned int index,
				struct vdu_inspection_queue *ret)
{
	const struct vduse_ext_queue *queue;
	struct vdu_inspection_queue all;

	if (index >= inspection->info.n_queues)
		return -ENOENT;
	queue = &inspection->queues[index];
	all = (struct vdu_inspection_queue){
		.size_of = ret->size_of,
		.index = queue->index,
		.size_max = queue->num_max,
		.size = queue->num,
		.avail_index = queue->avail_index,
		.desc = queue->desc,
		.avail = queue->driver,
		.used = queue->device,
		.kicks = queue->kicks,
		.interrupts = queue->interrupts,
		.ready = !!(queue->flags & VDUSE_EXT_Q_READY),
		.heard = !!(queue->flags & VDUSE_EXT_Q_KICKFD),
		.kicked = !!(queue->flags & VDUSE_EXT_Q_KICKED),
	};
	memcpy(ret, &all, MIN(all.size_of, sizeof(all)));
	return 0;
}

PUBLIC int vdu_inspection_message(const struct vdu_inspection *inspection,
				  unsigned int index,
				  struct vdu_inspection_message *ret)
{
	const struct vduse_ext_message *message;
	struct vdu_inspection_message all;

	if (index >= inspection->info.n_messages)
		return -ENOENT;
	message = &inspection->messages[index];
	all = (struct vdu_inspection_message){
		.size_of = ret->size_of,
		.id = message->id,
		.type = message->type,
		.arg = message->arg,
		.age_us = message->age_ns / 1000,
		.read = !!(message->flags & VDUSE_EXT_M_READ),
		.posted = !!(message->flags & VDUSE_EXT_M_POSTED),
		.waiter = message->pid,
	};
	if (all.waiter > 0)
		vdu__proc_comm(inspection->ctx, all.waiter, all.command,
			       sizeof(all.command));
	memcpy(ret, &all, MIN(all.size_of, sizeof(all)));
	return 0;
}

PUBLIC int vdu_abort(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	return vdu__abort(ctx, name, err);
}

PUBLIC const char *vdu_message_name(uint32_t type)
{
	static const struct {
		uint32_t type;
		const char *name;
	} names[] = {
		{ VDUSE_GET_VQ_STATE, "GET_VQ_STATE" },
		{ VDUSE_SET_STATUS, "SET_STATUS" },
		{ VDUSE_UPDATE_IOTLB, "UPDATE_IOTLB" },
		{ 3, "SET_VQ_GROUP_ASID" },	/* Linux 7.0 */
		{ VDUSE_EXT_MSG_QUEUE_READY, "SET_VQ_READY" },
		{ VDUSE_EXT_MSG_SUSPEND, "SUSPEND" },
		{ VDUSE_EXT_MSG_CONFIG_WRITE, "CONFIG_WRITE" },
		{ VDUSE_EXT_MSG_CONFIG_CLEARED, "CONFIG_CLEARED" },
		{ VDUSE_EXT_MSG_RESUME, "RESUME" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].type == type)
			return names[i].name;
	return NULL;
}

PUBLIC const char *vdu_extension_name(unsigned int bit)
{
	static const char *const names[] = {
		"config", "recover", "features", "resume", "vstats",
		"inject",
		"fill",
	};

	return bit < ARRAY_SIZE(names) ? names[bit] : NULL;
}
