// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checks of this process, the run directory and the devices. */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bus/bus.h"
#include "lib/bus/doctor.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

/* The inode of the initial network namespace is not fixed; pid 1 has it. */
static bool same_netns(struct vdu_ctx *ctx, bool *known)
{
	char own[PATH_MAX], init[PATH_MAX];
	struct stat a, b;

	*known = vdu__path(ctx, own, sizeof(own), "/proc/self/ns/net") == 0 &&
		 vdu__path(ctx, init, sizeof(init), "/proc/1/ns/net") == 0 &&
		 stat(own, &a) == 0 && stat(init, &b) == 0;
	return *known && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

void vdu__check_netns(struct vdu_ctx *ctx, struct vdu_check *check)
{
	bool known, same = same_netns(ctx, &known);

	if (!known)
		vdu__check_set(check, VDU_CHECK_WARN, "run it as root",
			       "cannot be told without privileges");
	else if (!same)
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "nsenter --target 1 --net vdusectl ...",
			       "not the namespace of pid 1: the vDPA bus answers only in the initial one");
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "the same as that of pid 1");
}

static bool has_cap(uint64_t effective, unsigned int cap)
{
	return effective >> cap & 1;
}

void vdu__check_privileges(struct vdu_ctx *ctx, struct vdu_check *check)
{
	char text[8192], *line;
	unsigned long long effective = 0;

	if (vdu__read_at(ctx, text, sizeof(text), "/proc/self/status") < 0 ||
	    !(line = strstr(text, "CapEff:")) ||
	    sscanf(line, "CapEff: %llx", &effective) != 1) {
		vdu__check_set(check, VDU_CHECK_WARN, NULL,
			       "cannot read /proc/self/status");
		return;
	}
	if (has_cap(effective, CAP_NET_ADMIN) &&
	    has_cap(effective, CAP_SYS_ADMIN))
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "uid %u with CAP_NET_ADMIN and CAP_SYS_ADMIN",
			       geteuid());
	else
		vdu__check_set(check, VDU_CHECK_FAIL, "run it as root",
			       "uid %u without%s%s: devices cannot be bound",
			       geteuid(),
			       has_cap(effective, CAP_NET_ADMIN) ?
					"" : " CAP_NET_ADMIN",
			       has_cap(effective, CAP_SYS_ADMIN) ?
					"" : " CAP_SYS_ADMIN");
}

void vdu__check_run_dir(struct vdu_ctx *ctx, struct vdu_check *check)
{
	const char *dir = VDU_RUN_DIR;
	char path[PATH_MAX];

	/* It is made when needed: then its parent counts. */
	if (!vdu__exists(ctx, "%s", dir))
		dir = "/run";
	if (vdu__path(ctx, path, sizeof(path), "%s", dir) < 0 ||
	    access(path, W_OK | X_OK) < 0)
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "run it as root, with /run writable",
			       "%s: %s", dir, strerror(errno));
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "%s is writable", dir);
}

/*
 * "broken: a, b" for the devices in one state; returns their number. Those that
 * a reset mends have a check of their own.
 */
static unsigned int add_state(struct vdu_list *list, const char *state,
			      const char *shown, char *text, size_t size)
{
	size_t len = strlen(text);
	unsigned int n = 0;

	for (struct vdu_dev *dev = vdu_list_first(list); dev;
	     dev = vdu_list_next(list, dev)) {
		int m;

		if (strcmp(vdu_dev_state(dev), state) != 0 ||
		    vdu_dev_needs_reset(dev) == 1)
			continue;
		m = n++ ? snprintf(text + len, size - len, ", %s",
				   vdu_dev_name(dev)) :
			  snprintf(text + len, size - len, "%s%s: %s",
				   len ? "; " : "", shown, vdu_dev_name(dev));
		len = MIN(len + (size_t)MAX(m, 0), size - 1);
	}
	return n;
}

void vdu__check_devices(struct vdu_ctx *ctx, struct vdu_check *check)
{
	struct vdu_list *list = NULL;
	struct vdu_error err = { 0 };
	unsigned int broken, stalled, created, n = 0;
	char text[200] = "";

	if (vdu_list_new(ctx, &list, &err) < 0) {
		vdu__check_set(check, VDU_CHECK_FAIL, NULL, "%s", err.text);
		return;
	}
	for (struct vdu_dev *dev = vdu_list_first(list); dev;
	     dev = vdu_list_next(list, dev))
		n += vdu_dev_needs_reset(dev) != 1;
	broken = add_state(list, "broken", "broken", text, sizeof(text));
	stalled = add_state(list, "stalled", "stalled", text, sizeof(text));
	created = add_state(list, "created", "without a server", text,
			    sizeof(text));
	if (broken)
		vdu__check_set(check, VDU_CHECK_FAIL, "vdusectl destroy NAME",
			       "%s", text);
	else if (stalled || created)
		vdu__check_set(check, VDU_CHECK_WARN, "vdusectl start NAME",
			       "%s", text);
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "%u, all served", n);
	vdu_list_free(list);
}
