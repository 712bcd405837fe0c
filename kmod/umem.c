// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the server in place of bounce pages. Each page changes sides
 * alone, with its content, so that no lock is held for long.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "domain.h"

static void vduse_umem_switch(struct vduse_domain *domain, unsigned long i,
			      struct page *user)
{
	struct vduse_bounce_page *bounce = &domain->pages[i];
	unsigned long flags;

	write_lock_irqsave(&domain->umem_rwlock, flags);
	/* Without a kernel page no driver has a buffer there. */
	if (bounce->page && user)
		copy_highpage(user, bounce->page);
	else if (bounce->page && bounce->user)
		copy_highpage(bounce->page, bounce->user);
	bounce->user = user;
	write_unlock_irqrestore(&domain->umem_rwlock, flags);
}

/* Copies that began before they had to look must end before a page moves. */
static void vduse_umem_use(struct vduse_domain *domain,
			   struct vduse_umem *umem)
{
	unsigned long i;

	WRITE_ONCE(domain->umem_used, true);
	synchronize_rcu();
	for (i = 0; i < umem->npages; i++) {
		vduse_umem_switch(domain, i, umem->pages[i]);
		cond_resched();
	}
	domain->umem = umem;
}

static void vduse_umem_free(struct vduse_umem *umem)
{
	unpin_user_pages_dirty_lock(umem->pages, umem->npages, true);
	atomic64_sub(umem->npages, &umem->mm->pinned_vm);
	mmdrop(umem->mm);
	kvfree(umem->pages);
	kfree(umem);
}

/**
 * vduse_umem_drop_locked - use the kernel's pages again
 * @domain: the address space
 *
 * Context: umem_lock is held.
 */
static void vduse_umem_drop_locked(struct vduse_domain *domain)
{
	struct vduse_umem *umem = domain->umem;
	unsigned long i;

	lockdep_assert_held(&domain->umem_lock);
	if (!umem)
		return;
	for (i = 0; i < umem->npages; i++) {
		vduse_umem_switch(domain, i, NULL);
		cond_resched();
	}
	WRITE_ONCE(domain->umem_used, false);
	domain->umem = NULL;
	vduse_umem_free(umem);
}

/* The server that has this flag is gone, or cut off. */
void vduse_umem_drop(struct vduse_domain *domain, const bool *cut)
{
	mutex_lock(&domain->umem_lock);
	if (domain->umem && domain->umem->cut == cut)
		vduse_umem_drop_locked(domain);
	mutex_unlock(&domain->umem_lock);
}

/* Pin the pages; counted against the limit, whatever the capabilities. */
static int vduse_umem_pin(struct vduse_umem *umem)
{
	unsigned long limit = PFN_DOWN(rlimit(RLIMIT_MEMLOCK));
	long pinned;

	if (atomic64_add_return(umem->npages, &umem->mm->pinned_vm) > limit) {
		pinned = -ENOMEM;
		goto err_account;
	}
	pinned = pin_user_pages_fast(umem->uaddr, umem->npages,
				     FOLL_WRITE | FOLL_LONGTERM, umem->pages);
	if (pinned == umem->npages)
		return 0;

	if (pinned > 0)
		unpin_user_pages(umem->pages, pinned);
	if (pinned >= 0)
		pinned = -ENOMEM;
err_account:
	atomic64_sub(umem->npages, &umem->mm->pinned_vm);
	return pinned;
}

static struct vduse_umem *vduse_umem_create(u64 uaddr, u64 size)
{
	struct vduse_umem *umem;
	int ret = -ENOMEM;

	umem = kzalloc(sizeof(*umem), GFP_KERNEL_ACCOUNT);
	if (!umem)
		return ERR_PTR(-ENOMEM);
	umem->uaddr = uaddr;
	umem->size = size;
	umem->npages = size >> PAGE_SHIFT;
	umem->mm = current->mm;
	umem->pages = kvmalloc_array(umem->npages, sizeof(*umem->pages),
				     GFP_KERNEL_ACCOUNT);
	if (!umem->pages)
		goto err_free;
	ret = vduse_umem_pin(umem);
	if (ret)
		goto err_free;
	mmgrab(umem->mm);
	return umem;

err_free:
	kvfree(umem->pages);
	kfree(umem);
	return ERR_PTR(ret);
}

static int vduse_umem_exchange(struct vduse_domain *domain,
			       struct vduse_umem *umem, const bool *cut)
{
	lockdep_assert_held(&domain->umem_lock);
	if (READ_ONCE(*cut))
		return -ENOTCONN;
	if (domain->umem)
		return -EEXIST;
	umem->cut = cut;
	vduse_umem_use(domain, umem);
	return 0;
}

/**
 * vduse_umem_register - answer VDUSE_IOTLB_REG_UMEM
 * @domain: where, NULL if there is nothing yet
 * @argp: struct vduse_umem_args
 * @cut: becomes true when the server is cut off
 *
 * Pages are pinned without a lock: the server may make that take any time.
 *
 * Return: 0 or an error.
 */
int vduse_umem_register(struct vduse_domain *domain,
			struct vduse_umem_args __user *argp, const bool *cut)
{
	struct vduse_umem_args config;
	struct vduse_umem *umem;
	int ret;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	if (memchr_inv(config.reserved, 0, sizeof(config.reserved)) ||
	    !domain || config.asid || config.iova ||
	    !READ_ONCE(domain->bounce_mapped) ||
	    config.size != domain->bounce_size || !PAGE_ALIGNED(config.uaddr))
		return -EINVAL;
	if (READ_ONCE(domain->umem))
		return -EEXIST;

	umem = vduse_umem_create(config.uaddr, config.size);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mutex_lock(&domain->umem_lock);
	ret = vduse_umem_exchange(domain, umem, cut);
	mutex_unlock(&domain->umem_lock);
	if (ret)
		vduse_umem_free(umem);
	return ret;
}

static int vduse_umem_give_back(struct vduse_domain *domain,
				const struct vduse_umem_args *config,
				const bool *cut)
{
	lockdep_assert_held(&domain->umem_lock);
	if (READ_ONCE(*cut))
		return -ENOTCONN;
	if (!domain->umem)
		return -ENOENT;
	if (config->iova || config->size != domain->umem->size)
		return -EINVAL;
	vduse_umem_drop_locked(domain);
	return 0;
}

int vduse_umem_deregister(struct vduse_domain *domain,
			  struct vduse_umem_args __user *argp, const bool *cut)
{
	struct vduse_umem_args config;
	int ret;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	if (memchr_inv(config.reserved, 0, sizeof(config.reserved)) ||
	    (config.asid && (!domain || config.asid >= domain->nas)))
		return -EINVAL;
	if (!domain || config.asid)
		return -ENOENT;

	mutex_lock(&domain->umem_lock);
	ret = vduse_umem_give_back(domain, &config, cut);
	mutex_unlock(&domain->umem_lock);
	return ret;
}
