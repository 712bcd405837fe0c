// SPDX-License-Identifier: LGPL-2.1-or-later
/* The data thread of a virtqueue: one wait, one turn, and again. */
#include "lib/server/queue.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "lib/kernel/device.h"
#include "lib/server/fill.h"
#include "lib/server/interrupt.h"
#include "lib/server/rest.h"
#include "lib/server/trouble.h"
#include "lib/util/ctx.h"

#define URING_ENTRIES_MAX 256U
/* Of taking, before commands and completions get their turn. */
#define ROUNDS_MAX 16

void vdu__queue_tell_control(struct vdu__queue *queue)
{
	static const uint64_t one = 1;

	/* Full or closed: it is awake or gone. */
	if (write(queue->ack_fd, &one, sizeof(one)) < 0)
		return;
}

static void wake(int fd)
{
	static const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* --- memory ------------------------------------------------------------ */

static const struct vdu__mapping *cached(struct vdu__queue *queue,
					 uint64_t iova)
{
	const struct vdu__mapping *found;

	for (unsigned int i = 0; i < queue->cache_n; i++)
		if (iova >= queue->cache[i].start &&
		    iova <= queue->cache[i].last)
			return &queue->cache[i];
	found = vdu__iotlb_find(queue->iotlb, iova);
	if (!found)
		return NULL;
	queue->cache[queue->cache_next] = *found;
	found = &queue->cache[queue->cache_next];
	queue->cache_next = (queue->cache_next + 1) % VDU_QUEUE_CACHE;
	queue->cache_n = MIN(queue->cache_n + 1, (unsigned int)VDU_QUEUE_CACHE);
	return found;
}

static void *translate(void *opaque, uint64_t iova, uint64_t *len, bool write)
{
	struct vdu__queue *queue = opaque;
	const struct vdu__mapping *m = cached(queue, iova);

	if (!m)
		return NULL;
	/* The next one is most likely in there as well. */
	queue->mem.hot = (struct vdu__span){
		.start = m->start,
		.bytes = m->last - m->start + 1,
		.va = (uint8_t *)m->va,
		.readable = m->readable,
		.writable = m->writable,
	};
	return vdu__mapping_at(m, iova, len, write);
}

/* --- the ring's turn --------------------------------------------------- */

/*
 * One CQE for each burst of signals. Nobody reads the eventfd: a signal wakes
 * its pollers whatever the count is, and the count cannot run over.
 */
static void arm_poll(struct vdu__queue *queue, int fd, uint64_t tag)
{
	struct io_uring_sqe *sqe = vdu__get_sqe(&queue->uring);

	io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	sqe->user_data = tag;
}

/* One look at the clock serves all that a turn began and ended. */
static void clock_at_once(struct vdu__queue *queue)
{
	uint64_t began = queue->now_ns;

	vdu__queue_look_at_clock(queue);
	vdu__stats_latency(&queue->stats, (queue->now_ns - began) / 1000,
			   queue->at_once);
	queue->at_once = 0;
}

/*
 * What was done with memory that the kernel has taken away must not be seen as
 * answered: the ring's part of it may still be there. The next server does it
 * again.
 */
static bool may_publish(struct vdu__queue *queue)
{
	if (!queue->cut_off && !atomic_load(&queue->iotlb->torn))
		return true;
	if (!vdu__queue_cut_off(queue))
		return true;
	atomic_store(&queue->broken, true);
	return false;
}

static void publish(struct vdu__queue *queue)
{
	if (queue->at_once)
		clock_at_once(queue);
	if (!queue->unpublished || !may_publish(queue))
		return;
	queue->unpublished = 0;
	if (vdu__ring_publish(&queue->ring))
		queue->interrupts.due = true;
	vdu__inflight_settle(queue->inflight, &queue->ring);
}

/*
 * Whether to take more, rather than to go to sleep: only once the driver knows
 * that it must kick. With all slots taken a completion will wake us.
 */
static bool look_again(struct vdu__queue *queue, bool idle)
{
	if (queue->recovering || (idle && vdu__rest_briefly(queue)))
		return true;
	return vdu__ring_arm_kick(&queue->ring, vdu__rest_gather(queue)) &&
	       queue->in_flight < queue->max_size;
}

/* Take and answer; with a broken ring a reset will wake us. */
static void turn(struct vdu__queue *queue)
{
	unsigned int rounds = 0;
	bool much, idle;
	uint16_t first;

	do {
		/* Of the answers before: who waits for them sends the next. */
		vdu__interrupt_now(queue);
		/* Cut off: what is in the ring is another server's. */
		if (atomic_load(&queue->broken))
			return;
		vdu__ring_disarm_kick(&queue->ring);
		first = queue->ring.last_avail;
		much = vdu__requests_take(queue);
		vdu__rest_took(queue, queue->ring.last_avail - first);
		if (atomic_load(&queue->iotlb->torn))
			atomic_store(&queue->broken, true);
		/* All that was taken is answered, and something was. */
		idle = queue->unpublished && !queue->in_flight;
		publish(queue);
		if (atomic_load(&queue->broken)) {
			vdu__queue_tell_control(queue);
			return;
		}
		queue->again = look_again(queue, idle);
	} while (queue->again && !much && ++rounds < ROUNDS_MAX);
}

/* --- the cache mode ----------------------------------------------------- */

static void sync_done(struct vdu__queue *queue, int r)
{
	queue->syncing = false;
	atomic_store(&queue->mode_result, r);
	if (r < 0)
		vdu__trouble_note(queue, VDU_IO_FLUSH, 0, r);
}

static void begin_sync(struct vdu__queue *queue)
{
	int r;

	queue->sync_wanted = false;
	queue->syncing = true;
	queue->sync = (struct vdu__io){
		.op = VDU_IO_FLUSH,
		.fd = queue->backend_fd,
		.registered = queue->registered,
	};
	vdu__count(&queue->stats.syncs, 1);
	r = queue->backend->ops->submit(queue->backend, &queue->sync,
					&queue->uring);
	if (r != VDU_IO_PENDING)
		sync_done(queue, r);
}

static void sync_completed(struct vdu__queue *queue, int res)
{
	int r = queue->backend->ops->complete(queue->backend, &queue->sync, res,
					      &queue->uring);

	if (r != VDU_IO_PENDING)
		sync_done(queue, r);
}

/*
 * A new mode counts for what begins from now on. What has begun without being
 * durable is synced when it is done: it need not stop for that.
 */
static void set_mode(struct vdu__queue *queue, bool write_through,
		     unsigned int seq)
{
	if (write_through && !queue->write_through)
		queue->sync_wanted = true;
	queue->write_through = write_through;
	queue->seen_mode = seq;
	atomic_store(&queue->mode_result, 0);
}

/* As far as that has come. */
static void settle_mode(struct vdu__queue *queue)
{
	if (queue->sync_wanted && !queue->syncing && !queue->volatile_writes)
		begin_sync(queue);
	if (queue->sync_wanted || queue->syncing ||
	    atomic_load(&queue->mode_done) == queue->seen_mode)
		return;
	atomic_store(&queue->mode_done, queue->seen_mode);
	vdu__queue_tell_control(queue);
}

/* --- commands ---------------------------------------------------------- */

static int begin_ring(struct vdu__queue *queue,
		      const struct vdu__queue_setup *setup)
{
	if (setup->packed)
		return vdu__packed_init(&queue->ring, &queue->mem, setup->num,
					setup->slots, setup->avail, setup->used,
					setup->keep, setup->next_avail,
					setup->event_idx, setup->indirect);
	return vdu__ring_init(&queue->ring, &queue->mem, setup->num,
			      setup->desc, setup->avail, setup->used,
			      setup->next_avail, setup->event_idx,
			      setup->indirect);
}

static void pin(struct vdu__queue *queue, const struct vdu__cpus *cpus)
{
	int r = vdu__affinity_pin(cpus);

	if (r == 0)
		return;
	atomic_store(&queue->not_pinned, r);
	vdu__queue_tell_control(queue);
}

static void begin_running(struct vdu__queue *queue,
			  const struct vdu__queue_setup *setup)
{
	if (setup->pin)
		pin(queue, &setup->cpus);
	queue->cache_n = 0;
	queue->cache_next = 0;
	queue->mem.hot.bytes = 0;
	queue->paces.fill = vdu__queue_fill;
	queue->paces.filler = queue;
	vdu__rest_begin(queue);
	queue->rules = setup->rules;
	vdu__interrupt_begin(queue);
	if (begin_ring(queue, setup) < 0) {
		atomic_store(&queue->broken, true);
		return;
	}
	queue->running = true;
	queue->recovering = false;
	/* A server before us may have pushed without announcing it. */
	queue->unpublished = setup->resumed;
	queue->inflight = setup->inflight;
	queue->lost = setup->lost;
	if (setup->recover)
		vdu__requests_recover(queue);
	else
		vdu__inflight_reset(queue->inflight, &queue->ring);
}

static void end_running(struct vdu__queue *queue)
{
	publish(queue);
	vdu__interrupt_now(queue);
	queue->running = false;
	atomic_store(&queue->last_avail, queue->ring.last_avail);
	atomic_store(&queue->idle, true);
	vdu__queue_tell_control(queue);
}

/* What the mailbox wants now; returns false when the thread is to end. */
static bool obey(struct vdu__queue *queue)
{
	struct vdu__queue_setup setup = { 0 };
	bool start = false, end, run, leave, through;
	unsigned int ping, mode;

	(void)pthread_mutex_lock(&queue->lock);
	through = queue->want_through;
	mode = queue->mode_seq;
	run = queue->want_run;
	leave = queue->want_exit;
	ping = queue->want_ping;
	/* Even if it is to stop again: it stops where the setup says. */
	if (queue->seen_setup != queue->setup_seq) {
		queue->seen_setup = queue->setup_seq;
		setup = queue->setup;
		start = true;
	}
	end = !run && !atomic_load(&queue->idle);
	(void)pthread_mutex_unlock(&queue->lock);

	if (mode != queue->seen_mode)
		set_mode(queue, through, mode);
	if (start)
		begin_running(queue, &setup);
	/* All that was left is taken first: only then there is a place to be. */
	if (end && !queue->in_flight &&
	    (!queue->recovering || atomic_load(&queue->broken)))
		end_running(queue);
	if (ping != atomic_load(&queue->pong)) {
		atomic_store(&queue->pong, ping);
		vdu__queue_tell_control(queue);
	}
	queue->stopping = !run;
	return !leave;
}

static void kicked(struct vdu__queue *queue)
{
	vdu__count(&queue->stats.kicks, 1);
	if (!queue->running) {
		atomic_store(&queue->kicked_idle, true);
		vdu__queue_tell_control(queue);
	}
}

/* Handle everything that has come in; true if a command was among it. */
static bool reap(struct vdu__queue *queue)
{
	struct io_uring_cqe *cqe;
	bool command = false;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&queue->uring, head, cqe) {
		n++;
		switch (cqe->user_data) {
		case VDU_TAG_KICK:
			kicked(queue);
			if (!(cqe->flags & IORING_CQE_F_MORE))
				arm_poll(queue, queue->kick_fd, VDU_TAG_KICK);
			break;
		case VDU_TAG_CMD:
			command = true;
			if (!(cqe->flags & IORING_CQE_F_MORE))
				arm_poll(queue, queue->cmd_fd, VDU_TAG_CMD);
			break;
		case VDU_TAG_RETRY:
			vdu__interrupt_again(queue);
			break;
		case VDU_TAG_INTERRUPT:
			vdu__interrupt_failed(queue);
			break;
		default:
			if (cqe->user_data == (uintptr_t)&queue->sync) {
				sync_completed(queue, cqe->res);
				break;
			}
			vdu__request_complete(queue,
				(struct vdu__slot *)(uintptr_t)cqe->user_data,
				cqe->res);
			break;
		}
	}
	io_uring_cq_advance(&queue->uring, n);
	return command;
}

static int setup_uring(struct vdu__queue *queue)
{
	unsigned int entries = MIN(queue->max_size * 2, URING_ENTRIES_MAX);
	int r;

	/* One thread submits and reaps: no interrupts of it for completions. */
	r = io_uring_queue_init(entries, &queue->uring,
				IORING_SETUP_SINGLE_ISSUER |
				IORING_SETUP_COOP_TASKRUN |
				IORING_SETUP_DEFER_TASKRUN);
	if (r == -EINVAL) /* fallback: drop when kernel 6.1 is the baseline */
		r = io_uring_queue_init(entries, &queue->uring, 0);
	/* These save look-ups; without them, it works as well. */
	if (r == 0)
		(void)io_uring_register_ring_fd(&queue->uring);
	if (r == 0 && queue->backend_fd >= 0)
		queue->registered =
			io_uring_register_files(&queue->uring,
						&queue->backend_fd, 1) == 0;
	return r;
}

static void *queue_main(void *arg)
{
	struct vdu__queue *queue = arg;
	bool stay = true;
	char name[16];
	int r;

	/* By itself: that of another thread is a file, out of the sandbox. */
	(void)snprintf(name, sizeof(name), "vq%u", queue->index);
	(void)pthread_setname_np(pthread_self(), name);
	r = setup_uring(queue);
	if (r == 0) {
		arm_poll(queue, queue->kick_fd, VDU_TAG_KICK);
		arm_poll(queue, queue->cmd_fd, VDU_TAG_CMD);
		r = io_uring_submit(&queue->uring) < 0 ? -EIO : 0;
	}
	atomic_store(&queue->init_result, r);
	vdu__queue_tell_control(queue);
	if (r < 0)
		return NULL;

	while (stay) {
		r = vdu__rest(queue);
		queue->again = false;
		if (r < 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY)
			break;
		vdu__queue_look_at_clock(queue);
		if (reap(queue) || queue->stopping)
			stay = obey(queue);
		if (queue->running && !atomic_load(&queue->broken) &&
		    (!queue->stopping || queue->recovering))
			turn(queue);
		else if (queue->running)
			publish(queue);
		settle_mode(queue);
	}
	/*
	 * The kernel ends the ring in its own time: its file would keep the
	 * file system from being unmounted.
	 */
	if (queue->registered)
		(void)io_uring_unregister_files(&queue->uring);
	io_uring_queue_exit(&queue->uring);
	return NULL;
}

/* --- for the control thread -------------------------------------------- */

int vdu__queue_init(struct vdu__queue *queue, unsigned int index,
		    uint32_t max_size, uint32_t poll_percent, int device_fd,
		    int ack_fd, struct vdu__backend *backend,
		    struct vdu__iotlb *iotlb)
{
	pthread_attr_t attr;
	int r;

	*queue = (struct vdu__queue){
		.index = index,
		.max_size = max_size,
		.poll_percent = poll_percent,
		.device_fd = device_fd,
		.ack_fd = ack_fd,
		.backend = backend,
		.backend_fd = queue->backend_fd,
		.iotlb = iotlb,
		.idle = true,
		.init_result = 1,
		.mem = { .translate = translate, .opaque = queue,
			 .torn = iotlb ? &iotlb->torn : NULL },
	};
	(void)pthread_mutex_init(&queue->lock, NULL);
	queue->kick_fd = eventfd(0, EFD_CLOEXEC);
	queue->cmd_fd = eventfd(0, EFD_CLOEXEC);
	if (queue->kick_fd < 0 || queue->cmd_fd < 0)
		return -errno;
	r = vdu__slots_init(queue);
	if (r < 0)
		return r;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setstacksize(&attr, 256 << 10);
	r = -pthread_create(&queue->thread, &attr, queue_main, queue);
	(void)pthread_attr_destroy(&attr);
	if (r < 0)
		return r;
	queue->has_thread = true;
	return 0;
}

void vdu__queue_exit(struct vdu__queue *queue)
{
	if (queue->has_thread) {
		(void)pthread_mutex_lock(&queue->lock);
		queue->want_exit = true;
		(void)pthread_mutex_unlock(&queue->lock);
		wake(queue->cmd_fd);
		(void)pthread_join(queue->thread, NULL);
	}
	vdu__slots_free(queue);
	vdu__closep(&queue->backend_fd);
	vdu__closep(&queue->kick_fd);
	vdu__closep(&queue->cmd_fd);
}

void vdu__queue_start(struct vdu__queue *queue,
		      const struct vdu__queue_setup *setup)
{
	(void)pthread_mutex_lock(&queue->lock);
	/* Under the lock: else the thread might take it for a stop. */
	atomic_store(&queue->idle, false);
	atomic_store(&queue->broken, false);
	queue->setup = *setup;
	queue->setup_seq++;
	queue->want_run = true;
	(void)pthread_mutex_unlock(&queue->lock);
	wake(queue->cmd_fd);
}

void vdu__queue_stop(struct vdu__queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->want_run = false;
	(void)pthread_mutex_unlock(&queue->lock);
	wake(queue->cmd_fd);
}

void vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
			 unsigned int seq)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->want_through = write_through;
	queue->mode_seq = seq;
	(void)pthread_mutex_unlock(&queue->lock);
	wake(queue->cmd_fd);
}

void vdu__queue_ping(struct vdu__queue *queue, unsigned int seq)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->want_ping = seq;
	(void)pthread_mutex_unlock(&queue->lock);
	wake(queue->cmd_fd);
}
