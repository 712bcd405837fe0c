// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Errors of the backend. The driver gets them as the status of its requests;
 * here they are counted, the last one is kept for who asks, and the log says
 * what happens, but not for each request.
 */
#pragma once

#include <stdint.h>

#include "lib/backend/backend.h"

#define VDU_TROUBLE_TEXT 120

struct vdu__server;
struct vdu__queue;

/* The control thread's own. */
struct vdu__trouble {
	uint64_t seen, logged;		/* errors of all queues */
	uint64_t logged_ns;
	char last[VDU_TROUBLE_TEXT];	/* "": none yet */
};

/* On the data thread: what it asked of the backend ended with r, < 0. */
void vdu__trouble_note(struct vdu__queue *queue, enum vdu__io_op op,
		       uint64_t sector, int r);

/* On the control thread, told by ack_fd: is there anything new? */
void vdu__trouble_look(struct vdu__server *server);
