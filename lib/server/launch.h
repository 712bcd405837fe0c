// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Starting `vdusectl serve` as a process, and hearing from it: what those who
 * start a supervisor and the supervisor itself have in common.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/util/ctx.h"

/* Sockets in the run directory of a device. */
#define VDU_NOTIFY_SERVER "notify"		/* its server to its supervisor */
#define VDU_NOTIFY_START "notify-start"		/* its supervisor to `start` */
#define VDU_NOTIFY_RESCUE "notify-rescue"	/* a rescue server likewise */

struct vdu__launch {
	const char *mode;	/* "--supervise", "--rescue"; NULL: serve */
	const char *notify;	/* path that it is to tell; NULL: nobody */
	int log_fd;
	uint64_t watchdog_ms;	/* in which it is to show life; 0: never */
	bool session;		/* of its own */
};

/* Its pid and a pidfd; -errno. */
pid_t vdu__launch(const struct vdu_ctx *ctx, const char *name,
		  const struct vdu__launch *how, int *ret_pidfd);

/* A socket for sd_notify(3) messages at NAME/file; its path in path. */
int vdu__notify_listen(struct vdu_ctx *ctx, const char *name, const char *file,
		       char path[static PATH_MAX], struct vdu_error *err);

struct vdu__news {
	pid_t pid;		/* whose */
	bool ready, watchdog, stopping;
	struct vdu_error failure;	/* code 0: none */
};

/* Take one message; false: there is none. */
bool vdu__notify_take(int fd, struct vdu__news *ret);
