// SPDX-License-Identifier: LGPL-2.1-or-later
/* `vdusectl serve` as a process: what it is started with. */
#include "lib/server/launch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vduse/parse.h>

/* Where a process finds the numbers of descriptors that it has inherited. */
static const char *const inherited_names[] = {
	[VDU_INHERITED_BACKEND] = "VDUSECTL_BACKEND_FD",
	[VDU_INHERITED_CLAIM] = "VDUSECTL_CLAIM_FD",
};

static int leave(enum vdu__inherited what, int fd)
{
	const char *name = inherited_names[what];
	char number[24];

	if (fd < 0)
		return unsetenv(name) < 0 ? -errno : 0;
	(void)snprintf(number, sizeof(number), "%d", fd);
	return setenv(name, number, 1) < 0 || fcntl(fd, F_SETFD, 0) < 0 ?
		-errno : 0;
}

int vdu__inherited(enum vdu__inherited what)
{
	const char *number = secure_getenv(inherited_names[what]);
	uint64_t fd;

	if (!number || vdu_parse_uint(number, 3, INT32_MAX, &fd) < 0 ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EBADF;
	(void)unsetenv(inherited_names[what]);
	return (int)fd;
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

/*
 * Our program, by its name: that may lead to a newer one by now. Through
 * /proc/self/exe it would be the old one, which is gone, for ever.
 */
static void program(const struct vdu_ctx *ctx, char path[static PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	const size_t end = sizeof(deleted) - 1;
	ssize_t n = -1;

	(void)snprintf(path, PATH_MAX, "%s", ctx->server_program);
	if (!strcmp(path, "/proc/self/exe"))
		n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (n < 0)
		return;
	path[n] = '\0';
	if ((size_t)n > end && !strcmp(path + n - end, deleted))
		path[(size_t)n - end] = '\0';
	if (access(path, X_OK) < 0)
		(void)snprintf(path, PATH_MAX, "/proc/self/exe");
}

/*
 * In the child: become the server. Nothing of ours but the log, and the backend
 * if it is to have that, stays open.
 */
static void exec_server(const struct vdu_ctx *ctx, const char *name,
			const struct vdu__launch *how)
{
	const char *argv[6] = { "vdusectl", "serve" };
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char path[PATH_MAX];
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
	if (leave(VDU_INHERITED_BACKEND, how->backend_fd) < 0 ||
	    leave(VDU_INHERITED_CLAIM, -EBADF) < 0)
		_exit(126);
	program(ctx, path);
	execv(path, (char *const *)argv);
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

int vdu__become(const struct vdu_ctx *ctx, const char *name, const char *mode,
		int claim_fd, int backend_fd)
{
	const char *argv[6] = { "vdusectl", "serve", mode };
	char path[PATH_MAX];
	size_t n = 3;

	if (ctx->log_level != 6)
		argv[n++] = ctx->log_level > 6 ? "--verbose" : "--quiet";
	argv[n] = name;
	program(ctx, path);
	if (leave(VDU_INHERITED_BACKEND, backend_fd) == 0 &&
	    leave(VDU_INHERITED_CLAIM, claim_fd) == 0)
		execv(path, (char *const *)argv);
	return -errno;
}
