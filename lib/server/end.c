// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Ending whoever serves a device, whatever state it is in: busy, stuck,
 * stopped, not ours. Only a process that the kernel holds is beyond that.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/bus/bus.h"
#include "lib/server/client.h"
#include "lib/util/lock.h"

/* To prove that it is alive, and then to finish what it has. */
#define ANSWER_MS 500
#define GRACE_MS 2000

static bool answers(struct vdu_ctx *ctx, const char *name)
{
	uint64_t deadline = vdu__limit(ctx, ANSWER_MS);
	int r = vdu__server_ping(ctx, name, NULL);

	ctx->deadline_ns = deadline;
	return r == 0;
}

/* grace_ms: between SIGTERM and SIGKILL; 0: SIGKILL at once. */
static int end_process(struct vdu_ctx *ctx, pid_t pid, int pidfd, int grace_ms,
		       struct vdu_error *err)
{
	int r = 0;

	if (grace_ms &&
	    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) == 0)
		r = vdu__wait_fd(ctx, pidfd, POLLIN, grace_ms);
	/* Stopped or not: SIGKILL needs no SIGCONT. */
	if (r == 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL,
			      0) < 0 && errno != ESRCH)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot end its server, pid %d: %s", pid,
				 strerror(errno));
	if (r == 0)
		r = vdu__wait_fd(ctx, pidfd, POLLIN, -1);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_CANCEL, r,
				 r == -EINTR ? "ending its server, pid %d, was interrupted" :
				 "its server, pid %d, does not die: the kernel holds it, probably in I/O to its backend",
				 pid);
	/* ECHILD: another process has started it. */
	(void)waitpid(pid, NULL, WNOHANG);
	return 0;
}

int vdu__process_end(struct vdu_ctx *ctx, pid_t pid, int pidfd,
		     struct vdu_error *err)
{
	return end_process(ctx, pid, pidfd, GRACE_MS, err);
}

static int end_openers(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err)
{
	char comm[32] = "";
	pid_t pid, last = 0;
	int r = 0;

	while (r == 0 &&
	       (pid = vdu__opener_pid(ctx, name, comm, sizeof(comm)))) {
		CLEANUP_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

		if (pid == getpid())
			return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
					 "this process serves it");
		if (pidfd < 0 && errno != ESRCH)
			return vdu__fail(err, VDU_STAGE_SERVER, -errno,
					 "cannot end its server, pid %d: %s",
					 pid, strerror(errno));
		/* Else its pid may be another's by now. */
		if (pidfd >= 0 && vdu__opener_pid(ctx, name, NULL, 0) == pid) {
			if (pid != last)
				vdu__log(ctx, 4, "ending pid %d (%s), which serves it",
					 pid, comm);
			last = pid;
			r = end_process(ctx, pid, pidfd, GRACE_MS, err);
		}
		if (r == 0)
			r = vdu__check_cancel(ctx, "its server was gone", err);
	}
	return r;
}

/*
 * It is not to bring the server back, and if it can it ends in peace: systemd
 * would start again what was killed. Its pidfd.
 */
static int tell_supervisor(struct vdu_ctx *ctx, const char *name,
			   pid_t *ret_pid)
{
	int pidfd = vdu__supervisor_pidfd(ctx, name, ret_pid);

	if (pidfd < 0)
		return pidfd;
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0);
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	return pidfd;
}

int vdu__server_end(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	pid_t above = 0, pid = 0;
	CLEANUP_CLOSE int above_fd = tell_supervisor(ctx, name, &above);
	CLEANUP_CLOSE int pidfd = vdu__server_pidfd(ctx, name, &pid);
	bool gentle;
	int r = 0;

	if (pidfd >= 0) {
		/* A rescue server has no socket, and never much to finish. */
		gentle = vdu__rescue_pid(ctx, name) == pid ||
			 answers(ctx, name);
		r = end_process(ctx, pid, pidfd, gentle ? GRACE_MS : 0, err);
	}
	if (r == 0 && above_fd >= 0)
		r = end_process(ctx, above, above_fd, GRACE_MS, err);
	return r < 0 ? r : end_openers(ctx, name, err);
}
