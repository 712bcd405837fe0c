// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The server of one device: what its control thread owns. The files:
 *
 *   server.c    the loop, going down; set-up.c: what it opens before
 *   messages.c  the kernel's messages and the state of the device
 *   running.c   which queues run, and from where
 *   resume.c    serving a driver that began under another server
 *   cache.c     when a write is done
 *   complain.c  what a driver does wrong, in the log
 *   queue.c     the data thread of a virtqueue; request.c: its requests
 *   socket.c    the control socket: connections and framing
 *   methods.c   what can be asked there
 *   handover.c  giving the device to a successor
 *   trouble.c   errors of the backend
 *   watchdog.c  pings of the data threads, signs of life
 */
#pragma once

#include <linux/vduse.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/backend/backend.h"
#include "lib/kernel/device.h"
#include "lib/kernel/iotlb.h"
#include "lib/kernel/spec-file.h"
#include "lib/server/queue.h"
#include "lib/server/trouble.h"

#define VDU_CONNECTIONS_MAX 16

/* What waits for all queues to be idle, or in the new cache mode. */
enum vdu__then {
	VDU_THEN_NOTHING,
	VDU_THEN_RESET,		/* answer SET_STATUS(0) */
	VDU_THEN_REMAP,		/* drop all mappings, go on, answer */
	VDU_THEN_STATE,		/* answer GET_VQ_STATE, go on */
	VDU_THEN_SUSPEND,	/* drop all mappings, answer, stand still */
	VDU_THEN_CACHE,		/* answer: the queues go on meanwhile */
	VDU_THEN_HAND_OVER,	/* to the successor */
	VDU_THEN_LEAVE,		/* the server ends */
};

struct vdu__connection {
	int fd;			/* -EBADF: free */
	char *in, *out;
	size_t in_len, out_len, out_done;
	unsigned int ping_seq;	/* 0, or the ping it waits for */
	bool closing;		/* once out is sent */
	bool sets_cache;	/* it waits for the cache mode */
	bool heir;		/* a successor, which waits for the device */
};

/* cache.c: what the data threads were told. */
struct vdu__cache {
	bool through;
	unsigned int seq;		/* its number: mode_done, when they do so */
};

struct vdu__server {
	struct vdu_ctx *ctx;
	struct vdu__spec_file file;
	struct vdu__backend backend;
	uint64_t features;		/* offered */
	uint8_t config[VDU_BLK_CONFIG_SIZE];
	uint64_t started_ns;

	int lock_fd, device_fd, signal_fd, listen_fd;
	int ack_fd;			/* eventfd: a data thread has news */
	int timer_fd;			/* looks for queues becoming ready */
	unsigned int timer_ticks;
	int watchdog_fd;		/* time for a sign of life */
	unsigned int watchdog_seq;	/* 0, or the ping that it waits for */
	unsigned int signals;		/* to end, of people */

	struct vdu__iotlb *iotlb;
	struct vdu__inflight *inflight;
	struct vdu__queue *queues;
	unsigned int n_queues;		/* whose threads run */
	struct vdu__affinity *affinity;	/* NULL: they run anywhere */
	struct started {
		bool running;		/* started and not stopped since */
		bool live;		/* kick fd set; may become ready */
		uint64_t desc, avail, used;	/* addresses, for dumps */
		const void *avail_ptr, *used_ptr;
		const struct vdu__packed_keep *keep;	/* NULL: it is split */
		uint16_t num;
	} *started;

	/* The device as the kernel told us. */
	uint8_t status;
	uint64_t driver_features;
	bool recovers;			/* the kernel does not give up */
	bool suspended;			/* the queues are to stand still */
	bool cut_off;			/* by the kernel: the next server works */
	bool broken;			/* the kernel gave up: EPERM, POLLERR */
	bool broken_told;		/* of a queue, in the log */
	unsigned int complaints;	/* in the hour since complaints_ns */
	uint64_t complaints_ns;

	enum vdu__then then;
	struct vduse_dev_request pending;	/* the message being answered */
	bool leave;
	bool successor;			/* of a server that runs */
	bool handed_over;		/* to a successor of ours */
	uint64_t stopped_ns;		/* when it, or we, took no more for that */

	struct vdu__cache cache;
	struct vdu__trouble trouble;

	unsigned int ping_seq;
	struct vdu__connection connections[VDU_CONNECTIONS_MAX];
	vdu__counter messages, resets;
};

/* set-up.c: all but serving. An error leaves the rest to the caller. */
int vdu__server_set_up(struct vdu__server *server, const char *name,
		       struct vdu_error *err);

/* server.c: an eventfd or timerfd, back to 0. */
void vdu__drain_fd(int fd);

/* messages.c */

/* The device fd is readable: take one message. */
void vdu__server_message(struct vdu__server *server);
/* A data thread has news: go on with what waits for it. */
void vdu__server_news(struct vdu__server *server);
/* Drain and end. */
void vdu__server_leave(struct vdu__server *server);
/* Drain, then vdu__handover_finish(). */
void vdu__server_hand_over(struct vdu__server *server);
/* Somebody has cut us off from the device: end, for the next server. */
void vdu__server_cut_off(struct vdu__server *server);
/* A device call has failed so: does that end it? */
void vdu__server_failed(struct vdu__server *server, int r, const char *what);
/* Queues may begin: a driver runs and nothing keeps them. */
bool vdu__server_may_start(const struct vdu__server *server);
/* The kernel has given the device up. */
void vdu__server_broken(struct vdu__server *server, const char *what);
/* Has the driver negotiated packed rings? */
bool vdu__server_packed(const struct vdu__server *server);
/* Ask what the driver has negotiated: is it what was offered? */
bool vdu__server_features_ok(struct vdu__server *server);

/* running.c */

/* DRIVER_OK: start what is ready and look for the rest. */
void vdu__queues_start(struct vdu__server *server);
/* A queue that did not run was kicked: it may have become ready. */
void vdu__queue_kicked(struct vdu__server *server, unsigned int index);
/* Its thread could not be kept on its processors: log that. */
void vdu__queue_log_unpinned(const struct vdu__server *server,
			     unsigned int index, int r);
/*
 * After a pause each queue goes on where it was. Its position comes from the
 * data thread, not from the kernel, which knows only where it began.
 */
void vdu__queues_go_on(struct vdu__server *server);
bool vdu__queues_idle(const struct vdu__server *server);
/* Pointers into driver memory end here; the queues are idle. */
void vdu__queues_forget(struct vdu__server *server);
/* A search for queues that become ready ends. */
void vdu__queues_do_not_look(struct vdu__server *server);
/* The timer went off: start queues that have become ready. */
void vdu__server_tick(struct vdu__server *server);
/* Start what is ready of a driver that began under a server before us. */
void vdu__queues_resume(struct vdu__server *server);
/*
 * What the kernel tells of a queue that the driver has made ready, and its ring
 * in *setup; false if it is not ready or its ring cannot be had.
 */
bool vdu__queue_find(struct vdu__server *server, unsigned int index,
		     struct vdu__vq_info *info,
		     struct vdu__queue_setup *setup);

/* cache.c */

/* Is a write durable when it is done, by all that has a say? */
bool vdu__cache_through(const struct vdu__server *server);
/* Something that has a say has changed: tell the data threads. */
void vdu__cache_apply(struct vdu__server *server);
/* Are they there? Then: did the flush that belongs to it work? 0 or -errno. */
bool vdu__cache_settled(const struct vdu__server *server);
int vdu__cache_result(struct vdu__server *server);
/* The device is ours: what does its configuration space say? */
void vdu__cache_begin(struct vdu__server *server);
/* The driver has gone; it has accepted features. */
void vdu__cache_reset(struct vdu__server *server);
void vdu__cache_negotiated(struct vdu__server *server);
/* It has written that byte; false: it may not. */
bool vdu__cache_written(struct vdu__server *server, uint8_t value);
/* It wrote a 0, but what was done before cannot be made durable. */
void vdu__cache_refuse_write(struct vdu__server *server);
/* The administrator says enum vdu_cache. */
void vdu__cache_set(struct vdu__server *server, int cache);

/* resume.c */

/* Has a driver made queues ready? Also before there are threads. */
bool vdu__server_driver_runs(const struct vdu__server *server);
/*
 * If a driver was running before this server came, take its rings over.
 * -EOPNOTSUPP: not with these features; -ENODATA: nobody can tell what was in
 * flight. Nothing has changed then.
 */
int vdu__server_resume(struct vdu__server *server, struct vdu_error *err);

/* handover.c */

/* Who asks on conn gets the backend's open file. */
void vdu__handover_share(struct vdu__server *server,
			 struct vdu__connection *conn);
/* Who asks on conn gets the device. */
void vdu__handover_ask(struct vdu__server *server,
		       struct vdu__connection *conn);
/*
 * Begin with it, if somebody has asked and nothing else is under way; end it if
 * nobody wants it any more.
 */
void vdu__handover_go(struct vdu__server *server);
/* The queues are idle. */
void vdu__handover_finish(struct vdu__server *server);

/* complain.c: a warning about the driver; at most so many in an hour. */
#define VDU_COMPLAINTS_MAX 10
void vdu__server_complain(struct vdu__server *server, const char *fmt, ...)
	PRINTF(2, 3);

/* socket.c */
int vdu__socket_listen(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err);
void vdu__socket_accept(struct vdu__server *server);
void vdu__socket_serve(struct vdu__server *server,
		       struct vdu__connection *conn, short revents);
void vdu__socket_close(struct vdu__connection *conn);
/* Queue a reply (takes text, which is freed) and try to send. */
void vdu__socket_reply(struct vdu__connection *conn, const char *text);
/* A reply with open files, which the caller gets, too: all of it, or -errno. */
int vdu__socket_reply_fds(struct vdu__connection *conn, const char *text,
			  const int *fds, unsigned int n_fds);
/* A data thread answered: see whose ping that completes. */
void vdu__socket_pongs(struct vdu__server *server);
/* Or is in the new cache mode: see who waits for that. */
void vdu__socket_cache(struct vdu__server *server);

/* watchdog.c */

/* Ask each data thread for a sign of life; the number of the question. */
unsigned int vdu__server_ping_queues(struct vdu__server *server);
/* Have all answered it? */
bool vdu__server_ponged(const struct vdu__server *server, unsigned int seq);
/* Make watchdog_fd; it runs if somebody wants to know. 0 or -errno. */
int vdu__watchdog_open(struct vdu__server *server);
void vdu__watchdog_tick(struct vdu__server *server);
void vdu__watchdog_pongs(struct vdu__server *server);

/* methods.c: handle one call, NUL-terminated. */
void vdu__method_call(struct vdu__server *server,
		      struct vdu__connection *conn, const char *text);
void vdu__method_pong(struct vdu__server *server,
		      struct vdu__connection *conn);
void vdu__method_set(struct vdu__server *server,
		     struct vdu__connection *conn);
