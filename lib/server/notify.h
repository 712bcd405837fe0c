// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The sd_notify(3) protocol, sender's side: one datagram to the socket that
 * $NOTIFY_SOCKET names. Spoken here directly, because linking libsystemd into
 * every server would cost more private memory than the server itself.
 */
#pragma once

#include "lib/util/error.h"

/* No socket named: nothing to do. */
void vdu__notify_ready(void);
void vdu__notify_stopping(void);
/* ERRNO=, STATUS= and, for a parent of ours, the stage. */
void vdu__notify_failed(const struct vdu_error *err);
