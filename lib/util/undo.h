// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The undo stack of a transaction: each step that changed something outside
 * pushes its reverse; failure, timeout and Ctrl-C all run the same stack.
 */
#pragma once

#include "lib/util/ctx.h"

#define VDU_UNDO_MAX 12

struct vdu__undo {
	struct vdu_ctx *ctx;
	unsigned int n;
	struct {
		void (*fn)(struct vdu_ctx *ctx, void *arg);
		void *arg;
	} steps[VDU_UNDO_MAX];
};

/* At most VDU_UNDO_MAX steps: their number is fixed in the code. */
void vdu__undo_push(struct vdu__undo *undo,
		    void (*fn)(struct vdu_ctx *ctx, void *arg), void *arg);

/* Everything worked: forget the steps. */
void vdu__undo_disarm(struct vdu__undo *undo);

/*
 * Undo what is left, newest first, for CLEANUP(vdu__undo_run). Undoing gets
 * 10 seconds of its own and cannot be cancelled again.
 */
void vdu__undo_run(struct vdu__undo *undo);
