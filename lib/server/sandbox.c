// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a server gives up once everything is open. It keeps its open files, its
 * run directory and the system calls below. There is no mount namespace: a
 * private copy of the host's mounts would keep them busy (Landlock does it).
 */
#include "lib/server/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57	/* Linux 5.6 */
#endif

/*
 * We serve the disk that memory reclaim may have to write to: an allocation of
 * ours must not wait for that reclaim (prctl(2)). Inherited by threads.
 */
void vdu__become_flusher(struct vdu_ctx *ctx)
{
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) < 0)
		vdu__log(ctx, 4, "sandbox: cannot become an I/O flusher: %s",
			 strerror(errno));
}

static int drop_capabilities(struct vdu_error *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/*
	 * The ambient set goes with it, the bounding set stays: no_new_privs is
	 * enough. A library for this one call would ask the kernel for all of
	 * its capabilities at each start of the tool.
	 */
	if (syscall(SYS_capset, &header, none) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot give up capabilities: %s",
				 strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot set no_new_privs: %s",
				 strerror(errno));
	return 0;
}

#define LANDLOCK_FILE_WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE | \
	LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | \
	LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)

/* Every access right of Landlock ABI 1 (Linux 5.13). */
#define LANDLOCK_ALL (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_FILE_WRITES | \
	LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Of the file system only the run directory of this device stays. */
static int restrict_files(struct vdu_ctx *ctx, const char *name)
{
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ALL,
	};
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_FILE_WRITES,
	};
	CLEANUP_CLOSE int ruleset = -EBADF;
	CLEANUP_CLOSE int dir = -EBADF;
	char path[PATH_MAX];

	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr),
			       0);
	if (ruleset < 0)
		return -errno;
	if (vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name) < 0)
		return -ENAMETOOLONG;
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	beneath.parent_fd = dir;
	if (dir < 0 ||
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
		    &beneath, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return -errno;
	return 0;
}

static const int allowed_calls[] = {
	/* data */
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
	SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(preadv), SCMP_SYS(pwritev),
	SCMP_SYS(preadv2), SCMP_SYS(pwritev2), SCMP_SYS(fallocate),
	SCMP_SYS(fdatasync), SCMP_SYS(fsync), SCMP_SYS(ioctl),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	/* waiting, threads, time */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(eventfd2), SCMP_SYS(futex),
	SCMP_SYS(clone),
	SCMP_SYS(clone3), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(sched_yield),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(timerfd_settime),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_getaffinity),
	/* memory */
	SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mprotect),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(mincore),
	/* signals, identity */
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(tgkill),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(prctl),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrandom),
	/* files: the run directory, and standard output */
	SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(lseek),
	SCMP_SYS(newfstatat), SCMP_SYS(fcntl), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(access),
	/* the control socket and sd_notify */
	SCMP_SYS(accept4), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(socket),
};

/* Anything else is answered ENOSYS, as by a kernel that does not have it. */
static int restrict_calls(bool pins)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int r = filter ? 0 : -ENOMEM;

	/* A tree: the kernel tries each of its calls on it while it loads. */
	if (r == 0)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(allowed_calls); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed_calls[i],
				     0);
	/* By its number 0, itself: others of this user are none of its business. */
	if (r == 0 && pins)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
				     SCMP_SYS(sched_setaffinity), 1,
				     SCMP_A0(SCMP_CMP_EQ, 0));
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int vdu__sandbox_enter(struct vdu_ctx *ctx, const char *name, bool pins,
		       struct vdu_error *err)
{
	int r;

	vdu__become_flusher(ctx);
	r = drop_capabilities(err);
	if (r < 0)
		return r;
	r = restrict_files(ctx, name);
	if (r < 0)
		vdu__log(ctx, 4, "sandbox: no Landlock: %s", strerror(-r));
	r = restrict_calls(pins);
	if (r < 0)
		vdu__log(ctx, 4, "sandbox: no system call filter: %s",
			 strerror(-r));
	return 0;
}
