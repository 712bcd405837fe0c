// SPDX-License-Identifier: LGPL-2.1-or-later
/* Starting and stopping a server's unit by systemctl(1). */
#include "lib/server/systemd.h"

#include <stdio.h>
#include <string.h>

#include <vduse/spec.h>

#include "lib/util/child.h"
#include "lib/util/fs.h"
#include "lib/util/undo.h"

/* systemd.unit(5); there is no quicker way to know that it is installed. */
static const char *const unit_dirs[] = {
	"/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
	"/lib/systemd/system",
};

#define UNIT_MAX (VDU_NAME_MAX + sizeof("vdusectl@.service"))

bool vdu__systemd_usable(const struct vdu_ctx *ctx)
{
	/* sd_booted(3) */
	if (ctx->root[0] || strcmp(ctx->server_program, "/proc/self/exe") ||
	    !vdu__exists(ctx, "/run/systemd/system"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++)
		if (vdu__exists(ctx, "%s/vdusectl@.service", unit_dirs[i]))
			return true;
	return false;
}

/*
 * Every name that a device can have is good in the name of a unit as it is,
 * and %i gives it back unchanged: nothing is to be escaped.
 */
static void unit_name(char unit[UNIT_MAX], const char *name)
{
	(void)snprintf(unit, UNIT_MAX, "vdusectl@%s.service", name);
}

static int systemctl(struct vdu_ctx *ctx, const char *verb, const char *name)
{
	char unit[UNIT_MAX];
	const char *const argv[] = { "systemctl", "--quiet", verb, "--", unit,
				     NULL };

	unit_name(unit, name);
	return vdu__run(ctx, argv);
}

static void undo_start(struct vdu_ctx *ctx, void *arg)
{
	(void)systemctl(ctx, "stop", arg);
}

/* What the server said of its failure: sd_notify(3), ERRNO and STATUS. */
static int why(struct vdu_ctx *ctx, const char *name, struct vdu_error *err)
{
	char unit[UNIT_MAX], output[1024], status[sizeof(err->text)] = "";
	const char *const argv[] = {
		"systemctl", "show", "--property=StatusErrno,StatusText", "--",
		unit, NULL
	};
	char *line, *rest = output;
	size_t len = 0;
	int code = 0;

	unit_name(unit, name);
	if (vdu__run_output(ctx, argv, output, sizeof(output) - 1, &len) != 0)
		len = 0;
	output[len] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		(void)sscanf(line, "StatusErrno=%d", &code);
		if (!strncmp(line, "StatusText=", 11))
			(void)snprintf(status, sizeof(status), "%s", line + 11);
	}
	if (code > 0 && status[0])
		return vdu__fail(err, VDU_STAGE_SERVER, -code, "%s", status);
	return vdu__fail(err, VDU_STAGE_SERVER, -EIO,
			 "its unit %s failed: journalctl -u %s", unit, unit);
}

int vdu__systemd_start(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err)
{
	CLEANUP(vdu__undo_run) struct vdu__undo undo = { .ctx = ctx };
	int r;

	vdu__undo_push(&undo, undo_start, (void *)name);
	/* The unit may run without a server: one that waits to try again. */
	r = systemctl(ctx, "restart", name);
	if (r == 0)
		vdu__undo_disarm(&undo);
	else if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 "systemd did not start its server: %s",
				 strerror(-r));
	return r == 0 ? 0 : why(ctx, name, err);
}

int vdu__systemd_stop(struct vdu_ctx *ctx, const char *name,
		      struct vdu_error *err)
{
	int r = systemctl(ctx, "stop", name);

	if (r == -ETIMEDOUT || r == -EINTR)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 r == -EINTR ? "interrupted before its server had stopped" :
					       "its server did not stop in time");
	/* A systemd that refuses or is gone: the server can be ended without. */
	if (r != 0)
		vdu__log(ctx, 4, "systemctl stop vdusectl@%s: %d", name, r);
	return 0;
}
