// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel modules: finding them and loading them by modprobe(8). */
#include "lib/bus/module.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

/* Files may have '-' where the kernel has '_'. */
static bool is_file_of(const char *path, const char *module)
{
	const char *base = strrchr(path, '/');
	size_t i;

	base = base ? base + 1 : path;
	for (i = 0; module[i]; i++)
		if (base[i] != module[i] &&
		    !(base[i] == '-' && module[i] == '_'))
			return false;
	return !strncmp(base + i, ".ko", 3);
}

/* list is modules.dep ("path: dependencies") or modules.builtin ("path"). */
static bool in_list(const struct vdu_ctx *ctx, const char *list,
		    const char *module, char *path, size_t size)
{
	CLEANUP_FILE FILE *file = NULL;
	CLEANUP_FREE char *line = NULL;
	char name[PATH_MAX];
	struct utsname uts;
	size_t room = 0;

	if (uname(&uts) < 0 ||
	    vdu__path(ctx, name, sizeof(name), "/lib/modules/%s/%s",
		      uts.release, list) < 0)
		return false;
	file = fopen(name, "re");
	if (!file)
		return false;
	while (getline(&line, &room, file) > 0) {
		line[strcspn(line, ":\n")] = '\0';
		if (!is_file_of(line, module))
			continue;
		(void)snprintf(path, size, "%s", line);
		return true;
	}
	return false;
}

enum vdu__module_state vdu__module_find(const struct vdu_ctx *ctx,
					const char *module,
					char *path, size_t size)
{
	bool loaded = vdu__exists(ctx, "/sys/module/%s", module);
	bool to_load;

	path[0] = '\0';
	to_load = in_list(ctx, "modules.dep", module, path, size);
	/* A builtin module without parameters has no directory in sysfs. */
	if (loaded || in_list(ctx, "modules.builtin", module, path, size))
		return VDU__MODULE_LOADED;
	return to_load ? VDU__MODULE_AVAILABLE : VDU__MODULE_MISSING;
}

static const char *reason(int r)
{
	switch (r) {
	case 1:
		return "modprobe refused (no permission, bad signature or blacklist: see the kernel log)";
	case 127:
		return "there is no modprobe on PATH";
	default:
		return r < 0 ? strerror(-r) : "modprobe failed";
	}
}

int vdu__module_load(struct vdu_ctx *ctx, const char *module,
		     struct vdu_error *err)
{
	const char *const argv[] = { "modprobe", "--", module, NULL };
	char path[PATH_MAX];
	struct utsname uts;
	int r;

	if (vdu__exists(ctx, "/sys/module/%s", module))
		return 0;
	vdu__debug(ctx, "module: modprobe %s", module);
	r = vdu__run(ctx, argv);
	if (r == 0)
		return 0;
	if (r == -ETIMEDOUT || r == -EINTR)
		return vdu__fail(err, VDU_STAGE_CANCEL, r,
				 "loading the kernel module %s %s", module,
				 r == -EINTR ? "was interrupted" :
					       "did not end in time");
	if (vdu__module_find(ctx, module, path, sizeof(path)) ==
	    VDU__MODULE_MISSING && uname(&uts) == 0)
		return vdu__fail(err, VDU_STAGE_MODULE, -ENODEV,
				 "the kernel %s has no module %s",
				 uts.release, module);
	return vdu__fail(err, VDU_STAGE_MODULE, -ENODEV,
			 "cannot load the kernel module %s: %s", module,
			 reason(r));
}
