// SPDX-License-Identifier: LGPL-2.1-or-later
/* What this host can and cannot do: the table of checks. */
#include "lib/bus/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	void (*fn)(struct vdu_ctx *ctx, struct vdu_check *check);
} checks[] = {
	{ "privileges", vdu__check_privileges },
	{ "network-namespace", vdu__check_netns },
	{ "kernel", vdu__check_kernel },
	{ "lockdown", vdu__check_lockdown },
	{ "module-vduse", vdu__check_vduse },
	{ "module-signature", vdu__check_signature },
	{ "module-vdpa", vdu__check_module },
	{ "module-virtio_vdpa", vdu__check_module },
	{ "module-vhost_vdpa", vdu__check_module },
	{ "module-virtio_blk", vdu__check_module },
	{ "control-node", vdu__check_control_node },
	{ "api-version", vdu__check_api },
	{ "extensions", vdu__check_extensions },
	{ "netlink", vdu__check_netlink },
	{ "autoprobe", vdu__check_autoprobe },
	{ "io_uring", vdu__check_io_uring },
	{ "run-directory", vdu__check_run_dir },
	{ "devices", vdu__check_devices },
	{ "needs-reset", vdu__check_waits },
	{ "aborted", vdu__check_waits },
	{ "late-servers", vdu__check_waits },
	{ "old-messages", vdu__check_waits },
	{ "leftovers", vdu__check_orphans },
	{ "orphan-devices", vdu__check_orphans },
	{ "orphan-attached", vdu__check_orphans },
	{ "orphan-processes", vdu__check_orphans },
	{ "orphan-images", vdu__check_orphans },
};

void vdu__check_set(struct vdu_check *check, enum vdu_check_status status,
		    const char *remedy, const char *fmt, ...)
{
	va_list ap;

	check->status = status;
	(void)snprintf(check->remedy, sizeof(check->remedy), "%s",
		       remedy ? remedy : "");
	va_start(ap, fmt);
	(void)vsnprintf(check->detail, sizeof(check->detail), fmt, ap);
	va_end(ap);
}

PUBLIC int vdu_doctor_check(struct vdu_ctx *ctx, unsigned int index,
			    struct vdu_check *ret)
{
	struct vdu_check check = { .size_of = ret->size_of };

	if (index >= ARRAY_SIZE(checks))
		return -ENOENT;
	(void)snprintf(check.name, sizeof(check.name), "%s",
		       checks[index].name);
	checks[index].fn(ctx, &check);
	memcpy(ret, &check, MIN(check.size_of, sizeof(check)));
	return 0;
}
