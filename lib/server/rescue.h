// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A server of last resort: it needs no backend and no spec, so it can serve
 * any device whose server is dead, foreign ones too. It answers the kernel's
 * messages and every request with an error, those that the dead server has left
 * first. With that I/O ends, and a driver can be taken from its device.
 */
#pragma once

#include "lib/util/ctx.h"

/*
 * Start PROGRAM serve --rescue NAME and wait until it serves or says what went
 * wrong. -EPERM: the kernel has given the device up, so no message waits and
 * there is nothing to rescue; -EBUSY: somebody serves it. It ends as any server
 * does (vdu__server_stop()).
 */
int vdu__rescue_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err);

/* The run directory with the lock, which a foreign device has not. */
int vdu__rescue_dir(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err);

/* Remove it, if it was made so. The caller has ended the rescue server. */
void vdu__rescue_clear(struct vdu_ctx *ctx, const char *name);
