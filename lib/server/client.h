// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking a server of ours, from the management side. */
#pragma once

#include <sys/types.h>

#include "lib/util/ctx.h"

/*
 * Prove that the server answers and that each data thread turns (Ping call):
 * the condition for DEV_NEW, which otherwise hangs the host's generic netlink
 * behind a dead server. -EBUSY: nobody serves it; -ETIMEDOUT: it is stuck.
 */
int vdu__server_ping(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err);

/* Open files that come with a reply, at most. */
#define VDU_FDS_MAX 2

/* A connection to a server, for one vdu__call_fds(). */
int vdu__client_connect(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err);

/*
 * A call on that connection, without parameters, whose reply brings n_fds open
 * files, which become the caller's. -EPROTO: it brought another number of them.
 */
int vdu__call_fds(struct vdu_ctx *ctx, int fd, const char *method,
		  char **ret_reply, int *ret_fds, unsigned int n_fds,
		  struct vdu_error *err);

/*
 * Start PROGRAM serve --supervise NAME and wait until its server is READY, or
 * says what went wrong.
 */
int vdu__server_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err);
/* Ask it to drain and stop; wait until it and its supervisor are gone. */
int vdu__server_stop(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err);

/*
 * End whoever serves the device, ours or not: SIGTERM and a moment to drain if
 * it answers, else SIGKILL. Afterwards nobody has it open. -ETIMEDOUT: the
 * kernel does not let a process go.
 */
int vdu__server_end(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err);

/* SIGTERM, a moment, SIGKILL, and wait until pid, which pidfd is of, is gone. */
int vdu__process_end(struct vdu_ctx *ctx, pid_t pid, int pidfd,
		     struct vdu_error *err);
