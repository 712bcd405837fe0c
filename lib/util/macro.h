// SPDX-License-Identifier: LGPL-2.1-or-later
/* Small things every file needs: cleanup by scope, ownership transfer. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PUBLIC __attribute__((visibility("default")))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Hand over what a cleanup variable owns. */
#define TAKE_PTR(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define TAKE_FD(fd) ({ int taken_ = (fd); (fd) = -EBADF; taken_; })

static inline void vdu__closep(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd);
		errno = saved;
	}
}

static inline void vdu__freep(void *p)
{
	free(*(void **)p);
}

#define CLEANUP_CLOSE CLEANUP(vdu__closep)
#define CLEANUP_FREE CLEANUP(vdu__freep)
