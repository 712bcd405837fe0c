// SPDX-License-Identifier: LGPL-2.1-or-later
/* Driver memory mapped into the server. */
#include "lib/kernel/iotlb.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/kernel/device.h"
#include "lib/util/sigbus.h"

struct vdu__iotlb *vdu__iotlb_new(int device_fd)
{
	struct vdu__iotlb *iotlb = calloc(1, sizeof(*iotlb));

	if (!iotlb)
		return NULL;
	iotlb->device_fd = device_fd;
	(void)pthread_mutex_init(&iotlb->grow, NULL);
	return iotlb;
}

struct vdu__iotlb *vdu__iotlb_free(struct vdu__iotlb *iotlb)
{
	if (iotlb) {
		vdu__iotlb_flush(iotlb);
		(void)pthread_mutex_destroy(&iotlb->grow);
		free(iotlb);
	}
	return NULL;
}

static const struct vdu__mapping *find_known(struct vdu__iotlb *iotlb,
					     uint64_t iova)
{
	/* Pairs with the release in add(). */
	unsigned int n = atomic_load_explicit(&iotlb->n, memory_order_acquire);

	for (unsigned int i = 0; i < n; i++) {
		const struct vdu__mapping *m = &iotlb->mappings[i];

		if (iova >= m->start && iova <= m->last)
			return m;
	}
	return NULL;
}

static uint64_t granule(int fd)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), block;
	struct stat st;

	/* hugetlbfs takes and gives back whole huge pages only. */
	if (fstat(fd, &st) < 0)
		return page;
	block = (uint64_t)st.st_blksize;
	return block > page && !(block & (block - 1)) ? block : page;
}

/*
 * Map the region as its permission says, although its fd may allow more. A
 * region need not begin or end on a page boundary (rings do not).
 */
static int map_region(const struct vdu__region *region,
		      struct vdu__mapping *ret)
{
	const uint64_t page = granule(region->fd);
	uint64_t lead = region->offset & (page - 1);
	int prot = (region->readable ? PROT_READ : 0) |
		   (region->writable ? PROT_WRITE : 0);
	uint64_t bytes;
	void *map;

	if (region->last < region->start ||
	    __builtin_add_overflow(region->last - region->start, lead + 1,
				   &bytes) || bytes > SIZE_MAX / 2)
		return -EINVAL;
	bytes = (bytes + page - 1) & ~(page - 1);
	map = mmap(NULL, bytes, prot, MAP_SHARED, region->fd,
		   (off_t)(region->offset - lead));
	if (map == MAP_FAILED)
		return -errno;
	/* A crash dump of the server is not a dump of its VM. */
	(void)madvise(map, bytes, MADV_DONTDUMP);
	*ret = (struct vdu__mapping){
		.start = region->start,
		.last = region->last,
		.va = (char *)map + lead,
		.readable = region->readable,
		.writable = region->writable,
		.map = map,
		.map_bytes = bytes,
		.page = page,
	};
	return 0;
}

static const struct vdu__mapping *add(struct vdu__iotlb *iotlb, uint64_t iova)
{
	unsigned int n = atomic_load_explicit(&iotlb->n, memory_order_relaxed);
	struct vdu__region region;
	int r;

	if (n == VDU_IOTLB_MAX ||
	    vdu__device_region(iotlb->device_fd, iova, &region) < 0)
		return NULL;
	r = iova < region.start || iova > region.last ? -EINVAL :
	    map_region(&region, &iotlb->mappings[n]);
	(void)close(region.fd);
	if (r < 0)
		return NULL;
	/* Pairs with the acquire in find_known(). */
	atomic_store_explicit(&iotlb->n, n + 1, memory_order_release);
	return &iotlb->mappings[n];
}

const struct vdu__mapping *vdu__iotlb_find(struct vdu__iotlb *iotlb,
					   uint64_t iova)
{
	const struct vdu__mapping *m = find_known(iotlb, iova);

	if (m)
		return m;
	(void)pthread_mutex_lock(&iotlb->grow);
	/* Another thread may have added it while we waited. */
	m = find_known(iotlb, iova);
	if (!m)
		m = add(iotlb, iova);
	(void)pthread_mutex_unlock(&iotlb->grow);
	return m;
}

void *vdu__mapping_at(const struct vdu__mapping *mapping, uint64_t iova,
		      uint64_t *len, bool write)
{
	uint64_t end;

	if (!(write ? mapping->writable : mapping->readable) ||
	    __builtin_add_overflow(iova, *len - 1, &end))
		return NULL;
	if (end > mapping->last)
		*len = mapping->last - iova + 1;
	return mapping->va + (iova - mapping->start);
}

void *vdu__iotlb_translate(void *iotlb, uint64_t iova, uint64_t *len,
			   bool write)
{
	const struct vdu__mapping *m = vdu__iotlb_find(iotlb, iova);

	return m ? vdu__mapping_at(m, iova, len, write) : NULL;
}

void *vdu__iotlb_span(struct vdu__iotlb *iotlb, uint64_t iova, uint64_t bytes,
		      bool write)
{
	uint64_t len = bytes;
	void *at = vdu__iotlb_translate(iotlb, iova, &len, write);

	/* What spans two mappings would not be contiguous here. */
	return len == bytes ? at : NULL;
}

void vdu__iotlb_flush(struct vdu__iotlb *iotlb)
{
	unsigned int n = atomic_load(&iotlb->n);

	atomic_store(&iotlb->n, 0);
	for (unsigned int i = 0; i < n; i++)
		(void)munmap(iotlb->mappings[i].map,
			     iotlb->mappings[i].map_bytes);
	atomic_store(&iotlb->torn, false);
}

static bool mend(void *opaque, char *at)
{
	struct vdu__iotlb *iotlb = opaque;
	unsigned int n = atomic_load(&iotlb->n);

	for (unsigned int i = 0; i < n; i++) {
		const struct vdu__mapping *m = &iotlb->mappings[i];
		char *map = m->map;

		if (at < map || at >= map + m->map_bytes)
			continue;
		if (!vdu__sigbus_cover(at, m->page))
			return false;
		atomic_store(&iotlb->torn, true);
		return true;
	}
	return false;
}

int vdu__iotlb_guard(struct vdu__iotlb *iotlb)
{
	return vdu__sigbus_add(mend, iotlb);
}

void vdu__iotlb_unguard(const struct vdu__iotlb *iotlb)
{
	vdu__sigbus_remove(iotlb);
}
