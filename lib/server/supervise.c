// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The supervisor of a device: a small process that keeps a server running. It
 * hears from its child by the sd_notify protocol (READY, WATCHDOG), sees its
 * end by a pidfd, and acts when the next of a few times has come.
 *
 *   no child ──► start ──► READY ──► serving ──► died or silent ─┐
 *       ▲                                                        │
 *       ├── pause ◄──────────────────────────────────────────────┤
 *       └── rescue server ◄── on-death, time is up ◄─────────────┘
 */
#include "lib/server/supervise.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include <vduse/manage.h>

#include "lib/server/launch.h"
#include "lib/server/news.h"
#include "lib/server/notify.h"
#include "lib/server/sandbox.h"
#include "lib/util/lock.h"

#define QUICK_END_MS 2000	/* for one that has nothing to flush to end */

/* --- what comes in ------------------------------------------------------ */

static void hear(struct vdu__supervisor *s)
{
	struct vdu__news news;

	while (vdu__notify_take(s->notify_fd, &news)) {
		struct vdu__child *child = news.pid == s->old.pid ? &s->old :
								    &s->child;

		/* The last words of a server before. */
		if (!child->pid || news.pid != child->pid)
			continue;
		child->handed_over |= news.handed_over;
		if (news.failure.code && !child->ready)
			child->failure = news.failure;
		if (news.ready && !child->ready) {
			if (child->successor)
				s->record.pause_us = news.pause_us;
			vdu__child_ready(s);
		}
		if (news.watchdog && child->ready && !child->killed &&
		    !child->rescue)
			child->deadline_ns = vdu__in_ms(s->record.limit_ms);
		/* To flush a slow disk takes as long as it takes. */
		if (news.stopping && !child->rescue) {
			child->stopping = true;
			child->deadline_ns = child->handed_over ?
				vdu__in_ms(QUICK_END_MS) : VDU_NEVER;
		}
	}
}

/* The rescue server has nothing to flush: it must not take long. */
static void stop_child(struct vdu__supervisor *s)
{
	if (s->child.rescue) {
		s->child.stopping = true;
		s->child.deadline_ns = vdu__in_ms(QUICK_END_MS);
	}
	vdu__child_signal(&s->child, SIGTERM);
	if (s->old.pid)
		vdu__child_signal(&s->old, SIGTERM);
}

static void leave(struct vdu__supervisor *s)
{
	if (!s->leaving) {
		vdu__notify("STOPPING=1");
		vdu__log(s->ctx, 6, "told to end, and its server with it");
	}
	if (!s->child.pid)
		s->done = !s->old.pid;
	else if (s->leaving)
		vdu__child_kill(s, &s->child, "it is not to be waited for");
	else
		stop_child(s);
	if (s->leaving && s->old.pid)
		vdu__child_kill(s, &s->old, "it is not to be waited for");
	s->leaving = true;
}

/* SIGUSR1: `start` wants a server now, or `set` has changed the rules. */
static void try_now(struct vdu__supervisor *s)
{
	const struct vdu__child *child = &s->child;

	/* Who waits for one that is to end sees us end with it. */
	if (s->leaving)
		return;
	if (child->pid && !child->rescue) {
		if (child->ready && !child->killed && !child->stopping)
			vdu__notify_at(s->start, "READY=1");
		return;
	}
	s->pause_ms = 0;
	s->retry_ns = vdu__now_ns();
}

/* SIGUSR2: one that is not there can only be started. */
static void replace(struct vdu__supervisor *s)
{
	if (s->child.pid && !s->child.rescue)
		vdu__replace(s);
	else
		try_now(s);
}

static void on_signal(struct vdu__supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			try_now(s);
		else if (info.ssi_signo == SIGUSR2)
			replace(s);
		else
			leave(s);
	}
}

/* --- what is due -------------------------------------------------------- */

static void restart(struct vdu__supervisor *s)
{
	s->rescue_failed = false;
	s->record.restarts++;
	vdu__child_start(s, VDU_SERVER);
}

/* When requests are to fail; VDU_NEVER if they are to wait. */
static uint64_t rescue_ns(const struct vdu__supervisor *s)
{
	const struct vdu_blk_spec *spec = &s->file.spec;

	if (spec->on_death != VDU_ON_DEATH_FAIL || s->rescue_failed)
		return VDU_NEVER;
	return s->outage_ns +
	       (uint64_t)spec->fail_seconds * 1000 * VDU_NS_PER_MS;
}

/* Nobody serves: is it time to? */
static void act_without_child(struct vdu__supervisor *s, uint64_t now)
{
	struct vdu_error err;

	/* It may have been changed. */
	if (vdu__spec_load(s->ctx, s->name, &s->file, &err) == -ENOENT) {
		vdu__log(s->ctx, 4, "the device is gone, and so am I");
		s->done = true;
	} else if (now >= s->retry_ns) {
		restart(s);
	} else if (now >= rescue_ns(s)) {
		/* Requests fail already: no hurry any more. */
		s->pause_ms = VDU_PAUSE_MAX_MS;
		s->retry_ns = vdu__in_ms(VDU_PAUSE_MAX_MS);
		vdu__child_start(s, VDU_RESCUE);
	}
}

static void act_with_child(struct vdu__supervisor *s, uint64_t now)
{
	struct vdu__child *child = &s->child;

	if (now >= child->deadline_ns) {
		vdu__child_kill(s, child, child->ready ?
				"showed no sign of life" :
				"was not ready in time");
	} else if (child->rescue && child->ready && !child->stopping &&
		   now >= s->retry_ns) {
		stop_child(s);
	}
}

static void act(struct vdu__supervisor *s)
{
	uint64_t now = vdu__now_ns();

	if (s->child.pid)
		act_with_child(s, now);
	else if (!s->leaving)
		act_without_child(s, now);
	if (s->old.pid && now >= s->old.deadline_ns)
		vdu__child_kill(s, &s->old, "showed no sign of life");
	if (s->sign_every_ns && now >= s->sign_ns) {
		s->sign_ns = now + s->sign_every_ns;
		vdu__notify_watchdog();
	}
}

/* Milliseconds until something is due, as poll(2) wants them. */
static int next_ms(const struct vdu__supervisor *s)
{
	const struct vdu__child *child = &s->child;
	uint64_t now = vdu__now_ns();
	uint64_t next = s->sign_every_ns ? s->sign_ns : VDU_NEVER;

	if (child->pid)
		next = MIN(next, child->deadline_ns);
	else if (!s->leaving)
		next = MIN(next, MIN(s->retry_ns, rescue_ns(s)));
	if (child->rescue && child->ready && !child->stopping)
		next = MIN(next, s->retry_ns);
	if (s->old.pid)
		next = MIN(next, s->old.deadline_ns);
	if (next == VDU_NEVER)
		return -1;
	return next <= now ? 0 : (int)MIN((next - now) / VDU_NS_PER_MS + 1,
					  (uint64_t)INT32_MAX);
}

static void loop(struct vdu__supervisor *s)
{
	while (!s->done) {
		struct pollfd fds[] = {
			{ .fd = s->signal_fd, .events = POLLIN },
			{ .fd = s->notify_fd, .events = POLLIN },
			{ .fd = s->child.pidfd, .events = POLLIN },
			{ .fd = s->old.pidfd, .events = POLLIN },
		};

		if (poll(fds, ARRAY_SIZE(fds), next_ms(s)) < 0)
			continue;
		/* Words before the end, and both before what is due. */
		hear(s);
		if (fds[3].revents)
			vdu__replace_reap(s);
		if (fds[2].revents)
			vdu__child_reap(s);
		if (fds[0].revents)
			on_signal(s);
		if (!s->done)
			act(s);
	}
}

/* --- setting up --------------------------------------------------------- */

static int open_fds(struct vdu__supervisor *s, struct vdu_error *err)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGUSR1);
	(void)sigaddset(&signals, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	/* Ignored, as some parents leave it, there would be no exit status. */
	(void)signal(SIGCHLD, SIG_DFL);
	s->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno, "signalfd: %s",
				 strerror(errno));
	return vdu__path(s->ctx, s->start, sizeof(s->start),
			 VDU_RUN_DIR "/%s/" VDU_NOTIFY_START, s->name);
}

/* A server whose supervisor has died goes on: it becomes ours. */
static int adopt(struct vdu__supervisor *s, struct vdu_error *err)
{
	struct vdu__child *child = &s->child;

	if (child->pid != s->record.server)
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "it is served already, by pid %d", child->pid);
	child->adopted = true;
	child->rescue = s->record.failing;
	vdu__log(s->ctx, 6, "its server runs already, pid %d: it is mine now",
		 child->pid);
	vdu__child_ready(s);
	s->was_ready = true;
	/* The rescue server was only for want of a better one. */
	if (child->rescue)
		s->outage_ns = s->retry_ns = vdu__now_ns();
	return 0;
}

/* It may be ours already, from before we became this program. */
static int claim(struct vdu__supervisor *s, struct vdu_error *err)
{
	int fd = vdu__inherited(VDU_INHERITED_CLAIM);

	if (fd >= 0 && vdu__keep_supervisor(s->ctx, s->name, fd) == 0) {
		s->lock_fd = fd;
		return 0;
	}
	vdu__closep(&fd);
	return vdu__claim_supervisor(s->ctx, s->name, &s->lock_fd, err);
}

/* Who waits at both sockets would take the second message for another's. */
static void listen_to_one(const struct vdu__supervisor *s)
{
	const char *up = secure_getenv("NOTIFY_SOCKET");

	if (up && !strcmp(up, s->start))
		(void)unsetenv("NOTIFY_SOCKET");
}

static int set_up(struct vdu__supervisor *s, struct vdu_error *err)
{
	int r;

	r = vdu__spec_load(s->ctx, s->name, &s->file, err);
	/* Blocked before anybody can know our pid. */
	if (r == 0)
		r = open_fds(s, err);
	if (r == 0)
		r = claim(s, err);
	if (r < 0)
		return r;
	listen_to_one(s);
	s->notify_fd = vdu__notify_listen(s->ctx, s->name, VDU_NOTIFY_SERVER,
					  s->notify, err);
	if (s->notify_fd < 0)
		return s->notify_fd;
	/* To start a server takes memory, while its disk takes no writes. */
	vdu__become_flusher(s->ctx);
	vdu__record_load(s->ctx, s->name, &s->record);
	s->sign_every_ns = vdu__notify_watchdog_ns() / 2;
	s->memory_fd = vdu__inherited(VDU_INHERITED_BACKEND);
	s->child.pidfd = vdu__server_pidfd_at(s->lock_fd, &s->child.pid);
	if (s->child.pidfd >= 0)
		return adopt(s, err);
	if (s->record.server)
		vdu__child_lost(s);
	else
		vdu__child_start(s, VDU_SERVER);
	return 0;
}

PUBLIC int vdu_supervise(struct vdu_ctx *ctx, const char *name,
			 struct vdu_error *err)
{
	struct vdu__supervisor *s = calloc(1, sizeof(*s));
	struct vdu_error why;
	int r;

	if (!s)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	s->ctx = ctx;
	s->name = name;
	s->lock_fd = s->signal_fd = s->notify_fd = s->child.pidfd = -EBADF;
	s->old.pidfd = s->memory_fd = -EBADF;
	r = set_up(s, &s->failure);
	if (r < 0)
		vdu__supervisor_failed(s, &s->failure);
	else
		loop(s);
	if (s->notify_fd >= 0)
		(void)unlink(s->notify);
	vdu__closep(&s->child.pidfd);
	vdu__closep(&s->old.pidfd);
	vdu__closep(&s->memory_fd);
	vdu__closep(&s->notify_fd);
	vdu__closep(&s->signal_fd);
	why = s->failure;
	/* Last: who sees the lock free may start the next one. */
	vdu__closep(&s->lock_fd);
	free(s);
	if (why.code && err)
		*err = why;
	return why.code;
}
