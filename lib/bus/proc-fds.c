// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which processes have which device nodes open. */
#include "lib/bus/proc-fds.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <vduse/parse.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

int vdu__proc_each(const struct vdu_ctx *ctx,
		   int (*fn)(const struct vdu_ctx *ctx, pid_t pid, void *data),
		   void *data)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/proc");
	struct dirent *entry;

	if (!dir)
		return 0;
	while ((entry = vdu__readdir(dir))) {
		uint64_t pid;
		int r;

		if (vdu_parse_uint(entry->d_name, 1, INT_MAX, &pid) < 0)
			continue;
		r = fn(ctx, (pid_t)pid, data);
		if (r)
			return r;
	}
	return 0;
}

int vdu__proc_fds(const struct vdu_ctx *ctx, pid_t pid,
		  int (*fn)(pid_t pid, mode_t type, dev_t rdev, void *data),
		  void *data)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/proc/%d/fd", pid);
	struct dirent *entry;

	if (!dir)
		return 0;
	while ((entry = vdu__readdir(dir))) {
		struct statx st;
		mode_t type;
		int r;

		/* DONT_SYNC: a file on a dead file server must not hold us. */
		if (statx(dirfd(dir), entry->d_name, AT_STATX_DONT_SYNC,
			  STATX_TYPE, &st) < 0)
			continue;
		type = st.stx_mode & S_IFMT;
		if (type != S_IFCHR && type != S_IFBLK)
			continue;
		r = fn(pid, type,
		       makedev(st.stx_rdev_major, st.stx_rdev_minor), data);
		if (r)
			return r;
	}
	return 0;
}

void vdu__proc_comm(const struct vdu_ctx *ctx, pid_t pid,
		    char *buf, size_t size)
{
	char text[64];

	if (vdu__read_at(ctx, text, sizeof(text), "/proc/%d/comm", pid) < 0)
		(void)snprintf(text, sizeof(text), "?");
	(void)snprintf(buf, size, "%s", text);
}

struct search {
	dev_t rdev;
	pid_t pid;
};

static int match_fd(pid_t pid, mode_t type, dev_t rdev, void *data)
{
	struct search *search = data;

	if (type != S_IFCHR || rdev != search->rdev)
		return 0;
	search->pid = pid;
	return 1;
}

static int search_process(const struct vdu_ctx *ctx, pid_t pid, void *data)
{
	return vdu__proc_fds(ctx, pid, match_fd, data);
}

pid_t vdu__opener_pid(const struct vdu_ctx *ctx, const char *name,
		      char *comm, size_t comm_size)
{
	struct search search = { 0 };

	if (vdu__read_dev_at(ctx, &search.rdev, VDU__SYS_DEVICE "/dev",
			     name) < 0 ||
	    vdu__proc_each(ctx, search_process, &search) == 0)
		return 0;
	if (comm)
		vdu__proc_comm(ctx, search.pid, comm, comm_size);
	return search.pid;
}
