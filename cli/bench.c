// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The load: a thread and an io_uring per job. What was begun is waited for, so
 * that the counters of the server and these agree; only a disk that does not
 * answer is given up.
 */
#include "cli/bench.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/macro.h"

#define NS_PER_MS UINT64_C(1000000)
#define GRACE_MS 5000		/* for what is in flight at the end */

struct slot {
	uint64_t begun_ns;
	bool writes;
};

struct bench;

struct job {
	struct bench *bench;
	pthread_t thread;
	bool started;
	struct io_uring ring;
	struct slot *slots;
	char *buffers;
	uint64_t random, next;		/* next: block, if sequential */
	unsigned int in_flight;
	int error;			/* the first one, negative errno */
	struct bench_result result;
	uint64_t last_ns;
};

struct bench {
	int fd, done_fd;		/* done_fd: a job has ended */
	struct bench_work work;
	uint64_t blocks;
	atomic_bool stop;
	struct job *jobs;
};

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* --- latencies ------------------------------------------------------------ */

static unsigned int class_of(uint64_t ns)
{
	unsigned int shift;

	if (ns < BENCH_STEPS)
		return (unsigned int)ns;
	shift = 58 - (unsigned int)__builtin_clzll(ns);	/* 0 for 32..63 */
	return MIN((shift + 1) * BENCH_STEPS +
		   (unsigned int)(ns >> shift) % BENCH_STEPS,
		   (unsigned int)BENCH_CLASSES - 1);
}

/* The largest latency of a class. */
static uint64_t class_end(unsigned int class)
{
	unsigned int shift;

	if (class < BENCH_STEPS)
		return class;
	shift = class / BENCH_STEPS - 1;
	return ((uint64_t)(class % BENCH_STEPS + BENCH_STEPS + 1) << shift) - 1;
}

uint64_t bench_percentile(const struct bench_result *result,
			  unsigned int percent)
{
	const uint64_t n = result->reads + result->writes;
	uint64_t seen = 0, wanted = n / 100 * percent +
				    (n % 100 * percent + 99) / 100;
	unsigned int class;

	for (class = 0; class < BENCH_CLASSES; class++) {
		seen += result->classes[class];
		if (seen && seen >= wanted)
			return MIN(class_end(class), result->max_ns);
	}
	return result->max_ns;
}

/* --- a job ---------------------------------------------------------------- */

/* xorshift64*: good enough to choose blocks, and costs nothing. */
static uint64_t draw(struct job *job)
{
	job->random ^= job->random >> 12;
	job->random ^= job->random << 25;
	job->random ^= job->random >> 27;
	return job->random * UINT64_C(2685821657736338717);
}

static uint64_t choose_block(struct job *job)
{
	const struct bench *bench = job->bench;

	if (bench->work.sequential)
		return job->next++ % bench->blocks;
	return (uint64_t)((unsigned __int128)draw(job) * bench->blocks >> 64);
}

static void begin(struct job *job, unsigned int index)
{
	const struct bench *bench = job->bench;
	const uint64_t size = bench->work.block_size;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&job->ring);
	struct slot *slot = &job->slots[index];
	char *buffer = job->buffers + index * size;
	const uint64_t offset = choose_block(job) * size;

	slot->writes = (draw(job) >> 33) % 100 >= bench->work.read_percent;
	if (slot->writes)
		io_uring_prep_write(sqe, bench->fd, buffer,
				    (unsigned int)size, offset);
	else
		io_uring_prep_read(sqe, bench->fd, buffer, (unsigned int)size,
				   offset);
	sqe->user_data = index;
	slot->begun_ns = bench_now_ns();
	job->in_flight++;
}

static void count(struct job *job, const struct slot *slot)
{
	struct bench_result *result = &job->result;
	uint64_t ns;

	job->last_ns = bench_now_ns();
	ns = job->last_ns - slot->begun_ns;
	result->sum_ns += ns;
	result->max_ns = MAX(result->max_ns, ns);
	result->classes[class_of(ns)]++;
	if (slot->writes)
		result->writes++;
	else
		result->reads++;
}

static void finish(struct job *job, const struct io_uring_cqe *cqe)
{
	const unsigned int index = (unsigned int)cqe->user_data;
	struct bench *bench = job->bench;

	job->in_flight--;
	count(job, &job->slots[index]);
	if (cqe->res != (int)bench->work.block_size) {
		if (!job->error)
			job->error = cqe->res < 0 ? cqe->res : -EIO;
		atomic_store(&bench->stop, true);
	}
	if (!atomic_load_explicit(&bench->stop, memory_order_relaxed))
		begin(job, index);
}

static void work(struct job *job)
{
	struct io_uring_cqe *cqe;
	unsigned int i;
	int r;

	for (i = 0; i < job->bench->work.depth; i++)
		begin(job, i);
	while (job->in_flight) {
		unsigned int head, n = 0;

		r = io_uring_submit_and_wait(&job->ring, 1);
		if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) {
			job->error = r;
			return;
		}
		io_uring_for_each_cqe(&job->ring, head, cqe) {
			finish(job, cqe);
			n++;
		}
		io_uring_cq_advance(&job->ring, n);
	}
}

static void *job_main(void *arg)
{
	static const uint64_t one = 1;
	struct job *job = arg;

	work(job);
	if (write(job->bench->done_fd, &one, sizeof(one)) < 0)
		job->error = job->error ? job->error : -errno;
	return NULL;
}

/* --- setting up and taking down ------------------------------------------- */

static size_t buffer_size(const struct bench_work *work)
{
	return (size_t)work->block_size * work->depth;
}

/* Written data is noise, so that no backend finds zeroes in it. */
static void fill(struct job *job)
{
	const size_t size = buffer_size(&job->bench->work);
	uint64_t value;
	size_t i;

	for (i = 0; i < size; i += sizeof(value)) {
		value = draw(job);
		memcpy(job->buffers + i, &value, sizeof(value));
	}
}

static int job_open(struct job *job, struct bench *bench, unsigned int index)
{
	const struct bench_work *work = &bench->work;
	int r;

	job->bench = bench;
	job->random = bench_now_ns() ^ (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
	job->random |= 1;
	/* Each job begins in a part of its own. */
	job->next = bench->blocks / work->jobs * index;
	r = io_uring_queue_init(work->depth, &job->ring, 0);
	if (r < 0) {
		job->ring.ring_fd = -1;
		return r;
	}
	job->slots = calloc(work->depth, sizeof(*job->slots));
	job->buffers = mmap(NULL, buffer_size(work), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (job->buffers == MAP_FAILED)
		job->buffers = NULL;
	if (!job->slots || !job->buffers)
		return -ENOMEM;
	fill(job);
	return 0;
}

static void job_close(struct job *job)
{
	if (!job->bench)
		return;
	if (job->ring.ring_fd >= 0)
		io_uring_queue_exit(&job->ring);
	if (job->buffers)
		(void)munmap(job->buffers, buffer_size(&job->bench->work));
	free(job->slots);
}

static int start(struct bench *bench)
{
	unsigned int i;
	int r = 0;

	for (i = 0; i < bench->work.jobs && !r; i++) {
		struct job *job = &bench->jobs[i];

		r = -pthread_create(&job->thread, NULL, job_main, job);
		job->started = !r;
	}
	return r;
}

/* --- the run -------------------------------------------------------------- */

/* Take what ended; true when all have that were started. */
static bool all_ended(const struct bench *bench, uint64_t *n)
{
	unsigned int i, started = 0;
	uint64_t more;

	if (read(bench->done_fd, &more, sizeof(more)) == sizeof(more))
		*n += more;
	for (i = 0; i < bench->work.jobs; i++)
		started += bench->jobs[i].started;
	return *n == started;
}

/* Until the time is up, a job has failed, or it is to stop. */
static int wait_until(struct bench *bench, uint64_t end_ns, uint64_t *n,
		      const sigset_t *mask, bool (*stopped)(void *data),
		      void *data)
{
	struct pollfd done = { .fd = bench->done_fd, .events = POLLIN };

	for (;;) {
		const uint64_t now = bench_now_ns();
		struct timespec left = { 0 };

		if (stopped && stopped(data))
			return -EINTR;
		if (now >= end_ns)
			return -ETIMEDOUT;
		left.tv_sec = (time_t)((end_ns - now) / 1000000000);
		left.tv_nsec = (long)((end_ns - now) % 1000000000);
		if (ppoll(&done, 1, &left, mask) < 0 && errno != EINTR)
			return -errno;
		if (all_ended(bench, n) || atomic_load(&bench->stop))
			return 0;
	}
}

static void add_result(struct bench_result *sum, const struct bench_result *one)
{
	unsigned int i;

	sum->reads += one->reads;
	sum->writes += one->writes;
	sum->sum_ns += one->sum_ns;
	sum->max_ns = MAX(sum->max_ns, one->max_ns);
	for (i = 0; i < BENCH_CLASSES; i++)
		sum->classes[i] += one->classes[i];
}

/* All have ended: their threads, and what they did. */
static int collect(struct bench *bench, uint64_t began_ns,
		   struct bench_result *ret)
{
	uint64_t last_ns = began_ns;
	unsigned int i;
	int r = 0;

	for (i = 0; i < bench->work.jobs; i++) {
		struct job *job = &bench->jobs[i];

		if (!job->started)
			continue;
		(void)pthread_join(job->thread, NULL);
		add_result(ret, &job->result);
		last_ns = MAX(last_ns, job->last_ns);
		r = r ? r : job->error;
	}
	ret->duration_ns = last_ns - began_ns;
	return r;
}

static int go(struct bench *bench, const sigset_t *mask,
	      bool (*stopped)(void *data), void *data, uint64_t end_ns,
	      struct bench_result *ret)
{
	const uint64_t began_ns = bench_now_ns();
	const uint64_t due_ns = began_ns + bench->work.time_ms * NS_PER_MS;
	uint64_t n = 0;
	int r = start(bench), failed;

	if (!r)
		r = wait_until(bench, MIN(due_ns, end_ns), &n, mask, stopped,
			       data);
	if (r == -ETIMEDOUT && due_ns <= end_ns)
		r = 0;
	atomic_store(&bench->stop, true);
	if (!all_ended(bench, &n)) {
		const uint64_t grace_ns = bench_now_ns() + GRACE_MS * NS_PER_MS;

		while (bench_now_ns() < grace_ns && !all_ended(bench, &n)) {
			struct pollfd done = { bench->done_fd, POLLIN, 0 };

			(void)poll(&done, 1, GRACE_MS);
		}
		if (!all_ended(bench, &n))
			return -EINPROGRESS;
	}
	failed = collect(bench, began_ns, ret);
	return r ? r : failed;
}

int bench_run(int fd, uint64_t size, const struct bench_work *work,
	      const sigset_t *stop_mask, bool (*stopped)(void *data),
	      void *data, uint64_t end_ns, struct bench_result *ret)
{
	/* Not on the stack: threads that are left behind still use it. */
	struct bench *bench = calloc(1, sizeof(*bench));
	unsigned int i;
	int r = bench ? 0 : -ENOMEM;

	memset(ret, 0, sizeof(*ret));
	if (r)
		return r;
	bench->fd = fd;
	bench->work = *work;
	bench->blocks = size / work->block_size;
	bench->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bench->jobs = calloc(work->jobs, sizeof(*bench->jobs));
	if (bench->done_fd < 0)
		r = -errno;
	else if (!bench->jobs)
		r = -ENOMEM;
	for (i = 0; i < work->jobs && !r; i++)
		r = job_open(&bench->jobs[i], bench, i);
	if (!r)
		r = go(bench, stop_mask, stopped, data, end_ns, ret);
	if (r == -EINPROGRESS)
		return r;
	for (i = 0; bench->jobs && i < work->jobs; i++)
		job_close(&bench->jobs[i]);
	if (bench->done_fd >= 0)
		(void)close(bench->done_fd);
	free(bench->jobs);
	free(bench);
	return r;
}
