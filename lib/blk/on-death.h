// SPDX-License-Identifier: LGPL-2.1-or-later
/* What I/O gets while the server is dead, as text and checked. */
#pragma once

#include <stdbool.h>

#include <vduse/spec.h>

#define VDU_ON_DEATH_TEXT_MAX 24

void vdu__on_death_text(const struct vdu_blk_spec *spec,
			char buf[VDU_ON_DEATH_TEXT_MAX]);

/* 0, -EINVAL or -ERANGE. */
int vdu__on_death_check(const struct vdu_blk_spec *spec, struct vdu_error *err);
