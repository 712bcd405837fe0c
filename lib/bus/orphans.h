// SPDX-License-Identifier: LGPL-2.1-or-later
/* What nothing needs any more: found here, for the doctor's report and cure. */
#pragma once

#include <vduse/inspect.h>

#include "lib/util/ctx.h"

struct vdu__orphans {
	unsigned int n;
	struct vdu_orphan *orphans;
};

/* Add those of one kind. What cannot be looked at is left out. */
void vdu__orphans_find(struct vdu_ctx *ctx, enum vdu_orphan_kind kind,
		       struct vdu__orphans *ret);
void vdu__orphans_free(struct vdu__orphans *orphans);
