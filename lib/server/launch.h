// SPDX-License-Identifier: LGPL-2.1-or-later
/* Starting `vdusectl serve` as a process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/util/ctx.h"

struct vdu__launch {
	const char *mode;	/* of serve, an option; NULL: none */
	const char *notify;	/* path that it is to tell; NULL: nobody */
	int log_fd;
	uint64_t watchdog_ms;	/* in which it is to show life; 0: never */
	bool session;		/* of its own */
	int backend_fd;		/* for it to inherit; < 0: none */
};

/*
 * Its pid and a pidfd; -errno. It is the program that has our name, which may
 * be a newer one.
 */
pid_t vdu__launch(const struct vdu_ctx *ctx, const char *name,
		  const struct vdu__launch *how, int *ret_pidfd);

/* Become that program: serve MODE NAME. Returns only -errno. */
int vdu__become(const struct vdu_ctx *ctx, const char *name, const char *mode,
		int claim_fd, int backend_fd);

/* What this process was started with; the first caller's. -EBADF: not that. */
enum vdu__inherited { VDU_INHERITED_BACKEND, VDU_INHERITED_CLAIM };
int vdu__inherited(enum vdu__inherited what);
