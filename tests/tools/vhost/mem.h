// SPDX-License-Identifier: GPL-2.0-or-later
/* Between dev.c and mem.c: the device's view of the regions. */
#pragma once

#include "tests/tools/vhost/dev.h"

/* Show all regions to the device; take them all away. */
int mem_map(const struct dev *dev);
void mem_unmap(const struct dev *dev);

/* Free all regions; the device must not have them any more. */
void mem_free(struct dev *dev);

/* Empty the files behind a region: whoever touches it now gets SIGBUS. */
int mem_truncate(const struct region *region);

static inline uint64_t mem_iova(const struct region *region, const void *ptr)
{
	return region->iova + (uint64_t)((const uint8_t *)ptr - region->base);
}
