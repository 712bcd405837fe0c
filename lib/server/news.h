// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What servers and supervisors say, as those hear it who have started them:
 * the receiver's side of sd_notify(3).
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/util/ctx.h"

/* Sockets in the run directory of a device. */
#define VDU_NOTIFY_SERVER "notify"		/* its server to its supervisor */
#define VDU_NOTIFY_START "notify-start"		/* its supervisor to `start` */
#define VDU_NOTIFY_RESCUE "notify-rescue"	/* a rescue server likewise */

/* A socket for sd_notify(3) messages at NAME/file; its path in path. */
int vdu__notify_listen(struct vdu_ctx *ctx, const char *name, const char *file,
		       char path[static PATH_MAX], struct vdu_error *err);

struct vdu__news {
	pid_t pid;		/* whose */
	bool ready, watchdog, stopping, handed_over;
	uint64_t pause_us;	/* with ready: of a successor */
	struct vdu_error failure;	/* code 0: none */
};

/* Take one message; false: there is none. */
bool vdu__notify_take(int fd, struct vdu__news *ret);
