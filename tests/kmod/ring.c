// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The smallest server: one split ring, and requests of a block device.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vduse.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring.h"

int region_map(int fd, uint64_t iova, struct region *region)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	int prot = PROT_READ;
	int memory;

	region->addr = NULL;
	memory = ioctl(fd, VDUSE_IOTLB_GET_FD, &entry);
	if (memory < 0)
		return -errno;
	if (entry.perm & VDUSE_ACCESS_WO)
		prot |= PROT_WRITE;
	region->start = entry.start;
	region->size = entry.last - entry.start + 1;
	region->addr = mmap(NULL, region->size, prot, MAP_SHARED, memory,
			    (off_t)entry.offset);
	if (region->addr == MAP_FAILED) {
		region->addr = NULL;
		close(memory);
		return -ENOMEM;
	}
	return memory;
}

void region_unmap(struct region *region)
{
	if (region->addr)
		munmap(region->addr, region->size);
	region->addr = NULL;
}

static void *region_at(const struct region *region, uint64_t iova, size_t size)
{
	uint64_t offset = iova - region->start;

	if (offset >= region->size || size > region->size - offset)
		return NULL;
	return region->addr + offset;
}

int ring_start(int fd, uint32_t index, struct ring *ring)
{
	struct vduse_vq_info info = { .index = index };
	int ret;

	ring_stop(ring);
	if (ioctl(fd, VDUSE_VQ_GET_INFO, &info))
		return -errno;
	if (!info.ready || !info.num || info.num > 32768 ||
	    info.num & (info.num - 1))
		return -EAGAIN;
	ret = region_map(fd, info.desc_addr, &ring->memory);
	if (ret < 0)
		return ret;
	close(ret);

	ring->index = index;
	ring->num = info.num;
	ring->desc = region_at(&ring->memory, info.desc_addr, 16 * info.num);
	ring->avail = region_at(&ring->memory, info.driver_addr,
				6 + 2 * info.num);
	ring->used = region_at(&ring->memory, info.device_addr,
			       6 + 8 * info.num);
	if (!ring->desc || !ring->avail || !ring->used ||
	    (info.desc_addr | info.driver_addr | info.device_addr) & 3) {
		ring_stop(ring);
		return -EINVAL;
	}
	ring->next = __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE);
	return 0;
}

void ring_stop(struct ring *ring)
{
	region_unmap(&ring->memory);
	ring->num = 0;
}

int ring_serve(int fd, struct ring *ring, ring_handler handler, void *data)
{
	struct vring_used_elem *elem;
	uint32_t done = 0;
	uint16_t head;

	while (done < ring->num && ring->next !=
	       __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE)) {
		head = ring->avail->ring[ring->next & (ring->num - 1)];
		elem = &ring->used->ring[ring->next & (ring->num - 1)];
		elem->id = head;
		elem->len = head < ring->num ? handler(ring, head, data) : 0;
		ring->next++;
		done++;
		__atomic_store_n(&ring->used->idx, ring->next,
				 __ATOMIC_RELEASE);
	}
	if (done && ioctl(fd, VDUSE_VQ_INJECT_IRQ, &ring->index))
		return -errno;
	return (int)done;
}

static char *disk_buffer(struct disk *disk, uint64_t addr, uint32_t len)
{
	if (addr >= disk->bounce_size || len > disk->bounce_size - addr)
		return NULL;
	return disk->bounce + addr;
}

uint32_t disk_request(struct ring *ring, uint16_t head, void *data)
{
	struct vring_desc desc = ring->desc[head];
	struct virtio_blk_outhdr hdr;
	struct disk *disk = data;
	uint32_t written = 0;
	uint64_t at;
	char *buf;

	buf = disk_buffer(disk, desc.addr, sizeof(hdr));
	if (!buf)
		return 0;
	memcpy(&hdr, buf, sizeof(hdr));
	at = hdr.sector * 512;
	for (uint32_t n = 0; n < ring->num; n++) {
		desc = ring->desc[desc.next & (ring->num - 1)];
		buf = disk_buffer(disk, desc.addr, desc.len);
		if (!buf || !desc.len)
			return 0;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			break;
		if (at > disk->size || desc.len > disk->size - at)
			continue;
		if (hdr.type == VIRTIO_BLK_T_IN) {
			memcpy(buf, disk->data + at, desc.len);
			written += desc.len;
		} else if (hdr.type == VIRTIO_BLK_T_OUT) {
			memcpy(disk->data + at, buf, desc.len);
		}
		at += desc.len;
	}
	*buf = VIRTIO_BLK_S_OK;
	return written + 1;
}
