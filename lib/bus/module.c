// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel modules: finding them, loading them, reading what they say. */
#include "lib/bus/module.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

/* modinfo may read from a slow disk, but not for long. */
#define MODINFO_TIMEOUT_NS UINT64_C(5000000000)

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

/* One "key=value" of modinfo -0. */
static void note_info(struct vdu__module_info *info, const char *text)
{
	const struct {
		const char *key;
		char *value;
		size_t size;
	} texts[] = {
		{ "version=", info->version, sizeof(info->version) },
		{ "srcversion=", info->srcversion, sizeof(info->srcversion) },
		{ "signer=", info->signer, sizeof(info->signer) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t len = strlen(texts[i].key);

		if (!strncmp(text, texts[i].key, len))
			(void)snprintf(texts[i].value, texts[i].size, "%s",
				       text + len);
	}
	if (!strcmp(text, "intree=Y"))
		info->intree = true;
	else if (!strncmp(text, "sig_id=", strlen("sig_id=")))
		info->is_signed = true;
}

int vdu__module_info(struct vdu_ctx *ctx, const char *path,
		     struct vdu__module_info *ret)
{
	const char *argv[] = { "modinfo", "-0", "--", NULL, NULL };
	uint64_t deadline = ctx->deadline_ns;
	uint64_t cap = vdu__now_ns() + MODINFO_TIMEOUT_NS;
	char name[PATH_MAX], text[16384] = "";
	struct vdu__module_info info = { 0 };
	struct utsname uts;
	size_t len = 0;
	int r;

	if (uname(&uts) < 0)
		return -errno;
	r = vdu__path(ctx, name, sizeof(name), "/lib/modules/%s/%s",
		      uts.release, path);
	if (r < 0)
		return r;
	argv[3] = name;
	ctx->deadline_ns = MIN(deadline, cap);
	r = vdu__run_output(ctx, argv, text, sizeof(text) - 1, &len);
	ctx->deadline_ns = deadline;
	if (r != 0)
		return r < 0 ? r : -EIO;
	text[len] = '\0';
	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		note_info(&info, text + at);
	*ret = info;
	return 0;
}
