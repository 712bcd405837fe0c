// SPDX-License-Identifier: GPL-2.0-or-later
/* Between the files of soak-reset: I/O that goes on, blocks that are known. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BLOCK 4096u
#define IO_THREADS 8u
#define THREAD_BLOCKS 16u
#define VHOST_FIRST (IO_THREADS * THREAD_BLOCKS)
#define VHOST_BLOCKS 16u

/*
 * What a block of the disk may hold: the last write that is known to be there,
 * or one of those begun since, which a reset may have lost.
 */
struct known {
	uint32_t min, max, next;
};

/* Fill data for block number n: its next write. */
void known_fill(struct known *known, uint64_t n, uint64_t *data);
/* That write was answered. */
void known_written(struct known *known);
/* Is this what it may hold? From now on it holds that. */
bool known_check(struct known *known, uint64_t n, const uint64_t *data);

/* I/O on the disk of this host, by threads, whenever it is there. */
void io_start(uint64_t seed);
void io_stop(void);
/* It is there: node. */
void io_let(const char *node);
/* It will be taken away: requests may fail from now on. */
void io_may_fail(void);
/* Wait until nobody has it open. */
void io_wait_closed(void);

struct io_counts {
	uint64_t requests, cut_off, errors, longest_us;
};
struct io_counts io_counts(void);

/*
 * One life of a VMM on the vhost_vdpa node: requests, of which resets find
 * some in flight. Returns the number of errors.
 */
unsigned int vhost_session(const char *node, unsigned int resets);
