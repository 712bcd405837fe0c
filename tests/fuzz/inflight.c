// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that finds any bytes as its in-flight log and any ring beside it:
 * it starts, takes back each head once at most, notes what it takes from then
 * on, and the server after it finds that.
 *
 * Under test: lib/server/inflight.c lib/server/request.c
 */
#include <fcntl.h>
#include <unistd.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"
#include "tests/fuzz/worker.h"

#define QUEUES 2
#define FILE_MAX 4096

/* The linker puts these before and after the functions of that name. */
void __real_vdu__inflight_take(struct vdu__inflight_queue *log,
			       const struct vdu__ring *ring, uint16_t head);
void __wrap_vdu__inflight_take(struct vdu__inflight_queue *log,
			       const struct vdu__ring *ring, uint16_t head);
void __real_vdu__split_retake(struct vdu__ring *ring, uint16_t head,
			     struct vdu__chain *chain);
void __wrap_vdu__split_retake(struct vdu__ring *ring, uint16_t head,
			     struct vdu__chain *chain);

static struct vdu_ctx *ctx;
static char path[PATH_MAX];
static uint8_t fresh[FILE_MAX];		/* a log as we make it */
static size_t fresh_bytes;
static struct vdu__inflight *log_file;
static struct worker worker;
static bool retaken[WORKER_SIZE];

static struct vdu__inflight_queue *open_log(void)
{
	struct vdu_error err = { 0 };

	CHECK(vdu__inflight_open(ctx, "d", QUEUES, WORKER_SIZE, false, &log_file,
				 &err) == 0);
	if (!vdu__inflight_fits(log_file))
		vdu__inflight_begin(log_file);
	return vdu__inflight_queue(log_file, QUEUES - 1);
}

static void close_log(void)
{
	vdu__inflight_close(log_file);
	log_file = NULL;
}

static void set_up(void)
{
	int fd;

	CHECK(vdu_ctx_new(&ctx) == 0);
	CHECK(vdu_ctx_set_root(ctx, fuzz_dir()) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d") == 0);
	CHECK(vdu__mkdir_p(path, 0700) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d/inflight") ==
	      0);
	(void)open_log();
	close_log();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	fresh_bytes = (size_t)read(fd, fresh, sizeof(fresh));
	CHECK(fresh_bytes > 0 && fresh_bytes < FILE_MAX && close(fd) == 0);
}

/* A log of ours with other bytes here and there, cut or longer. */
static void write_file(struct fuzz *in)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	uint8_t bytes[FILE_MAX], how = fuzz_u8(in);
	size_t len = how & 1 ? fuzz_u16(in) % FILE_MAX : fresh_bytes;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, fresh, how & 2 ? fresh_bytes / 2 : fresh_bytes);
	for (unsigned int i = 0; i < (how >> 2 & 15); i++) {
		uint8_t kind = fuzz_u8(in);
		/* Words, of the queue that is used or any. */
		size_t at = kind & 1 ? fuzz_u16(in) % (FILE_MAX - 8) :
				       fresh_bytes - 8 * (kind >> 1) - 8;

		fuzz_bytes(in, bytes + at, kind & 1 ? 4 : 8);
	}
	CHECK(write(fd, bytes, len) == (ssize_t)len && close(fd) == 0);
}

/* What the next server would take, in this order; returns how many. */
static unsigned int list(const struct vdu__inflight_queue *log, int *heads)
{
	unsigned int n = 0;
	uint64_t at = 0, before = 0;

	while ((heads[n] = vdu__inflight_next(log, &worker.queue.ring,
					      &at)) >= 0) {
		CHECK(heads[n] < worker.guest.num && at > before);
		before = at;
		n++;
		CHECK(n <= worker.guest.num);
	}
	return n;
}

void __wrap_vdu__inflight_take(struct vdu__inflight_queue *log,
			       const struct vdu__ring *ring, uint16_t head)
{
	int heads[WORKER_SIZE + 1];
	unsigned int n;

	__real_vdu__inflight_take(log, ring, head);
	if (head >= ring->num)
		return;
	/* What was taken last comes last. */
	n = list(log, heads);
	CHECK(n > 0 && heads[n - 1] == head);
}

void __wrap_vdu__split_retake(struct vdu__ring *ring, uint16_t head,
			     struct vdu__chain *chain)
{
	CHECK(head < ring->num && !retaken[head]);
	retaken[head] = true;
	__real_vdu__split_retake(ring, head, chain);
}

static void recover(struct vdu__inflight_queue *log)
{
	uint16_t used;

	memcpy(&used, worker.guest.used + 2, sizeof(used));
	memset(retaken, 0, sizeof(retaken));
	worker.queue.inflight = log;
	worker_start(&worker, used);
	vdu__requests_recover(&worker.queue);
}

/* Killed: what it held is forgotten, but for the file. */
static void kill_server(void)
{
	int before[WORKER_SIZE + 1], after[WORKER_SIZE + 1];
	unsigned int n = list(worker.queue.inflight, before);
	/* Damage let it begin at the end of all numbers: nobody believes it. */
	const bool over = worker.queue.inflight->last > INT64_MAX;
	struct vdu__inflight_queue *log;

	vdu__slots_free(&worker.queue);
	worker.queue.free_slots = NULL;
	atomic_store(&worker.queue.used_slots, 0);
	atomic_store(&worker.queue.in_flight, 0);
	worker.n_held = 0;
	CHECK(vdu__slots_init(&worker.queue) == 0);
	close_log();
	log = open_log();
	if (over)
		n = 0;
	CHECK(list(log, after) == n);
	CHECK(!memcmp(before, after, n * sizeof(before[0])));
	recover(log);
}

static void step(void)
{
	switch (fuzz_u8(worker.guest.in) % 8) {
	case 0:
		(void)vdu__requests_take(&worker.queue);
		break;
	case 1:
		worker_complete(&worker);
		break;
	case 2:
		(void)vdu__ring_publish(&worker.queue.ring);
		vdu__inflight_settle(worker.queue.inflight,
				     &worker.queue.ring);
		break;
	case 3:
		kill_server();
		break;
	default:
		guest_step(&worker.guest);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz in = { data, size };

	if (!ctx)
		set_up();
	write_file(&in);
	worker_init(&worker, &in, NULL);
	for (uint8_t n = fuzz_u8(&in) % 32; n; n--)
		guest_step(&worker.guest);
	recover(open_log());
	while (in.left)
		step();
	worker_drain(&worker);
	vdu__inflight_reset(worker.queue.inflight, &worker.queue.ring);
	CHECK(list(worker.queue.inflight, (int[WORKER_SIZE + 1]){ 0 }) == 0);
	close_log();
	worker_free(&worker);
	return 0;
}
