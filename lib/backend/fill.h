// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Giving what is in memory to a driver that reads. Our module can copy it to the
 * driver's own buffers at once; else it is copied to where the driver's side
 * fetches it from, which for much of it is the larger part of the work.
 */
#pragma once

#include <stdint.h>

#include "lib/backend/backend.h"

/*
 * How many bytes of a read the driver has now, from the beginning; the others
 * are to be copied to the memory that io names. `from` is all of the data. What
 * of it this process has not touched yet is not given, unless `touch` is set: it
 * may wait for that. 0 for what is not worth it.
 */
uint64_t vdu__io_fill(const struct vdu__io *io, const char *from, bool touch);

/* Copy what lies behind the first `done` bytes to the memory that io names. */
void vdu__io_copy(const struct vdu__io *io, const char *from, uint64_t done);
