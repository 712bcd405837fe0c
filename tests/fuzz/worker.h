// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A virtqueue's data thread without the thread: its requests are begun and
 * completed when the input says so, by a backend that checks what it is given.
 */
#pragma once

#include "lib/server/queue.h"
#include "tests/fuzz/guest.h"

#define WORKER_CAPACITY 64	/* sectors */
#define WORKER_SIZE 64		/* of the queue, at most */

struct worker {
	struct guest guest;
	struct vdu__queue queue;
	struct vdu__backend backend;
	_Atomic uint32_t lost;		/* vdu__inflight_lost() */
	struct vdu__io *held[WORKER_SIZE];	/* begun, not completed */
	unsigned int n_held;
	uint16_t first_used;
};

/* Memory, ring and rules as the input says; log: of WORKER_SIZE heads. */
void worker_init(struct worker *worker, struct fuzz *in,
		 struct vdu__inflight_queue *log);
void worker_free(struct worker *worker);

/* Put the ring where next_avail says, for a fresh start or a recovery. */
void worker_start(struct worker *worker, uint16_t next_avail);

/* Complete one of the held, as the input says. */
void worker_complete(struct worker *worker);
/* All of them; then everything that was taken has been pushed. */
void worker_drain(struct worker *worker);
