// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The supervisor of a device. supervise.c: what comes in and what is due;
 * supervise-child.c: the life and death of the server that it runs;
 * supervise-replace.c: a new one in its place.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/kernel/spec-file.h"
#include "lib/server/record.h"
#include "lib/util/ctx.h"

#define VDU_NS_PER_MS UINT64_C(1000000)
#define VDU_NEVER UINT64_MAX
#define VDU_PAUSE_MAX_MS 5000	/* between two tries */

struct vdu__child {
	pid_t pid;			/* 0: none */
	int pidfd;
	bool rescue, adopted, ready, stopping;
	bool successor;			/* of one that runs */
	bool handed_over;		/* to its successor */
	uint64_t began_ns;		/* started; since it is ready: ready */
	uint64_t deadline_ns;		/* of its next sign of life */
	const char *killed;		/* why we did; NULL: we did not */
	struct vdu_error failure;	/* what it said; code 0: nothing */
};

struct vdu__supervisor {
	struct vdu_ctx *ctx;
	const char *name;
	int lock_fd, signal_fd, notify_fd;
	char notify[PATH_MAX], start[PATH_MAX];	/* sockets */
	struct vdu__record record;
	struct vdu__spec_file file;
	struct vdu__child child;
	struct vdu__child old;		/* that child is to succeed */
	int memory_fd;			/* what a memory backend is made of */
	uint64_t lost_ns;		/* the real server's last death */
	uint64_t outage_ns;		/* since when none has worked */
	uint64_t retry_ns;		/* when to start it again */
	unsigned int pause_ms;		/* before the next but one */
	bool rescue_failed;		/* since the last try */
	bool was_ready;			/* a server has served under us */
	bool leaving, done;
	uint64_t sign_ns;		/* of life of our own: the next */
	uint64_t sign_every_ns;		/* 0: nobody wants any */
	struct vdu_error failure;	/* why we end; code 0: as asked to */
};

static inline uint64_t vdu__in_ms(uint64_t ms)
{
	return vdu__now_ns() + ms * VDU_NS_PER_MS;
}

/* The real server, the one that fails all requests, or another real one. */
enum vdu__kind { VDU_SERVER, VDU_RESCUE, VDU_SUCCESSOR };
void vdu__child_start(struct vdu__supervisor *s, enum vdu__kind kind);
/* It says that it serves, or it is found serving. */
void vdu__child_ready(struct vdu__supervisor *s);
/* Of s->child or s->old. */
void vdu__child_signal(const struct vdu__child *child, int number);
/* why: of static life. */
void vdu__child_kill(struct vdu__supervisor *s, struct vdu__child *child,
		     const char *why);
/* Its process has ended. */
void vdu__child_reap(struct vdu__supervisor *s);
/* It has, before there was a child: the one in the record. */
void vdu__child_lost(struct vdu__supervisor *s);

/* supervise-replace.c: SIGUSR2, a new server for the one that runs. */
void vdu__replace(struct vdu__supervisor *s);
/* s->child serves in the place of s->old. */
void vdu__replace_ready(struct vdu__supervisor *s);
/* The process of s->old has ended. */
void vdu__replace_reap(struct vdu__supervisor *s);
/* Who was to succeed has ended: did the one before it go on? */
bool vdu__replace_failed(struct vdu__supervisor *s,
			 const struct vdu__child *successor);

/* What happened, in the record of the device. */
void vdu__supervisor_save(struct vdu__supervisor *s);
/* It serves: to who started us and to a `start` or `restart` that waits. */
void vdu__supervisor_ready(struct vdu__supervisor *s);
/* A failure, to who started us and to a `start` that waits. */
void vdu__supervisor_failed(struct vdu__supervisor *s,
			    const struct vdu_error *err);
