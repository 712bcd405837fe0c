// SPDX-License-Identifier: LGPL-2.1-or-later
/* The cache mode of a disk as text, and checked. */
#pragma once

#include <vduse/spec.h>

/* "writeback" or "writethrough". */
const char *vdu__cache_text(int cache);

/* 0 or -EINVAL. */
int vdu__cache_check(const struct vdu_blk_spec *spec, struct vdu_error *err);
