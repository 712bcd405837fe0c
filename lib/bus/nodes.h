// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The nodes of all VDUSE devices at once: one walk over the links of sysfs
 * instead of several directories for each device. For lists.
 */
#pragma once

#include "lib/bus/bus.h"

struct vdu__node {
	char name[256];			/* of the device */
	char virtio[32], block[32];	/* "" for vhost */
	char node[VDU_NODE_MAX];
};

struct vdu__nodes {
	size_t n, room;
	struct vdu__node *nodes;
};

/* What cannot be read is left out. Free nodes->nodes afterwards. */
void vdu__nodes_read(const struct vdu_ctx *ctx, struct vdu__nodes *nodes);

/* NULL: none is known. */
const struct vdu__node *vdu__nodes_find(const struct vdu__nodes *nodes,
					const char *name);
