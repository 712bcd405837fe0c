// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Starting, replacing and stopping the processes of a device: its supervisor,
 * and by that its server.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vduse/manage.h>

#include "lib/server/client.h"
#include "lib/server/launch.h"
#include "lib/server/news.h"
#include "lib/server/record.h"
#include "lib/server/rescue.h"
#include "lib/server/systemd.h"
#include "lib/util/lock.h"

/* How long a killed server may take to be gone. */
#define END_MS 1000

static int open_log(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	char path[PATH_MAX];
	int fd, r;

	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/log", name);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "name too long");
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot open %s: %s", path, strerror(errno));
	return fd;
}

/* Until the process of pidfd says that it serves, or that it cannot. */
static int wait_ready(struct vdu_ctx *ctx, int fd, int pidfd,
		      struct vdu_error *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = ctx->cancel_fd, .events = POLLIN },
			{ .fd = fd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};
		struct vdu__news news;
		int r;

		if (poll(fds, 3, vdu__remaining_ms(ctx, -1)) < 0 &&
		    errno != EINTR)
			return vdu__fail(err, VDU_STAGE_SERVER, -errno,
					 "poll: %s", strerror(errno));
		while (vdu__notify_take(fd, &news)) {
			if (news.ready)
				return 0;
			if (news.failure.code < 0) {
				if (err)
					*err = news.failure;
				return news.failure.code;
			}
		}
		if (fds[2].revents)
			return vdu__fail(err, VDU_STAGE_SERVER, -EIO,
					 "its server ended at once");
		r = vdu__check_cancel(ctx, "its server was ready", err);
		if (r < 0)
			return r;
	}
}

static void wait_end(int pidfd)
{
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };

	(void)poll(&gone, 1, END_MS);
}

/*
 * One that did not make it, with the server that it may have started: one
 * process group. It is our child: it must not stay a zombie.
 */
static void end_launched(struct vdu_ctx *ctx, const char *name, pid_t pid,
			 int pidfd)
{
	pid_t server;
	CLEANUP_CLOSE int server_fd = vdu__server_pidfd(ctx, name, &server);
	/* Not one that it has adopted. */
	bool its_own = server_fd >= 0 && getpgid(server) == pid;

	/* It may not have come to make the group. */
	(void)kill(pid, SIGKILL);
	(void)kill(-pid, SIGKILL);
	wait_end(pidfd);
	(void)waitpid(pid, NULL, WNOHANG);
	if (its_own)
		wait_end(server_fd);
}

/* Until it says READY on the socket called file, or what went wrong. */
static int start(struct vdu_ctx *ctx, const char *name, const char *mode,
		 const char *file, struct vdu_error *err)
{
	CLEANUP_CLOSE int log_fd = open_log(ctx, name, err);
	struct vdu__launch how = {
		.mode = mode, .log_fd = log_fd, .session = true,
		.backend_fd = -EBADF,
	};
	CLEANUP_CLOSE int notify_fd = -EBADF;
	CLEANUP_CLOSE int pidfd = -EBADF;
	char notify[PATH_MAX];
	pid_t pid;
	int r;

	if (log_fd < 0)
		return log_fd;
	notify_fd = vdu__notify_listen(ctx, name, file, notify, err);
	if (notify_fd < 0)
		return notify_fd;
	how.notify = notify;
	pid = vdu__launch(ctx, name, &how, &pidfd);
	r = pid < 0 ? vdu__fail(err, VDU_STAGE_SERVER, pid,
				"cannot start a process: %s", strerror(-pid)) :
		      wait_ready(ctx, notify_fd, pidfd, err);
	(void)unlink(notify);
	if (r < 0 && pid > 0)
		end_launched(ctx, name, pid, pidfd);
	return r;
}

/*
 * A server that is gone for long is not for a supervisor to make up for: who
 * starts one wants to know if it cannot.
 */
static void forget_lost(struct vdu_ctx *ctx, const char *name)
{
	struct vdu__record record;

	vdu__record_load(ctx, name, &record);
	if (!record.server || vdu__server_pid(ctx, name))
		return;
	record.server = 0;
	record.failing = false;
	(void)vdu__record_save(ctx, name, &record);
}

int vdu__server_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	forget_lost(ctx, name);
	if (vdu__systemd_usable(ctx))
		return vdu__systemd_start(ctx, name, err);
	return start(ctx, name, "--supervise", VDU_NOTIFY_START, err);
}

int vdu__rescue_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	int r = vdu__rescue_dir(ctx, name, err);

	return r < 0 ? r : start(ctx, name, "--rescue", VDU_NOTIFY_RESCUE, err);
}

/*
 * A living supervisor is to try now, if it is not serving (SIGUSR1), or to
 * replace its server, and itself (SIGUSR2).
 */
static int ask_supervisor(struct vdu_ctx *ctx, const char *name, int number,
			  struct vdu_error *err)
{
	CLEANUP_CLOSE int notify_fd = -EBADF;
	CLEANUP_CLOSE int pidfd = -EBADF;
	char notify[PATH_MAX];
	pid_t pid;
	int r;

	notify_fd = vdu__notify_listen(ctx, name, VDU_NOTIFY_START, notify,
				       err);
	if (notify_fd < 0)
		return notify_fd;
	pidfd = vdu__supervisor_pidfd(ctx, name, &pid);
	if (pidfd < 0 ||
	    syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0)
		r = vdu__fail(err, VDU_STAGE_SERVER, -EAGAIN,
			      "its supervisor has just ended");
	else
		r = wait_ready(ctx, notify_fd, pidfd, err);
	(void)unlink(notify);
	return r;
}

/* End the process that who finds, and wait until it is gone. */
static int end_process(struct vdu_ctx *ctx, const char *name,
		       int (*who)(const struct vdu_ctx *ctx, const char *name,
				  pid_t *ret_pid),
		       struct vdu_error *err)
{
	pid_t pid = 0;
	CLEANUP_CLOSE int pidfd = who(ctx, name, &pid);
	int r = pidfd;

	if (pidfd >= 0 &&
	    syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		r = -errno;
	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 "cannot stop its server: %s", strerror(-r));
	/* It has no reason to be stopped: what serves may be looked at so. */
	if (who == vdu__supervisor_pidfd)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	r = vdu__wait_fd(ctx, pidfd, POLLIN, -1);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 r == -EINTR ? "interrupted before its server had stopped" :
					       "its server did not stop in time");
	/* ECHILD: another process has started it. */
	(void)waitpid(pid, NULL, WNOHANG);
	return 0;
}

/* First who would bring it back; that ends its server as well. */
int vdu__server_stop(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	int r = vdu__systemd_usable(ctx) ? vdu__systemd_stop(ctx, name, err) :
					   0;

	/* What was started without systemd is still there. */
	if (r == 0)
		r = end_process(ctx, name, vdu__supervisor_pidfd, err);
	return r < 0 ? r : end_process(ctx, name, vdu__server_pidfd, err);
}

static int require_ours(struct vdu_ctx *ctx, const char *name, int *ret_lock,
			struct vdu_error *err)
{
	int r = vdu__lock_device(ctx, name, ret_lock, err);

	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	return r;
}

PUBLIC int vdu_start(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	int r = require_ours(ctx, name, &lock, err);
	struct vdu__record record;
	pid_t pid;

	if (r < 0)
		return r;
	pid = vdu__supervisor_pid(ctx, name);
	r = pid ? ask_supervisor(ctx, name, SIGUSR1, err) : -ESRCH;
	/* Else it was about to end: with a server that was stopped. */
	if (r == 0 || (pid && vdu__supervisor_pid(ctx, name) == pid))
		return r;
	/* One that only gives errors is in the way of the real one. */
	if (vdu__rescue_pid(ctx, name)) {
		r = vdu__server_stop(ctx, name, err);
		if (r < 0)
			return r;
	}
	/* What a supervisor has started gets one again, and nothing else. */
	pid = vdu__server_pid(ctx, name);
	vdu__record_load(ctx, name, &record);
	if (pid && pid != record.server)
		return 0;
	return vdu__server_start(ctx, name, err);
}

static bool is_broken(const struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];

	return vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/broken",
			 name) == 0 && access(path, F_OK) == 0;
}

PUBLIC int vdu_restart(struct vdu_ctx *ctx, const char *name,
		       uint64_t *ret_pause_us, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	struct vdu__record before, after;
	pid_t server;
	int r = require_ours(ctx, name, &lock, err);

	*ret_pause_us = 0;
	if (r < 0)
		return r;
	if (is_broken(ctx, name))
		return vdu__fail(err, VDU_STAGE_DEVICE, -EPERM,
				 "the kernel has given the device up");
	server = vdu__server_pid(ctx, name);
	vdu__record_load(ctx, name, &before);
	if (vdu__supervisor_pid(ctx, name)) {
		r = ask_supervisor(ctx, name, SIGUSR2, err);
	} else if (server && server != before.server) {
		r = vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
			      "its server, pid %d, has no supervisor that could replace it",
			      server);
	} else {
		/* A server whose supervisor died has another one then. */
		r = vdu__server_start(ctx, name, err);
		if (r == 0 && server)
			r = ask_supervisor(ctx, name, SIGUSR2, err);
	}
	if (r < 0)
		return r;
	vdu__record_load(ctx, name, &after);
	if (after.handovers != before.handovers)
		*ret_pause_us = after.pause_us;
	return 0;
}

PUBLIC int vdu_stop(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	int r = require_ours(ctx, name, &lock, err);

	return r < 0 ? r : vdu__server_stop(ctx, name, err);
}
