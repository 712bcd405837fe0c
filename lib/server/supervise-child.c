// SPDX-License-Identifier: LGPL-2.1-or-later
/* The supervisor's child: starting it, and what its end means. */
#include "lib/server/supervise.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/bus/sysfs.h"
#include "lib/server/launch.h"
#include "lib/server/notify.h"
#include "lib/server/take-over.h"
#include "lib/util/fs.h"

/*
 * Two thirds of the 30 seconds after which the kernel gives a device up: a host
 * that is busy for seconds has no dead servers, and one comes back in less.
 */
#define LIMIT_MS 20000
#define START_MS 20000		/* for a server to be ready */
#define PAUSE_FIRST_MS 100
#define SHARE_MS 2000		/* to give us its memory: we wait */
#define CALM_MS 10000		/* a life as long as this ends the pauses */
#define WORKED_MS 1000		/* and one as this, an outage */

/* To who started us, and to a `start` that waits. */
static void tell(struct vdu__supervisor *s, const char *text)
{
	vdu__notify(text);
	vdu__notify_at(s->start, text);
}

void vdu__supervisor_save(struct vdu__supervisor *s)
{
	int r = vdu__record_save(s->ctx, s->name, &s->record);

	if (r < 0)
		vdu__log(s->ctx, 4, "cannot note what happened: %s",
			 strerror(-r));
}

static uint64_t choose_limit_ms(const struct vdu__supervisor *s)
{
	uint64_t seconds;

	if (vdu__read_u64_at(s->ctx, &seconds, VDU__SYS_DEVICE "/msg_timeout",
			     s->name) < 0 || !seconds ||
	    seconds > LIMIT_MS * 3 / 2000)
		return LIMIT_MS;
	return seconds * 2000 / 3;
}

void vdu__child_signal(const struct vdu__child *child, int number)
{
	/* SI_QUEUE: the server knows that this repeats what it may know. */
	siginfo_t info = { .si_signo = number, .si_code = SI_QUEUE };

	(void)syscall(SYS_pidfd_send_signal, child->pidfd, number, &info, 0);
}

void vdu__child_kill(struct vdu__supervisor *s, struct vdu__child *child,
		     const char *why)
{
	vdu__log(s->ctx, 3, "%s, pid %d: %s; killing it",
		 child->rescue ? "the rescue server" : "its server",
		 child->pid, why);
	child->killed = why;
	child->deadline_ns = VDU_NEVER;
	vdu__child_signal(child, SIGKILL);
}

static void fail_to_launch(struct vdu__supervisor *s, int code);

void vdu__child_start(struct vdu__supervisor *s, enum vdu__kind kind)
{
	static const char *const modes[] = {
		[VDU_SERVER] = NULL, [VDU_RESCUE] = "--rescue",
		[VDU_SUCCESSOR] = "--take-over",
	};
	const bool rescue = kind == VDU_RESCUE;
	const uint64_t limit_ms = rescue ? 0 : choose_limit_ms(s);
	const struct vdu__launch how = {
		.mode = modes[kind],
		.notify = s->notify,
		.log_fd = STDERR_FILENO,
		.watchdog_ms = limit_ms,
		.backend_fd = kind == VDU_SERVER ? s->memory_fd : -EBADF,
	};
	pid_t pid;

	s->child = (struct vdu__child){
		.pidfd = -EBADF, .rescue = rescue,
		.successor = kind == VDU_SUCCESSOR,
		.began_ns = vdu__now_ns(), .deadline_ns = vdu__in_ms(START_MS),
	};
	pid = vdu__launch(s->ctx, s->name, &how, &s->child.pidfd);
	if (pid < 0) {
		fail_to_launch(s, pid);
		return;
	}
	s->child.pid = pid;
	s->record.limit_ms = limit_ms;
	/* Until a successor serves, the one before it is the server. */
	if (kind == VDU_SUCCESSOR)
		return;
	s->record.server = pid;
	s->record.failing = rescue;
	vdu__supervisor_save(s);
}

/* What a memory backend is made of is to outlive the server. */
static void keep_memory(struct vdu__supervisor *s)
{
	struct vdu_error err = { 0 };
	uint64_t deadline;

	if (s->memory_fd >= 0 || strcmp(s->file.spec.backend, "memory"))
		return;
	deadline = vdu__limit(s->ctx, SHARE_MS);
	if (vdu__take_backend(s->ctx, s->name, &s->memory_fd, &err) < 0)
		vdu__log(s->ctx, 4, "a crash of its server would lose its memory: %s",
			 err.text);
	s->ctx->deadline_ns = deadline;
}

void vdu__supervisor_ready(struct vdu__supervisor *s)
{
	s->was_ready = true;
	/* To `start` by the second call: it may not know us by $NOTIFY_SOCKET. */
	vdu__notify_ready();
	vdu__notify("STATUS=serving");
	vdu__notify_at(s->start, "READY=1");
}

void vdu__child_ready(struct vdu__supervisor *s)
{
	struct vdu__child *child = &s->child;
	uint64_t now = vdu__now_ns();

	child->ready = true;
	child->began_ns = now;
	child->deadline_ns = child->rescue ? VDU_NEVER :
					     vdu__in_ms(s->record.limit_ms);
	if (child->rescue) {
		vdu__log(s->ctx, 4, "on-death: from now on requests fail, by the rescue server, pid %d",
			 child->pid);
		tell(s, "STATUS=requests fail: the server cannot be brought back");
		return;
	}
	if (s->lost_ns)
		vdu__log(s->ctx, 6, "its server is back, pid %d, after %.3f s",
			 child->pid, (double)(now - s->lost_ns) / 1e9);
	/* First of all: who comes after us has to know it. */
	if (child->successor) {
		s->record.server = child->pid;
		s->record.handovers++;
		vdu__supervisor_save(s);
	}
	keep_memory(s);
	if (child->successor)
		vdu__replace_ready(s);
	else
		vdu__supervisor_ready(s);
}

/* How it ended, in words that fit behind a colon. */
static void describe(const struct vdu__child *child, int status,
		     char text[static VDU_LAST_EXIT_MAX])
{
	if (child->killed)
		(void)snprintf(text, VDU_LAST_EXIT_MAX, "%s: killed",
			       child->killed);
	else if (child->failure.code)
		(void)snprintf(text, VDU_LAST_EXIT_MAX, "could not start: %.200s",
			       child->failure.text);
	else if (child->adopted)
		(void)snprintf(text, VDU_LAST_EXIT_MAX, "ended");
	else if (WIFSIGNALED(status))
		(void)snprintf(text, VDU_LAST_EXIT_MAX, "killed by signal %d",
			       WTERMSIG(status));
	else
		(void)snprintf(text, VDU_LAST_EXIT_MAX, "ended with status %d",
			       WEXITSTATUS(status));
}

/* The real server is gone, and nobody wanted that: when to try again. */
static void plan_retry(struct vdu__supervisor *s,
		       const struct vdu__child *child, const char *how)
{
	const uint64_t now = vdu__now_ns();
	const uint64_t lived = now - child->began_ns;

	if (child->ready && lived >= CALM_MS * VDU_NS_PER_MS)
		s->pause_ms = 0;
	/* One that dies at once again and again has not brought it back. */
	if (!s->outage_ns ||
	    (child->ready && lived >= WORKED_MS * VDU_NS_PER_MS))
		s->outage_ns = now;
	if (child->ready)
		s->lost_ns = now;
	s->retry_ns = vdu__in_ms(s->pause_ms);
	vdu__log(s->ctx, 4, "its server, pid %d: %s, after %.3f s; restart %llu in %u ms",
		 child->pid, how, (double)lived / 1e9,
		 (unsigned long long)s->record.restarts + 1, s->pause_ms);
	s->pause_ms = s->pause_ms ? MIN(s->pause_ms * 2, VDU_PAUSE_MAX_MS) :
				    PAUSE_FIRST_MS;
	(void)snprintf(s->record.last_exit, sizeof(s->record.last_exit), "%s",
		       how);
}

void vdu__supervisor_failed(struct vdu__supervisor *s,
			    const struct vdu_error *err)
{
	char text[VDU_NOTIFY_FAILED_MAX];

	vdu__notify_failed_text(err, text);
	tell(s, text);
}

/* Who hands over and ends is not missed, unless its successor is. */
static bool was_to_end(const struct vdu__child *child, int status)
{
	if (child->handed_over)
		return false;
	return child->adopted ? child->stopping :
				WIFEXITED(status) && !WEXITSTATUS(status);
}

/* The real server has ended by itself. */
static void lose_server(struct vdu__supervisor *s, struct vdu__child *child,
			int status)
{
	char how[VDU_LAST_EXIT_MAX];

	if (was_to_end(child, status)) {
		vdu__log(s->ctx, 6, "its server has stopped, and so do I");
		s->done = true;
		return;
	}
	describe(child, status, how);
	if (!child->ready && !child->failure.code)
		(void)vdu__fail(&child->failure, VDU_STAGE_SERVER, -EIO,
				"its server ended at once: %s", how);
	if (child->successor && vdu__replace_failed(s, child))
		return;
	if (!s->was_ready) {
		s->failure = child->failure;
		s->done = true;
	} else {
		plan_retry(s, child, how);
	}
	if (!child->ready)
		vdu__supervisor_failed(s, &child->failure);
}

static void lose_rescue(struct vdu__supervisor *s,
			const struct vdu__child *child, int status)
{
	char how[VDU_LAST_EXIT_MAX];

	describe(child, status, how);
	vdu__log(s->ctx, child->stopping ? 6 : 4,
		 "the rescue server, pid %d: %s", child->pid, how);
	/* One that does not work is not tried again and again. */
	s->rescue_failed = !child->stopping;
}

void vdu__child_reap(struct vdu__supervisor *s)
{
	struct vdu__child gone = s->child;
	int status = 0;

	/* ECHILD for one that another supervisor has started. */
	if (waitpid(gone.pid, &status, 0) == gone.pid)
		gone.adopted = false;
	vdu__closep(&gone.pidfd);
	s->child = (struct vdu__child){ .pidfd = -EBADF };
	if (s->leaving)
		s->done = !s->old.pid;
	else if (gone.rescue)
		lose_rescue(s, &gone, status);
	else
		lose_server(s, &gone, status);
	if (s->child.pid)
		return;
	s->record.server = 0;
	s->record.failing = false;
	vdu__supervisor_save(s);
}

void vdu__child_lost(struct vdu__supervisor *s)
{
	s->was_ready = true;
	/* To who has started us that is no failure, but what we are for. */
	vdu__notify_ready();
	s->child = (struct vdu__child){
		.pid = s->record.server, .pidfd = -EBADF, .adopted = true,
		.ready = true, .rescue = s->record.failing,
		.began_ns = vdu__now_ns(),
	};
	/* Ours, from before execve(2), or another supervisor's. */
	vdu__child_reap(s);
}

static void fail_to_launch(struct vdu__supervisor *s, int code)
{
	struct vdu__child failed = s->child;

	s->child = (struct vdu__child){ .pidfd = -EBADF };
	(void)vdu__fail(&failed.failure, VDU_STAGE_SERVER, code,
			"cannot start a process: %s", strerror(-code));
	if (failed.rescue) {
		s->rescue_failed = true;
		return;
	}
	if (failed.successor && vdu__replace_failed(s, &failed))
		return;
	if (s->was_ready) {
		plan_retry(s, &failed, failed.failure.text);
		vdu__supervisor_save(s);
	} else {
		s->failure = failed.failure;
		s->done = true;
	}
	vdu__supervisor_failed(s, &failed.failure);
}
