// SPDX-License-Identifier: GPL-2.0-or-later
/* The verify command: random I/O on all queues, every byte checked. */
#pragma once

#include "tests/tools/vhost/dev.h"

struct verify_options {
	uint64_t size;			/* bytes from the start; 0: all */
	unsigned int queues, depth;
	unsigned int files;		/* that hold the buffers of a queue */
	uint32_t block;
	uint64_t seed;
	unsigned int seconds;		/* 0: no limit */
	uint64_t ops;			/* of all queues; 0: no limit */
};

/* The device is open, not started. 0, or 1 if anything was wrong. */
int verify(struct dev *dev, const struct verify_options *options);
