// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking a server of ours, from the management side. */
#pragma once

#include "lib/util/ctx.h"

/*
 * Prove that the server answers and that each data thread turns (Ping call):
 * the condition for DEV_NEW, which otherwise hangs the host's generic netlink
 * behind a dead server. -EBUSY: nobody serves it; -ETIMEDOUT: it is stuck.
 */
int vdu__server_ping(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err);

/*
 * Start PROGRAM serve --supervise NAME and wait until its server is READY, or
 * says what went wrong.
 */
int vdu__server_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err);

/* Ask it to drain and stop; wait until it and its supervisor are gone. */
int vdu__server_stop(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err);
