// SPDX-License-Identifier: GPL-2.0-or-later
/* Which vduse is loaded, which could be, and who refuses it: a made-up host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <cmocka.h>

#include <vduse/inspect.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define STOCK "kernel/drivers/vdpa/vdpa_user/vduse.ko.xz"
#define DKMS "updates/dkms/vduse.ko.xz"

struct host {
	char root[64];
	char modules[160];		/* "/lib/modules/RELEASE" */
	struct vdu_ctx *ctx;
	struct vdu_check check;
};

static void put(struct host *host, const char *name, const char *text,
		size_t len)
{
	char path[512], dir[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s%s", host->root, name);
	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(vdu__mkdir_p(dir, 0755), 0);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put_text(struct host *host, const char *name, const char *text)
{
	put(host, name, text, strlen(text));
}

/* A file of the kernel's modules; info: "key=value;key=value;". */
static void put_module(struct host *host, const char *where, const char *info)
{
	char name[256], text[256];
	size_t len = strlen(info);

	memcpy(text, info, len);
	for (size_t i = 0; i < len; i++)
		if (text[i] == ';')
			text[i] = '\0';
	(void)snprintf(name, sizeof(name), "%s/%s", host->modules, where);
	put(host, name, text, len);
}

static void put_dep(struct host *host, const char *where)
{
	char name[256], text[128];

	(void)snprintf(name, sizeof(name), "%s/modules.dep", host->modules);
	(void)snprintf(text, sizeof(text), "%s: kernel/vdpa.ko\n", where);
	put_text(host, name, text);
}

static void put_loaded(struct host *host, const char *taint,
		       const char *version, const char *srcversion)
{
	put_text(host, "/sys/module/vduse/taint", taint);
	if (version)
		put_text(host, "/sys/module/vduse/version", version);
	if (srcversion)
		put_text(host, "/sys/module/vduse/srcversion", srcversion);
}

static void put_program(struct host *host, const char *text)
{
	char path[128];

	put_text(host, "/bin/modinfo", text);
	(void)snprintf(path, sizeof(path), "%s/bin/modinfo", host->root);
	assert_int_equal(chmod(path, 0755), 0);
}

static int setup(void **state)
{
	struct host *host = calloc(1, sizeof(*host));
	struct utsname uts;
	char path[512];

	assert_non_null(host);
	(void)snprintf(host->root, sizeof(host->root), "/tmp/vdu-doctor.XXXXXX");
	assert_non_null(mkdtemp(host->root));
	assert_int_equal(uname(&uts), 0);
	(void)snprintf(host->modules, sizeof(host->modules), "/lib/modules/%s",
		       uts.release);
	assert_int_equal(vdu_ctx_new(&host->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(host->ctx, host->root), 0);
	/* Files of modules hold here what modinfo -0 says of them. */
	put_program(host, "#!/bin/sh\n"
		    "[ \"$1 $2\" = '-0 --' ] && exec /bin/cat \"$3\"\n");
	(void)snprintf(path, sizeof(path), "%s/bin", host->root);
	assert_int_equal(setenv("PATH", path, 1), 0);
	put_module(host, STOCK, "license=GPL;intree=Y;sig_id=PKCS#7;signer=Build;");
	put_dep(host, STOCK);
	*state = host;
	return 0;
}

static int teardown(void **state)
{
	struct host *host = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "/bin/rm -rf '%s'", host->root);
	assert_int_equal(system(command), 0);
	vdu_ctx_free(host->ctx);
	free(host);
	return 0;
}

/* The check called name says status, and part in its detail. */
static void says(struct host *host, const char *name, int status,
		 const char *part)
{
	struct vdu_check *check = &host->check;
	unsigned int i = 0;

	check->size_of = sizeof(*check);
	while (vdu_doctor_check(host->ctx, i, check) == 0 &&
	       strcmp(check->name, name) != 0)
		i++;
	assert_string_equal(check->name, name);
	if (!strstr(check->detail, part))
		fail_msg("%s: '%s' lacks '%s'", name, check->detail, part);
	assert_int_equal(check->status, status);
	assert_true(status == VDU_CHECK_OK || check->remedy[0]);
}

static void stock_module_alone_is_fine(void **state)
{
	struct host *host = *state;

	says(host, "module-vduse", VDU_CHECK_OK,
	     "not loaded, comes when needed: the stock module (modprobe takes " STOCK);
	says(host, "module-signature", VDU_CHECK_OK, "signed by 'Build'");
	put_loaded(host, "\n", NULL, NULL);
	says(host, "module-vduse", VDU_CHECK_OK,
	     "loaded: the stock module (modprobe takes " STOCK);
	assert_string_equal(host->check.remedy, "");
}

static void our_module_is_told_by_its_version(void **state)
{
	struct host *host = *state;

	put_module(host, DKMS, "version=0.1.0;srcversion=AAA;");
	put_dep(host, DKMS);
	says(host, "module-vduse", VDU_CHECK_OK,
	     "not loaded, comes when needed: version 0.1.0 (modprobe takes " DKMS);
	put_loaded(host, "OE\n", "0.1.0\n", "AAA\n");
	says(host, "module-vduse", VDU_CHECK_OK,
	     "loaded: version 0.1.0 (modprobe takes " DKMS);
}

static void better_module_is_installed_than_loaded(void **state)
{
	struct host *host = *state;

	put_loaded(host, "\n", NULL, NULL);
	put_module(host, DKMS, "version=0.1.0;srcversion=AAA;");
	put_dep(host, DKMS);
	put_text(host, "/sys/class/vduse/control/dev", "240:0\n");
	says(host, "module-vduse", VDU_CHECK_WARN,
	     "loaded: the stock module; installed: version 0.1.0");
	assert_string_equal(host->check.remedy,
			    "modprobe -r vduse && modprobe vduse");
	put_text(host, "/sys/class/vduse/blk0/dev", "240:1\n");
	says(host, "module-vduse", VDU_CHECK_WARN, "loaded: the stock module");
	assert_non_null(strstr(host->check.remedy, "vdusectl destroy"));
	assert_non_null(strstr(host->check.remedy, "reboot"));

	/* Ours is loaded, but of another build than the file. */
	put_loaded(host, "OE\n", "0.1.0\n", "BBB\n");
	says(host, "module-vduse", VDU_CHECK_WARN,
	     "loaded: version 0.1.0; installed: version 0.1.0, another build");
	put_loaded(host, "OE\n", "0.1.0\n", "AAA\n");
	says(host, "module-vduse", VDU_CHECK_OK, "loaded: version 0.1.0");
}

static void module_that_modprobe_does_not_take(void **state)
{
	struct host *host = *state;
	char name[256];

	put_text(host, "/lib/modules/6.12.1-other/updates/vduse.ko.zst", "");
	says(host, "module-vduse", VDU_CHECK_WARN,
	     "installed for Linux 6.12.1-other, but not for this kernel");
	assert_non_null(strstr(host->check.remedy, "make kmod-install"));
	put_text(host, "/var/lib/dkms/vduse/0.1.0/source/dkms.conf", "");
	says(host, "module-vduse", VDU_CHECK_WARN, "version 0.1.0 is in dkms");
	assert_non_null(strstr(host->check.remedy, "dkms install vduse/0.1.0"));
	put_module(host, DKMS, "version=0.1.0;");
	says(host, "module-vduse", VDU_CHECK_WARN, "modprobe does not know it");
	assert_string_equal(host->check.remedy, "depmod");

	/* It is no less missing for that. */
	(void)snprintf(name, sizeof(name), "%s/modules.dep", host->modules);
	put_text(host, name, "");
	says(host, "module-vduse", VDU_CHECK_FAIL, "no module vduse; another");
	assert_string_equal(host->check.remedy, "depmod");
	says(host, "module-signature", VDU_CHECK_OK, "no module vduse");
}

static void unsigned_module_is_refused_under_lockdown(void **state)
{
	struct host *host = *state;

	put_module(host, DKMS, "version=0.1.0;");
	put_dep(host, DKMS);
	says(host, "module-signature", VDU_CHECK_OK, "is unsigned, which");
	put_text(host, "/sys/module/module/parameters/sig_enforce", "N\n");
	says(host, "module-signature", VDU_CHECK_OK, "is unsigned, which");
	says(host, "lockdown", VDU_CHECK_OK, "lockdown off, Secure Boot off");

	put_text(host, "/sys/kernel/security/lockdown",
		 "none [integrity] confidentiality\n");
	put(host, "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
	    "\6\0\0\0\1", 5);
	says(host, "lockdown", VDU_CHECK_WARN, "lockdown integrity, Secure Boot on:");
	says(host, "module-signature", VDU_CHECK_FAIL, "kernel refuses it");
	assert_non_null(strstr(host->check.remedy,
			       "mokutil --import /var/lib/dkms/mok.pub"));

	put_text(host, "/sys/kernel/security/lockdown", "[none] integrity\n");
	put_text(host, "/sys/module/module/parameters/sig_enforce", "Y\n");
	says(host, "lockdown", VDU_CHECK_WARN, "module.sig_enforce on");
	says(host, "module-signature", VDU_CHECK_FAIL, "kernel refuses it");
}

static void signature_counts_with_a_known_key(void **state)
{
	struct host *host = *state;

	put_module(host, DKMS, "version=0.1.0;signer=DKMS key;sig_id=PKCS#7;");
	put_dep(host, DKMS);
	put_text(host, "/sys/module/module/parameters/sig_enforce", "Y\n");
	put_text(host, "/proc/keys",
		 "03 I------ 1 perm 1f030000 0 0 asymmetri Build: 01: X509.rsa 02 []\n");
	says(host, "module-signature", VDU_CHECK_WARN,
	     "signed by 'DKMS key', a key that this kernel does not show");
	assert_non_null(strstr(host->check.remedy, "mokutil --import"));
	put_text(host, "/proc/keys",
		 "04 I------ 1 perm 1f030000 0 0 asymmetri DKMS key: 01: X509.rsa 02 []\n");
	says(host, "module-signature", VDU_CHECK_OK, "signed by 'DKMS key'");
}

static void modinfo_that_fails_or_hangs(void **state)
{
	struct host *host = *state;
	uint64_t begin;

	put_loaded(host, "\n", NULL, NULL);
	put_module(host, DKMS, "version=0.1.0;");
	put_dep(host, DKMS);
	put_program(host, "#!/bin/sh\nexit 1\n");
	says(host, "module-vduse", VDU_CHECK_WARN,
	     "loaded: the stock module; installed: version unknown");
	put_program(host, "#!/bin/sh\nwhile :; do echo x; done\n");
	begin = vdu__now_ns();
	host->ctx->deadline_ns = begin + UINT64_C(300000000);
	says(host, "module-signature", VDU_CHECK_OK, "modinfo tells nothing");
	put_program(host, "#!/bin/sh\nexec /bin/sleep 100 > /dev/null\n");
	host->ctx->deadline_ns = vdu__now_ns() + UINT64_C(300000000);
	says(host, "module-vduse", VDU_CHECK_WARN, "installed: version unknown");
	assert_true(vdu__now_ns() - begin < UINT64_C(20000000000));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(stock_module_alone_is_fine),
		TEST(our_module_is_told_by_its_version),
		TEST(better_module_is_installed_than_loaded),
		TEST(module_that_modprobe_does_not_take),
		TEST(unsigned_module_is_refused_under_lockdown),
		TEST(signature_counts_with_a_known_key),
		TEST(modinfo_that_fails_or_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
