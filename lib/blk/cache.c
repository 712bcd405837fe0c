// SPDX-License-Identifier: LGPL-2.1-or-later
/* "writeback" and "writethrough": when a write is done. */
#include "lib/blk/cache.h"

#include <stddef.h>
#include <string.h>

#include "lib/util/error.h"
#include "lib/util/macro.h"

static const char *const names[] = {
	[VDU_CACHE_WRITEBACK] = "writeback",
	[VDU_CACHE_WRITETHROUGH] = "writethrough",
};

const char *vdu__cache_text(int cache)
{
	return cache >= 0 && (size_t)cache < ARRAY_SIZE(names) ? names[cache] :
								 "unknown";
}

PUBLIC int vdu_blk_spec_set_cache(struct vdu_blk_spec *spec, const char *text,
				  struct vdu_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], text)) {
			spec->cache = (int)i;
			return 0;
		}
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "cache '%s' is unknown: it is writeback or writethrough",
			 text);
}

int vdu__cache_check(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	if (spec->cache == VDU_CACHE_WRITEBACK ||
	    spec->cache == VDU_CACHE_WRITETHROUGH)
		return 0;
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "cache %d is unknown: it is writeback or writethrough",
			 spec->cache);
}
