// SPDX-License-Identifier: LGPL-2.1-or-later
/* Starting and stopping the server process of a device. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vduse/manage.h>

#include "lib/server/client.h"
#include "lib/server/systemd.h"
#include "lib/util/lock.h"

/* How long a killed server may take to be gone. */
#define END_MS 1000

/* A socket for the readiness protocol, in the device's run directory. */
static int notify_socket(struct vdu_ctx *ctx, const char *name,
			 char path[static PATH_MAX], struct vdu_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
				      SOCK_NONBLOCK, 0);
	int r;

	r = vdu__path(ctx, addr.sun_path, sizeof(addr.sun_path),
		      VDU_RUN_DIR "/%s/notify", name);
	if (r < 0 || fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r < 0 ? r : -errno,
				 "cannot make a socket to hear from its server");
	(void)unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot bind %s: %s", addr.sun_path,
				 strerror(errno));
	(void)snprintf(path, PATH_MAX, "%s", addr.sun_path);
	return TAKE_FD(fd);
}

/* In the child: become the server. Nothing of ours but the log stays open. */
static void exec_server(const struct vdu_ctx *ctx, const char *name,
			const char *notify, int log_fd)
{
	const char *const argv[] = { "vdusectl", "serve", name, NULL };
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(log_fd, STDOUT_FILENO) < 0 ||
	    dup2(log_fd, STDERR_FILENO) < 0 || chdir("/") < 0 ||
	    setenv("NOTIFY_SOCKET", notify, 1) < 0)
		_exit(126);
	/* What a careless caller left open must not live on in a server. */
	(void)syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	execv(ctx->server_program, (char *const *)argv);
	_exit(127);
}

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

/* One notification; 1: ready, 0: something else, or its failure. */
static int take_notification(int fd, struct vdu_error *err)
{
	char text[1024], status[sizeof(err->text)] = "it did not say why";
	int code = 0, stage = VDU_STAGE_SERVER;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	char *line, *rest = text;

	if (n < 0)
		return 0;
	text[n] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		if (!strcmp(line, "READY=1"))
			return 1;
		(void)sscanf(line, "ERRNO=%d", &code);
		(void)sscanf(line, "X_VDUSECTL_STAGE=%d", &stage);
		if (!strncmp(line, "STATUS=", 7))
			(void)snprintf(status, sizeof(status), "%s", line + 7);
	}
	if (code <= 0)
		return 0;
	return vdu__fail(err, stage, -code, "%s", status);
}

static int wait_ready(struct vdu_ctx *ctx, int fd, int pidfd,
		      struct vdu_error *err)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = ctx->cancel_fd, .events = POLLIN },
			{ .fd = fd, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};
		int r;

		if (poll(fds, 3, vdu__remaining_ms(ctx, -1)) < 0 &&
		    errno != EINTR)
			return vdu__fail(err, VDU_STAGE_SERVER, -errno,
					 "poll: %s", strerror(errno));
		r = take_notification(fd, err);
		if (r)
			return MIN(r, 0);
		if (fds[2].revents)
			return vdu__fail(err, VDU_STAGE_SERVER, -EIO,
					 "its server ended at once");
		r = vdu__check_cancel(ctx, "its server was ready", err);
		if (r < 0)
			return r;
	}
}

/* One that did not make it. It is our child: it must not stay a zombie. */
static void end_server(pid_t pid, int pidfd)
{
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };

	(void)kill(pid, SIGKILL);
	(void)poll(&gone, 1, END_MS);
	(void)waitpid(pid, NULL, WNOHANG);
}

int vdu__server_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	CLEANUP_CLOSE int log_fd = open_log(ctx, name, err);
	CLEANUP_CLOSE int notify_fd = -EBADF;
	CLEANUP_CLOSE int pidfd = -EBADF;
	char notify[PATH_MAX];
	pid_t pid;
	int r;

	if (vdu__systemd_usable(ctx))
		return vdu__systemd_start(ctx, name, err);
	if (log_fd < 0)
		return log_fd;
	notify_fd = notify_socket(ctx, name, notify, err);
	if (notify_fd < 0)
		return notify_fd;
	pid = fork();
	if (pid < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno, "fork: %s",
				 strerror(errno));
	if (pid == 0)
		exec_server(ctx, name, notify, log_fd);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = pidfd < 0 ? vdu__fail(err, VDU_STAGE_SERVER, -errno,
				  "pidfd_open: %s", strerror(errno)) :
			wait_ready(ctx, notify_fd, pidfd, err);
	(void)unlink(notify);
	if (r < 0)
		end_server(pid, pidfd);
	return r;
}

static int wait_gone(struct vdu_ctx *ctx, int pidfd, struct vdu_error *err)
{
	int r = vdu__wait_fd(ctx, pidfd, POLLIN, -1);

	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 "its server did not stop in time");
	return 0;
}

int vdu__server_stop(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	pid_t pid = vdu__server_pid(ctx, name);
	CLEANUP_CLOSE int pidfd = -EBADF;
	int r;

	/* One that was started without systemd is still there after this. */
	r = vdu__systemd_usable(ctx) ? vdu__systemd_stop(ctx, name, err) : 0;
	if (r < 0 || !pid)
		return r;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Gone in between, or still the one that holds the lock. */
	if (pidfd < 0 || vdu__server_pid(ctx, name) != pid)
		return 0;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return errno == ESRCH ? 0 :
			vdu__fail(err, VDU_STAGE_SERVER, -errno,
				  "cannot stop its server, pid %d: %s", pid,
				  strerror(errno));
	r = wait_gone(ctx, pidfd, err);
	/* ECHILD: another process has started it. */
	if (r == 0)
		(void)waitpid(pid, NULL, WNOHANG);
	return r;
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

	if (r < 0)
		return r;
	return vdu__server_pid(ctx, name) ? 0 :
					    vdu__server_start(ctx, name, err);
}

PUBLIC int vdu_stop(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	int r = require_ours(ctx, name, &lock, err);

	return r < 0 ? r : vdu__server_stop(ctx, name, err);
}
