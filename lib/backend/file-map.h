// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading what a file has in the page cache without a call of the kernel: from
 * a mapping, where the kernel says that the pages are there. A hint: whatever is
 * not, or fails, is read in the ordinary way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/backend/backend.h"

struct vdu__file_map;

/*
 * Of bytes from the beginning of fd, a regular file or a block device. NULL: it
 * cannot be had, or nobody would tell which pages are there. One at a time in a
 * process.
 */
struct vdu__file_map *vdu__file_map_new(int fd, uint64_t bytes);
void vdu__file_map_free(struct vdu__file_map *map);

/* All of a read: true if it is done. Any thread. */
bool vdu__file_map_read(struct vdu__file_map *map, const struct vdu__io *io);
