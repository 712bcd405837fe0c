// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The memory backend: a memfd, which outlives its server if somebody else has
 * it open, as supervisors do. The kernel gives memory as it is written and
 * takes it back on discard.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/backend/backend.h"
#include "lib/backend/fill.h"

/* Nobody can take it from under our mapping. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int make(uint64_t size)
{
	CLEANUP_CLOSE int fd = memfd_create("vdusectl-memory",
					    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Another server's: is it what that one has made? */
static int check(int fd, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return (uint64_t)st.st_size == size &&
	       fcntl(fd, F_GET_SEALS) == SEALS ? 0 : -EINVAL;
}

static int memory_open(struct vdu_ctx *ctx, struct vdu__backend *backend,
		       const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	uint64_t size = spec->size_bytes;
	void *map = MAP_FAILED;
	int r = 0;

	(void)ctx;
	if (size > SIZE_MAX / 2)
		return vdu__fail(err, VDU_STAGE_BACKEND, -ENOMEM,
				 "no room for that much memory");
	backend->fresh = backend->fd < 0;
	if (backend->fresh)
		r = backend->fd = make(size);
	else
		r = check(backend->fd, size);
	if (r >= 0) {
		map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_NORESERVE, backend->fd, 0);
		r = map == MAP_FAILED ? -errno : 0;
	}
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, r,
				 "cannot map %llu bytes of memory: %s",
				 (unsigned long long)size, strerror(-r));
	(void)madvise(map, size, MADV_DONTDUMP);
	backend->memory = map;
	backend->size_bytes = size;
	backend->abilities.discard = true;
	backend->abilities.write_zeroes = true;
	backend->abilities.discard_granularity = 4096;
	return 0;
}

static void memory_close(struct vdu__backend *backend)
{
	(void)munmap(backend->memory, backend->size_bytes);
	vdu__closep(&backend->fd);
}

static void copy_in(struct vdu__backend *backend, const struct vdu__io *io)
{
	char *at = backend->memory + io->offset;

	for (unsigned int i = 0; i < io->n_iov; i++) {
		memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
		at += io->iov[i].iov_len;
	}
}

static void copy_out(struct vdu__backend *backend, const struct vdu__io *io)
{
	const char *at = backend->memory + io->offset;

	vdu__io_copy(io, at, vdu__io_fill(io, at, false));
}

/* Zero a range; whole pages go back to the kernel when unmap allows it. */
static void clear(char *start, uint64_t len, bool unmap)
{
	const uintptr_t page = 4096;
	uintptr_t begin = (uintptr_t)start, end = begin + len;
	uintptr_t first = (begin + page - 1) & ~(page - 1);
	uintptr_t last = end & ~(page - 1);

	if (!unmap || first >= last ||
	    madvise((void *)first, last - first, MADV_REMOVE) < 0) {
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
		copy_out(backend, io);
		break;
	case VDU_IO_WRITE:
		copy_in(backend, io);
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
