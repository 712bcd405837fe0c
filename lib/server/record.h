// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /run/vdusectl/NAME/supervisor: what the supervisors of a device have done so
 * far. Written by the one that there is; read by the next one and by `show`.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VDU_LAST_EXIT_MAX 256

struct vdu_ctx;

struct vdu__record {
	uint64_t restarts;	/* of the server, begun by a supervisor */
	pid_t server;		/* its child; perhaps gone. 0: none */
	bool failing;		/* that is the rescue server */
	uint64_t limit_ms;	/* in which that one was told to show life */
	uint64_t handovers;	/* to a new server, without a gap */
	uint64_t pause_us;	/* of the last one: nobody served */
	char last_exit[VDU_LAST_EXIT_MAX];	/* "killed by signal 9", or "" */
};

/* All 0 if there is none, or none that makes sense. */
void vdu__record_load(const struct vdu_ctx *ctx, const char *name,
		      struct vdu__record *ret);
/* 0 or -errno. */
int vdu__record_save(const struct vdu_ctx *ctx, const char *name,
		     const struct vdu__record *record);
