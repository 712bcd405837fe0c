// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/backend/fill.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Chosen, not measured: for small ones a call each eats what it saves. */
#define FILL_MIN (32U << 10)

static bool make_present(const char *from, uint64_t len)
{
	size_t skip = (uintptr_t)from % (size_t)sysconf(_SC_PAGESIZE);

	return madvise((void *)(from - skip), len + skip,
		       MADV_POPULATE_READ) == 0;
}

uint64_t vdu__io_fill(const struct vdu__io *io, const char *from, bool touch)
{
	struct vdu__at_once *at_once = io->at_once;
	uint64_t done;

	if (!at_once || !at_once->fill || io->len < FILL_MIN ||
	    !vdu__pace_may(&at_once->fills))
		return 0;
	done = at_once->fill(at_once->filler, io->iov, io->n_iov, from);
	if (done < io->len && touch && at_once->fill &&
	    make_present(from, io->len))
		done = at_once->fill(at_once->filler, io->iov, io->n_iov, from);
	if (done)
		vdu__pace_paid(&at_once->fills);
	else
		vdu__pace_missed(&at_once->fills);
	return done;
}

void vdu__io_copy(const struct vdu__io *io, const char *from, uint64_t done)
{
	for (unsigned int i = 0; i < io->n_iov; i++) {
		const struct iovec *v = &io->iov[i];
		size_t skip = (size_t)MIN(done, v->iov_len);

		if (skip < v->iov_len)
			memcpy((char *)v->iov_base + skip, from + skip,
			       v->iov_len - skip);
		from += v->iov_len;
		done -= skip;
	}
}
