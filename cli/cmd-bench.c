// SPDX-License-Identifier: GPL-2.0-or-later
/* bench: how fast a device of this host is, a row per kind of load. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"

#define MIB (UINT64_C(1) << 20)
#define ROWS_MAX 4
#define DEPTH_MAX 1024
#define JOBS_MAX 64
#define TIME_MS 1000
#define MEMORY_MAX (1024 * MIB)

struct options {
	const char *rw, *direct;
	uint64_t block_size, depth, jobs, time_ms;
	bool sequential, destroy_data;
};

static const char *const rw_words[] = { "read", "write", "mixed", NULL };
static const char *const direct_words[] = { "yes", "no", NULL };

#define O(member) offsetof(struct options, member)
static const struct option_row option_rows[] = {
	{ "rw", 0, 0, OPTION_CHOICE, 0, O(rw), NULL,
	  "what to do (read); mixed: 7 reads to 3 writes", rw_words, 0, 0 },
	{ "destroy-data", 0, 0, OPTION_FLAG, 0, O(destroy_data), NULL,
	  "write, though that destroys what is on it", NULL, 0, 0 },
	{ "block-size", 0, 0, OPTION_SIZE, 0, O(block_size), "SIZE",
	  "of each request (4K); one row instead of the usual", NULL, 512,
	  16 * MIB },
	{ "depth", 0, 0, OPTION_UINT, 0, O(depth), "N",
	  "requests in flight of each job (1); one row", NULL, 1, DEPTH_MAX },
	{ "jobs", 0, 0, OPTION_UINT, 0, O(jobs), "N",
	  "threads with requests of their own (1); one row", NULL, 1,
	  JOBS_MAX },
	{ "sequential", 0, 0, OPTION_FLAG, 0, O(sequential), NULL,
	  "one block after the other, not at random; one row", NULL, 0, 0 },
	{ "time", 0, 0, OPTION_DURATION, 0, O(time_ms), "DURATION",
	  "how long each row takes (1s), up to 10min", NULL, 1, 600000 },
	{ "direct", 0, 0, OPTION_CHOICE, 0, O(direct), NULL,
	  "past the page cache of this host (yes)", direct_words, 0, 0 },
	{ 0 }
};

struct plan {
	const char *rw;
	struct bench_work rows[ROWS_MAX];
	size_t n;
};

static void add_work(struct plan *plan, const struct options *o,
		     struct bench_work work)
{
	static const unsigned int reads[] = { 100, 0, BENCH_MIXED_READS };
	size_t i = 0;

	while (strcmp(rw_words[i], plan->rw))
		i++;
	work.read_percent = reads[i];
	work.time_ms = o->time_ms ? o->time_ms : TIME_MS;
	plan->rows[plan->n++] = work;
}

/* One row that was asked for, or those that say most about a disk. */
static void make_plan(struct plan *plan, const struct options *o,
		      int64_t queues)
{
	*plan = (struct plan){ .rw = o->rw ? o->rw : "read" };
	if (o->block_size || o->depth || o->jobs || o->sequential) {
		add_work(plan, o, (struct bench_work){
			.sequential = o->sequential,
			.block_size = o->block_size ? o->block_size : 4096,
			.depth = o->depth ? (unsigned int)o->depth : 1,
			.jobs = o->jobs ? (unsigned int)o->jobs : 1 });
		return;
	}
	add_work(plan, o, (struct bench_work){
		.block_size = 4096, .depth = 1, .jobs = 1 });
	add_work(plan, o, (struct bench_work){
		.block_size = 4096, .depth = 32, .jobs = 1 });
	if (queues > 1)
		add_work(plan, o, (struct bench_work){
			.block_size = 4096, .depth = 32,
			.jobs = (unsigned int)MIN(queues, JOBS_MAX) });
	add_work(plan, o, (struct bench_work){
		.sequential = true, .block_size = MIB, .depth = 8, .jobs = 1 });
}

static int check_options(struct cli *cli, const struct options *o)
{
	const uint64_t size = o->block_size ? o->block_size : 4096;
	const bool writes = o->rw && strcmp(o->rw, "read");

	if (writes && !o->destroy_data)
		return message_usage(cli, "--rw %s destroys what is on the disk: say --destroy-data as well",
				     o->rw);
	if (size % 512)
		return message_usage(cli, "--block-size: %" PRIu64 " is no multiple of 512",
				     size);
	if (size * MAX(o->depth, 1u) * MAX(o->jobs, 1u) > MEMORY_MAX)
		return message_usage(cli, "block size, depth and jobs make more than 1 GiB in flight");
	return EXIT_OK;
}

/* --- the disk ------------------------------------------------------------- */

struct disk {
	int fd;
	uint64_t size;
	int64_t queues;
};

static int fail(struct vdu_error *err, enum vdu_stage stage, int code,
		const char *text)
{
	*err = (struct vdu_error){ code, stage, "" };
	(void)snprintf(err->text, sizeof(err->text), "%s", text);
	return code;
}

static int open_disk(struct cli *cli, const char *name,
		     const struct options *o, struct disk *disk,
		     struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	int flags = o->rw && strcmp(o->rw, "read") ? O_RDWR : O_RDONLY;
	int r = vdu_list_new_one(cli->ctx, name, &list, err);

	if (r)
		return r;
	if (!o->direct || !strcmp(o->direct, "yes"))
		flags |= O_DIRECT;
	disk->queues = vdu_dev_n_queues(vdu_list_first(list));
	disk->fd = vdu_open_disk(cli->ctx, name, flags, err);
	if (disk->fd < 0)
		return disk->fd;
	if (ioctl(disk->fd, BLKGETSIZE64, &disk->size) == 0)
		return 0;
	return fail(err, VDU_STAGE_NODE, -errno, "cannot tell its size");
}

/* Do the requests fit the disk? */
static int check_disk(const struct disk *disk, const struct plan *plan,
		      struct vdu_error *err)
{
	int logical = 512;
	size_t i;

	if (ioctl(disk->fd, BLKSSZGET, &logical) < 0 || logical < 512)
		logical = 512;
	for (i = 0; i < plan->n; i++) {
		if (plan->rows[i].block_size % (unsigned int)logical)
			return fail(err, VDU_STAGE_USAGE, -EINVAL,
				    "the block size is no multiple of the disk's");
		if (plan->rows[i].block_size > disk->size)
			return fail(err, VDU_STAGE_USAGE, -EINVAL,
				    "the disk is smaller than a request");
	}
	return 0;
}

/* --- the run -------------------------------------------------------------- */

/* A signal that comes is seen while we wait, and by no thread. */
static void block_signals(sigset_t *old)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &set, old);
}

static bool stopped(void *data)
{
	return vdu_ctx_cancelled(((struct cli *)data)->ctx);
}

static uint64_t per_second(uint64_t n, const struct bench_result *result)
{
	if (!result->duration_ns)
		return 0;
	return (uint64_t)((double)n * 1e9 / (double)result->duration_ns + 0.5);
}

static struct json_object *result_row_of(const struct plan *plan,
					 const struct bench_work *work,
					 const struct bench_result *result)
{
	struct json_object *row = json_object_new_object();
	const uint64_t n = result->reads + result->writes;

	row_text(row, "io", plan->rw);
	row_text(row, "pattern", work->sequential ? "sequential" : "random");
	row_uint(row, "block_size", work->block_size);
	row_uint(row, "depth", work->depth);
	row_uint(row, "jobs", work->jobs);
	row_uint(row, "iops", per_second(n, result));
	row_uint(row, "mb_s", (per_second(n * work->block_size, result) +
			       500000) / 1000000);
	row_uint(row, "mean_us", n ? result->sum_ns / n / 1000 : 0);
	row_uint(row, "p50_us", bench_percentile(result, 50) / 1000);
	row_uint(row, "p99_us", bench_percentile(result, 99) / 1000);
	row_uint(row, "max_us", result->max_ns / 1000);
	row_uint(row, "reads", result->reads);
	row_uint(row, "writes", result->writes);
	row_uint(row, "read_bytes", result->reads * work->block_size);
	row_uint(row, "write_bytes", result->writes * work->block_size);
	row_uint(row, "duration_us", result->duration_ns / 1000);
	row_uint(row, "latency_sum_us", result->sum_ns / 1000);
	return row;
}

static int run_error(int code, struct vdu_error *err)
{
	switch (code) {
	case -EINTR:
		return fail(err, VDU_STAGE_CANCEL, code,
			    "interrupted while it measured");
	case -ETIMEDOUT:
		return fail(err, VDU_STAGE_CANCEL, code,
			    "the time was up before the end");
	case -EINPROGRESS:
		return fail(err, VDU_STAGE_NODE, -EIO,
			    "requests that were begun do not end");
	default:
		*err = (struct vdu_error){ code, VDU_STAGE_NODE, "" };
		(void)snprintf(err->text, sizeof(err->text),
			       "I/O failed: %s", strerror(-code));
		return code;
	}
}

static int measure(struct cli *cli, const struct disk *disk,
		   const struct plan *plan, struct json_object *rows,
		   struct vdu_error *err)
{
	CLEANUP_FREE struct bench_result *result = malloc(sizeof(*result));
	const uint64_t limit_ms = cli->globals.timeout_ms;
	uint64_t end_ns = UINT64_MAX;
	sigset_t mask;
	size_t i;
	int r = result ? 0 : fail(err, VDU_STAGE_NONE, -ENOMEM,
				  "out of memory");

	if (limit_ms && limit_ms < UINT64_MAX / 2000000)
		end_ns = bench_now_ns() + limit_ms * 1000000;
	block_signals(&mask);
	for (i = 0; i < plan->n && !r; i++) {
		message_step(cli, "row %zu of %zu", i + 1, plan->n);
		r = bench_run(disk->fd, disk->size, &plan->rows[i], &mask,
			      stopped, cli, end_ns, result);
		if (r)
			r = run_error(r, err);
		else
			(void)json_object_array_add(rows,
				result_row_of(plan, &plan->rows[i], result));
	}
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return r;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_bench, rows };
	const struct options *o = options;
	const char *name = cli->operands[0];
	const char *problem = operand_problem(name);
	struct disk disk = { .fd = -EBADF };
	struct vdu_error err = { 0 };
	struct plan plan;
	int r;

	if (problem)
		return message_usage(cli, "name '%s' %s", name, problem);
	r = check_options(cli, o);
	if (r)
		return r;
	r = open_disk(cli, name, o, &disk, &err);
	if (!r) {
		make_plan(&plan, o, disk.queues);
		r = check_disk(&disk, &plan, &err);
	}
	if (!r)
		r = measure(cli, &disk, &plan, rows, &err);
	if (disk.fd >= 0)
		(void)close(disk.fd);
	if (r)
		return message_error(cli, name, &err);
	return output_sections(cli, name, &section, 1);
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_BOUND, false, false },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_bench, NULL };

const struct command cmd_bench = {
	.name = "bench",
	.group = "Inspect",
	.summary = "Measure how fast a device is, by I/O on its node",
	.flags = COMMAND_NO_LIMIT,
	.options = option_rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
