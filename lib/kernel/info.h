// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What our module tells of any device, whoever serves it, on the control node:
 * no server is asked and nothing waits. control_fd is from vdu__ext_open().
 */
#pragma once

#include "lib/kernel/ext.h"

/*
 * A control_fd for what is asked of one device. -ENOENT: there is none;
 * -EOPNOTSUPP with VDU_STAGE_MODULE: "the loaded vduse module CANNOT".
 */
int vdu__info_open(const struct vdu_ctx *ctx, const char *name,
		   const char *cannot, struct vdu_error *err);

/*
 * Of the device named in io, or if that is "" of the one after io->cursor;
 * room for queues and messages as io says. -ENOENT: no such device, no more.
 */
int vdu__info_get(int control_fd, struct vduse_ext_info *io);

/* The same for a device by name, alone. -EOPNOTSUPP: the stock module. */
int vdu__info_of(const struct vdu_ctx *ctx, const char *name,
		 struct vduse_ext_info *ret);

/* All devices; *ret is to be freed. The number of them or -errno. */
ssize_t vdu__info_all(const struct vdu_ctx *ctx, struct vduse_ext_info **ret);

/* VDUSE_EXT_ABORT. -EOPNOTSUPP with VDU_STAGE_MODULE: the stock module. */
int vdu__abort(const struct vdu_ctx *ctx, const char *name,
	       struct vdu_error *err);
