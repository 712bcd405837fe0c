// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls on a device node: the I/O address space, mapped, touched and replaced.
 */
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "ring.h"

/*
 * Memory that goes away while it is registered: the pages must stay the
 * kernel's. Without a deregistration the close of the node does it.
 */
void call_umem(struct rng *rng, int fd)
{
	struct vduse_iova_umem umem = {
		.size = chance(rng, 80) ? BOUNCE_SIZE : number(rng),
	};
	size_t size = BOUNCE_SIZE;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			    MAP_ANONYMOUS, -1, 0);
	bool gone;
	long ret;

	if (memory == MAP_FAILED)
		return;
	umem.uaddr = chance(rng, 90) ? (uintptr_t)memory : number(rng);
	umem.iova = chance(rng, 95) ? 0 : some_iova(rng);
	if (chance(rng, 10))
		umem.reserved[below(rng, 3)] = below(rng, 3);
	if (chance(rng, 10))
		mprotect(memory + below(rng, 200) * PAGE, PAGE, PROT_NONE);
	ret = note(K_REG_UMEM, ioctl(fd, VDUSE_IOTLB_REG_UMEM,
				     pointer(rng, &umem, sizeof(umem))));
	gone = chance(rng, 50);
	if (gone)
		munmap(memory, size);
	else if (chance(rng, 50))
		madvise(memory, size, MADV_DONTNEED);
	if (!ret && chance(rng, 50))
		nap(1);
	if (chance(rng, 70))
		note(K_DEREG_UMEM, ioctl(fd, VDUSE_IOTLB_DEREG_UMEM,
					 pointer(rng, &umem, sizeof(umem))));
	if (!gone)
		munmap(memory, size);
}

/* A system call touches it, which survives where we would get SIGBUS. */
static void touch(struct rng *rng, const struct region *region, bool write_too)
{
	int probe = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	char *at;

	for (unsigned int n = below(rng, 8); n; n--) {
		at = region->addr + (draw(rng) % region->size & ~7ULL);
		note(K_TOUCH, write(probe, at, 8));
		if (write_too && region->start == 0)
			note(K_TOUCH, read(probe, at, 8));
	}
	close(probe);
}

void call_map(struct rng *rng, int fd, bool polite)
{
	struct region region;
	int memory = region_map(fd, some_iova(rng), &region);

	note(K_MAP, memory);
	if (memory < 0)
		return;
	/* The file itself: beyond the region, and after it. */
	if (chance(rng, 20)) {
		char *more = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
				  chance(rng, 50) ? MAP_SHARED : MAP_PRIVATE,
				  memory, (off_t)(some_iova(rng) & ~4095ULL));

		if (more != MAP_FAILED) {
			struct region other = { more, ~0ULL, 64 * PAGE };

			touch(rng, &other, false);
			munmap(more, 64 * PAGE);
		}
	}
	close(memory);
	touch(rng, &region, false);
	if (chance(rng, 10))
		nap(below(rng, 20));
	touch(rng, &region, !polite && chance(rng, 30));
	region_unmap(&region);
}
