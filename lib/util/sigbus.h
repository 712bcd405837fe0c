// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SIGBUS: mapped memory that somebody else took away, or that the medium could
 * not bring. Whoever maps such memory mends it, so that the access ends, and
 * remembers that it did.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

/*
 * The address at which an access failed, and what was given with the function.
 * True: it is ours, and the access can be repeated. Only atomics and mmap(2),
 * which is a bare system call here.
 */
typedef bool vdu__sigbus_mend(void *opaque, char *at);

/*
 * From now on mend is asked, in any thread; -ENOSPC: there are enough of them
 * already. Called by one thread at a time. The process dies of a SIGBUS that
 * nobody can mend.
 */
int vdu__sigbus_add(vdu__sigbus_mend *mend, void *opaque);
void vdu__sigbus_remove(const void *opaque);

/* A page of zeroes, for itself, over the memory there. */
bool vdu__sigbus_cover(char *at, unsigned long page);
