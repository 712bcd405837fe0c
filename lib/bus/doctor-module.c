// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checks of the modules: which vduse is loaded, which one could be. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/bus/doctor.h"
#include "lib/bus/module.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

#define MOK "mokutil --import /var/lib/dkms/mok.pub"

/* Who refuses unsigned modules. */
struct policy {
	char lockdown[32];		/* "none", "integrity", ... */
	bool sig_enforce;
	bool secure_boot;
};

/* EFI variable: four bytes of attributes, then 1 if it is on. */
static bool secure_boot(const struct vdu_ctx *ctx)
{
	char value[8];

	return vdu__read_at(ctx, value, sizeof(value),
			    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c") == 5 &&
	       value[4] == 1;
}

static struct policy read_policy(const struct vdu_ctx *ctx)
{
	struct policy policy = { "none", false, secure_boot(ctx) };
	char text[128];
	const char *open;

	if (vdu__read_at(ctx, text, sizeof(text),
			 "/sys/kernel/security/lockdown") > 0) {
		open = strchr(text, '[');
		if (open)
			(void)sscanf(open, "[%31[^]]", policy.lockdown);
	}
	policy.sig_enforce = vdu__read_at(ctx, text, sizeof(text),
			"/sys/module/module/parameters/sig_enforce") > 0 &&
			text[0] == 'Y';
	return policy;
}

static bool refuses_unsigned(const struct policy *policy)
{
	return policy->sig_enforce || strcmp(policy->lockdown, "none") != 0;
}

void vdu__check_lockdown(struct vdu_ctx *ctx, struct vdu_check *check)
{
	struct policy policy = read_policy(ctx);
	const char *mode = strcmp(policy.lockdown, "none") != 0 ?
			   policy.lockdown : "off";
	const char *boot = policy.secure_boot ? "on" : "off";

	if (!refuses_unsigned(&policy))
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "kernel lockdown off, Secure Boot %s", boot);
	else
		vdu__check_set(check, VDU_CHECK_WARN,
			       "sign modules that do not come with the kernel (mokutil --import)",
			       "kernel lockdown %s, Secure Boot %s%s: unsigned modules are refused",
			       mode, boot,
			       policy.sig_enforce ?
					", module.sig_enforce on" : "");
}

static bool check_module(struct vdu_ctx *ctx, const char *module,
			 struct vdu_check *check)
{
	char path[128], remedy[128];

	switch (vdu__module_find(ctx, module, path, sizeof(path))) {
	case VDU__MODULE_LOADED:
		vdu__check_set(check, VDU_CHECK_OK, NULL, "loaded");
		return true;
	case VDU__MODULE_AVAILABLE:
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "not loaded, comes when needed: %s", path);
		return true;
	case VDU__MODULE_MISSING:
		break;
	}
	(void)snprintf(remedy, sizeof(remedy),
		       "install a kernel that has %s (Debian: linux-image-amd64 or -cloud-amd64 of 6.12)",
		       module);
	vdu__check_set(check, VDU_CHECK_FAIL, remedy,
		       "this kernel has no module %s", module);
	return false;
}

void vdu__check_module(struct vdu_ctx *ctx, struct vdu_check *check)
{
	check_module(ctx, check->name + strlen("module-"), check);
}

/* The module vduse as it runs, and the file that modprobe would take. */
struct vduse {
	bool loaded;
	bool loaded_own;		/* did not come with the kernel */
	char version[64];		/* of the loaded one, as srcversion */
	char srcversion[64];
	char path[128];			/* "": there is no file */
	bool file_own;
	struct vdu__module_info file;
};

static struct vduse look_at_vduse(struct vdu_ctx *ctx)
{
	struct vduse vduse = { .loaded = vdu__exists(ctx, "/sys/module/vduse") };
	char taint[32];

	if (vduse.loaded) {
		vduse.loaded_own = vdu__read_at(ctx, taint, sizeof(taint),
					"/sys/module/vduse/taint") > 0 &&
				   strchr(taint, 'O');
		if (vdu__read_at(ctx, vduse.version, sizeof(vduse.version),
				 "/sys/module/vduse/version") < 0)
			vduse.version[0] = '\0';
		if (vdu__read_at(ctx, vduse.srcversion,
				 sizeof(vduse.srcversion),
				 "/sys/module/vduse/srcversion") < 0)
			vduse.srcversion[0] = '\0';
	}
	(void)vdu__module_find(ctx, "vduse", vduse.path, sizeof(vduse.path));
	if (!vduse.path[0])
		return vduse;
	/* Without modinfo the place has to tell. */
	if (vdu__module_info(ctx, vduse.path, &vduse.file) == 0)
		vduse.file_own = !vduse.file.intree;
	else
		vduse.file_own = strncmp(vduse.path, "kernel/", 7) != 0;
	return vduse;
}

/* The stock module has no version. */
static const char *describe(bool own, const char *version, char *buf,
			    size_t size)
{
	if (!own)
		return "the stock module";
	(void)snprintf(buf, size, "version %s", version[0] ? version : "unknown");
	return buf;
}

/* Is the file another build than what is loaded? */
static bool differs(const struct vduse *vduse)
{
	if (vduse->loaded_own != vduse->file_own)
		return true;
	if (vduse->srcversion[0] && vduse->file.srcversion[0])
		return strcmp(vduse->srcversion, vduse->file.srcversion) != 0;
	return strcmp(vduse->version, vduse->file.version) != 0;
}

static bool has_devices(const struct vdu_ctx *ctx)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/sys/class/vduse");
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir)))
		if (strcmp(entry->d_name, "control") != 0)
			return true;
	return false;
}

/* Where make kmod-install and dkms put the module for a kernel. */
static bool is_installed(const struct vdu_ctx *ctx, const char *release)
{
	static const char *const dirs[] = { "updates", "updates/dkms", "extra" };
	static const char *const ends[] = { "", ".xz", ".zst", ".gz" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		for (size_t j = 0; j < ARRAY_SIZE(ends); j++)
			if (vdu__exists(ctx, "/lib/modules/%s/%s/vduse.ko%s",
					release, dirs[i], ends[j]))
				return true;
	return false;
}

/* A version that dkms knows the sources of: /var/lib/dkms/vduse/VERSION. */
static bool dkms_version(const struct vdu_ctx *ctx, char *buf, size_t size)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/var/lib/dkms/vduse");
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir))) {
		if (!vdu__exists(ctx, "/var/lib/dkms/vduse/%s/source",
				 entry->d_name))
			continue;
		(void)snprintf(buf, size, "%.63s", entry->d_name);
		return true;
	}
	return false;
}

static bool installed_elsewhere(const struct vdu_ctx *ctx, const char *release,
				char *buf, size_t size)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/lib/modules");
	struct dirent *entry;

	while (dir && (entry = vdu__readdir(dir))) {
		if (!strcmp(entry->d_name, release) ||
		    !is_installed(ctx, entry->d_name))
			continue;
		(void)snprintf(buf, size, "%.63s", entry->d_name);
		return true;
	}
	return false;
}

/* Our module is on this host, but modprobe does not take it: why not? */
static void check_unused(struct vdu_ctx *ctx, struct vdu_check *check,
			 const char *now)
{
	enum vdu_check_status status = MAX(check->status, VDU_CHECK_WARN);
	char found[64], remedy[128];
	struct utsname uts;

	if (uname(&uts) < 0)
		return;
	if (is_installed(ctx, uts.release)) {
		vdu__check_set(check, status, "depmod",
			       "%s; another one is installed, but modprobe does not know it",
			       now);
	} else if (dkms_version(ctx, found, sizeof(found))) {
		(void)snprintf(remedy, sizeof(remedy),
			       "dkms install vduse/%s (with the headers of this kernel)",
			       found);
		vdu__check_set(check, status, remedy,
			       "%s; version %s is in dkms, but not installed for this kernel",
			       now, found);
	} else if (installed_elsewhere(ctx, uts.release, found,
				       sizeof(found))) {
		vdu__check_set(check, status,
			       "make kmod-install, where the sources of vdusectl are",
			       "%s; another one is installed for Linux %s, but not for this kernel",
			       now, found);
	}
}

void vdu__check_vduse(struct vdu_ctx *ctx, struct vdu_check *check)
{
	char now[160], loaded[80], file[80];
	bool there = check_module(ctx, "vduse", check);
	struct vduse vduse = look_at_vduse(ctx);
	const char *of_file = describe(vduse.file_own, vduse.file.version, file,
				       sizeof(file));
	const char *of_loaded = describe(vduse.loaded_own, vduse.version,
					 loaded, sizeof(loaded));

	if (!there)
		(void)snprintf(now, sizeof(now), "%.100s", check->detail);
	else if (vduse.loaded)
		(void)snprintf(now, sizeof(now), "loaded: %s", of_loaded);
	else if (vduse.path[0])
		(void)snprintf(now, sizeof(now), "not loaded, comes when needed: %s",
			       of_file);
	else
		return;

	if (vduse.loaded && vduse.file_own && differs(&vduse))
		vdu__check_set(check, VDU_CHECK_WARN, has_devices(ctx) ?
			       "vdusectl destroy each device, then modprobe -r vduse && modprobe vduse; or reboot" :
			       "modprobe -r vduse && modprobe vduse",
			       "%s; installed: %s, another build (%s)", now,
			       of_file, vduse.path);
	else if (there)
		vdu__check_set(check, VDU_CHECK_OK, NULL, "%s (modprobe takes %s)",
			       now, vduse.path[0] ? vduse.path : "none");
	if (!vduse.file_own)
		check_unused(ctx, check, now);
}

/* Is there a key with this name? Those that the kernel trusts are visible. */
static bool has_key(const struct vdu_ctx *ctx, const char *signer)
{
	CLEANUP_FILE FILE *file = NULL;
	CLEANUP_FREE char *line = NULL;
	char path[PATH_MAX];
	size_t room = 0;

	if (vdu__path(ctx, path, sizeof(path), "/proc/keys") == 0)
		file = fopen(path, "re");
	while (file && getline(&line, &room, file) > 0)
		if (strstr(line, "asymmetri") && strstr(line, signer))
			return true;
	return false;
}

void vdu__check_signature(struct vdu_ctx *ctx, struct vdu_check *check)
{
	struct policy policy = read_policy(ctx);
	bool strict = refuses_unsigned(&policy);
	struct vdu__module_info info;
	char path[128];

	(void)vdu__module_find(ctx, "vduse", path, sizeof(path));
	if (!path[0])
		vdu__check_set(check, VDU_CHECK_OK, NULL, "no module vduse");
	else if (vdu__module_info(ctx, path, &info) < 0)
		vdu__check_set(check, strict ? VDU_CHECK_WARN : VDU_CHECK_OK,
			       NULL, "modinfo tells nothing of %s", path);
	else if (!info.is_signed && strict)
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "dkms signs what it builds; let the firmware know its key: "
			       MOK ", then reboot",
			       "%s is unsigned: this kernel refuses it", path);
	else if (!info.is_signed)
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "%s is unsigned, which this kernel accepts",
			       path);
	else if (strict && !info.intree && !has_key(ctx, info.signer))
		vdu__check_set(check, VDU_CHECK_WARN, MOK ", then reboot",
			       "%s is signed by '%s', a key that this kernel does not show",
			       path, info.signer);
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "%s is signed by '%s'",
			       path, info.signer);
}
