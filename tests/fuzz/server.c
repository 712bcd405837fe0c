// SPDX-License-Identifier: GPL-2.0-or-later
/* A server without its loop, and what stands for its data threads. */
#include "tests/fuzz/server.h"

#include <fcntl.h>
#include <sys/timerfd.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"

static struct vdu__server *current;
/* In which life of the device, counted by resets, a queue ran last. */
static uint64_t ran_in[SERVER_QUEUES];

/* These stand for lib/server/queue.c: the mailbox without the thread. */

void vdu__queue_start(struct vdu__queue *queue,
		      const struct vdu__queue_setup *setup)
{
	/* Two owners of one ring would ruin it; so would one amid a reset. */
	CHECK(atomic_load(&queue->idle));
	CHECK(current->then == VDU_THEN_NOTHING ||
	      current->then == VDU_THEN_CACHE);
	CHECK(!current->suspended);
	/* In which mode it is to be is known before it begins. */
	CHECK(queue->want_through == vdu__cache_through(current));
	atomic_store(&queue->idle, false);
	atomic_store(&queue->broken, false);
	queue->setup = *setup;
	queue->setup_seq++;
	queue->want_run = true;
}

void vdu__queue_stop(struct vdu__queue *queue)
{
	queue->want_run = false;
}

void vdu__queue_ping(struct vdu__queue *queue, unsigned int seq)
{
	queue->want_ping = seq;
}

void vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
			 unsigned int seq)
{
	queue->want_through = write_through;
	queue->mode_seq = seq;
}

/* Is [at, at + bytes) inside one mapping? Else the kernel's memory is not. */
static bool is_mapped(const struct vdu__iotlb *iotlb, const void *at,
		      uint64_t bytes)
{
	uintptr_t start = (uintptr_t)at;

	for (unsigned int i = 0; i < atomic_load(&iotlb->n); i++) {
		const struct vdu__mapping *m = &iotlb->mappings[i];
		uintptr_t va = (uintptr_t)m->va;

		if (start >= va && start - va <= m->last - m->start &&
		    bytes - 1 <= m->last - m->start - (start - va))
			return true;
	}
	return false;
}

static void begin(struct vdu__server *server, struct vdu__queue *queue)
{
	const struct vdu__queue_setup *setup = &queue->setup;
	uint64_t life = vdu__counted(&server->resets) + 1;
	static struct vdu__mem mem;

	queue->seen_setup = queue->setup_seq;
	CHECK(setup->num > 0 && setup->num <= SERVER_QUEUE_SIZE);
	CHECK(is_mapped(server->iotlb, setup->desc,
			vdu__ring_desc_bytes(setup->num)));
	CHECK(is_mapped(server->iotlb, setup->avail,
			vdu__ring_avail_bytes(setup->num)));
	CHECK(is_mapped(server->iotlb, setup->used,
			vdu__ring_used_bytes(setup->num)));
	CHECK(vdu__ring_init(&queue->ring, &mem, setup->num, setup->desc,
			     setup->avail, setup->used, setup->next_avail,
			     setup->event_idx, setup->indirect) == 0);
	/* It goes on where it stopped. */
	CHECK(ran_in[queue->index] != life ||
	      setup->next_avail == atomic_load(&queue->last_avail));
	ran_in[queue->index] = life;
	atomic_store(&queue->last_avail, setup->next_avail);
}

void server_obey(struct vdu__server *server, unsigned int i, bool broken)
{
	struct vdu__queue *queue = &server->queues[i];

	if (queue->seen_setup != queue->setup_seq)
		begin(server, queue);
	if (!queue->want_run && !atomic_load(&queue->idle))
		atomic_store(&queue->idle, true);
	else if (!atomic_load(&queue->idle) && broken)
		atomic_store(&queue->broken, true);
	else if (!atomic_load(&queue->idle))
		atomic_fetch_add(&queue->last_avail, 1);
	atomic_store(&queue->pong, queue->want_ping);
	if (atomic_load(&queue->mode_done) != queue->mode_seq)
		atomic_store(&queue->mode_result, broken ? -EIO : 0);
	atomic_store(&queue->mode_done, queue->mode_seq);
}

void server_control_cache(struct vdu__server *server)
{
	server->file.spec.writeback_control = 1;
	server->features = vdu__blk_features(&server->file.spec,
					     &server->file.abilities);
	server->config[VDU_BLK_CONFIG_WCE] = 1;
}

/* What all inputs share: a run directory and a log that nobody reads. */
static struct vdu_ctx *ctx;
static struct vdu__inflight *unread_log;
static int log_fd;
static unsigned int n_logged;

/* A driver that fills the log fills the host's memory. */
static void count_line(void *data, int level, const char *text)
{
	(void)data;
	(void)level;
	(void)text;
	/* That it says no more, and that the log was lost. */
	CHECK(++n_logged <= VDU_COMPLAINTS_MAX + 2);
}

static void open_shared(void)
{
	char path[PATH_MAX];

	CHECK(vdu_ctx_new(&ctx) == 0);
	vdu_ctx_set_log(ctx, count_line, NULL, 6);
	CHECK(vdu_ctx_set_root(ctx, fuzz_dir()) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d") == 0);
	CHECK(vdu__mkdir_p(path, 0700) == 0);
	CHECK(vdu__inflight_open(ctx, "d", SERVER_QUEUES, SERVER_QUEUE_SIZE,
				 false, &unread_log, NULL) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d/inflight") ==
	      0);
	log_fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(log_fd >= 0);
}

void server_lose_log(void)
{
	static const uint32_t magic;

	CHECK(pwrite(log_fd, &magic, sizeof(magic), 0) == sizeof(magic));
}

struct vdu__server *server_new(void)
{
	struct vdu__server *server = calloc(1, sizeof(*server));

	CHECK(server);
	if (!ctx)
		open_shared();
	vdu__inflight_begin(unread_log);
	n_logged = 0;
	current = server;
	memset(ran_in, 0, sizeof(ran_in));
	server->ctx = ctx;
	server->inflight = unread_log;
	server->device_fd = -EBADF;
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC,
					  TFD_CLOEXEC | TFD_NONBLOCK);
	CHECK(server->timer_fd >= 0);
	server->file.spec = (struct vdu_blk_spec){
		.name = "d", .size_bytes = 1 << 20, .backend = "null",
		.n_queues = SERVER_QUEUES, .queue_size = SERVER_QUEUE_SIZE,
		.block_size = 512,
	};
	server->features = vdu__blk_features(&server->file.spec,
					     &server->file.abilities);
	server->n_queues = SERVER_QUEUES;
	server->queues = calloc(SERVER_QUEUES, sizeof(*server->queues));
	server->started = calloc(SERVER_QUEUES, sizeof(*server->started));
	CHECK(server->queues && server->started);
	for (unsigned int i = 0; i < SERVER_QUEUES; i++) {
		server->queues[i].index = i;
		server->queues[i].max_size = SERVER_QUEUE_SIZE;
		atomic_store(&server->queues[i].idle, true);
	}
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		server->connections[i].fd = -EBADF;
	return server;
}

void server_free(struct vdu__server *server)
{
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		vdu__socket_close(&server->connections[i]);
	(void)close(server->timer_fd);
	vdu__closep(&server->device_fd);
	vdu__iotlb_free(server->iotlb);
	free(server->queues);
	free(server->started);
	free(server);
}
