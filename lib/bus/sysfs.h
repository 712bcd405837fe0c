// SPDX-License-Identifier: LGPL-2.1-or-later
/* Walking sysfs: what several files of lib/bus need of it. */
#pragma once

#include <dirent.h>
#include <stdio.h>

#include "lib/util/ctx.h"

/* The class directory of a VDUSE device and the vDPA device within. */
#define VDU__SYS_DEVICE "/sys/class/vduse/%s"
#define VDU__SYS_VDPA "/sys/class/vduse/%s/%s"

static inline void vdu__closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}
#define CLEANUP_DIR CLEANUP(vdu__closedirp)

static inline void vdu__fclosep(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}
#define CLEANUP_FILE CLEANUP(vdu__fclosep)

/* Open a directory below the root; NULL with errno set. */
DIR *vdu__opendir_at(const struct vdu_ctx *ctx, const char *fmt, ...)
	PRINTF(2, 3);

/* Next entry that is neither "." nor ".."; NULL behind the last. */
struct dirent *vdu__readdir(DIR *dir);

/*
 * Name of the first entry whose name is prefix and a number ("" as prefix:
 * any entry). 0 or -ENOENT; buf is "" then.
 */
int vdu__find_entry(DIR *dir, const char *prefix, char *buf, size_t size);

/* The device number in a "dev" attribute, as stat(2) has it. 0 or -errno. */
int vdu__read_dev_at(const struct vdu_ctx *ctx, dev_t *ret,
		     const char *fmt, ...) PRINTF(3, 4);

/* Last component of a link below the root. Length or -errno. */
ssize_t vdu__link_name_at(const struct vdu_ctx *ctx, char *buf, size_t size,
			  const char *fmt, ...) PRINTF(4, 5);

/* One write to an attribute below the root. 0 or -errno. */
int vdu__write_at(const struct vdu_ctx *ctx, const char *text,
		  const char *fmt, ...) PRINTF(3, 4);
