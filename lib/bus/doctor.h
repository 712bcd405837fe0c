// SPDX-License-Identifier: LGPL-2.1-or-later
/* The checks behind vdu_doctor_check(), by subject. None changes anything. */
#pragma once

#include <vduse/inspect.h>

#include "lib/util/ctx.h"

/* Fill in the verdict; remedy may be NULL. */
void vdu__check_set(struct vdu_check *check, enum vdu_check_status status,
		    const char *remedy, const char *fmt, ...) PRINTF(4, 5);

/* doctor-kernel.c: the kernel and its interfaces */
void vdu__check_kernel(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_control_node(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_api(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_netlink(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_autoprobe(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_io_uring(struct vdu_ctx *ctx, struct vdu_check *check);

/* doctor-module.c: the kernel's modules, and which vduse it is */
void vdu__check_lockdown(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_module(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_vduse(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_signature(struct vdu_ctx *ctx, struct vdu_check *check);

/* doctor-waits.c: what our module tells */
void vdu__check_extensions(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_waits(struct vdu_ctx *ctx, struct vdu_check *check);

/* doctor-host.c: this process, the run directory, the devices */
void vdu__check_privileges(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_netns(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_run_dir(struct vdu_ctx *ctx, struct vdu_check *check);
void vdu__check_devices(struct vdu_ctx *ctx, struct vdu_check *check);

/* doctor-orphans.c: what nothing needs any more */
void vdu__check_orphans(struct vdu_ctx *ctx, struct vdu_check *check);
