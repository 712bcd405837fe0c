// SPDX-License-Identifier: GPL-2.0-only
/*
 * An I/O address space: its life, and coherent memory for rings.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "domain.h"

/*
 * There cannot be more regions than pages of addresses; vhost_iotlb wants to
 * be told.
 */
#define VDUSE_MAX_RINGS		(VDUSE_IOVA_END >> VDUSE_SLOT_SHIFT)

static void vduse_domain_free(struct vduse_domain *domain)
{
	u32 i;

	for (i = 0; domain->user && i < domain->nas; i++)
		vduse_iotlb_free(domain->user[i]);
	kvfree(domain->user);
	vhost_iotlb_free(domain->rings);
	vduse_fill_exit(domain);
	vduse_bounce_exit(domain);
	put_iova_domain(&domain->coherent);
	put_iova_domain(&domain->stream);
	kfree(domain);
}

static int vduse_domain_init_iova(struct vduse_domain *domain)
{
	int ret;

	init_iova_domain(&domain->stream, VDUSE_SLOT_SIZE,
			 domain->single_end >> VDUSE_SLOT_SHIFT);
	init_iova_domain(&domain->coherent, PAGE_SIZE,
			 domain->bounce_size >> PAGE_SHIFT);
	ret = iova_domain_init_rcaches(&domain->stream);
	if (ret)
		return ret;
	return iova_domain_init_rcaches(&domain->coherent);
}

/**
 * vduse_domain_create - make an address space
 * @bounce_size: bytes of its streaming part, whole pages
 * @nas: how many address spaces a vhost user may have in it
 * @fill: whether the server may fill buffers of the driver
 *
 * Return: it, to be given back with vduse_domain_put(), or an ERR_PTR.
 */
struct vduse_domain *vduse_domain_create(size_t bounce_size, u32 nas,
					 bool fill)
{
	struct vduse_domain *domain;
	int ret = -ENOMEM;

	if (vduse_max_iotlb_entries <= 0)
		return ERR_PTR(-ENOMEM);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL);
	if (!domain)
		return ERR_PTR(-ENOMEM);

	domain->bounce_size = bounce_size;
	domain->nas = nas;
	spin_lock_init(&domain->lock);
	rwlock_init(&domain->umem_rwlock);
	mutex_init(&domain->umem_lock);
	vduse_bounce_layout(domain);
	ret = vduse_domain_init_iova(domain);
	if (ret)
		goto err_free;

	ret = vduse_bounce_init(domain);
	if (!ret && fill)
		ret = vduse_fill_init(domain);
	if (ret)
		goto err_free;

	ret = -ENOMEM;
	domain->rings = vhost_iotlb_alloc(VDUSE_MAX_RINGS, 0);
	if (!domain->rings)
		goto err_free;

	domain->user = kvcalloc(nas, sizeof(*domain->user), GFP_KERNEL_ACCOUNT);
	if (!domain->user)
		goto err_free;

	kref_init(&domain->ref);
	mutex_init(&domain->window_lock);
	ret = vduse_window_open(domain);
	if (ret)
		goto err_free;
	return domain;

err_free:
	vduse_domain_free(domain);
	return ERR_PTR(ret);
}

static void vduse_domain_release(struct kref *ref)
{
	vduse_domain_free(container_of(ref, struct vduse_domain, ref));
}

/**
 * vduse_domain_unref - drop a reference
 * @domain: what it was to
 */
void vduse_domain_unref(struct vduse_domain *domain)
{
	kref_put(&domain->ref, vduse_domain_release);
}

/* A server may keep a window: the memory stays until it lets go. */
void vduse_domain_put(struct vduse_domain *domain)
{
	vduse_domain_drop_user(domain);
	vduse_window_close(domain);
	vduse_domain_unref(domain);
}

void *vduse_coherent_alloc(struct vduse_domain *domain, size_t size,
			   dma_addr_t *addr, gfp_t gfp)
{
	unsigned long pfn, npages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	unsigned long flags;
	void *vaddr;
	u64 iova;
	int ret;

	pfn = alloc_iova_fast(&domain->coherent, npages,
			      (VDUSE_IOVA_END >> PAGE_SHIFT) - 1, true);
	if (!pfn)
		return NULL;
	vaddr = alloc_pages_exact(size, gfp | __GFP_ZERO);
	if (!vaddr)
		goto err_iova;

	iova = (u64)pfn << PAGE_SHIFT;
	spin_lock_irqsave(&domain->lock, flags);
	ret = vhost_iotlb_add_range(domain->rings, iova, iova + size - 1,
				    (u64)(uintptr_t)vaddr, VDUSE_ACCESS_RW);
	spin_unlock_irqrestore(&domain->lock, flags);
	if (ret)
		goto err_pages;

	*addr = iova;
	return vaddr;

err_pages:
	free_pages_exact(vaddr, size);
err_iova:
	free_iova_fast(&domain->coherent, pfn, npages);
	return NULL;
}

void vduse_coherent_free(struct vduse_domain *domain, size_t size, void *vaddr,
			 dma_addr_t addr)
{
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	vhost_iotlb_del_range(domain->rings, addr, addr + size - 1);
	spin_unlock_irqrestore(&domain->lock, flags);

	free_iova_fast(&domain->coherent, addr >> PAGE_SHIFT,
		       PAGE_ALIGN(size) >> PAGE_SHIFT);
	free_pages_exact(vaddr, size);
}
