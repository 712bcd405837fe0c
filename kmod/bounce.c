// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce buffers: a driver's buffer is copied to and from pages that the
 * server may map, so that the server never sees what lies beside it.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "domain.h"

int vduse_bounce_init(struct vduse_domain *domain)
{
	size_t slots = domain->bounce_size >> VDUSE_SLOT_SHIFT;
	size_t i;

	domain->pages = kvcalloc(domain->bounce_size >> PAGE_SHIFT,
				 sizeof(*domain->pages), GFP_KERNEL);
	domain->orig = kvmalloc_array(slots, sizeof(*domain->orig), GFP_KERNEL);
	if (!domain->pages || !domain->orig)
		return -ENOMEM;

	for (i = 0; i < slots; i++)
		domain->orig[i] = VDUSE_SLOT_FREE;
	return 0;
}

void vduse_bounce_exit(struct vduse_domain *domain)
{
	size_t i;

	for (i = 0; domain->pages && i < domain->bounce_size >> PAGE_SHIFT; i++)
		if (domain->pages[i].page)
			put_page(domain->pages[i].page);
	kvfree(domain->pages);
	kvfree(domain->orig);
}

/* Slots of other owners may lie in the same page: the first one wins. */
static int vduse_bounce_make_page(struct vduse_bounce_page *bounce)
{
	struct page *page;

	if (READ_ONCE(bounce->page))
		return 0;
	page = alloc_page(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		return -ENOMEM;
	if (cmpxchg(&bounce->page, NULL, page))
		put_page(page);
	return 0;
}

static int vduse_bounce_make_pages(struct vduse_domain *domain, u64 iova,
				   size_t size)
{
	unsigned long i, last = (iova + size - 1) >> PAGE_SHIFT;

	for (i = iova >> PAGE_SHIFT; i <= last; i++)
		if (vduse_bounce_make_page(&domain->pages[i]))
			return -ENOMEM;
	return 0;
}

/* Copy between a stretch of one page and memory of the driver. */
static void vduse_bounce_copy_orig(void *bounce, phys_addr_t orig, size_t size,
				   bool to_device)
{
	size_t offset, len;
	struct page *page;

	while (size) {
		page = pfn_to_page(PHYS_PFN(orig));
		offset = offset_in_page(orig);
		len = min(size, PAGE_SIZE - offset);
		if (to_device)
			memcpy_from_page(bounce, page, offset, len);
		else
			memcpy_to_page(page, offset, bounce, len);
		bounce += len;
		orig += len;
		size -= len;
	}
}

/* Copy within one slot, to or from the page that stands for it. */
static void vduse_bounce_copy_page(struct page *page, u64 iova,
				   phys_addr_t orig, size_t size,
				   bool to_device)
{
	void *vaddr;

	if (!page)
		return;

	vaddr = kmap_local_page(page);
	vduse_bounce_copy_orig(vaddr + offset_in_page(iova),
			       orig + (iova & (VDUSE_SLOT_SIZE - 1)),
			       size, to_device);
	kunmap_local(vaddr);
}

static void vduse_bounce_copy_slot(struct vduse_domain *domain, u64 iova,
				   size_t size, bool to_device)
{
	struct vduse_bounce_page *bounce = &domain->pages[iova >> PAGE_SHIFT];
	phys_addr_t orig = domain->orig[iova >> VDUSE_SLOT_SHIFT];
	unsigned long flags;

	if (orig == VDUSE_SLOT_FREE)
		return;

	if (!READ_ONCE(domain->umem_used)) {
		vduse_bounce_copy_page(bounce->page, iova, orig, size,
				       to_device);
		return;
	}
	read_lock_irqsave(&domain->umem_rwlock, flags);
	vduse_bounce_copy_page(bounce->user ?: bounce->page, iova, orig, size,
			       to_device);
	read_unlock_irqrestore(&domain->umem_rwlock, flags);
}

/**
 * vduse_bounce_copy - bring a mapped buffer up to date
 * @domain: the address space
 * @addr: where the stretch starts, anywhere in a mapping
 * @size: its length
 * @to_device: the direction
 */
void vduse_bounce_copy(struct vduse_domain *domain, dma_addr_t addr,
		       size_t size, bool to_device)
{
	size_t len;

	if (addr >= domain->bounce_size || size > domain->bounce_size - addr)
		return;

	/* The other side of this is in umem.c. */
	rcu_read_lock();
	while (size) {
		len = min(size, VDUSE_SLOT_SIZE -
			  (size_t)(addr & (VDUSE_SLOT_SIZE - 1)));
		vduse_bounce_copy_slot(domain, addr, len, to_device);
		addr += len;
		size -= len;
	}
	rcu_read_unlock();
}

static void vduse_bounce_set_orig(struct vduse_domain *domain, u64 iova,
				  size_t size, phys_addr_t phys)
{
	size_t slot = iova >> VDUSE_SLOT_SHIFT;
	size_t last = (iova + size - 1) >> VDUSE_SLOT_SHIFT;

	for (; slot <= last; slot++) {
		domain->orig[slot] = phys;
		if (phys != VDUSE_SLOT_FREE)
			phys += VDUSE_SLOT_SIZE;
	}
}

static size_t vduse_slots(size_t size)
{
	return DIV_ROUND_UP(size, VDUSE_SLOT_SIZE);
}

static void vduse_bounce_show(struct vduse_domain *domain)
{
	unsigned long flags;

	if (likely(READ_ONCE(domain->bounce_mapped)))
		return;
	spin_lock_irqsave(&domain->lock, flags);
	WRITE_ONCE(domain->bounce_mapped, true);
	spin_unlock_irqrestore(&domain->lock, flags);
}

/**
 * vduse_bounce_map - map a driver's buffer
 * @domain: the address space
 * @phys: the buffer, contiguous
 * @size: its length
 * @dir: who will write it
 * @sync: copy now
 *
 * Context: any.
 * Return: its address for the server, or DMA_MAPPING_ERROR.
 */
dma_addr_t vduse_bounce_map(struct vduse_domain *domain, phys_addr_t phys,
			    size_t size, enum dma_data_direction dir, bool sync)
{
	unsigned long pfn, limit;
	u64 iova;

	if (!size || size > domain->bounce_size)
		return DMA_MAPPING_ERROR;
	limit = (domain->bounce_size >> VDUSE_SLOT_SHIFT) - 1;
	pfn = alloc_iova_fast(&domain->stream, vduse_slots(size), limit, true);
	if (!pfn)
		return DMA_MAPPING_ERROR;

	iova = (u64)pfn << VDUSE_SLOT_SHIFT;
	if (vduse_bounce_make_pages(domain, iova, size)) {
		free_iova_fast(&domain->stream, pfn, vduse_slots(size));
		return DMA_MAPPING_ERROR;
	}
	atomic_inc(&domain->mapped);
	vduse_bounce_show(domain);
	vduse_bounce_set_orig(domain, iova, size, phys);
	if (sync && (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL))
		vduse_bounce_copy(domain, iova, size, true);
	return iova;
}

/**
 * vduse_bounce_unmap - the driver takes its buffer back
 * @domain: the address space
 * @addr: what vduse_bounce_map() gave
 * @size: as given to it
 * @dir: as given to it
 * @sync: copy now
 */
void vduse_bounce_unmap(struct vduse_domain *domain, dma_addr_t addr,
			size_t size, enum dma_data_direction dir, bool sync)
{
	if (addr >= domain->bounce_size || size > domain->bounce_size - addr)
		return;
	if (sync && (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL))
		vduse_bounce_copy(domain, addr, size, false);
	vduse_bounce_set_orig(domain, addr, size, VDUSE_SLOT_FREE);
	atomic_dec(&domain->mapped);
	free_iova_fast(&domain->stream, addr >> VDUSE_SLOT_SHIFT,
		       vduse_slots(size));
}

/**
 * vduse_bounce_get_page - the page a server may map at an address
 * @domain: the address space
 * @iova: the address
 *
 * Return: the page with a reference; NULL if the driver never used it, or if
 *	the server's own memory stands for it.
 */
struct page *vduse_bounce_get_page(struct vduse_domain *domain, u64 iova)
{
	struct page *page = READ_ONCE(domain->pages[iova >> PAGE_SHIFT].page);

	if (!page || READ_ONCE(domain->umem_used))
		return NULL;
	get_page(page);
	return page;
}

/* The region appears again with the driver's next mapping. */
void vduse_bounce_reset(struct vduse_domain *domain)
{
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	WRITE_ONCE(domain->bounce_mapped, false);
	spin_unlock_irqrestore(&domain->lock, flags);
}
