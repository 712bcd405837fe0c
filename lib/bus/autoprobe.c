// SPDX-License-Identifier: LGPL-2.1-or-later
/* Holding drivers_autoprobe of the vDPA bus at 0 for a moment. */
#include "lib/bus/autoprobe.h"

#include <stdio.h>
#include <string.h>

#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

#define ATTRIBUTE "/sys/bus/vdpa/drivers_autoprobe"
/* No device can have a name that begins with a dot. */
#define RECORD VDU_RUN_DIR "/.autoprobe"

int vdu__autoprobe_off(struct vdu_ctx *ctx, struct vdu__autoprobe *guard,
		       struct vdu_error *err)
{
	char record[PATH_MAX];
	ssize_t n;
	int r;

	guard->ctx = NULL;
	r = vdu__path(ctx, record, sizeof(record), RECORD);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "the root is too long");
	/* A record is left only by a process that died holding it at 0. */
	n = vdu__read_file(record, guard->old, sizeof(guard->old));
	if (n <= 0)
		n = vdu__read_at(ctx, guard->old, sizeof(guard->old), ATTRIBUTE);
	if (n < 0)
		return vdu__fail(err, VDU_STAGE_MODULE,
				 n == -ENOENT ? -ENODEV : (int)n,
				 "cannot read " ATTRIBUTE ": %s",
				 strerror((int)-n));
	if (!strcmp(guard->old, "0"))
		return 0;
	r = vdu__replace_file(record, guard->old, strlen(guard->old));
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot write " RECORD ": %s", strerror(-r));
	guard->ctx = ctx;
	r = vdu__write_at(ctx, "0", ATTRIBUTE);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BIND, r,
				 "cannot write " ATTRIBUTE ": %s",
				 strerror(-r));
	return 0;
}

void vdu__autoprobe_restore(struct vdu__autoprobe *guard)
{
	struct vdu_ctx *ctx = guard->ctx;
	char record[PATH_MAX];
	int r;

	if (!ctx)
		return;
	guard->ctx = NULL;
	r = vdu__write_at(ctx, guard->old, ATTRIBUTE);
	if (r < 0) {
		vdu__log(ctx, 4, "cannot put %s back into " ATTRIBUTE ": %s",
			 guard->old, strerror(-r));
		return;
	}
	if (vdu__path(ctx, record, sizeof(record), RECORD) == 0)
		(void)unlink(record);
}
