// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening a file or block device as a backend, for it alone. */
#pragma once

#include "lib/backend/backend.h"

int vdu__file_open(struct vdu_ctx *ctx, struct vdu__backend *backend,
		   const struct vdu_blk_spec *spec, struct vdu_error *err);
