// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who uses a block device or a vhost node: the parts of vdu_holders(). */
#pragma once

#include <sys/types.h>

#include "lib/util/ctx.h"

#define VDU__PARTS_MAX 64

/* A disk and its partitions, or a single character device. */
struct vdu__parts {
	mode_t type;			/* S_IFBLK, S_IFCHR */
	unsigned int n;
	struct {
		dev_t rdev;
		char name[32];		/* "vda1" */
	} part[VDU__PARTS_MAX];
};

/* Distinct holders, each a phrase: "mounted on /mnt". */
struct vdu__holders {
	unsigned int n;
	char **text;
};

void vdu__holders_add(struct vdu__holders *holders, const char *fmt, ...)
	PRINTF(2, 3);
void vdu__holders_free(struct vdu__holders *holders);

/* Number of the part that this is, or -1. */
int vdu__parts_find(const struct vdu__parts *parts, dev_t rdev);
/* The same for a path such as "/dev/vda1". */
int vdu__parts_find_path(const struct vdu__parts *parts, const char *path);

/* Mounts in every mount namespace. */
void vdu__holders_mounts(const struct vdu_ctx *ctx,
			 const struct vdu__parts *parts,
			 struct vdu__holders *holders);
