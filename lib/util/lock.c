// SPDX-License-Identifier: LGPL-2.1-or-later
/* Locks on files under the run directory. */
#include "lib/util/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/util/fs.h"

/* flock(2) cannot be waited for with poll(2). */
static int lock_wait(struct vdu_ctx *ctx, int fd, const char *what,
		     struct vdu_error *err)
{
	unsigned int try = 0;

	for (;;) {
		int r;

		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return vdu__fail(err, VDU_STAGE_STATE, -errno,
					 "cannot lock %s: %s", what,
					 strerror(errno));
		r = vdu__pause(ctx, &try);
		if (r < 0)
			return vdu__fail(err, VDU_STAGE_STATE, r,
					 r == -EINTR ? "interrupted before %s was locked" :
						       "%s is locked by another command",
					 what);
	}
}

int vdu__lock_host(struct vdu_ctx *ctx, int *ret_fd, struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR);
	if (r == 0)
		r = vdu__mkdir_p(path, 0755);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot make " VDU_RUN_DIR ": %s",
				 strerror(-r));
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/lock");
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot open " VDU_RUN_DIR "/lock: %s",
				 strerror(errno));
	r = lock_wait(ctx, fd, VDU_RUN_DIR "/lock", err);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_device_lock(const struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];
	int r, fd;

	if (!vdu__is_component(name))
		return -ENOENT;
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/lock", name);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vdu__lock_device(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		     struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = open_device_lock(ctx, name);
	struct stat st;
	int r;

	if (fd == -ENOENT)
		return -ENOENT;
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_STATE, fd,
				 "cannot open the lock: %s", strerror(-fd));
	r = lock_wait(ctx, fd, "the device", err);
	if (r < 0)
		return r;
	/* Destroyed while we waited: the file is nobody's any more. */
	if (fstat(fd, &st) == 0 && st.st_nlink == 0)
		return -ENOENT;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

enum role { SERVER, SUPERVISOR };	/* the byte that it locks */

static struct flock byte_of(enum role role)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET,
			       .l_start = role, .l_len = 1 };
}

/* Nobody's: 0. */
static pid_t holder_at(int fd, enum role role)
{
	struct flock lock = byte_of(role);

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

static pid_t holder(const struct vdu_ctx *ctx, const char *name, enum role role)
{
	CLEANUP_CLOSE int fd = open_device_lock(ctx, name);

	return fd < 0 ? 0 : holder_at(fd, role);
}

static int claim(struct vdu_ctx *ctx, const char *name, enum role role,
		 short type, int *ret_fd, struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = open_device_lock(ctx, name);
	struct flock lock = byte_of(role);

	lock.l_type = type;
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_STATE, fd,
				 "cannot open the lock: %s", strerror(-fd));
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		int code = errno;

		if (code != EAGAIN && code != EACCES)
			return vdu__fail(err, VDU_STAGE_STATE, -code,
					 "cannot lock: %s", strerror(code));
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "it is %s already, by pid %d",
				 role == SERVER ? "served" : "supervised",
				 holder_at(fd, role));
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int vdu__claim_server(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err)
{
	return claim(ctx, name, SERVER, F_WRLCK, ret_fd, err);
}

int vdu__claim_rescue(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err)
{
	return claim(ctx, name, SERVER, F_RDLCK, ret_fd, err);
}

int vdu__claim_supervisor(struct vdu_ctx *ctx, const char *name, int *ret_fd,
			  struct vdu_error *err)
{
	return claim(ctx, name, SUPERVISOR, F_WRLCK, ret_fd, err);
}

int vdu__keep_supervisor(struct vdu_ctx *ctx, const char *name, int fd)
{
	struct flock lock = byte_of(SUPERVISOR);
	struct stat here, there;
	char path[PATH_MAX];
	int r;

	/* Not by opening it: to close that again would drop the claim. */
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s/lock", name);
	if (r < 0)
		return r;
	if (fstat(fd, &here) < 0 || stat(path, &there) < 0 ||
	    fcntl(fd, F_SETLK, &lock) < 0)
		return -errno;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino ?
		0 : -ESTALE;
}

pid_t vdu__server_pid(const struct vdu_ctx *ctx, const char *name)
{
	return holder(ctx, name, SERVER);
}

pid_t vdu__rescue_pid(const struct vdu_ctx *ctx, const char *name)
{
	CLEANUP_CLOSE int fd = open_device_lock(ctx, name);
	struct flock lock = byte_of(SERVER);

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_RDLCK)
		return 0;
	return lock.l_pid;
}

pid_t vdu__supervisor_pid(const struct vdu_ctx *ctx, const char *name)
{
	return holder(ctx, name, SUPERVISOR);
}

static int holder_pidfd(int lock_fd, enum role role, pid_t *ret_pid)
{
	pid_t pid = holder_at(lock_fd, role);
	CLEANUP_CLOSE int pidfd = -EBADF;

	if (!pid)
		return -ESRCH;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	/* It had the lock, and still has it: nobody else has got its pid. */
	if (holder_at(lock_fd, role) != pid)
		return -ESRCH;
	*ret_pid = pid;
	return TAKE_FD(pidfd);
}

static int role_pidfd(const struct vdu_ctx *ctx, const char *name,
		      enum role role, pid_t *ret_pid)
{
	CLEANUP_CLOSE int fd = open_device_lock(ctx, name);

	return fd < 0 ? -ESRCH : holder_pidfd(fd, role, ret_pid);
}

int vdu__server_pidfd(const struct vdu_ctx *ctx, const char *name,
		      pid_t *ret_pid)
{
	return role_pidfd(ctx, name, SERVER, ret_pid);
}

int vdu__supervisor_pidfd(const struct vdu_ctx *ctx, const char *name,
			  pid_t *ret_pid)
{
	return role_pidfd(ctx, name, SUPERVISOR, ret_pid);
}

int vdu__server_pidfd_at(int claim_fd, pid_t *ret_pid)
{
	return holder_pidfd(claim_fd, SERVER, ret_pid);
}
