// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Counters of one virtqueue. Written by its data thread alone, read by the
 * control thread at any time: relaxed atomics, no lock, no read-modify-write.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "lib/backend/backend.h"

/* Latency buckets: four for each power of two of microseconds. */
#define VDU_LATENCY_BUCKETS 128

typedef _Atomic uint64_t vdu__counter;

struct vdu__stats {
	vdu__counter ops[VDU_IO_WRITE_ZEROES + 1];	/* by enum vdu__io_op */
	vdu__counter get_ids, read_bytes, write_bytes;
	vdu__counter syncs;		/* flushes, and writes that are durable */
	vdu__counter errors;		/* answered with IOERR or UNSUPP */
	vdu__counter backend_errors;	/* of these, IOERR by the backend */
	_Atomic uint64_t last_error;	/* packed by trouble.c */
	vdu__counter malformed;		/* no correct driver sends these */
	vdu__counter kicks, interrupts;
	vdu__counter max_us;
	vdu__counter latency[VDU_LATENCY_BUCKETS];
};

static inline void vdu__count(vdu__counter *counter, uint64_t n)
{
	atomic_store_explicit(counter,
		atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

static inline uint64_t vdu__counted(const vdu__counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* n requests took us microseconds each. */
void vdu__stats_latency(struct vdu__stats *stats, uint64_t us, uint64_t n);

/* Upper bound of the bucket that holds the percentile (0..100), in us. */
uint64_t vdu__stats_percentile(const struct vdu__stats *stats,
			       unsigned int percent);
