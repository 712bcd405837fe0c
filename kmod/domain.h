/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The I/O address space of a device: what the server may map.
 *
 *	[4 KiB, bounce_size)		bounce buffers, one region at 0: small
 *					ones first, then single slots, then all
 *	[bounce_size, VDUSE_IOVA_END)	rings, one region each
 *	anywhere			memory of a vhost user
 *
 * The first two exist while a kernel driver is bound, the third while a
 * vhost user is. They live in trees of their own and never mix. A vhost user
 * may have several address spaces (API version 1), one tree each; a kernel
 * driver has the first alone.
 */
#ifndef VDUSE_DOMAIN_H
#define VDUSE_DOMAIN_H

#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/iova.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vhost_iotlb.h>

#include "api.h"

#define VDUSE_IOVA_END		((u64)SZ_1G + SZ_128M)

/*
 * Unit of the streaming part on every architecture; a page may hold several
 * units.
 */
#define VDUSE_SLOT_SHIFT	12
#define VDUSE_SLOT_SIZE		BIT(VDUSE_SLOT_SHIFT)
#define VDUSE_SLOT_FREE		(~(phys_addr_t)0)

/*
 * Headers, status bytes and short indirect tables: many of them in a slot. So
 * much of the streaming part is theirs, and of buffers that fit into a slot; in
 * a small one these are taken from what is for all.
 */
#define VDUSE_SMALL_SHIFT	6
#define VDUSE_SMALL_SIZE	BIT(VDUSE_SMALL_SHIFT)
#define VDUSE_SMALL_SHARE	64
#define VDUSE_SINGLE_SHARE	4
#define VDUSE_SHARES_MIN	SZ_4M

#define VDUSE_STACK_SIZE	64

/**
 * struct vduse_stack - places that a processor has at hand
 * @n: how many
 * @at: their numbers
 */
struct vduse_stack {
	unsigned int n;
	u32 at[VDUSE_STACK_SIZE];
};

/**
 * struct vduse_pool - places of one size (pool.c)
 * @stacks: of each processor, used with interrupts off; NULL: no places at all
 * @lock: guards what follows; a leaf, taken with interrupts off
 * @n: how many are free, beside those in @stacks
 * @free: their numbers
 */
struct vduse_pool {
	struct vduse_stack __percpu *stacks;
	raw_spinlock_t lock;	/* see above */
	u32 n;
	u32 *free;
};

/**
 * struct vduse_bounce_page - one page of bounce memory
 * @page: the kernel's, made at the first use, kept until the end
 * @user: the server's, while registered; under umem_rwlock
 */
struct vduse_bounce_page {
	struct page *page;
	struct page *user;
};

/**
 * struct vduse_umem - registered memory of the server
 * @uaddr: where it is
 * @iova: where it appears
 * @size: bytes
 * @npages: pinned pages
 * @pages: them
 * @mm: whose limit they count against
 * @cut: the flag of the server that registered it: tells servers apart
 */
struct vduse_umem {
	u64 uaddr;
	u64 iova;
	u64 size;
	unsigned long npages;
	struct page **pages;
	struct mm_struct *mm;
	const bool *cut;
};

/**
 * struct vduse_domain - an I/O address space
 * @ref: one for the device, one for each window
 * @nas: how many address spaces
 * @bounce_size: bytes of the streaming part
 * @small: places of VDUSE_SMALL_SIZE bytes, from the second slot on
 * @small_orig: physical address of the driver's buffer, by place
 * @small_end: where they end
 * @single: slots, from there on
 * @single_end: where they end
 * @stream: allocator of the streaming part behind them, in slots
 * @coherent: allocator of the rings, in pages
 * @pages: bounce memory by page
 * @orig: by slot, physical address of the driver's buffer; the owner of the
 *	slot writes it
 * @busy: by slot, the server copies to the driver's buffer; NULL: it may not
 * @filled: by slot, it has done that; changed under @busy, or by the owner
 * @span: by slot, how many bytes the driver waits for there
 * @umem_used: copies must look for pages of the server, under @umem_rwlock;
 *	unset, they need no lock
 * @umem_rwlock: guards vduse_bounce_page.user and its memory against copies
 * @umem_lock: serialises registration of the server's memory
 * @umem: the registered memory, under @umem_lock
 * @window_lock: serialises the making of @window
 * @lock: guards what follows; a leaf
 * @window: the file that servers map; NULL after they were cut off
 * @bounce_mapped: a driver has mapped since the last reset
 * @rings: regions of coherent memory; addr is its kernel address
 * @user: regions of a vhost user, by address space; opaque is a struct
 *	vdpa_map_file
 */
struct vduse_domain {
	struct kref ref;
	u32 nas;
	size_t bounce_size;
	struct vduse_pool small;
	phys_addr_t *small_orig;
	u64 small_end;
	struct vduse_pool single;
	u64 single_end;
	struct iova_domain stream;
	struct iova_domain coherent;
	struct vduse_bounce_page *pages;
	phys_addr_t *orig;
	unsigned long *busy;
	unsigned long *filled;
	u16 *span;

	bool umem_used;
	rwlock_t umem_rwlock;	/* see above */
	struct mutex umem_lock;	/* see above */
	struct vduse_umem *umem;

	struct mutex window_lock;	/* see above */
	spinlock_t lock;	/* see above */
	struct file *window;
	bool bounce_mapped;
	struct vhost_iotlb *rings;
	struct vhost_iotlb **user;
};

/**
 * struct vduse_region - what a lookup found
 * @start: first byte
 * @last: last byte
 * @offset: of @start in @file
 * @perm: VDUSE_ACCESS_x
 * @bounce: it is the streaming part
 * @file: with a reference
 */
struct vduse_region {
	u64 start;
	u64 last;
	u64 offset;
	u8 perm;
	bool bounce;
	struct file *file;
};

/* iova.c */
struct vduse_domain *vduse_domain_create(size_t bounce_size, u32 nas,
					 bool fill);
void vduse_domain_put(struct vduse_domain *domain);
void vduse_domain_unref(struct vduse_domain *domain);
void *vduse_coherent_alloc(struct vduse_domain *domain, size_t size,
			   dma_addr_t *addr, gfp_t gfp);
void vduse_coherent_free(struct vduse_domain *domain, size_t size, void *vaddr,
			 dma_addr_t addr);

/* pool.c */
int vduse_pool_init(struct vduse_pool *pool, u32 n);
void vduse_pool_exit(struct vduse_pool *pool);
void vduse_pool_fill(struct vduse_pool *pool, struct vduse_stack *stack);
void vduse_pool_drain(struct vduse_pool *pool, struct vduse_stack *stack);

/**
 * vduse_pool_get - take a place
 * @pool: the pool
 *
 * Context: any.
 * Return: its number, or -1: there is none, or other processors have them.
 */
static __always_inline int vduse_pool_get(struct vduse_pool *pool)
{
	struct vduse_stack *stack;
	unsigned long flags;
	int place = -1;

	if (!pool->stacks)
		return -1;
	local_irq_save(flags);
	stack = this_cpu_ptr(pool->stacks);
	if (unlikely(!stack->n))
		vduse_pool_fill(pool, stack);
	if (likely(stack->n))
		place = stack->at[--stack->n];
	local_irq_restore(flags);
	return place;
}

/**
 * vduse_pool_put - give a place back
 * @pool: the pool
 * @place: its number
 *
 * Context: any.
 */
static __always_inline void vduse_pool_put(struct vduse_pool *pool, u32 place)
{
	struct vduse_stack *stack;
	unsigned long flags;

	local_irq_save(flags);
	stack = this_cpu_ptr(pool->stacks);
	if (unlikely(stack->n == VDUSE_STACK_SIZE))
		vduse_pool_drain(pool, stack);
	stack->at[stack->n++] = place;
	local_irq_restore(flags);
}

/* window.c */
int vduse_window_open(struct vduse_domain *domain);
void vduse_window_close(struct vduse_domain *domain);
void vduse_window_shut(struct vduse_domain *domain);

/* bounce.c */
void vduse_bounce_layout(struct vduse_domain *domain);
int vduse_bounce_init(struct vduse_domain *domain);
void vduse_bounce_exit(struct vduse_domain *domain);
dma_addr_t vduse_bounce_map(struct vduse_domain *domain, phys_addr_t phys,
			    size_t size, enum dma_data_direction dir,
			    bool sync);
void vduse_bounce_unmap(struct vduse_domain *domain, dma_addr_t addr,
			size_t size, enum dma_data_direction dir, bool sync);
void vduse_bounce_copy(struct vduse_domain *domain, dma_addr_t addr,
		       size_t size, bool to_device);
struct page *vduse_bounce_get_page(struct vduse_domain *domain, u64 iova);
void vduse_bounce_reset(struct vduse_domain *domain);

/* fill.c */
int vduse_fill_init(struct vduse_domain *domain);
void vduse_fill_exit(struct vduse_domain *domain);
bool vduse_fill_end(struct vduse_domain *domain, size_t slot);

/* iotlb.c */
extern int vduse_max_iotlb_entries;
struct vhost_iotlb *vduse_iotlb_copy(struct vhost_iotlb *from);
void vduse_iotlb_free(struct vhost_iotlb *iotlb);
void vduse_domain_set_user(struct vduse_domain *domain, u32 asid,
			   struct vhost_iotlb *iotlb);
bool vduse_domain_only_adds(struct vduse_domain *domain, u32 asid,
			    struct vhost_iotlb *iotlb);
void vduse_domain_prune_user(struct vduse_domain *domain, u32 asid,
			     struct vhost_iotlb *iotlb);
void vduse_domain_drop_user(struct vduse_domain *domain);
int vduse_domain_find(struct vduse_domain *domain, u32 asid, u64 start,
		      u64 last, struct vduse_region *region);
int vduse_iotlb_get_fd(struct vduse_domain *domain, void __user *argp,
		       size_t size, const bool *cut);
int vduse_iotlb_get_info(struct vduse_domain *domain,
			 struct vduse_info_args __user *argp);

/* umem.c */
int vduse_umem_register(struct vduse_domain *domain,
			struct vduse_umem_args __user *argp, const bool *cut);
int vduse_umem_deregister(struct vduse_domain *domain,
			  struct vduse_umem_args __user *argp, const bool *cut);
void vduse_umem_drop(struct vduse_domain *domain, const bool *cut);

#endif /* VDUSE_DOMAIN_H */
