// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Who uses the node of a device. Mounts stand in their own file; the last
 * word has the kernel, by an exclusive open.
 */
#include "lib/bus/holders.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bus/bus.h"
#include "lib/bus/proc-fds.h"
#include "lib/bus/sysfs.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

void vdu__holders_add(struct vdu__holders *holders, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	char **grown;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (r < 0) {
		text = NULL;
		return;
	}
	/* Cloned mount namespaces show the same mount again and again. */
	for (unsigned int i = 0; i < holders->n; i++)
		if (!strcmp(holders->text[i], text))
			return;
	grown = reallocarray(holders->text, holders->n + 1, sizeof(*grown));
	if (!grown)
		return;
	holders->text = grown;
	holders->text[holders->n++] = TAKE_PTR(text);
}

void vdu__holders_free(struct vdu__holders *holders)
{
	for (unsigned int i = 0; i < holders->n; i++)
		free(holders->text[i]);
	free(holders->text);
}

int vdu__parts_find(const struct vdu__parts *parts, dev_t rdev)
{
	for (unsigned int i = 0; i < parts->n; i++)
		if (parts->part[i].rdev == rdev)
			return (int)i;
	return -1;
}

int vdu__parts_find_path(const struct vdu__parts *parts, const char *path)
{
	if (strncmp(path, "/dev/", 5) != 0)
		return -1;
	for (unsigned int i = 0; i < parts->n; i++)
		if (!strcmp(parts->part[i].name, path + 5))
			return (int)i;
	return -1;
}

static void add_part(const struct vdu_ctx *ctx, struct vdu__parts *parts,
		     const char *name, const char *dir)
{
	dev_t rdev;

	if (parts->n >= VDU__PARTS_MAX ||
	    vdu__read_dev_at(ctx, &rdev, "%s/dev", dir) < 0)
		return;
	parts->part[parts->n].rdev = rdev;
	(void)snprintf(parts->part[parts->n].name,
		       sizeof(parts->part[0].name), "%s", name);
	parts->n++;
}

static void find_parts(const struct vdu_ctx *ctx, const char *disk,
		       struct vdu__parts *parts)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/sys/block/%s", disk);
	struct dirent *entry;
	char path[512];

	(void)snprintf(path, sizeof(path), "/sys/block/%s", disk);
	parts->type = S_IFBLK;
	add_part(ctx, parts, disk, path);
	while (dir && (entry = vdu__readdir(dir))) {
		if (strncmp(entry->d_name, disk, strlen(disk)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/block/%s/%s", disk,
			       entry->d_name);
		add_part(ctx, parts, entry->d_name, path);
	}
}

/* dm and md devices on the disk (part 0) or one of its partitions. */
static void add_stacked(const struct vdu_ctx *ctx,
			const struct vdu__parts *parts, unsigned int i,
			struct vdu__holders *holders)
{
	const char *disk = parts->part[0].name;
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/sys/block/%s/%s/holders",
					       disk,
					       i ? parts->part[i].name : ".");
	struct dirent *entry;
	char name[128];

	while (dir && (entry = vdu__readdir(dir))) {
		if (vdu__read_at(ctx, name, sizeof(name),
				 "/sys/block/%s/dm/name", entry->d_name) > 0)
			vdu__holders_add(holders, "used by %s (%s)",
					 entry->d_name, name);
		else
			vdu__holders_add(holders, "used by %s", entry->d_name);
	}
}

/*
 * A loop device has its disk open within the kernel, neither exclusively nor
 * in a process.
 */
static void add_loops(const struct vdu_ctx *ctx,
		      const struct vdu__parts *parts,
		      struct vdu__holders *holders)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/sys/block");
	char file[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = vdu__readdir(dir)))
		if (strncmp(entry->d_name, "loop", 4) == 0 &&
		    vdu__read_at(ctx, file, sizeof(file),
				 "/sys/block/%s/loop/backing_file",
				 entry->d_name) > 0 &&
		    vdu__path(ctx, path, sizeof(path), "%s", file) == 0 &&
		    stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
		    vdu__parts_find(parts, st.st_rdev) >= 0)
			vdu__holders_add(holders, "used by %s", entry->d_name);
}

static void add_swaps(const struct vdu_ctx *ctx,
		      const struct vdu__parts *parts,
		      struct vdu__holders *holders)
{
	char text[8192], *save = NULL;

	if (vdu__read_at(ctx, text, sizeof(text), "/proc/swaps") < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, " \t")] = '\0';
		if (vdu__parts_find_path(parts, line) >= 0)
			vdu__holders_add(holders, "swap on %s", line);
	}
}

struct fd_walk {
	const struct vdu_ctx *ctx;
	const struct vdu__parts *parts;
	struct vdu__holders *holders;
};

static int check_fd(pid_t pid, mode_t type, dev_t rdev, void *data)
{
	struct fd_walk *walk = data;
	char comm[64];

	if (type != walk->parts->type ||
	    vdu__parts_find(walk->parts, rdev) < 0)
		return 0;
	vdu__proc_comm(walk->ctx, pid, comm, sizeof(comm));
	/* It looks at every new disk for a moment, and leaves by itself. */
	if (strcmp(comm, "(udev-worker)") != 0 &&
	    strcmp(comm, "systemd-udevd") != 0)
		vdu__holders_add(walk->holders, "open in pid %d (%s)", pid,
				 comm);
	return 0;
}

static int check_process(const struct vdu_ctx *ctx, pid_t pid, void *data)
{
	if (pid == getpid())
		return 0;
	return vdu__proc_fds(ctx, pid, check_fd, data);
}

/* -EBUSY: something in the kernel has it for itself. */
static int probe_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	int fd = open(data, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);

	(void)ctx;
	if (fd < 0)
		return errno == EBUSY ?
			vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY,
				  "in exclusive use by the kernel") : 0;
	(void)close(fd);
	return 0;
}

static int find_block(struct vdu_ctx *ctx, const struct vdu__binding *binding,
		      struct vdu__holders *holders, struct vdu_error *err)
{
	struct vdu__parts parts = { 0 };
	struct fd_walk walk = { ctx, &parts, holders };
	char path[PATH_MAX];
	int r;

	find_parts(ctx, binding->block, &parts);
	if (!parts.n)
		return 0;
	vdu__holders_mounts(ctx, &parts, holders);
	add_swaps(ctx, &parts, holders);
	for (unsigned int i = 0; i < parts.n; i++)
		add_stacked(ctx, &parts, i, holders);
	add_loops(ctx, &parts, holders);
	(void)vdu__proc_each(ctx, check_process, &walk);
	if (holders->n || vdu__path(ctx, path, sizeof(path), "%s",
				    binding->node) < 0)
		return 0;
	/* An open can wait behind another one that waits for the server. */
	r = vdu__in_child(ctx, "opening the disk", probe_child, path,
			  sizeof(path), err);
	if (r == -EBUSY)
		vdu__holders_add(holders, "in exclusive use by the kernel");
	return r == -EBUSY ? 0 : r;
}

static void find_vhost(struct vdu_ctx *ctx, const char *name,
		       const struct vdu__binding *binding,
		       struct vdu__holders *holders)
{
	struct vdu__parts parts = { .type = S_IFCHR };
	struct fd_walk walk = { ctx, &parts, holders };
	const char *child = binding->node + strlen("/dev/");
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), VDU__SYS_VDPA "/%s", name, name,
		       child);
	add_part(ctx, &parts, child, dir);
	if (parts.n)
		(void)vdu__proc_each(ctx, check_process, &walk);
}

/* Whole phrases only; what does not fit is counted. */
static void join(const struct vdu__holders *holders, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < holders->n; i++) {
		int n = snprintf(text + len, size - len, "%s%s",
				 i ? ", " : "", holders->text[i]);

		if (n >= 0 && (size_t)n < size - len) {
			len += (size_t)n;
			continue;
		}
		text[len] = '\0';
		(void)snprintf(text + len, size - len, " ...");
		return;
	}
}

PUBLIC int vdu_holders(struct vdu_ctx *ctx, const char *name,
		       char *text, size_t text_size, struct vdu_error *err)
{
	CLEANUP(vdu__holders_free) struct vdu__holders holders = { 0 };
	struct vdu__binding binding;
	int r = 0;

	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	vdu__binding_read(ctx, name, &binding);
	if (binding.block[0])
		r = find_block(ctx, &binding, &holders, err);
	else if (binding.driver == VDU_DRIVER_VHOST && binding.node[0])
		find_vhost(ctx, name, &binding, &holders);
	if (r < 0)
		return r;
	if (text_size)
		join(&holders, text, text_size);
	return (int)holders.n;
}
