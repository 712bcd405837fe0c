// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The memory backend: a sparse anonymous mapping, gone with the server. The
 * kernel gives memory as it is written and takes it back on discard.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/backend/backend.h"

static int memory_open(struct vdu_ctx *ctx, struct vdu__backend *backend,
		       const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	void *map;

	(void)ctx;
	if (spec->size_bytes > SIZE_MAX / 2)
		return vdu__fail(err, VDU_STAGE_BACKEND, -ENOMEM,
				 "no room for that much memory");
	map = mmap(NULL, spec->size_bytes, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot map %llu bytes of memory: %s",
				 (unsigned long long)spec->size_bytes,
				 strerror(errno));
	(void)madvise(map, spec->size_bytes, MADV_DONTDUMP);
	backend->memory = map;
	backend->size_bytes = spec->size_bytes;
	backend->abilities.discard = true;
	backend->abilities.write_zeroes = true;
	backend->abilities.discard_granularity = 4096;
	return 0;
}

static void memory_close(struct vdu__backend *backend)
{
	(void)munmap(backend->memory, backend->size_bytes);
}

static void copy(struct vdu__backend *backend, struct vdu__io *io)
{
	char *at = backend->memory + io->offset;

	for (unsigned int i = 0; i < io->n_iov; i++) {
		const struct iovec *v = &io->iov[i];

		if (io->op == VDU_IO_READ)
			memcpy(v->iov_base, at, v->iov_len);
		else
			memcpy(at, v->iov_base, v->iov_len);
		at += v->iov_len;
	}
}

/* Zero a range; whole pages go back to the kernel when unmap allows it. */
static void clear(char *start, uint64_t len, bool unmap)
{
	const uintptr_t page = 4096;
	uintptr_t begin = (uintptr_t)start, end = begin + len;
	uintptr_t first = (begin + page - 1) & ~(page - 1);
	uintptr_t last = end & ~(page - 1);

	if (!unmap || first >= last ||
	    madvise((void *)first, last - first, MADV_DONTNEED) < 0) {
		memset(start, 0, len);
		return;
	}
	memset(start, 0, first - begin);
	memset((void *)last, 0, end - last);
}

static int memory_submit(struct vdu__backend *backend, struct vdu__io *io,
			 struct io_uring *uring)
{
	(void)uring;
	switch (io->op) {
	case VDU_IO_READ:
	case VDU_IO_WRITE:
		copy(backend, io);
		break;
	case VDU_IO_FLUSH:
		break;
	case VDU_IO_DISCARD:
	case VDU_IO_WRITE_ZEROES:
		for (unsigned int i = 0; i < io->n_ranges; i++)
			clear(backend->memory + io->ranges[i].offset,
			      io->ranges[i].len,
			      backend->abilities.discard &&
			      (io->op == VDU_IO_DISCARD ||
			       io->ranges[i].unmap));
		break;
	}
	return 0;
}

const struct vdu__backend_ops vdu__backend_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.submit = memory_submit,
};
