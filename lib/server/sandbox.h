// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a server gives up once everything is open: capabilities, new
 * privileges, and system calls it has no use for.
 */
#pragma once

#include "lib/util/ctx.h"

/* No allocation of this process waits for a disk; its children inherit that. */
void vdu__become_flusher(struct vdu_ctx *ctx);

/*
 * Every step is taken as far as the kernel lets us; what it does not offer is
 * logged, not fatal. Fails only if a step that was begun cannot be finished.
 * pins: threads may say where they run, each for itself.
 */
int vdu__sandbox_enter(struct vdu_ctx *ctx, const char *name, bool pins,
		       struct vdu_error *err);
