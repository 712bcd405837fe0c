// SPDX-License-Identifier: GPL-2.0-only
/*
 * Map operations of the virtio core: how a virtio driver's buffers and rings
 * get into the address space, where the core has them; dma.c is for where it
 * has not.
 */
#ifdef VDUSE_MAP_OPS

#include <linux/dma-mapping.h>
#include <linux/virtio_config.h>

#include "domain.h"
#include "vduse.h"

/* The token is the device on the bus, the same for all its queues. */
static struct vduse_domain *vduse_map_domain(union virtio_map map)
{
	return container_of(dev_to_vdpa(map.dma_dev), struct vduse_vdpa,
			    vdpa)->domain;
}

static bool vduse_map_sync(unsigned long attrs)
{
	return !(attrs & DMA_ATTR_SKIP_CPU_SYNC);
}

static dma_addr_t vduse_map_page(union virtio_map map, struct page *page,
				 unsigned long offset, size_t size,
				 enum dma_data_direction dir,
				 unsigned long attrs)
{
	return vduse_bounce_map(vduse_map_domain(map),
				page_to_phys(page) + offset, size, dir,
				vduse_map_sync(attrs));
}

static void vduse_unmap_page(union virtio_map map, dma_addr_t addr,
			     size_t size, enum dma_data_direction dir,
			     unsigned long attrs)
{
	vduse_bounce_unmap(vduse_map_domain(map), addr, size, dir,
			   vduse_map_sync(attrs));
}

static void vduse_map_sync_for_cpu(union virtio_map map, dma_addr_t addr,
				   size_t size, enum dma_data_direction dir)
{
	if (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL)
		vduse_bounce_copy(vduse_map_domain(map), addr, size, false);
}

static void vduse_map_sync_for_device(union virtio_map map, dma_addr_t addr,
				      size_t size, enum dma_data_direction dir)
{
	if (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL)
		vduse_bounce_copy(vduse_map_domain(map), addr, size, true);
}

static void *vduse_map_alloc(union virtio_map map, size_t size,
			     dma_addr_t *addr, gfp_t gfp)
{
	return vduse_coherent_alloc(vduse_map_domain(map), size, addr, gfp);
}

static void vduse_map_free(union virtio_map map, size_t size, void *vaddr,
			   dma_addr_t addr, unsigned long attrs)
{
	vduse_coherent_free(vduse_map_domain(map), size, vaddr, addr);
}

/* Streaming memory is always bounced. */
static bool vduse_map_need_sync(union virtio_map map, dma_addr_t addr)
{
	return true;
}

static int vduse_map_mapping_error(union virtio_map map, dma_addr_t addr)
{
	return addr == DMA_MAPPING_ERROR ? -ENOMEM : 0;
}

static size_t vduse_map_max_mapping_size(union virtio_map map)
{
	return vduse_map_domain(map)->bounce_size;
}

static const struct virtio_map_ops vduse_map_ops = {
	.map_page = vduse_map_page,
	.unmap_page = vduse_unmap_page,
	.sync_single_for_cpu = vduse_map_sync_for_cpu,
	.sync_single_for_device = vduse_map_sync_for_device,
	.alloc = vduse_map_alloc,
	.free = vduse_map_free,
	.need_sync = vduse_map_need_sync,
	.mapping_error = vduse_map_mapping_error,
	.max_mapping_size = vduse_map_max_mapping_size,
};

/* Drivers map buffers with the virtio core, which uses our operations. */
struct vduse_vdpa *vduse_vdpa_alloc(struct vduse_dev *dev,
				    const struct vdpa_config_ops *ops,
				    const char *name)
{
	struct vduse_vdpa *vduse;

	vduse = vdpa_alloc_device(struct vduse_vdpa, vdpa, &dev->dev, ops,
				  &vduse_map_ops, dev->ngroups, dev->nas, name,
				  true);
	if (!IS_ERR(vduse))
		vduse->vdpa.vmap.dma_dev = &vduse->vdpa.dev;
	return vduse;
}

#endif /* VDUSE_MAP_OPS */
