// SPDX-License-Identifier: GPL-2.0-or-later
/* Between verify.c and worker.c: one queue's thread and its part of the disk. */
#pragma once

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "tests/tools/vhost/slot.h"
#include "tests/tools/vhost/verify.h"

struct run {
	const struct verify_options *options;
	struct framing framing;
	uint32_t blocks_max;		/* of one request */
	bool zeroes, flush;
	pthread_barrier_t barrier;
	atomic_bool stop;		/* something cannot be mended */
	const volatile sig_atomic_t *enough;	/* of the random phase */
};

/* Adjacent blocks that one worker at a time reads and writes. */
struct part {
	uint64_t first, n;		/* blocks */
	uint32_t *generations;
	bool *busy;			/* a request is in flight for it */
};

struct counts {
	uint64_t reads, writes, zeroes, flushes, bytes;
	uint64_t indirect, pieces, errors, longest_ms;
};

enum phase {
	PHASE_FILL,	/* every block once, in order */
	PHASE_MIX,	/* at random */
	PHASE_READ,	/* every block once, in order */
};

struct worker {
	struct run *run;
	struct queue *queue;
	struct slot *slots;
	struct part *own, *other;	/* other: what this one reads back */
	uint64_t rng;
	uint64_t ops_left, deadline;	/* of the random phase; 0: none */
	enum phase phase;
	struct part *part;		/* of this phase */
	uint64_t cursor;		/* FILL, READ: next block in part */
	struct counts counts;
	pthread_t thread;
};

/* All phases; the thread's body. */
void *worker_main(void *worker);
