// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The extensions of our module: which there are, and giving them to a device
 * that is about to be made. The stock module has none, and nothing here fails
 * for that. Which ones a device got is asked of the kernel, not stored.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/util/ctx.h"

/* Those that the loaded module has, as VDUSE_EXT_x; 0 for the stock one. */
uint64_t vdu__ext_get(int control_fd);

/* What a device is to have, if the module can. */
struct vdu__ext {
	uint64_t extensions;	/* VDUSE_EXT_x */
	uint64_t instance;	/* VDUSE_EXT_INST_x */
	uint64_t required;	/* virtio features; with VDUSE_EXT_FEATURES */
	/*
	 * VDUSE_EXT_WRITABLE, ... for each byte of the configuration space, or
	 * NULL; with VDUSE_EXT_CONFIG.
	 */
	const uint8_t *access;
};

/* For the next device that control_fd makes. What the module lacks is left out. */
int vdu__ext_setup(int control_fd, const struct vdu__ext *want,
		   size_t config_size, struct vdu_error *err);

/*
 * The control node of a module that has extensions, without loading one.
 * -EOPNOTSUPP: the stock module; -ENOENT: none; -EACCES, -EPERM.
 */
int vdu__ext_open(const struct vdu_ctx *ctx);
