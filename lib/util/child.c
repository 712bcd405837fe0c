// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sacrificial child processes, watched through a pipe. */
#include "lib/util/child.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/util/macro.h"

/* What the child sends back: at most PIPE_BUF, so that one write is whole. */
struct report {
	int result;
	struct vdu_error err;
};

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A child that is stuck in the kernel stays behind; init reaps it later. */
static void abandon(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, WNOHANG);
}

static int read_whole(int fd, void *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, (char *)buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		len += (size_t)n;
	}
	return 0;
}

static void write_whole(int fd, const void *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = write(fd, (const char *)buf + len, size - len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			len += (size_t)n;
	}
}

/*
 * A child that hangs lives on after us. What it keeps open stays busy: our
 * locks, and the pipe to whoever waits for our output to end.
 */
static void keep_only(int a, int b)
{
	unsigned int low = (unsigned int)MIN(a, b);
	unsigned int high = (unsigned int)MAX(a, b);

	if (low > 0)
		(void)syscall(SYS_close_range, 0, low - 1, 0);
	if (high - low > 1)
		(void)syscall(SYS_close_range, low + 1, high - 1, 0);
	(void)syscall(SYS_close_range, high + 1, ~0U, 0);
}

static int collect(pid_t pid, int fd, const char *what, void *data,
		   size_t size, struct vdu_error *err)
{
	struct report report;
	CLEANUP_FREE char *copy = malloc(size ? size : 1);
	int r = copy ? 0 : -ENOMEM;

	if (r == 0)
		r = read_whole(fd, &report, sizeof(report));
	if (r == 0)
		r = read_whole(fd, copy, size);
	(void)waitpid(pid, NULL, 0);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "the helper process for '%s' died", what);
	if (size)
		memcpy(data, copy, size);
	if (report.result < 0 && err)
		*err = report.err;
	return report.result;
}

int vdu__in_child(struct vdu_ctx *ctx, const char *what,
		  int (*fn)(struct vdu_ctx *ctx, void *data,
			    struct vdu_error *err),
		  void *data, size_t size, struct vdu_error *err)
{
	CLEANUP_CLOSE int rfd = -EBADF;
	CLEANUP_CLOSE int wfd = -EBADF;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno, "pipe: %s",
				 strerror(errno));
	rfd = fds[0];
	wfd = fds[1];
	pid = fork();
	if (pid < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno, "fork: %s",
				 strerror(errno));
	if (pid == 0) {
		struct report report = { 0 };

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		keep_only(wfd, ctx->cancel_fd);
		report.result = fn(ctx, data, &report.err);
		write_whole(wfd, &report, sizeof(report));
		write_whole(wfd, data, size);
		_exit(0);
	}
	(void)close(TAKE_FD(wfd));
	r = vdu__wait_fd(ctx, rfd, POLLIN, -1);
	if (r < 0) {
		abandon(pid);
		return vdu__fail(err, VDU_STAGE_CANCEL, r, "%s %s", what,
				 r == -EINTR ? "was interrupted" :
					       "did not end in time");
	}
	return collect(pid, rfd, what, data, size, err);
}

/* out: where stdout goes, -1: nowhere. It may be one of the first three. */
static void exec_quietly(const char *const argv[], int out)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (out < 0)
		out = null_fd;
	if (out >= 0 && dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
		(void)fcntl(STDOUT_FILENO, F_SETFD, 0);
	if (null_fd >= 0) {
		(void)dup2(null_fd, STDIN_FILENO);
		(void)dup2(null_fd, STDERR_FILENO);
	}
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* Until the program ends; one that does not is left to its fate. */
static int wait_program(struct vdu_ctx *ctx, pid_t pid)
{
	CLEANUP_CLOSE int pidfd = open_pidfd(pid);
	int status, r;

	if (pidfd < 0) {
		abandon(pid);
		return -errno;
	}
	r = vdu__wait_fd(ctx, pidfd, POLLIN, -1);
	if (r < 0) {
		abandon(pid);
		return r;
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
}

int vdu__run(struct vdu_ctx *ctx, const char *const argv[])
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		exec_quietly(argv, -1);
	return wait_program(ctx, pid);
}

/* All until the end of fd, as far as it fits. Number of bytes or -errno. */
static ssize_t read_output(struct vdu_ctx *ctx, int fd, char *buf, size_t size)
{
	char rest[512];
	size_t len = 0;
	ssize_t n;
	int r;

	do {
		bool full = len == size;

		r = vdu__wait_fd(ctx, fd, POLLIN, -1);
		if (r < 0)
			return r;
		n = full ? read(fd, rest, sizeof(rest)) :
			   read(fd, buf + len, size - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && !full)
			len += (size_t)n;
	} while (n != 0);
	return (ssize_t)len;
}

int vdu__run_output(struct vdu_ctx *ctx, const char *const argv[],
		    char *buf, size_t size, size_t *ret_len)
{
	CLEANUP_CLOSE int rfd = -EBADF;
	int fds[2];
	ssize_t len;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	rfd = fds[0];
	pid = fork();
	if (pid == 0)
		exec_quietly(argv, fds[1]);
	(void)close(fds[1]);
	if (pid < 0)
		return -EAGAIN;
	len = read_output(ctx, rfd, buf, size);
	if (len < 0) {
		abandon(pid);
		return (int)len;
	}
	*ret_len = (size_t)len;
	return wait_program(ctx, pid);
}
