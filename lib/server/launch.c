// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Starting and stopping the processes of a device: its supervisor, and by that
 * its server.
 */
#include "lib/server/launch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <vduse/manage.h>

#include "lib/server/client.h"
#include "lib/server/record.h"
#include "lib/server/rescue.h"
#include "lib/server/systemd.h"
#include "lib/util/lock.h"

/* How long a killed server may take to be gone. */
#define END_MS 1000

int vdu__notify_listen(struct vdu_ctx *ctx, const char *name, const char *file,
		       char path[static PATH_MAX], struct vdu_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
				      SOCK_NONBLOCK, 0);
	static const int on = 1;
	int r;

	r = vdu__path(ctx, addr.sun_path, sizeof(addr.sun_path),
		      VDU_RUN_DIR "/%s/%s", name, file);
	if (r < 0 || fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r < 0 ? r : -errno,
				 "cannot make a socket to hear from its server");
	(void)unlink(addr.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot bind %s: %s", addr.sun_path,
				 strerror(errno));
	(void)snprintf(path, PATH_MAX, "%s", addr.sun_path);
	return TAKE_FD(fd);
}

static int set_environment(const struct vdu__launch *how)
{
	char usec[24];

	(void)snprintf(usec, sizeof(usec), "%" PRIu64, how->watchdog_ms * 1000);
	if (unsetenv("WATCHDOG_PID") < 0 || unsetenv("WATCHDOG_USEC") < 0 ||
	    unsetenv("NOTIFY_SOCKET") < 0)
		return -errno;
	if ((how->notify && setenv("NOTIFY_SOCKET", how->notify, 1) < 0) ||
	    (how->watchdog_ms && setenv("WATCHDOG_USEC", usec, 1) < 0))
		return -errno;
	return 0;
}

/* In the child: become the server. Nothing of ours but the log stays open. */
static void exec_server(const struct vdu_ctx *ctx, const char *name,
			const struct vdu__launch *how)
{
	const char *argv[6] = { "vdusectl", "serve" };
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = 2;
	sigset_t none;

	if (how->mode)
		argv[n++] = how->mode;
	/* A supervisor's server is to say as much as itself. */
	if (!how->session && ctx->log_level != 6)
		argv[n++] = ctx->log_level > 6 ? "--verbose" : "--quiet";
	argv[n] = name;
	if (how->session)
		(void)setsid();
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(how->log_fd, STDOUT_FILENO) < 0 ||
	    dup2(how->log_fd, STDERR_FILENO) < 0 || chdir("/") < 0 ||
	    set_environment(how) < 0)
		_exit(126);
	/* What a careless caller left open must not live on in a server. */
	(void)syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	execv(ctx->server_program, (char *const *)argv);
	_exit(127);
}

pid_t vdu__launch(const struct vdu_ctx *ctx, const char *name,
		  const struct vdu__launch *how, int *ret_pidfd)
{
	pid_t pid = fork();
	int code;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_server(ctx, name, how);
	*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*ret_pidfd >= 0)
		return pid;
	code = errno;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -code;
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

static void read_line(const char *line, struct vdu__news *news)
{
	struct vdu_error *failure = &news->failure;
	int value;

	news->ready |= !strcmp(line, "READY=1");
	news->watchdog |= !strcmp(line, "WATCHDOG=1");
	news->stopping |= !strcmp(line, "STOPPING=1");
	if (sscanf(line, "ERRNO=%d", &value) == 1 && value > 0)
		failure->code = -value;
	if (sscanf(line, "X_VDUSECTL_STAGE=%d", &value) == 1 && value > 0 &&
	    value < VDU_STAGE_MAX)
		failure->stage = value;
	if (!strncmp(line, "STATUS=", 7))
		(void)snprintf(failure->text, sizeof(failure->text), "%s",
			       line + 7);
}

static pid_t sender(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	struct ucred who;

	if (!part || part->cmsg_level != SOL_SOCKET ||
	    part->cmsg_type != SCM_CREDENTIALS ||
	    part->cmsg_len < CMSG_LEN(sizeof(who)))
		return 0;
	memcpy(&who, CMSG_DATA(part), sizeof(who));
	return who.pid;
}

bool vdu__notify_take(int fd, struct vdu__news *ret)
{
	char text[1024], control[CMSG_SPACE(sizeof(struct ucred))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	char *line, *rest = text;

	if (n < 0)
		return false;
	text[n] = '\0';
	*ret = (struct vdu__news){
		.pid = sender(&message),
		.failure = { .stage = VDU_STAGE_SERVER,
			     .text = "it did not say why" },
	};
	while ((line = strsep(&rest, "\n")))
		read_line(line, ret);
	return true;
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

	if (pidfd >= 0)
		(void)poll(&gone, 1, END_MS);
}

/*
 * One that did not make it, with the server that it may have started: one
 * process group. It is our child: it must not stay a zombie.
 */
static void end_launched(struct vdu_ctx *ctx, const char *name, pid_t pid,
			 int pidfd)
{
	pid_t server = vdu__server_pid(ctx, name);
	/* Not one that it has adopted. */
	CLEANUP_CLOSE int server_fd = server && getpgid(server) == pid ?
		(int)syscall(SYS_pidfd_open, server, 0) : -EBADF;

	/* It may not have come to make the group. */
	(void)kill(pid, SIGKILL);
	(void)kill(-pid, SIGKILL);
	wait_end(pidfd);
	(void)waitpid(pid, NULL, WNOHANG);
	wait_end(server_fd);
}

/* Until it says READY on the socket called file, or what went wrong. */
static int start(struct vdu_ctx *ctx, const char *name, const char *mode,
		 const char *file, struct vdu_error *err)
{
	CLEANUP_CLOSE int log_fd = open_log(ctx, name, err);
	struct vdu__launch how = {
		.mode = mode, .log_fd = log_fd, .session = true,
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

int vdu__server_start(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
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

/* A living supervisor is to try now, if it is not serving. */
static int ask_supervisor(struct vdu_ctx *ctx, const char *name, pid_t pid,
			  struct vdu_error *err)
{
	CLEANUP_CLOSE int notify_fd = -EBADF;
	CLEANUP_CLOSE int pidfd = -EBADF;
	char notify[PATH_MAX];
	int r;

	notify_fd = vdu__notify_listen(ctx, name, VDU_NOTIFY_START, notify,
				       err);
	if (notify_fd < 0)
		return notify_fd;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 || vdu__supervisor_pid(ctx, name) != pid ||
	    syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0) < 0)
		r = vdu__fail(err, VDU_STAGE_SERVER, -EAGAIN,
			      "its supervisor has just ended");
	else
		r = wait_ready(ctx, notify_fd, pidfd, err);
	(void)unlink(notify);
	return r;
}

/* End the process that who finds, and wait until it is gone. */
static int end_process(struct vdu_ctx *ctx, const char *name,
		       pid_t (*who)(const struct vdu_ctx *ctx,
				    const char *name),
		       struct vdu_error *err)
{
	pid_t pid = who(ctx, name);
	CLEANUP_CLOSE int pidfd = -EBADF;
	int r;

	if (!pid)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* Gone in between, or still the one that holds the lock. */
	if (pidfd < 0 || who(ctx, name) != pid)
		return 0;
	if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) < 0)
		return errno == ESRCH ? 0 :
			vdu__fail(err, VDU_STAGE_SERVER, -errno,
				  "cannot stop its server, pid %d: %s", pid,
				  strerror(errno));
	/* It has no reason to be stopped: what serves may be looked at so. */
	if (who == vdu__supervisor_pid)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGCONT, NULL, 0);
	r = vdu__wait_fd(ctx, pidfd, POLLIN, -1);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
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
		r = end_process(ctx, name, vdu__supervisor_pid, err);
	return r < 0 ? r : end_process(ctx, name, vdu__server_pid, err);
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
	r = pid ? ask_supervisor(ctx, name, pid, err) : -ESRCH;
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

PUBLIC int vdu_stop(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	int r = require_ours(ctx, name, &lock, err);

	return r < 0 ? r : vdu__server_stop(ctx, name, err);
}
