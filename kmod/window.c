// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window through which a server sees an address space: a file that it maps.
 * When the server is cut off, its window is shut for ever and what it mapped is
 * taken away; the next server gets another one.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "domain.h"

/**
 * struct vduse_window - private data of the file
 * @domain: with a reference
 * @lock: held for reading while a page gets into a mapping
 * @shut: nothing can be seen any more, under @lock
 */
struct vduse_window {
	struct vduse_domain *domain;
	struct rw_semaphore lock;	/* see above */
	bool shut;
};

static struct page *vduse_coherent_get_page(struct vduse_domain *domain,
					    u64 iova)
{
	struct vhost_iotlb_map *map;
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	map = vhost_iotlb_itree_first(domain->rings, iova, iova);
	if (map) {
		page = virt_to_page((void *)(uintptr_t)map->addr +
				    (iova - map->start));
		get_page(page);
	}
	spin_unlock_irqrestore(&domain->lock, flags);
	return page;
}

static struct page *vduse_domain_get_page(struct vduse_domain *domain, u64 iova)
{
	if (iova < domain->bounce_size)
		return vduse_bounce_get_page(domain, iova);
	return vduse_coherent_get_page(domain, iova);
}

/* Another thread may have been faster. */
static vm_fault_t vduse_window_result(int err)
{
	return !err || err == -EBUSY ? VM_FAULT_NOPAGE : vmf_error(err);
}

/*
 * The page is put into the mapping here, under the lock, and not by the caller:
 * else it might get there after the window was shut.
 */
static vm_fault_t vduse_window_fault(struct vm_fault *vmf)
{
	struct vduse_window *window = vmf->vma->vm_private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct page *page;

	down_read(&window->lock);
	page = window->shut ? NULL :
	       vduse_domain_get_page(window->domain,
				     (u64)vmf->pgoff << PAGE_SHIFT);
	if (page) {
		ret = vduse_window_result(vm_insert_page(vmf->vma, vmf->address,
							 page));
		put_page(page);
	}
	up_read(&window->lock);
	return ret;
}

static const struct vm_operations_struct vduse_window_vm_ops = {
	.fault = vduse_window_fault,
};

static int vduse_window_mmap(struct file *file, struct vm_area_struct *vma)
{
	vm_flags_set(vma, VM_DONTDUMP | VM_DONTEXPAND | VM_MIXEDMAP);
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &vduse_window_vm_ops;
	return 0;
}

static int vduse_window_release(struct inode *inode, struct file *file)
{
	struct vduse_window *window = file->private_data;

	vduse_domain_unref(window->domain);
	kfree(window);
	return 0;
}

static const struct file_operations vduse_window_fops = {
	.owner = THIS_MODULE,
	.mmap = vduse_window_mmap,
	.release = vduse_window_release,
};

/* With an inode of its own, so that its mappings can be found. */
static struct file *vduse_window_create(struct vduse_domain *domain)
{
	struct vduse_window *window;
	struct file *file;

	window = kzalloc(sizeof(*window), GFP_KERNEL);
	if (!window)
		return ERR_PTR(-ENOMEM);

	init_rwsem(&window->lock);
	window->domain = domain;
	file = anon_inode_create_getfile("[vduse-domain]", &vduse_window_fops,
					 window, O_RDWR, NULL);
	if (IS_ERR(file))
		kfree(window);
	else
		kref_get(&domain->ref);
	return file;
}

/**
 * vduse_window_open - have a window
 * @domain: of what
 *
 * Return: 0, also if there is one, or an error.
 */
int vduse_window_open(struct vduse_domain *domain)
{
	struct file *file;
	int ret = 0;

	if (likely(READ_ONCE(domain->window)))
		return 0;

	mutex_lock(&domain->window_lock);
	if (domain->window)
		goto unlock;
	file = vduse_window_create(domain);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto unlock;
	}
	spin_lock_irq(&domain->lock);
	WRITE_ONCE(domain->window, file);
	spin_unlock_irq(&domain->lock);
unlock:
	mutex_unlock(&domain->window_lock);
	return ret;
}

static struct file *vduse_window_take(struct vduse_domain *domain)
{
	struct file *file;

	spin_lock_irq(&domain->lock);
	file = domain->window;
	WRITE_ONCE(domain->window, NULL);
	spin_unlock_irq(&domain->lock);
	return file;
}

/* Who has mapped it keeps it. */
void vduse_window_close(struct vduse_domain *domain)
{
	struct file *file = vduse_window_take(domain);

	if (file)
		fput(file);
}

/**
 * vduse_window_shut - take away what servers have mapped
 * @domain: of what
 *
 * What they know of a vhost user's memory they keep: that is the user's file,
 * not ours.
 */
void vduse_window_shut(struct vduse_domain *domain)
{
	struct file *file = vduse_window_take(domain);
	struct vduse_window *window;

	if (!file)
		return;
	window = file->private_data;
	down_write(&window->lock);
	window->shut = true;
	up_write(&window->lock);
	unmap_mapping_range(file->f_mapping, 0, 0, 1);
	fput(file);
}
