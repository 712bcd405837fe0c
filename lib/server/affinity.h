// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where data threads run: on the processors whose requests their queue gets.
 * The kernel spreads the processors over the queues of a driver of this host,
 * neighbours together, and tells it in sysfs: there is nothing to guess. A VM
 * says nothing of the kind, and so its queues are served anywhere.
 */
#pragma once

#include <sched.h>

#include "lib/util/ctx.h"

/* In units of CPU_SETSIZE: as many as a kernel can be built for. */
#define VDU_CPU_SETS 8

struct vdu__cpus {
	cpu_set_t sets[VDU_CPU_SETS];
};

struct vdu__affinity;

/* "f0,0000000f": a mask as sysfs has it. 0 or -EINVAL. */
int vdu__cpus_parse(const char *text, struct vdu__cpus *ret);

/* Leave of them what is allowed; all that is allowed, if nothing is left. */
void vdu__cpus_within(struct vdu__cpus *cpus, const struct vdu__cpus *allowed);

/*
 * Open what must be open before the sandbox, and note where this process may
 * run. name stays the caller's. NULL, and logged: that cannot be had.
 */
struct vdu__affinity *vdu__affinity_open(struct vdu_ctx *ctx, const char *name,
					 unsigned int n_queues);
void vdu__affinity_close(struct vdu__affinity *affinity);

/* Where the thread of that queue is to run now. 0 or -errno. */
int vdu__affinity_read(const struct vdu__affinity *affinity, unsigned int index,
		       struct vdu__cpus *ret);

/* This thread runs there from now on. 0 or -errno. */
int vdu__affinity_pin(const struct vdu__cpus *cpus);
