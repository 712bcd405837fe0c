// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA operations of the device on the bus: how a virtio driver's buffers and
 * rings get into the address space, where the virtio core has no map
 * operations; map.c is for where it has.
 */
#ifndef VDUSE_MAP_OPS

#include <linux/dma-map-ops.h>

#include "domain.h"
#include "vduse.h"

static struct vduse_domain *vduse_dma_domain(struct device *dev)
{
	return container_of(dev_to_vdpa(dev), struct vduse_vdpa, vdpa)->domain;
}

static bool vduse_dma_sync(unsigned long attrs)
{
	return !(attrs & DMA_ATTR_SKIP_CPU_SYNC);
}

static dma_addr_t vduse_dma_map_page(struct device *dev, struct page *page,
				     unsigned long offset, size_t size,
				     enum dma_data_direction dir,
				     unsigned long attrs)
{
	return vduse_bounce_map(vduse_dma_domain(dev),
				page_to_phys(page) + offset, size, dir,
				vduse_dma_sync(attrs));
}

static void vduse_dma_unmap_page(struct device *dev, dma_addr_t addr,
				 size_t size, enum dma_data_direction dir,
				 unsigned long attrs)
{
	vduse_bounce_unmap(vduse_dma_domain(dev), addr, size, dir,
			   vduse_dma_sync(attrs));
}

static void vduse_dma_sync_for_cpu(struct device *dev, dma_addr_t addr,
				   size_t size, enum dma_data_direction dir)
{
	if (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL)
		vduse_bounce_copy(vduse_dma_domain(dev), addr, size, false);
}

static void vduse_dma_sync_for_device(struct device *dev, dma_addr_t addr,
				      size_t size, enum dma_data_direction dir)
{
	if (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL)
		vduse_bounce_copy(vduse_dma_domain(dev), addr, size, true);
}

static void *vduse_dma_alloc(struct device *dev, size_t size, dma_addr_t *addr,
			     gfp_t gfp, unsigned long attrs)
{
	return vduse_coherent_alloc(vduse_dma_domain(dev), size, addr, gfp);
}

static void vduse_dma_free(struct device *dev, size_t size, void *vaddr,
			   dma_addr_t addr, unsigned long attrs)
{
	vduse_coherent_free(vduse_dma_domain(dev), size, vaddr, addr);
}

static size_t vduse_dma_max_mapping_size(struct device *dev)
{
	return vduse_dma_domain(dev)->bounce_size;
}

static const struct dma_map_ops vduse_dma_ops = {
	.map_page = vduse_dma_map_page,
	.unmap_page = vduse_dma_unmap_page,
	.sync_single_for_cpu = vduse_dma_sync_for_cpu,
	.sync_single_for_device = vduse_dma_sync_for_device,
	.alloc = vduse_dma_alloc,
	.free = vduse_dma_free,
	.max_mapping_size = vduse_dma_max_mapping_size,
};

/* Drivers map buffers with the device on the bus, which uses our operations. */
struct vduse_vdpa *vduse_vdpa_alloc(struct vduse_dev *dev,
				    const struct vdpa_config_ops *ops,
				    const char *name)
{
	struct vduse_vdpa *vduse;

	vduse = vdpa_alloc_device(struct vduse_vdpa, vdpa, &dev->dev, ops,
				  dev->ngroups, dev->nas, name, true);
	if (IS_ERR(vduse))
		return vduse;

	set_dma_ops(&vduse->vdpa.dev, &vduse_dma_ops);
	vduse->vdpa.dma_dev = &vduse->vdpa.dev;
	return vduse;
}

#endif /* VDUSE_MAP_OPS */
