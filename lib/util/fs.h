// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files as sysfs, /proc and the run directory need them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vdu_ctx;

/*
 * Read a small file whole and cut one trailing newline: one read(2), so for
 * regular files and attributes, not for long files of /proc. Returns its
 * length, or -errno; -EFBIG if it does not fit.
 */
ssize_t vdu__read_file(const char *path, char *buf, size_t size);

/* The same below the context's root, path by format. */
ssize_t vdu__read_at(const struct vdu_ctx *ctx, char *buf, size_t size,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Decimal number in a file below the root; -errno, -EINVAL. */
int vdu__read_u64_at(const struct vdu_ctx *ctx, uint64_t *ret,
		     const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* One write(2) to an existing file, as sysfs attributes want. 0 or -errno. */
int vdu__write_file(const char *path, const char *text);

/* Last component of the link at path; length or -errno. */
ssize_t vdu__read_link_name(const char *path, char *buf, size_t size);

bool vdu__exists(const struct vdu_ctx *ctx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Can name be one component of a path below a directory of ours? Foreign
 * devices may have names that we would not give.
 */
bool vdu__is_component(const char *name);

/* mkdir -p with mode for what is missing. 0 or -errno. */
int vdu__mkdir_p(const char *path, mode_t mode);

/*
 * Replace a file at once (temporary file, fsync, rename), mode 0600.
 * 0 or -errno; the temporary file is gone on failure.
 */
int vdu__replace_file(const char *path, const char *text, size_t len);

/* Remove a directory and the plain files in it (one level). 0 or -errno. */
int vdu__remove_dir(const char *path);
