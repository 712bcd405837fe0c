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
