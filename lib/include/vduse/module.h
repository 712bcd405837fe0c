// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What our kernel module does beyond the stock one, for any device and whoever
 * serves it: it tells what goes on, and ends what waits. See vduse(7). With the
 * stock module these are -EOPNOTSUPP with VDU_STAGE_MODULE.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vduse/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdu_ctx;

/*
 * End every wait on a device and cut its server off. The device stays, and may
 * be served anew at once; a driver that used it has to be unbound and bound
 * again. -ENOENT: no such device.
 */
int vdu_abort(struct vdu_ctx *ctx, const char *name, struct vdu_error *err);

/* A device at one moment. Asks the kernel alone. */
struct vdu_inspection;
int vdu_inspect(struct vdu_ctx *ctx, const char *name,
		struct vdu_inspection **ret, struct vdu_error *err);
/* Accepts NULL; returns NULL. */
struct vdu_inspection *vdu_inspection_free(struct vdu_inspection *inspection);

struct vdu_inspection_info {
	size_t size_of;			/* set by the caller */
	uint32_t device_id, vendor_id;	/* virtio */
	uint32_t n_queues, config_size;
	uint64_t device_features, driver_features;
	uint64_t required_features;	/* no driver is let in without */
	uint64_t extensions;		/* vdu_extension_name() */
	uint32_t status;		/* virtio */
	uint32_t generation;		/* of the configuration space */
	pid_t server;			/* 0: none that can be seen from here */
	int connected;			/* somebody serves it */
	int broken;			/* the kernel gave it up for ever */
	int aborted;			/* until the next server comes */
	int suspended;
	int late;			/* the last answer did not come in time */
	uint32_t virtio_timeout;	/* seconds; 0: until answered */
	uint32_t vhost_timeout;
	uint32_t n_pending;		/* messages without an answer */
	uint64_t n_sent, n_failed, n_late, n_aborts;
	uint64_t n_config_writes, n_config_refused, n_config_cleared;
	int last_error;			/* negative errno of a message; 0: none */
	uint32_t last_error_type;	/* vdu_message_name() */
	uint64_t last_error_age_us;
};
void vdu_inspection_info(const struct vdu_inspection *inspection,
			 struct vdu_inspection_info *ret);

struct vdu_inspection_queue {
	size_t size_of;			/* set by the caller */
	uint32_t index;
	uint32_t size_max, size;	/* by the server; by the driver */
	uint32_t avail_index;		/* where the driver said to begin */
	uint64_t desc, avail, used;	/* I/O virtual addresses */
	uint64_t kicks, interrupts;
	int ready;			/* the driver uses it */
	int heard;			/* the server listens to kicks */
	int kicked;			/* one that nobody has heard yet */
};
/* Queue number index, from 0; -ENOENT behind the last. */
int vdu_inspection_queue(const struct vdu_inspection *inspection,
			 unsigned int index, struct vdu_inspection_queue *ret);

struct vdu_inspection_message {
	size_t size_of;			/* set by the caller */
	uint32_t id;
	uint32_t type;			/* vdu_message_name() */
	uint32_t arg;			/* status, queue, group or offset */
	uint64_t age_us;
	int read;			/* by the server */
	int posted;			/* nobody waits for the answer */
	pid_t waiter;			/* 0: none that can be seen from here */
	char command[32];		/* of the waiter */
};
/* Message without an answer, oldest first, from 0; -ENOENT behind the last. */
int vdu_inspection_message(const struct vdu_inspection *inspection,
			   unsigned int index,
			   struct vdu_inspection_message *ret);

/* "SET_STATUS", "UPDATE_IOTLB", ...; NULL if unknown. */
const char *vdu_message_name(uint32_t type);
/* Extension by bit: "config", "recover", ...; NULL if unknown. */
const char *vdu_extension_name(unsigned int bit);

#ifdef __cplusplus
}
#endif
