// SPDX-License-Identifier: LGPL-2.1-or-later
/* Filling struct vdu_error. */
#pragma once

#include <vduse/error.h>

#include "lib/util/macro.h"

/* Record a failure and return code, so that `return vdu__fail(...)` works. */
int vdu__fail(struct vdu_error *err, enum vdu_stage stage, int code,
	      const char *fmt, ...) PRINTF(4, 5);
