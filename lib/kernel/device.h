// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /dev/vduse/NAME: thin, typed wrappers of the device ioctls. All return 0 or
 * -errno. -EPERM from any of them means that the kernel has given the device up
 * (a message was not answered in time) and only destroying it helps; -ENOTCONN,
 * by our module, that somebody has cut this open file off: the next one works.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/util/ctx.h"

/* Non-blocking and close-on-exec. -EBUSY: it has an opener already. */
int vdu__device_open(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err);

int vdu__device_setup_vq(int fd, uint32_t index, uint16_t max_size);

struct vdu__vq_info {
	uint32_t num;
	uint64_t desc, avail, used;	/* I/O virtual addresses */
	uint16_t avail_index;		/* where the driver said to begin */
	uint16_t packed_place;		/* the same in a packed ring */
	bool ready;
};
/* For the kernel: a packed ring that stands there, with nothing in flight. */
struct vduse_vq_state_packed;
void vdu__device_packed_state(uint16_t place,
			      struct vduse_vq_state_packed *ret);
int vdu__device_vq_info(int fd, uint32_t index, struct vdu__vq_info *ret);

/* kick_fd is an eventfd, or -1 for none. */
int vdu__device_set_kick(int fd, uint32_t index, int kick_fd);

/* -EINVAL also while the kernel has not yet seen the reply to DRIVER_OK. */
int vdu__device_interrupt(int fd, uint32_t index);

/* Negotiated features; meaningful from FEATURES_OK on. */
int vdu__device_features(int fd, uint64_t *ret);

/* One region of the device's I/O address space. */
struct vdu__region {
	uint64_t start, last;		/* inclusive */
	uint64_t offset;		/* of start in the file */
	bool readable, writable;	/* by the device */
	int fd;				/* the caller's, close-on-exec */
};
/* The first region that overlaps iova. -EINVAL: none. */
int vdu__device_region(int fd, uint64_t iova, struct vdu__region *ret);

/* Is -ENOTCONN what any call would say? */
bool vdu__device_cut_off(int fd);

/*
 * The virtio status. -ENOTTY: this module, or device, does not tell; one that
 * does is not given up when a message is late (VDUSE_EXT_RECOVER).
 */
int vdu__device_status(int fd, uint8_t *ret);

/* A byte of the configuration space, as a driver has left it. -ENOTTY. */
int vdu__device_config_byte(int fd, uint32_t offset, uint8_t *ret);

/* Change that byte; tell: and interrupt the driver, if there is one. -ENOTTY. */
int vdu__device_set_config_byte(int fd, uint32_t offset, uint8_t value,
				bool tell);
