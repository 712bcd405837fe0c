// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /dev/vduse/control: making and ending devices. The kernel answers most
 * mistakes with a bare EINVAL, so callers check first (vdu_blk_spec_validate).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/ext.h"
#include "lib/util/ctx.h"

/*
 * Open the control node, loading the module if need be. Returns the fd;
 * -ENODEV with VDU_STAGE_MODULE: no VDUSE here; -EACCES, -EPERM.
 */
int vdu__control_open(struct vdu_ctx *ctx, struct vdu_error *err);

struct vdu__device_config {
	const char *name;
	uint32_t device_id, vendor_id;
	uint64_t features;
	uint32_t n_queues;
	const void *config;
	size_t config_size;
	struct vdu__ext ext;
};

/* VDUSE_CREATE_DEV. -EEXIST, -EPERM, -ENOSPC, -EINVAL. */
int vdu__control_create(int control_fd, const struct vdu__device_config *config,
			struct vdu_error *err);

/*
 * VDUSE_DESTROY_DEV. The kernel says EBUSY until the last reference to the
 * fd and to the vDPA device is gone, which can be a moment after the process
 * that held them: waits for that within the context's limits.
 */
int vdu__control_destroy(struct vdu_ctx *ctx, const char *name,
			 struct vdu_error *err);
