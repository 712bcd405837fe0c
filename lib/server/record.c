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

/* Lines of other versions mean nothing. */
static void read_line(const char *line, struct vdu__record *record)
{
	static const char last_exit[] = "last_exit ";
	const size_t len = sizeof(last_exit) - 1;
	int failing;

	if (!strncmp(line, last_exit, len))
		(void)snprintf(record->last_exit, sizeof(record->last_exit),
			       "%s", line + len);
	else if (sscanf(line, "failing %d", &failing) == 1)
		record->failing = failing;
	else if (sscanf(line, "restarts %" SCNu64, &record->restarts) != 1 &&
		 sscanf(line, "server %d", &record->server) != 1 &&
		 sscanf(line, "limit_ms %" SCNu64, &record->limit_ms) != 1 &&
		 sscanf(line, "handovers %" SCNu64, &record->handovers) != 1)
		(void)sscanf(line, "pause_us %" SCNu64, &record->pause_us);
}

void vdu__record_load(const struct vdu_ctx *ctx, const char *name,
		      struct vdu__record *ret)
{
	char text[RECORD_MAX], *line, *rest = text;

	memset(ret, 0, sizeof(*ret));
	if (!vdu__is_component(name) ||
	    vdu__read_at(ctx, text, sizeof(text), RECORD, name) < 0)
		return;
	while ((line = strsep(&rest, "\n")))
		read_line(line, ret);
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
