// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The sd_notify(3) protocol, sender's side: one datagram to the socket that
 * $NOTIFY_SOCKET names. Spoken here directly, because linking libsystemd into
 * every server would cost more private memory than the server itself.
 */
#pragma once

#include "lib/util/error.h"

/* No socket named: nothing to do. */
void vdu__notify(const char *text);
void vdu__notify_ready(void);
/* It is about to end, on request: from now on there is no WATCHDOG=1. */
void vdu__notify_stopping(void);
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
