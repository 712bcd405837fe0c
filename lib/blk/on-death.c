// SPDX-License-Identifier: LGPL-2.1-or-later
/* "queue" and "fail=SECONDS": what I/O gets while the server is dead. */
#include "lib/blk/on-death.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vduse/parse.h>

#include "lib/util/error.h"

#define FAIL "fail="

PUBLIC int vdu_blk_spec_set_on_death(struct vdu_blk_spec *spec,
				     const char *text, struct vdu_error *err)
{
	bool fail = strncmp(text, FAIL, strlen(FAIL)) == 0;
	uint64_t seconds = 0;

	if (fail ? vdu_parse_uint(text + strlen(FAIL), 0, VDU_FAIL_SECONDS_MAX,
				  &seconds) < 0 : strcmp(text, "queue") != 0)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"on-death '%s' is unknown: it is queue or fail=SECONDS, with at most %d seconds",
			text, VDU_FAIL_SECONDS_MAX);
	spec->on_death = fail ? VDU_ON_DEATH_FAIL : VDU_ON_DEATH_QUEUE;
	spec->fail_seconds = (uint32_t)seconds;
	return 0;
}

void vdu__on_death_text(const struct vdu_blk_spec *spec,
			char buf[VDU_ON_DEATH_TEXT_MAX])
{
	if (spec->on_death == VDU_ON_DEATH_FAIL)
		(void)snprintf(buf, VDU_ON_DEATH_TEXT_MAX, FAIL "%" PRIu32,
			       spec->fail_seconds);
	else
		(void)snprintf(buf, VDU_ON_DEATH_TEXT_MAX, "queue");
}

int vdu__on_death_check(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	if (spec->on_death != VDU_ON_DEATH_QUEUE &&
	    spec->on_death != VDU_ON_DEATH_FAIL)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"on-death %d is unknown: it is queue or fail",
			spec->on_death);
	if (spec->fail_seconds > VDU_FAIL_SECONDS_MAX)
		return vdu__fail(err, VDU_STAGE_USAGE, -ERANGE,
			"on-death: %" PRIu32 " seconds are too many: at most %d are possible",
			spec->fail_seconds, VDU_FAIL_SECONDS_MAX);
	return 0;
}
