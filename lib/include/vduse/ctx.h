// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The library context: where things live, how long to wait, whom to tell.
 *
 * Lifetime: vdu_ctx_new() .. vdu_ctx_free(). One thread at a time, except
 * vdu_ctx_cancel(), which any thread or signal handler may call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdu_ctx;

/* Log levels are those of syslog(3): 3 error, 4 warning, 6 info, 7 debug. */
typedef void (*vdu_log_fn)(void *data, int level, const char *text);

/* Library version, "MAJOR.MINOR.PATCH". */
const char *vdu_version(void);

/* Returns 0 and a context, or -ENOMEM / -errno of eventfd(2). */
int vdu_ctx_new(struct vdu_ctx **ret);

/* Accepts NULL; returns NULL. */
struct vdu_ctx *vdu_ctx_free(struct vdu_ctx *ctx);

/* The library never prints: it calls fn for messages up to level. */
void vdu_ctx_set_log(struct vdu_ctx *ctx, vdu_log_fn fn, void *data, int level);

/*
 * Put root in front of every path the library uses (/sys, /proc, /dev, /run,
 * /var/lib): for tests on a fake tree. NULL or "" is the real root.
 * -ENAMETOOLONG if it does not fit.
 */
int vdu_ctx_set_root(struct vdu_ctx *ctx, const char *root);

/*
 * Start the clock: every wait from now on ends with -ETIMEDOUT when ms
 * milliseconds have passed. 0 means no limit. Default: 30000 from creation.
 */
void vdu_ctx_set_timeout(struct vdu_ctx *ctx, uint64_t ms);

/*
 * The program that serves a device: run as PROGRAM serve NAME, and as
 * PROGRAM serve --supervise NAME to keep that running (vdu_supervise()).
 * Default: /proc/self/exe. -ENAMETOOLONG if it does not fit.
 */
int vdu_ctx_set_server_program(struct vdu_ctx *ctx, const char *path);

/*
 * End the wait in progress, and every later one, with -EINTR, until
 * vdu_ctx_reset_cancel(). Async-signal-safe.
 */
void vdu_ctx_cancel(struct vdu_ctx *ctx);
bool vdu_ctx_cancelled(const struct vdu_ctx *ctx);
void vdu_ctx_reset_cancel(struct vdu_ctx *ctx);

#ifdef __cplusplus
}
#endif
