// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A sacrificial child process for system calls that can hang unkillably:
 * vdpa netlink (genl_mutex) and driver binding through sysfs. The parent
 * watches it and walks away when the time is up.
 */
#pragma once

#include "lib/util/ctx.h"

/*
 * Run fn(ctx, data, err) in a forked child and return what it returned, with
 * its error and the size bytes at data (its changes come back). On timeout or
 * cancellation the child gets SIGKILL and is left to die when the kernel lets
 * it: -ETIMEDOUT or -EINTR, data untouched, and the text says what. The child
 * has none of the caller's file descriptors, standard ones included.
 */
int vdu__in_child(struct vdu_ctx *ctx, const char *what,
		  int (*fn)(struct vdu_ctx *ctx, void *data,
			    struct vdu_error *err),
		  void *data, size_t size, struct vdu_error *err);

/*
 * Run a program (argv[0] is looked up on PATH) with output to /dev/null and
 * wait for it within the context's limits. Returns its exit status, 128 + the
 * signal that ended it, or -errno.
 */
int vdu__run(struct vdu_ctx *ctx, const char *const argv[]);

/*
 * The same, with the first size bytes of its output in buf; no NUL is added.
 * Output without end is bounded by the context's limits only.
 */
int vdu__run_output(struct vdu_ctx *ctx, const char *const argv[],
		    char *buf, size_t size, size_t *ret_len);
