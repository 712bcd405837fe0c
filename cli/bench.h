// SPDX-License-Identifier: GPL-2.0-or-later
/* I/O on a disk for some time, and how long it took. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Of 100 requests. */
#define BENCH_MIXED_READS 70

struct bench_work {
	unsigned int read_percent;	/* 100, BENCH_MIXED_READS, 0 */
	bool sequential;
	uint64_t block_size;		/* bytes; a multiple of 512 */
	unsigned int depth, jobs;	/* depth is each job's */
	uint64_t time_ms;
};

/* Logarithmic, 32 steps for each doubling: a class is at most 3 % wide. */
#define BENCH_STEPS 32
#define BENCH_CLASSES (60 * BENCH_STEPS)

struct bench_result {
	uint64_t reads, writes;		/* all that were begun */
	uint64_t duration_ns;		/* to the end of the last one */
	uint64_t sum_ns, max_ns;
	uint64_t classes[BENCH_CLASSES];	/* of latencies */
};

/*
 * Do work on the disk of size bytes that fd is. stop_mask is the signal mask
 * to wait with, stopped() says whether a signal that came is to end it, and
 * end_ns, of CLOCK_MONOTONIC, when it is to end at the latest (UINT64_MAX:
 * never); both are failures. 0, -EINTR, -ETIMEDOUT, or what a request, or the
 * kernel's io_uring, failed with. -EINPROGRESS: requests do not end; they, and
 * the threads that wait for them, stay behind.
 */
int bench_run(int fd, uint64_t size, const struct bench_work *work,
	      const sigset_t *stop_mask, bool (*stopped)(void *data),
	      void *data, uint64_t end_ns, struct bench_result *ret);

/* The latency in nanoseconds that percent of the requests did not exceed. */
uint64_t bench_percentile(const struct bench_result *result,
			  unsigned int percent);
uint64_t bench_now_ns(void);
