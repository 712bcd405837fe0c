// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Devices that nobody made or serves, files and processes without a device.
 * Only looks: orphans-repair.c clears.
 */
#include "lib/bus/orphans.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bus/bus.h"
#include "lib/bus/proc-fds.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

static void add(struct vdu__orphans *orphans, enum vdu_orphan_kind kind,
		const char *name, pid_t pid)
{
	struct vdu_orphan *grown = reallocarray(orphans->orphans,
						orphans->n + 1,
						sizeof(*grown));

	if (!grown)
		return;
	orphans->orphans = grown;
	grown += orphans->n++;
	*grown = (struct vdu_orphan){
		.size_of = sizeof(*grown), .kind = kind, .pid = pid,
	};
	(void)snprintf(grown->name, sizeof(grown->name), "%s", name);
}

void vdu__orphans_free(struct vdu__orphans *orphans)
{
	free(orphans->orphans);
}

/* Not ours, and its maker is gone; ours that no driver has, but on the bus. */
static void find_devices(struct vdu_ctx *ctx, enum vdu_orphan_kind kind,
			 struct vdu__orphans *ret)
{
	struct vdu_list *list = NULL;

	if (vdu_list_new(ctx, &list, NULL) < 0)
		return;
	for (struct vdu_dev *dev = vdu_list_first(list); dev;
	     dev = vdu_list_next(list, dev)) {
		bool ours = !strcmp(vdu_dev_owner(dev), "vdusectl");

		if (kind == VDU_ORPHAN_DEVICE && !ours && !vdu_dev_pid(dev))
			add(ret, kind, vdu_dev_name(dev), 0);
		if (kind == VDU_ORPHAN_ATTACHED && ours &&
		    vdu_dev_attached(dev) == 1 && !vdu_dev_driver(dev)[0])
			add(ret, kind, vdu_dev_name(dev), 0);
	}
	vdu_list_free(list);
}

static bool is_directory(const struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name) == 0 &&
	       lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void find_files(struct vdu_ctx *ctx, struct vdu__orphans *ret)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, VDU_RUN_DIR);
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir)))
		if (vdu__is_component(entry->d_name) &&
		    is_directory(ctx, entry->d_name) &&
		    !vdu__device_exists(ctx, entry->d_name))
			add(ret, VDU_ORPHAN_FILES, entry->d_name, 0);
}

/* "NAME" or "NAME.anything" in a directory: a device that is to come back. */
static bool is_kept(const struct vdu_ctx *ctx, const char *name)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/etc/vdusectl/devices");
	size_t len = strlen(name);
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir)))
		if (!strncmp(entry->d_name, name, len) &&
		    (!entry->d_name[len] || entry->d_name[len] == '.'))
			return true;
	return false;
}

/* A default image has the name of its device. */
static void find_images(struct vdu_ctx *ctx, struct vdu__orphans *ret)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, VDU_STATE_DIR);
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir))) {
		size_t len = strlen(entry->d_name);
		char name[256];

		if (len < 5 || len >= sizeof(name) ||
		    strcmp(entry->d_name + len - 4, ".img") != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len - 4,
			       entry->d_name);
		if (!vdu__device_ours(ctx, name) && !is_kept(ctx, name))
			add(ret, VDU_ORPHAN_IMAGE, name, 0);
	}
}

/* NAME of "vdusectl [OPTIONS] serve [OPTIONS] NAME", or NULL. */
static const char *served_name(const char *text, size_t len)
{
	const char *end = text + len, *program = text, *last = NULL;
	const char *slash;
	bool serve = false;

	for (const char *word = text; word < end; word += strlen(word) + 1) {
		serve |= word != text && !strcmp(word, "serve");
		last = word;
	}
	slash = strrchr(program, '/');
	if (strcmp(slash ? slash + 1 : program, "vdusectl") != 0)
		return NULL;
	return serve && last && strcmp(last, "serve") != 0 ? last : NULL;
}

struct search {
	struct vdu__orphans *ret;
};

static int look_at_process(const struct vdu_ctx *ctx, pid_t pid, void *data)
{
	struct search *search = data;
	char text[1024] = "";
	const char *name;
	ssize_t n = vdu__read_at(ctx, text, sizeof(text), "/proc/%d/cmdline",
				 pid);

	name = n > 0 ? served_name(text, (size_t)n) : NULL;
	if (name && !vdu__device_exists(ctx, name))
		add(search->ret, VDU_ORPHAN_PROCESS, name, pid);
	return 0;
}

void vdu__orphans_find(struct vdu_ctx *ctx, enum vdu_orphan_kind kind,
		       struct vdu__orphans *ret)
{
	struct search search = { ret };

	switch (kind) {
	case VDU_ORPHAN_DEVICE:
	case VDU_ORPHAN_ATTACHED:
		find_devices(ctx, kind, ret);
		break;
	case VDU_ORPHAN_FILES:
		find_files(ctx, ret);
		break;
	case VDU_ORPHAN_IMAGE:
		find_images(ctx, ret);
		break;
	case VDU_ORPHAN_PROCESS:
		(void)vdu__proc_each(ctx, look_at_process, &search);
		break;
	case VDU_ORPHAN_AUTOPROBE:
		if (vdu__exists(ctx, VDU_RUN_DIR "/.autoprobe"))
			add(ret, kind, "drivers_autoprobe", 0);
		break;
	}
}
