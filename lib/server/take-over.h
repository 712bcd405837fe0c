// SPDX-License-Identifier: LGPL-2.1-or-later
/* The successor's side of a handover; and what a supervisor keeps. */
#pragma once

#include "lib/util/ctx.h"

/* Another descriptor of the open backend of the server that runs. */
int vdu__take_backend(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err);

/* What the server before us had, drained. */
struct vdu__legacy {
	int device_fd, listen_fd;
	uint64_t stopped_ns;	/* when it took no more: vdu__now_ns() */
};

/*
 * On a connection to it (vdu__client_connect()): waits until the server has
 * drained; it ends afterwards.
 */
int vdu__take_over(struct vdu_ctx *ctx, int fd, struct vdu__legacy *ret,
		   struct vdu_error *err);
