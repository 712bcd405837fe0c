// SPDX-License-Identifier: LGPL-2.1-or-later
/* Data for the driver, past its bounce memory: VDUSE_EXT_FILL of our module. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * For struct vdu__at_once, whose filler is the struct vdu__queue of the calling
 * thread.
 */
uint64_t vdu__queue_fill(void *queue, const struct iovec *iov,
			 unsigned int n_iov, const char *from);
