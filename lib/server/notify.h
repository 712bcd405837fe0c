// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The sd_notify(3) protocol, sender's side: one datagram to the socket that
 * $NOTIFY_SOCKET names. Spoken here directly, because linking libsystemd into
 * every server would cost more private memory than the server itself.
 */
#pragma once

#include <stdint.h>

#include "lib/util/error.h"

/* No socket named: nothing to do. */
void vdu__notify(const char *text);
void vdu__notify_ready(void);
/* The same from a successor: how long nobody has served, in microseconds. */
#define VDU_NOTIFY_PAUSE "X_VDUSECTL_PAUSE_US"
void vdu__notify_ready_after(uint64_t pause_us);
/* It is about to end, on request: from now on there is no WATCHDOG=1. */
void vdu__notify_stopping(void);
/* The same, since a successor serves. */
#define VDU_NOTIFY_HANDED_OVER "X_VDUSECTL_HANDED_OVER=1"
void vdu__notify_handed_over(void);
void vdu__notify_watchdog(void);
/* ERRNO=, STATUS= and, for a parent of ours, the stage. */
#define VDU_NOTIFY_FAILED_MAX (sizeof(struct vdu_error) + 100)
void vdu__notify_failed(const struct vdu_error *err);
void vdu__notify_failed_text(const struct vdu_error *err,
			     char text[static VDU_NOTIFY_FAILED_MAX]);

/* To the socket at path, "@..." for an abstract one, whoever is named. */
void vdu__notify_at(const char *path, const char *text);

/*
 * What $WATCHDOG_USEC asks this process for, in nanoseconds: a sign of life
 * in each such time. 0: nothing.
 */
uint64_t vdu__notify_watchdog_ns(void);
