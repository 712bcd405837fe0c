// SPDX-License-Identifier: LGPL-2.1-or-later
/* The undo stack of a transaction. */
#include "lib/util/undo.h"

#define UNDO_TIMEOUT_MS 10000

void vdu__undo_push(struct vdu__undo *undo,
		    void (*fn)(struct vdu_ctx *ctx, void *arg), void *arg)
{
	undo->steps[undo->n].fn = fn;
	undo->steps[undo->n].arg = arg;
	undo->n++;
}

void vdu__undo_disarm(struct vdu__undo *undo)
{
	undo->n = 0;
}

void vdu__undo_run(struct vdu__undo *undo)
{
	struct vdu_ctx *ctx = undo->ctx;
	uint64_t deadline = ctx->deadline_ns;
	if (!undo->n)
		return;
	ctx->undoing = true;
	vdu_ctx_set_timeout(ctx, UNDO_TIMEOUT_MS);
	while (undo->n) {
		undo->n--;
		undo->steps[undo->n].fn(ctx, undo->steps[undo->n].arg);
	}
	ctx->deadline_ns = deadline;
	ctx->undoing = false;
}
