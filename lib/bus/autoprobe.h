// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /sys/bus/vdpa/drivers_autoprobe, held at 0 for the moment in which a device
 * comes onto the bus or a driver is loaded: else whichever driver was there
 * first takes the device, and a new driver takes every free one of the host.
 */
#pragma once

#include "lib/util/ctx.h"

struct vdu__autoprobe {
	struct vdu_ctx *ctx;	/* NULL: there is nothing to put back */
	char old[8];
};

/*
 * The caller holds the host lock until after vdu__autoprobe_restore(), made
 * for CLEANUP(). The old value is also kept in the run directory: the next
 * caller puts it back if this process is killed in between.
 */
int vdu__autoprobe_off(struct vdu_ctx *ctx, struct vdu__autoprobe *guard,
		       struct vdu_error *err);
void vdu__autoprobe_restore(struct vdu__autoprobe *guard);
