// SPDX-License-Identifier: LGPL-2.1-or-later
/* The inside of a list of devices: list.c fills it, list-get.c reads it. */
#pragma once

#include <vduse/spec.h>

#include "lib/blk/on-death.h"
#include "lib/bus/bus.h"
#include "lib/bus/nodes.h"
#include "lib/kernel/info.h"

struct vdu_dev {
	const struct vdu_ctx *ctx;	/* for what is read when asked for */
	char name[256];			/* foreign names can be that long */
	const char *type, *state;
	char serial[VDU_SERIAL_MAX + 1];
	char *backend;			/* NULL when not known */
	char on_death[VDU_ON_DEATH_TEXT_MAX];
	bool ours, attached;
	pid_t pid;
	dev_t rdev;			/* of the VDUSE node; foreign only */
	int64_t size_bytes, block_size, n_queues, queue_size;
	int read_only;
	struct vdu__binding binding;
	int64_t status;			/* virtio; -1: only sysfs can tell */
	const struct vduse_ext_info *info; /* while the list is made, or NULL */
};

struct vdu_list {
	size_t n, room;
	struct vdu_dev *devs;		/* sorted */
	size_t n_unserved;		/* foreign ones still without a server */
	struct vdu__nodes nodes;	/* while the list is made */
	struct vduse_ext_info *infos;	/* the same; our module only */
};
