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

/* Slot 0 is never given out: a buffer at 0 would look like none. */
void vduse_bounce_layout(struct vduse_domain *domain)
{
	u64 small = 0, single = 0;

	if (domain->bounce_size >= VDUSE_SHARES_MIN) {
		small = domain->bounce_size / VDUSE_SMALL_SHARE;
		single = domain->bounce_size / VDUSE_SINGLE_SHARE;
	}
	domain->small_end = VDUSE_SLOT_SIZE +
			    round_down(small, VDUSE_SLOT_SIZE);
	domain->single_end = domain->small_end +
			     round_down(single, VDUSE_SLOT_SIZE);
}

static int vduse_bounce_init_pools(struct vduse_domain *domain)
{
	u32 small = (domain->small_end - VDUSE_SLOT_SIZE) >> VDUSE_SMALL_SHIFT;
	u32 single = (domain->single_end - domain->small_end) >>
		     VDUSE_SLOT_SHIFT;
	u32 i;
	int ret;

	ret = vduse_pool_init(&domain->small, small);
	if (ret)
		return ret;
	domain->small_orig = kvmalloc_array(small, sizeof(*domain->small_orig),
					    GFP_KERNEL);
	if (small && !domain->small_orig)
		return -ENOMEM;
	for (i = 0; i < small; i++)
		domain->small_orig[i] = VDUSE_SLOT_FREE;
	return vduse_pool_init(&domain->single, single);
}

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
	return vduse_bounce_init_pools(domain);
}

void vduse_bounce_exit(struct vduse_domain *domain)
{
	size_t i;

	for (i = 0; domain->pages && i < domain->bounce_size >> PAGE_SHIFT; i++)
		if (domain->pages[i].page)
			put_page(domain->pages[i].page);
	kvfree(domain->pages);
	kvfree(domain->orig);
	kvfree(domain->small_orig);
	vduse_pool_exit(&domain->small);
	vduse_pool_exit(&domain->single);
}

/* Buffers of other owners may lie in the same page: the first one wins. */
static int vduse_bounce_make_page(struct vduse_bounce_page *bounce)
{
	struct page *page;

	page = alloc_page(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		return -ENOMEM;
	if (cmpxchg(&bounce->page, NULL, page))
		put_page(page);
	return 0;
}

/* A look at one that is enough for most. */
static bool vduse_bounce_has_pages(struct vduse_domain *domain, u64 iova,
				   size_t size)
{
	return size <= VDUSE_SLOT_SIZE &&
	       READ_ONCE(domain->pages[iova >> PAGE_SHIFT].page);
}

static int vduse_bounce_make_pages(struct vduse_domain *domain, u64 iova,
				   size_t size)
{
	unsigned long i, last = (iova + size - 1) >> PAGE_SHIFT;

	for (i = iova >> PAGE_SHIFT; i <= last; i++)
		if (!READ_ONCE(domain->pages[i].page) &&
		    vduse_bounce_make_page(&domain->pages[i]))
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

/* The same where all memory has an address, which spares most of it. */
static __always_inline void vduse_bounce_copy_low(void *bounce, void *orig,
						  size_t size, bool to_device)
{
	void *to = to_device ? bounce : orig;
	void *from = to_device ? orig : bounce;

	if (size == PAGE_SIZE && PAGE_ALIGNED(to) && PAGE_ALIGNED(from))
		copy_page(to, from);
	else
		memcpy(to, from, size);
}

/* Copy within one page of bounce memory. */
static __always_inline void vduse_bounce_copy_page(struct page *page, u64 iova,
						   phys_addr_t orig,
						   size_t size, bool to_device)
{
	void *vaddr;

	if (!page)
		return;
	if (!IS_ENABLED(CONFIG_HIGHMEM)) {
		vduse_bounce_copy_low(page_address(page) + offset_in_page(iova),
				      phys_to_virt(orig), size, to_device);
		return;
	}
	vaddr = kmap_local_page(page);
	vduse_bounce_copy_orig(vaddr + offset_in_page(iova), orig, size,
			       to_device);
	kunmap_local(vaddr);
}

/* To or from memory of the server, which it may take away. */
static noinline void vduse_bounce_copy_umem(struct vduse_domain *domain,
					    u64 iova, phys_addr_t orig,
					    size_t size, bool to_device)
{
	struct vduse_bounce_page *bounce = &domain->pages[iova >> PAGE_SHIFT];
	unsigned long flags;

	read_lock_irqsave(&domain->umem_rwlock, flags);
	vduse_bounce_copy_page(bounce->user ?: bounce->page, iova, orig, size,
			       to_device);
	read_unlock_irqrestore(&domain->umem_rwlock, flags);
}

/* Copy what lies at an address and in one place, from or to where orig says. */
static __always_inline void vduse_bounce_copy_place(struct vduse_domain *domain,
						    u64 iova, phys_addr_t orig,
						    size_t size, bool to_device)
{
	/* The other side of this is in umem.c. */
	rcu_read_lock_sched();
	if (unlikely(READ_ONCE(domain->umem_used)))
		vduse_bounce_copy_umem(domain, iova, orig, size, to_device);
	else
		vduse_bounce_copy_page(domain->pages[iova >> PAGE_SHIFT].page,
				       iova, orig, size, to_device);
	rcu_read_unlock_sched();
}

static u32 vduse_small_place(u64 iova)
{
	return (iova - VDUSE_SLOT_SIZE) >> VDUSE_SMALL_SHIFT;
}

/* Whether an address belongs to a small place: slot 0 is none. */
static bool vduse_is_small(const struct vduse_domain *domain, u64 iova)
{
	return iova < domain->small_end && iova >= VDUSE_SLOT_SIZE;
}

/* Where it is noted what an address stands for. */
static phys_addr_t *vduse_bounce_orig(struct vduse_domain *domain, u64 iova)
{
	if (vduse_is_small(domain, iova))
		return &domain->small_orig[vduse_small_place(iova)];
	return &domain->orig[iova >> VDUSE_SLOT_SHIFT];
}

/* The server filled the driver's buffer: what is in the bounce memory is old. */
static bool vduse_bounce_overtaken(struct vduse_domain *domain, u64 iova,
				   bool to_device)
{
	size_t slot = iova >> VDUSE_SLOT_SHIFT;

	if (likely(!domain->busy) || vduse_is_small(domain, iova) ||
	    !test_bit(slot, domain->filled))
		return false;
	if (!to_device)
		return true;
	clear_bit(slot, domain->filled);
	return false;
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
	size_t place, offset, len;
	phys_addr_t orig;

	if (addr >= domain->bounce_size || size > domain->bounce_size - addr)
		return;

	while (size) {
		orig = *vduse_bounce_orig(domain, addr);
		place = vduse_is_small(domain, addr) ? VDUSE_SMALL_SIZE :
						       VDUSE_SLOT_SIZE;
		offset = addr & (place - 1);
		len = min(size, place - offset);
		if (orig != VDUSE_SLOT_FREE &&
		    !vduse_bounce_overtaken(domain, addr, to_device))
			vduse_bounce_copy_place(domain, addr, orig + offset,
						len, to_device);
		addr += len;
		size -= len;
	}
}

static size_t vduse_slots(size_t size)
{
	return DIV_ROUND_UP(size, VDUSE_SLOT_SIZE);
}

/* Note what a slot stands for, and how much of it the server may fill. */
static __always_inline void vduse_bounce_set_slot(struct vduse_domain *domain,
						  size_t slot, size_t span,
						  phys_addr_t phys, bool fill)
{
	if (domain->busy)
		domain->span[slot] = fill ? span : 0;
	/* Pairs with vduse_fill_slot(). */
	smp_store_release(&domain->orig[slot], phys);
}

static void vduse_bounce_set_slots(struct vduse_domain *domain, size_t slot,
				   size_t size, phys_addr_t phys, bool fill)
{
	size_t last = slot + vduse_slots(size) - 1;

	for (; slot < last; slot++) {
		vduse_bounce_set_slot(domain, slot, VDUSE_SLOT_SIZE, phys,
				      fill);
		phys += VDUSE_SLOT_SIZE;
		size -= VDUSE_SLOT_SIZE;
	}
	vduse_bounce_set_slot(domain, slot, size, phys, fill);
}

/* What was in a slot is the driver's again: copy it, if it has not got it. */
static __always_inline void vduse_bounce_end_slot(struct vduse_domain *domain,
						  u64 iova, phys_addr_t phys,
						  size_t size, bool copy)
{
	if (domain->busy &&
	    vduse_fill_end(domain, iova >> VDUSE_SLOT_SHIFT))
		return;
	if (copy && phys != VDUSE_SLOT_FREE)
		vduse_bounce_copy_place(domain, iova, phys, size, false);
}

static void vduse_bounce_take_back(struct vduse_domain *domain, u64 iova,
				   size_t size, bool copy)
{
	size_t first = iova >> VDUSE_SLOT_SHIFT, n = vduse_slots(size), i;
	phys_addr_t phys = domain->orig[first];

	copy &= phys != VDUSE_SLOT_FREE;
	for (i = 0; i < n; i++)
		WRITE_ONCE(domain->orig[first + i], VDUSE_SLOT_FREE);
	/* Pairs with test_and_set_bit() in vduse_fill_slot(). */
	smp_mb();
	for (; size > VDUSE_SLOT_SIZE; size -= VDUSE_SLOT_SIZE) {
		vduse_bounce_end_slot(domain, iova, phys, VDUSE_SLOT_SIZE,
				      copy);
		iova += VDUSE_SLOT_SIZE;
		phys += VDUSE_SLOT_SIZE;
	}
	vduse_bounce_end_slot(domain, iova, phys, size, copy);
}

static __always_inline void vduse_bounce_end_one(struct vduse_domain *domain,
						 u64 iova, size_t size,
						 bool copy)
{
	phys_addr_t *orig = &domain->orig[iova >> VDUSE_SLOT_SHIFT];
	phys_addr_t phys = *orig;

	WRITE_ONCE(*orig, VDUSE_SLOT_FREE);
	/* As above. */
	smp_mb();
	vduse_bounce_end_slot(domain, iova, phys, size, copy);
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

/* Find a place for a buffer that needs one only; 0 if there is none. */
static u64 vduse_bounce_get_place(struct vduse_domain *domain, size_t size)
{
	int place;

	if (size <= VDUSE_SMALL_SIZE) {
		place = vduse_pool_get(&domain->small);
		if (likely(place >= 0))
			return VDUSE_SLOT_SIZE +
			       ((u64)place << VDUSE_SMALL_SHIFT);
	}
	place = vduse_pool_get(&domain->single);
	if (likely(place >= 0))
		return domain->small_end + ((u64)place << VDUSE_SLOT_SHIFT);
	return 0;
}

static u64 vduse_bounce_get_slots(struct vduse_domain *domain, size_t size)
{
	unsigned long limit = (domain->bounce_size >> VDUSE_SLOT_SHIFT) - 1;

	return (u64)alloc_iova_fast(&domain->stream, vduse_slots(size), limit,
				    true) << VDUSE_SLOT_SHIFT;
}

static void vduse_bounce_put(struct vduse_domain *domain, u64 iova, size_t size)
{
	if (iova < domain->small_end)
		vduse_pool_put(&domain->small, vduse_small_place(iova));
	else if (iova < domain->single_end)
		vduse_pool_put(&domain->single,
			       (iova - domain->small_end) >> VDUSE_SLOT_SHIFT);
	else
		free_iova_fast(&domain->stream, iova >> VDUSE_SLOT_SHIFT,
			       vduse_slots(size));
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
	bool copy = sync && (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL);
	u64 iova = 0;

	if (!size || size > domain->bounce_size)
		return DMA_MAPPING_ERROR;
	if (size <= VDUSE_SLOT_SIZE)
		iova = vduse_bounce_get_place(domain, size);
	if (!iova)
		iova = vduse_bounce_get_slots(domain, size);
	if (!iova)
		return DMA_MAPPING_ERROR;

	if (unlikely(!vduse_bounce_has_pages(domain, iova, size)) &&
	    vduse_bounce_make_pages(domain, iova, size)) {
		vduse_bounce_put(domain, iova, size);
		return DMA_MAPPING_ERROR;
	}
	vduse_bounce_show(domain);
	if (unlikely(size > VDUSE_SLOT_SIZE)) {
		vduse_bounce_set_slots(domain, iova >> VDUSE_SLOT_SHIFT, size,
				       phys, dir != DMA_TO_DEVICE);
		if (copy)
			vduse_bounce_copy(domain, iova, size, true);
		return iova;
	}
	if (vduse_is_small(domain, iova))
		domain->small_orig[vduse_small_place(iova)] = phys;
	else
		vduse_bounce_set_slot(domain, iova >> VDUSE_SLOT_SHIFT, size,
				      phys, dir != DMA_TO_DEVICE);
	if (copy)
		vduse_bounce_copy_place(domain, iova, phys, size, true);
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
	bool copy = sync && (dir == DMA_FROM_DEVICE ||
			     dir == DMA_BIDIRECTIONAL);
	phys_addr_t *orig;

	if (addr >= domain->bounce_size || size > domain->bounce_size - addr)
		return;
	if (vduse_is_small(domain, addr)) {
		orig = &domain->small_orig[vduse_small_place(addr)];
		if (copy && *orig != VDUSE_SLOT_FREE)
			vduse_bounce_copy_place(domain, addr, *orig, size,
						false);
		*orig = VDUSE_SLOT_FREE;
	} else if (likely(size <= VDUSE_SLOT_SIZE)) {
		vduse_bounce_end_one(domain, addr, size, copy);
	} else {
		vduse_bounce_take_back(domain, addr, size, copy);
	}
	vduse_bounce_put(domain, addr, size);
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
