// SPDX-License-Identifier: LGPL-2.1-or-later
/* The inside of struct vdu_ctx: paths, deadline, cancellation, log. */
#pragma once

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vduse/ctx.h>

#include "lib/util/error.h"

struct vdu_ctx {
	char root[PATH_MAX / 2];	/* in front of every path; "" normally */
	char server_program[PATH_MAX / 2];
	vdu_log_fn log_fn;
	void *log_data;
	int log_level;
	uint64_t deadline_ns;		/* CLOCK_MONOTONIC; UINT64_MAX: none */
	int cancel_fd;			/* eventfd, readable once cancelled */
	atomic_bool cancelled;		/* any thread or signal handler */
	bool undoing;			/* not to be cancelled until that is over */
};

#define VDU_RUN_DIR "/run/vdusectl"
#define VDU_STATE_DIR "/var/lib/vdusectl"

/* Format an absolute path under the context's root. -ENAMETOOLONG. */
int vdu__path(const struct vdu_ctx *ctx, char *buf, size_t size,
	      const char *fmt, ...) PRINTF(4, 5);
int vdu__vpath(const struct vdu_ctx *ctx, char *buf, size_t size,
	       const char *fmt, va_list ap) PRINTF(4, 0);

void vdu__log(const struct vdu_ctx *ctx, int level, const char *fmt, ...)
	PRINTF(3, 4);
#define vdu__debug(ctx, ...) vdu__log(ctx, 7, __VA_ARGS__)

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t vdu__now_ns(void);

/*
 * Milliseconds until the deadline as poll(2) wants them, at most cap_ms
 * (-1: no cap); 0 when it has passed, -1 for no limit.
 */
int vdu__remaining_ms(const struct vdu_ctx *ctx, int cap_ms);

/*
 * Let the deadline be at most ms away; returns the old one, to be put back into
 * ctx->deadline_ns. For a step that must leave time for others.
 */
uint64_t vdu__limit(struct vdu_ctx *ctx, unsigned int ms);

/*
 * Wait until fd has one of events, the deadline passes or the context is
 * cancelled. Returns 1, or 0 when cap_ms passed first, or -ETIMEDOUT, -EINTR.
 */
int vdu__wait_fd(const struct vdu_ctx *ctx, int fd, short events, int cap_ms);

/*
 * Wait before asking again what no fd tells of: what is over in no time costs
 * little, and what takes long is not asked often. *try counts from 0, for a
 * pause of 50 us that doubles to 20 ms. 0, or -ETIMEDOUT, -EINTR.
 */
int vdu__pause(const struct vdu_ctx *ctx, unsigned int *try);

/* 0, or -EINTR / -ETIMEDOUT with a text: for the space between two steps. */
int vdu__check_cancel(const struct vdu_ctx *ctx, const char *what,
		      struct vdu_error *err);
