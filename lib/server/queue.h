// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One virtqueue at work: a data thread with an io_uring of its own, in which
 * kicks, commands of the control thread and backend completions are waited
 * for at once. It never waits for the control thread.
 *
 *   control thread                          data thread
 *   vdu__queue_start, _stop, _ping   ──►    mailbox, read on cmd_fd
 *   vdu__queue_idle, _pong           ◄──    state, told on the server's ack_fd
 */
#pragma once

#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/backend/backend.h"
#include "lib/blk/request.h"
#include "lib/kernel/iotlb.h"
#include "lib/ring/split.h"
#include "lib/server/affinity.h"
#include "lib/server/inflight.h"
#include "lib/server/stats.h"

/* A request between pop and push. */
struct vdu__slot {
	struct vdu__io io;
	struct vdu__chain chain;
	struct vdu__blk_request req;
	uint64_t start_ns;
	struct vdu__slot *next_free;
	/* For dumps: written by the data thread, read by the control thread. */
	_Atomic uint32_t shown_type;	/* VIRTIO_BLK_T_* + 1; 0: free */
	_Atomic uint64_t shown_sector, shown_bytes, shown_start_ns;
	_Atomic uint32_t shown_head;
	struct iovec iov[];
};

/* What a queue is started with; filled by the control thread. */
struct vdu__queue_setup {
	uint16_t num, next_avail;
	const void *desc, *avail;
	void *used;
	bool packed, event_idx, indirect;
	struct vdu__packed_keep *keep;	/* packed only, and then: */
	void *slots;			/* desc */
	struct vdu__blk_rules rules;
	bool resumed;			/* the driver was running already */
	bool recover;			/* under another server */
	struct vdu__inflight_queue *inflight;
	_Atomic uint32_t *lost;		/* vdu__inflight_lost() */
	bool pin;			/* the thread runs there: */
	struct vdu__cpus cpus;
};

/* What a queue learned about when requests come (rest.c). */
struct vdu__rest {
	struct vdu__pace yield, gather, linger;
	uint16_t slept_at;		/* the ring's place, at the last sleep */
	uint64_t slept_ns;
	uint16_t burst;			/* the most at once since then */
	bool gathers;			/* the next sleep is for several: */
	uint16_t gather_n;		/* so many */
	uint64_t gather_ns;		/* not longer than this */
	bool disturbed;			/* and was ended by something else */
	uint64_t poll_ns;		/* how long to look for the next */
	uint64_t poll_credit_ns;	/* of time that may be lost by that */
	uint64_t credited_ns;		/* when that was reckoned */
};

/* How a queue's interrupts go (interrupt.c). */
struct vdu__interrupts {
	bool due;			/* for answers that were published */
	bool by_call;			/* the ring's command is not known */
	bool refused, retry_armed;
	unsigned int retries;		/* since the last that went */
};

/* User data of the SQEs of a queue that are not backend I/O. */
enum {
	VDU_TAG_KICK = 1,
	VDU_TAG_CMD = 2,
	VDU_TAG_RETRY = 3,
	VDU_TAG_INTERRUPT = 4,
};

/* The last mappings that this thread looked up. */
#define VDU_QUEUE_CACHE 4

struct vdu__queue {
	/* Fixed for the life of the thread. */
	unsigned int index;
	uint32_t max_size;
	uint32_t poll_percent;		/* of a processor, for looking; or 0 */
	int device_fd, ack_fd;		/* the server's */
	struct vdu__backend *backend;
	struct vdu__iotlb *iotlb;
	int backend_fd;			/* vdu__backend_reopen() */
	int kick_fd, cmd_fd;
	pthread_t thread;
	bool has_thread;

	/* Mailbox: written by the control thread under lock. */
	pthread_mutex_t lock;
	bool want_run, want_exit;
	unsigned int want_ping;
	bool want_through;		/* writes are durable when done */
	unsigned int mode_seq;		/* bumped with each new mode */
	unsigned int setup_seq;		/* bumped with each new setup */
	struct vdu__queue_setup setup;

	/* Told by the data thread. */
	atomic_bool idle;		/* nothing popped, in flight or to come */
	atomic_bool broken;		/* the ring cannot be followed: reset */
	atomic_int not_pinned;		/* -errno, until that is in the log */
	atomic_bool kicked_idle;	/* a kick came while not running */
	atomic_uint pong;
	atomic_uint mode_done;		/* the mode_seq that it is at */
	atomic_int mode_result;		/* of the flush that belonged to it */
	atomic_int init_result;		/* 1 until the thread is set up */
	_Atomic uint16_t last_avail;	/* valid while idle, and for dumps */
	atomic_uint in_flight;

	/* The data thread's own. */
	struct io_uring uring;
	bool registered;		/* backend_fd, as its file 0 */
	struct vdu__mem mem;
	struct vdu__ring ring;
	struct vdu__inflight_queue *inflight;
	_Atomic uint32_t *lost;
	struct vdu__blk_rules rules;
	bool running, stopping;
	bool cut_off;			/* the memory is not the driver's any more */
	unsigned int seen_setup;
	bool write_through;
	unsigned int seen_mode;
	unsigned int volatile_writes;	/* in flight, and not durable when done */
	bool sync_wanted, syncing;	/* of those that are done */
	struct vdu__io sync;
	unsigned int unpublished;
	bool recovering;		/* more of what a killed server left */
	uint64_t recovered;		/* up to which number of the log */
	bool again;			/* there is more, do not sleep */
	unsigned int at_once;		/* done in the turn that took them */
	struct vdu__rest rest;
	struct vdu__at_once paces;
	struct vdu__interrupts interrupts;
	uint64_t now_ns;		/* of this turn of the loop */
	struct vdu__mapping cache[VDU_QUEUE_CACHE];
	unsigned int cache_n, cache_next;
	char *slots;
	size_t slot_bytes;
	struct vdu__slot *free_slots;
	atomic_uint used_slots;		/* slots that were ever used */

	struct vdu__stats stats;

	/* The control thread's own. */
	uint64_t errors_seen;
};

/*
 * Set up and start the thread; returns when it waits for work. 0 or -errno.
 * queue->backend_fd is set already, and the queue's from now on.
 */
int vdu__queue_init(struct vdu__queue *queue, unsigned int index,
		    uint32_t max_size, uint32_t poll_percent, int device_fd,
		    int ack_fd, struct vdu__backend *backend,
		    struct vdu__iotlb *iotlb);

/* Of the data thread: what time it is, for it and its backend. */
static inline void vdu__queue_look_at_clock(struct vdu__queue *queue)
{
	queue->now_ns = vdu__now_ns();
	vdu__at_once_look(&queue->paces, queue->now_ns);
}

/* Of the data thread: let the control thread look at its state. */
void vdu__queue_tell_control(struct vdu__queue *queue);

/* End the thread (it must be idle) and free what it had. */
void vdu__queue_exit(struct vdu__queue *queue);

/* Begin to serve; only while idle. */
void vdu__queue_start(struct vdu__queue *queue,
		      const struct vdu__queue_setup *setup);

/* Take no more, finish what was taken; then idle, told on ack_fd. */
void vdu__queue_stop(struct vdu__queue *queue);

/*
 * From now on each write that begins is durable when it is done, or not. To
 * durable: what began before and is done by then is brought to the medium as
 * well, without a pause. Then mode_done becomes seq, told on ack_fd.
 */
void vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
			 unsigned int seq);

/* Ask for a sign of life: pong becomes seq, told on ack_fd. */
void vdu__queue_ping(struct vdu__queue *queue, unsigned int seq);

/* --- between queue.c and request.c, on the data thread --- */

/*
 * Pop and begin what the driver has made available, some of it; true: that was
 * much work already, and commands should have their turn before there is more.
 */
bool vdu__requests_take(struct vdu__queue *queue);
/*
 * Begin again what a killed server has left; what is much of it, by the next
 * calls of vdu__requests_take(). Until then the queue must not stop.
 */
void vdu__requests_recover(struct vdu__queue *queue);
/* A CQE of a backend came in for slot. */
void vdu__request_complete(struct vdu__queue *queue, struct vdu__slot *slot,
			   int res);
/*
 * Memory was torn, or a buffer was gone: has the kernel cut this server off?
 * Then nothing that it reads or writes there counts.
 */
bool vdu__queue_cut_off(struct vdu__queue *queue);
/* Allocate the slots of a queue; 0 or -ENOMEM. */
int vdu__slots_init(struct vdu__queue *queue);
void vdu__slots_free(struct vdu__queue *queue);
/* Slot number i, for dumps. */
struct vdu__slot *vdu__slot(const struct vdu__queue *queue, unsigned int i);
