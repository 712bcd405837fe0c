// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel modules: there, to be had, or missing. */
#pragma once

#include "lib/util/ctx.h"

enum vdu__module_state {
	VDU__MODULE_MISSING,
	VDU__MODULE_AVAILABLE,		/* modprobe can load it */
	VDU__MODULE_LOADED,		/* or built in */
};

/*
 * Looks, changes nothing. path gets where modprobe takes the file from, below
 * the directory of the kernel's modules, or "".
 */
enum vdu__module_state vdu__module_find(const struct vdu_ctx *ctx,
					const char *module,
					char *path, size_t size);

/* What modinfo(8) says of a module's file; texts it does not give are "". */
struct vdu__module_info {
	char version[64];
	char srcversion[64];
	char signer[64];
	bool intree;			/* comes with the kernel */
	bool is_signed;
};

/* path: below the directory of the kernel's modules. 0 or -errno. */
int vdu__module_info(struct vdu_ctx *ctx, const char *path,
		     struct vdu__module_info *ret);
