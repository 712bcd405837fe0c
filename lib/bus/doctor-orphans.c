// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checks for what nothing needs any more. */
#include <stdio.h>
#include <string.h>

#include "lib/bus/doctor.h"
#include "lib/bus/orphans.h"

#define REPAIR "vdusectl doctor --repair"

/* What each check is about, by its name in the table of checks. */
static const struct {
	const char *check;
	enum vdu_orphan_kind kind;
	const char *what, *remedy;
} kinds[] = {
	{ "leftovers", VDU_ORPHAN_FILES, "run directories without a device",
	  REPAIR },
	{ "orphan-devices", VDU_ORPHAN_DEVICE,
	  "devices of others that nobody serves", REPAIR },
	{ "orphan-attached", VDU_ORPHAN_ATTACHED,
	  "on the vDPA bus, but no driver has them", REPAIR },
	{ "orphan-processes", VDU_ORPHAN_PROCESS,
	  "servers without a device", REPAIR },
	{ "orphan-images", VDU_ORPHAN_IMAGE, "images without a device",
	  "rm the image in " VDU_STATE_DIR ", or create blk --backend file:PATH" },
};

void vdu__check_orphans(struct vdu_ctx *ctx, struct vdu_check *check)
{
	CLEANUP(vdu__orphans_free) struct vdu__orphans found = { 0 };
	char text[200] = "";
	size_t len = 0, i = 0;

	while (strcmp(kinds[i].check, check->name) != 0)
		i++;
	vdu__orphans_find(ctx, kinds[i].kind, &found);
	if (!found.n) {
		vdu__check_set(check, VDU_CHECK_OK, NULL, "none");
		return;
	}
	for (unsigned int j = 0; j < found.n; j++) {
		const struct vdu_orphan *orphan = &found.orphans[j];
		int n = snprintf(text + len, sizeof(text) - len, "%s%s",
				 len ? " " : "", orphan->name);

		len = MIN(len + (size_t)MAX(n, 0), sizeof(text) - 1);
		if (!orphan->pid)
			continue;
		n = snprintf(text + len, sizeof(text) - len, " (pid %d)",
			     (int)orphan->pid);
		len = MIN(len + (size_t)MAX(n, 0), sizeof(text) - 1);
	}
	vdu__check_set(check, VDU_CHECK_WARN, kinds[i].remedy, "%s: %s",
		       kinds[i].what, text);
}
