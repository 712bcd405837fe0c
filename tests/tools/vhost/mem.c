// SPDX-License-Identifier: GPL-2.0-or-later
/* Regions of memory for the device and their way into its IOTLB. */
#include <linux/vhost.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/tools/vhost/mem.h"

/* Far from our own addresses, above 4 GiB so that cut addresses show. */
#define IOVA_FIRST 0x230000000u
/* Each file starts with a page that is not mapped: offsets are never 0. */
#define FILE_SKIP VHOST_PAGE_SIZE

static int map_file(struct region *region, uint64_t offset, uint64_t size)
{
	CLEANUP_CLOSE int fd = memfd_create("vhost-blk", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)(FILE_SKIP + size)) < 0)
		return -errno;
	if (mmap(region->base + offset, size, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd,
		 FILE_SKIP) == MAP_FAILED)
		return -errno;
	region->fds[region->n_files++] = TAKE_FD(fd);
	return 0;
}

static void region_free(struct region *region)
{
	for (unsigned int i = 0; i < region->n_files; i++)
		(void)close(region->fds[i]);
	if (region->base)
		(void)munmap(region->base, region->size);
	free(region);
}

static int region_fill(struct region *region, unsigned int n_files)
{
	uint64_t each = region->size / n_files;
	void *base;
	int ret;

	/* The whole range first, so that the files lie side by side. */
	base = mmap(NULL, region->size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	region->base = base;
	for (unsigned int i = 0; i < n_files; i++) {
		ret = map_file(region, i * each, each);
		if (ret < 0)
			return ret;
	}
	return 0;
}

struct region *dev_add_region(struct dev *dev, uint64_t size,
			      unsigned int n_files)
{
	uint64_t unit = (uint64_t)VHOST_PAGE_SIZE * n_files;
	struct region *region = calloc(1, sizeof(*region));
	int ret;

	if (!region)
		return NULL;
	region->size = (size + unit - 1) / unit * unit;
	ret = region_fill(region, n_files);
	if (ret < 0) {
		complain("memory: %s", strerror(-ret));
		region_free(region);
		return NULL;
	}
	if (!dev->next_iova)
		dev->next_iova = IOVA_FIRST;
	region->iova = dev->next_iova;
	/* A hole behind each region: running over its end must fail. */
	dev->next_iova += region->size + 16 * VHOST_PAGE_SIZE;
	region->next = dev->regions;
	dev->regions = region;
	return region;
}

static int send_iotlb(const struct dev *dev, uint8_t type, uint64_t iova,
		      uint64_t size, const void *base)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = iova,
			.size = size,
			.uaddr = (uintptr_t)base,
			.perm = VHOST_ACCESS_RW,
			.type = type,
		},
	};

	if (write(dev->fd, &msg, sizeof(msg)) != sizeof(msg))
		return -errno;
	return 0;
}

static int send_regions(const struct dev *dev, uint8_t type)
{
	bool batch = dev->backend_features & 1 << VHOST_BACKEND_F_IOTLB_BATCH;
	int ret = 0;

	if (batch)
		ret = send_iotlb(dev, VHOST_IOTLB_BATCH_BEGIN, 0, 0, NULL);
	for (struct region *r = dev->regions; r && ret == 0; r = r->next)
		ret = send_iotlb(dev, type, r->iova, r->size, r->base);
	if (batch && ret == 0)
		ret = send_iotlb(dev, VHOST_IOTLB_BATCH_END, 0, 0, NULL);
	return ret;
}

int mem_map(const struct dev *dev)
{
	int ret = send_regions(dev, VHOST_IOTLB_UPDATE);

	if (ret < 0)
		complain("mapping memory: %s", strerror(-ret));
	return ret;
}

void mem_unmap(const struct dev *dev)
{
	int ret = send_regions(dev, VHOST_IOTLB_INVALIDATE);

	if (ret < 0)
		complain("unmapping memory: %s", strerror(-ret));
}

void mem_free(struct dev *dev)
{
	struct region *next;

	for (struct region *r = dev->regions; r; r = next) {
		next = r->next;
		region_free(r);
	}
	dev->regions = NULL;
}

int mem_truncate(const struct region *region)
{
	for (unsigned int i = 0; i < region->n_files; i++) {
		if (ftruncate(region->fds[i], 0) < 0)
			return -errno;
	}
	return 0;
}
