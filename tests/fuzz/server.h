// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server without its loop and its data threads: the target calls what the
 * loop would, and says when a data thread has done what it was asked for.
 */
#pragma once

#include "lib/server/server.h"
#include "tests/fuzz/fuzz.h"

#define SERVER_QUEUES 3
#define SERVER_QUEUE_SIZE 8

struct vdu__server *server_new(void);
/* The log of requests in flight becomes one that nobody believes. */
void server_lose_log(void);
/* The driver may change its cache mode. */
void server_control_cache(struct vdu__server *server);
void server_free(struct vdu__server *server);

/*
 * Data thread i obeys: it begins, stops, answers a ping, changes its mode;
 * broken: it finds that its ring cannot be followed, or its backend fails.
 */
void server_obey(struct vdu__server *server, unsigned int i, bool broken);
