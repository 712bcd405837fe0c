// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the extensions of our module do, on a device that has them, beside what
 * one without them does, on any module.
 *
 * usage: kmod-ext TEST...	prints what it sees, a line each; "FAILED: WHY"
 *				and an exit status of 1 if it cannot look
 *	  kmod-ext own		exit status 0 if the module has extensions
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ext-tests.h"
#include "ext.h"

static const struct test {
	const char *name;
	void (*run)(void);
	bool once;		/* on the module, not on each sort of device */
} tests[] = {
	{ "negotiate", test_negotiate, true },
	{ "wce", test_wce, true },
	{ "used-once", test_used_once, true },
	{ "device-calls", test_device_calls, false },
	{ "update", test_update, false },
	{ "update-limits", test_update_limits, false },
	{ "update-storm", test_update_storm, false },
	{ "read-in-flight", test_read_in_flight, false },
	{ "write", test_write, false },
	{ "write-refused", test_write_refused, false },
	{ "write-pieces", test_write_pieces, false },
	{ "write-killed", test_write_killed, false },
	{ "write-broken", test_write_broken, false },
	{ "write-restart", test_write_restart, false },
	{ "write-full", test_write_full, false },
	{ "write-virtio", test_write_virtio, false },
	{ "clear", test_clear, false },
	{ "clear-alone", test_clear_alone, false },
	{ "features", test_features, false },
	{ "features-virtio", test_features_virtio, false },
	{ "needs-reset", test_needs_reset, false },
	{ "reset-refused", test_reset_refused, false },
	{ "reset-late", test_reset_late, false },
	{ "reset-abort", test_reset_abort, false },
	{ "reset-driver", test_reset_driver, false },
	{ "late", test_late, false },
	{ "late-disk", test_late_disk, false },
	{ "vhost-waits", test_vhost_waits, false },
	{ "vhost-killed", test_vhost_killed, false },
	{ "abort", test_abort, false },
	{ "abort-bind", test_abort_bind, false },
	{ "abort-memory", test_abort_memory, false },
	{ "killed-vmm", test_killed_vmm, false },
	{ "hostile", test_hostile, false },
	{ "hostile-mmap", test_hostile_mmap, false },
	{ "detached", test_detached, false },
	{ "info", test_info, false },
	{ "info-list", test_info_list, false },
	{ "info-sysfs", test_info_sysfs, false },
	{ "info-name", test_info_name, false },
	{ "vstats", test_vstats, false },
	{ "inject", test_inject, false },
	{ "fill", test_fill, false },
	{ "fill-late", test_fill_late, false },
	{ "suspend", test_suspend, false },
	{ "suspend-reset", test_suspend_reset, false },
	{ "queue-ready", test_queue_ready, false },
};

static void run(const char *name)
{
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (strcmp(tests[i].name, name) != 0)
			continue;
		extended = false;
		if (!tests[i].once)
			tests[i].run();
		extended = own;
		if (own || tests[i].once)
			tests[i].run();
		return;
	}
	check(name, false);
}

int main(int argc, char **argv)
{
	uint64_t extensions;

	setvbuf(stdout, NULL, _IOLBF, 0);
	own = !ioctl(control(), VDUSE_EXT_GET, &extensions);
	if (argc == 2 && !strcmp(argv[1], "own"))
		return !own;
	check("usage: kmod-ext TEST...", argc > 1);
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	return 0;
}
