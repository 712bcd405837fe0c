// SPDX-License-Identifier: GPL-2.0-or-later
/* Stopping a device amid its requests, and going on: there, or on another. */
#pragma once

#include "tests/tools/vhost/dev.h"

#define MIGRATE_CANNOT 3	/* exit status: the device cannot be suspended */

/*
 * Suspend with requests in flight, look that nothing moves, resume. pause: in
 * between say "suspended" and wait for a line on standard input.
 */
int migrate_here(struct dev *dev, unsigned int n_queues, bool pause);

/*
 * Suspend, save where each queue is, print "saved", read the path of another
 * device from standard input, and go on there with the same memory.
 */
int migrate_away(struct dev *dev, unsigned int n_queues);
