// SPDX-License-Identifier: GPL-2.0-or-later
/* I/O of many threads on a disk that comes and goes; every block is checked. */
#include "tests/soak/reset.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/soak/soak.h"

#define PARK_US 120000000u

static struct {
	pthread_t threads[IO_THREADS];
	pthread_mutex_t lock;
	char node[64];			/* "": not there */
	atomic_bool may_fail, stop;
	atomic_uint open;		/* threads that have it open */
	_Atomic uint64_t requests, cut_off, errors, longest_us;
} io = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t word(uint64_t n, uint32_t generation, unsigned int i)
{
	return (n << 40 ^ generation) * 0x9e3779b97f4a7c15u + i;
}

void known_fill(struct known *known, uint64_t n, uint64_t *data)
{
	known->max = ++known->next;
	for (unsigned int i = 0; i < BLOCK / 8; i++)
		data[i] = word(n, known->max, i);
}

void known_written(struct known *known)
{
	known->min = known->max;
}

static bool holds(const uint64_t *data, uint64_t n, uint32_t generation)
{
	for (unsigned int i = 0; i < BLOCK / 8; i++)
		if (data[i] != (generation ? word(n, generation, i) : 0))
			return false;
	return true;
}

bool known_check(struct known *known, uint64_t n, const uint64_t *data)
{
	for (uint32_t g = known->min; g <= known->max; g++) {
		if (!holds(data, n, g))
			continue;
		known->min = known->max = g;
		return true;
	}
	(void)fprintf(stderr, "block %llu: none of generations %u to %u\n",
		      (unsigned long long)n, known->min, known->max);
	return false;
}

/* --- a thread ---------------------------------------------------------- */

struct worker {
	unsigned int index;
	uint64_t dice;
	struct known known[THREAD_BLOCKS];
	uint64_t *data;
};

static unsigned int throw_dice(struct worker *w, unsigned int n)
{
	w->dice = w->dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)((w->dice >> 33) % n);
}

/* 0; -1: the disk has gone, or that is what we believe. */
static int one_request(struct worker *w, int fd)
{
	unsigned int b = throw_dice(w, THREAD_BLOCKS);
	uint64_t n = w->index * THREAD_BLOCKS + b, began = now_us(), took;
	bool write = throw_dice(w, 2);
	ssize_t r;

	if (write)
		known_fill(&w->known[b], n, w->data);
	r = write ? pwrite(fd, w->data, BLOCK, (off_t)(n * BLOCK)) :
		    pread(fd, w->data, BLOCK, (off_t)(n * BLOCK));
	took = now_us() - began;
	if (took > io.longest_us)
		io.longest_us = took;
	io.requests++;
	if (r != BLOCK) {
		/* Nothing else is an excuse. */
		if (io.may_fail)
			io.cut_off++;
		else if (io.errors++ < 10)
			perror(write ? "write" : "read");
		return -1;
	}
	if (write)
		known_written(&w->known[b]);
	else if (!known_check(&w->known[b], n, w->data))
		io.errors++;
	return 0;
}

static int open_node(void)
{
	char node[sizeof(io.node)];
	int fd;

	(void)pthread_mutex_lock(&io.lock);
	memcpy(node, io.node, sizeof(node));
	/* Counted before it is open: whoever waits sees it. */
	io.open++;
	(void)pthread_mutex_unlock(&io.lock);
	fd = node[0] ? open(node, O_RDWR | O_DIRECT | O_CLOEXEC) : -1;
	if (fd < 0) {
		if (node[0] && !io.may_fail && io.errors++ < 10)
			perror(node);
		io.open--;
		sleep_us(2000);
	}
	return fd;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	void *data;
	int fd;

	if (posix_memalign(&data, BLOCK, BLOCK))
		give_up("out of memory");
	w->data = data;
	while (!io.stop) {
		fd = open_node();
		if (fd < 0)
			continue;
		while (!io.stop && one_request(w, fd) == 0)
			;
		(void)close(fd);
		io.open--;
		/* Not again before it has really gone. */
		while (io.may_fail && !io.stop)
			sleep_us(1000);
	}
	free(data);
	free(w);
	return NULL;
}

void io_start(uint64_t seed)
{
	for (unsigned int i = 0; i < IO_THREADS; i++) {
		struct worker *w = calloc(1, sizeof(*w));

		if (!w)
			give_up("out of memory");
		w->index = i;
		w->dice = seed + i;
		if (pthread_create(&io.threads[i], NULL, work, w))
			give_up("no thread");
	}
}

void io_stop(void)
{
	io.stop = true;
	for (unsigned int i = 0; i < IO_THREADS; i++)
		(void)pthread_join(io.threads[i], NULL);
}

void io_let(const char *node)
{
	(void)pthread_mutex_lock(&io.lock);
	(void)snprintf(io.node, sizeof(io.node), "%s", node);
	io.may_fail = false;
	(void)pthread_mutex_unlock(&io.lock);
}

void io_may_fail(void)
{
	(void)pthread_mutex_lock(&io.lock);
	io.may_fail = true;
	io.node[0] = '\0';
	(void)pthread_mutex_unlock(&io.lock);
}

void io_wait_closed(void)
{
	uint64_t end = now_us() + PARK_US;

	while (io.open) {
		if (now_us() > end)
			give_up("a request hangs on a disk that is gone");
		sleep_us(500);
	}
}

struct io_counts io_counts(void)
{
	return (struct io_counts){
		io.requests, io.cut_off, io.errors, io.longest_us,
	};
}
