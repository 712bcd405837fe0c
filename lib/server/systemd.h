// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Servers as units of systemd, vdusectl@NAME.service, where it runs and the
 * unit is installed. Asked by systemctl(1), within the context's limits.
 */
#pragma once

#include "lib/util/ctx.h"

/*
 * Not for a context with a root or a server program of its own: the unit has
 * neither.
 */
bool vdu__systemd_usable(const struct vdu_ctx *ctx);

/* Returns when the server serves; else its unit is stopped again. */
int vdu__systemd_start(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err);

/* Returns when the unit has ended. No such unit runs: 0. */
int vdu__systemd_stop(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err);
