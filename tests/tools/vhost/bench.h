// SPDX-License-Identifier: GPL-2.0-or-later
/* The bench command: random requests of one kind on one queue, none checked. */
#pragma once

#include "tests/tools/vhost/dev.h"

struct bench_options {
	unsigned int depth;
	uint32_t block;			/* bytes of a request */
	uint64_t ops, seed;
	bool write;
};

/*
 * The device is open, not started. Prints one JSON object: requests in a
 * second, microseconds of one, kicks and interrupts. 0, or 1 on failure.
 */
int bench(struct dev *dev, const struct bench_options *options);
