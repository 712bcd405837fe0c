// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which processes have which device nodes open: walks over /proc. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "lib/util/ctx.h"

/*
 * Call fn for every process; a return value other than 0 ends the walk and is
 * returned.
 */
int vdu__proc_each(const struct vdu_ctx *ctx,
		   int (*fn)(const struct vdu_ctx *ctx, pid_t pid, void *data),
		   void *data);

/*
 * Call fn for every open character or block device of a process (type is
 * S_IFCHR or S_IFBLK); ends as vdu__proc_each() does. Processes that may not
 * be looked at count as having none.
 */
int vdu__proc_fds(const struct vdu_ctx *ctx, pid_t pid,
		  int (*fn)(pid_t pid, mode_t type, dev_t rdev, void *data),
		  void *data);

/* Name of a process as ps(1) shows it; "?" if it is gone. */
void vdu__proc_comm(const struct vdu_ctx *ctx, pid_t pid,
		    char *buf, size_t size);
