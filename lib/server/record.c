// SPDX-License-Identifier: LGPL-2.1-or-later
/* What supervisors have done: a word and a value on each line. */
#include "lib/server/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/ctx.h"
#include "lib/util/fs.h"

#define RECORD VDU_RUN_DIR "/%s/supervisor"
#define RECORD_MAX (VDU_LAST_EXIT_MAX + 200)

void vdu__record_load(const struct vdu_ctx *ctx, const char *name,
		      struct vdu__record *ret)
{
	struct vdu__record record = { 0 };
	char text[RECORD_MAX];
	int failing = 0, at = 0;

	memset(ret, 0, sizeof(*ret));
	if (!vdu__is_component(name) ||
	    vdu__read_at(ctx, text, sizeof(text), RECORD, name) < 0)
		return;
	if (sscanf(text, "restarts %" SCNu64 " server %d failing %d limit_ms %"
		   SCNu64 " handovers %" SCNu64 " pause_us %" SCNu64
		   " last_exit%n", &record.restarts, &record.server, &failing,
		   &record.limit_ms, &record.handovers, &record.pause_us,
		   &at) != 6 || !at)
		return;
	record.failing = failing;
	(void)snprintf(record.last_exit, sizeof(record.last_exit), "%s",
		       text + at + (text[at] == ' '));
	*ret = record;
}

int vdu__record_save(const struct vdu_ctx *ctx, const char *name,
		     const struct vdu__record *record)
{
	char path[PATH_MAX], text[RECORD_MAX];
	int n, r;

	r = vdu__path(ctx, path, sizeof(path), RECORD, name);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "restarts %" PRIu64 "\nserver %d\n"
		     "failing %d\nlimit_ms %" PRIu64 "\nhandovers %" PRIu64
		     "\npause_us %" PRIu64 "\nlast_exit %s\n",
		     record->restarts, record->server, record->failing,
		     record->limit_ms, record->handovers, record->pause_us,
		     record->last_exit);
	return vdu__replace_file(path, text, (size_t)n);
}
