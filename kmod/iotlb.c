// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of the address space: memory of a vhost user, and the server's
 * ioctls that look regions up.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vdpa.h>

#include "domain.h"

static void vduse_map_file_free(struct vdpa_map_file *map_file)
{
	fput(map_file->file);
	kfree(map_file);
}

void vduse_iotlb_free(struct vhost_iotlb *iotlb)
{
	struct vhost_iotlb_map *map;

	if (!iotlb)
		return;
	list_for_each_entry(map, &iotlb->list, link)
		vduse_map_file_free(map->opaque);
	vhost_iotlb_free(iotlb);
}

static int vduse_iotlb_add(struct vhost_iotlb *to,
			   const struct vhost_iotlb_map *map)
{
	const struct vdpa_map_file *from = map->opaque;
	struct vdpa_map_file *map_file;
	int ret;

	map_file = kmalloc(sizeof(*map_file), GFP_KERNEL_ACCOUNT);
	if (!map_file)
		return -ENOMEM;
	map_file->file = get_file(from->file);
	map_file->offset = from->offset;

	ret = vhost_iotlb_add_range_ctx(to, map->start, map->last, map->addr,
					map->perm, map_file);
	if (ret)
		vduse_map_file_free(map_file);
	return ret;
}

/**
 * vduse_iotlb_copy - copy the regions of a vhost user
 * @from: regions as vhost keeps them
 *
 * Return: the copy, with references to the files, or an ERR_PTR.
 */
struct vhost_iotlb *vduse_iotlb_copy(struct vhost_iotlb *from)
{
	struct vhost_iotlb_map *map;
	struct vhost_iotlb *to;
	int ret;

	to = vhost_iotlb_alloc(vduse_max_iotlb_entries, 0);
	if (!to)
		return ERR_PTR(-ENOMEM);
	list_for_each_entry(map, &from->list, link) {
		ret = vduse_iotlb_add(to, map);
		if (ret) {
			vduse_iotlb_free(to);
			return ERR_PTR(ret);
		}
	}
	return to;
}

/**
 * vduse_domain_set_user - exchange the regions of the vhost user
 * @domain: where
 * @asid: in which of its address spaces
 * @iotlb: the new ones, or NULL; owned by the address space from now on
 */
void vduse_domain_set_user(struct vduse_domain *domain, u32 asid,
			   struct vhost_iotlb *iotlb)
{
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	swap(domain->user[asid], iotlb);
	spin_unlock_irqrestore(&domain->lock, flags);
	vduse_iotlb_free(iotlb);
}

static bool vduse_iotlb_has(struct vhost_iotlb *iotlb,
			    const struct vhost_iotlb_map *map)
{
	const struct vdpa_map_file *map_file = map->opaque, *other;
	const struct vhost_iotlb_map *found;

	found = vhost_iotlb_itree_first(iotlb, map->start, map->last);
	if (!found || found->start != map->start || found->last != map->last)
		return false;
	other = found->opaque;
	return other->file == map_file->file &&
	       other->offset == map_file->offset && found->perm == map->perm;
}

/**
 * vduse_domain_only_adds - whether nothing goes that the server may know
 * @domain: where
 * @asid: in which of its address spaces
 * @iotlb: what is to come in place of what is there
 */
bool vduse_domain_only_adds(struct vduse_domain *domain, u32 asid,
			    struct vhost_iotlb *iotlb)
{
	struct vhost_iotlb_map *map;
	struct vhost_iotlb *user;
	unsigned long flags;
	bool only = true;

	spin_lock_irqsave(&domain->lock, flags);
	user = domain->user[asid];
	if (user)
		list_for_each_entry(map, &user->list, link)
			only = only && vduse_iotlb_has(iotlb, map);
	spin_unlock_irqrestore(&domain->lock, flags);
	return only;
}

/**
 * vduse_domain_prune_user - take away what the vhost user has taken away
 * @domain: where
 * @asid: in which of its address spaces
 * @iotlb: regions as vhost keeps them, of which there is no copy
 *
 * For want of memory new regions cannot come, but old ones must go: vhost does
 * not hear that an unmap failed.
 */
void vduse_domain_prune_user(struct vduse_domain *domain, u32 asid,
			     struct vhost_iotlb *iotlb)
{
	struct vhost_iotlb_map *map, *next;
	struct vhost_iotlb *user;
	unsigned long flags;

	spin_lock_irqsave(&domain->lock, flags);
	user = domain->user[asid];
	if (!user)
		goto unlock;
	list_for_each_entry_safe(map, next, &user->list, link) {
		if (vduse_iotlb_has(iotlb, map))
			continue;
		vduse_map_file_free(map->opaque);
		vhost_iotlb_map_free(user, map);
	}
unlock:
	spin_unlock_irqrestore(&domain->lock, flags);
}

/* The vhost user goes: so does its memory. */
void vduse_domain_drop_user(struct vduse_domain *domain)
{
	u32 asid;

	for (asid = 0; asid < domain->nas; asid++)
		vduse_domain_set_user(domain, asid, NULL);
}

static bool vduse_domain_find_kernel(struct vduse_domain *domain, u64 start,
				     u64 last, struct vduse_region *region)
{
	struct vhost_iotlb_map *map;

	lockdep_assert_held(&domain->lock);
	if (!domain->window)
		return false;
	if (domain->bounce_mapped && start < domain->bounce_size) {
		region->start = 0;
		region->last = domain->bounce_size - 1;
		region->bounce = true;
	} else {
		map = vhost_iotlb_itree_first(domain->rings, start, last);
		if (!map)
			return false;
		region->start = map->start;
		region->last = map->last;
		region->bounce = false;
	}
	region->offset = region->start;
	region->perm = VDUSE_ACCESS_RW;
	region->file = get_file(domain->window);
	return true;
}

static bool vduse_domain_find_user(struct vduse_domain *domain, u32 asid,
				   u64 start, u64 last,
				   struct vduse_region *region)
{
	struct vhost_iotlb *user = domain->user[asid];
	struct vdpa_map_file *map_file;
	struct vhost_iotlb_map *map;

	lockdep_assert_held(&domain->lock);
	if (!user)
		return false;
	map = vhost_iotlb_itree_first(user, start, last);
	if (!map)
		return false;

	map_file = map->opaque;
	region->start = map->start;
	region->last = map->last;
	region->offset = map_file->offset;
	region->perm = map->perm;
	region->bounce = false;
	region->file = get_file(map_file->file);
	return true;
}

/**
 * vduse_domain_find - look up the first region in a range
 * @domain: where, NULL if there is none yet
 * @asid: in which of its address spaces
 * @start: first byte
 * @last: last byte
 * @region: what was found, with a reference to its file
 *
 * What the kernel mapped is found before what a vhost user did.
 *
 * Return: 0 or -EINVAL.
 */
int vduse_domain_find(struct vduse_domain *domain, u32 asid, u64 start,
		      u64 last, struct vduse_region *region)
{
	unsigned long flags;
	bool found;
	int ret;

	if (start > last || !domain || asid >= domain->nas)
		return -EINVAL;
	ret = vduse_window_open(domain);
	if (ret)
		return ret;
	asid = array_index_nospec(asid, domain->nas);
	spin_lock_irqsave(&domain->lock, flags);
	found = (!asid &&
		 vduse_domain_find_kernel(domain, start, last, region)) ||
		vduse_domain_find_user(domain, asid, start, last, region);
	spin_unlock_irqrestore(&domain->lock, flags);
	return found ? 0 : -EINVAL;
}

/*
 * A region that the server may only read comes as a file that it can only
 * read: the vhost user's own open file would do for writing too. Consumes the
 * reference.
 */
static struct file *vduse_region_open(struct vduse_region *region)
{
	struct file *file = region->file, *own;

	if (region->perm != VDUSE_ACCESS_RO || !(file->f_mode & FMODE_WRITE))
		return file;
	if (S_ISREG(file_inode(file)->i_mode))
		own = dentry_open(&file->f_path, O_RDONLY | O_LARGEFILE,
				  current_cred());
	else
		own = ERR_PTR(-EACCES);
	fput(file);
	return own;
}

/**
 * vduse_iotlb_get_fd - answer VDUSE_IOTLB_GET_FD and GET_FD2
 * @domain: where to look, NULL if there is nothing yet
 * @argp: struct vduse_entry_args
 * @size: how much of it the caller has
 * @cut: becomes true when the server is cut off
 *
 * Return: a descriptor or an error.
 */
int vduse_iotlb_get_fd(struct vduse_domain *domain, void __user *argp,
		       size_t size, const bool *cut)
{
	struct vduse_entry_args args = {};
	struct vduse_iotlb_entry *entry = &args.entry;
	struct vduse_region region;
	struct file *file;
	int ret;

	if (copy_from_user(&args, argp, size))
		return -EFAULT;
	if (memchr_inv(args.reserved, 0, sizeof(args.reserved)))
		return -EINVAL;
	ret = vduse_domain_find(domain, args.asid, entry->start, entry->last,
				&region);
	if (ret)
		return ret;
	/* Then what was found may be the next server's. */
	if (READ_ONCE(*cut)) {
		fput(region.file);
		return -ENOTCONN;
	}
	file = vduse_region_open(&region);
	if (IS_ERR(file))
		return PTR_ERR(file);

	entry->start = region.start;
	entry->last = region.last;
	entry->offset = region.offset;
	entry->perm = region.perm;
	/* First the record: a descriptor cannot be taken back. */
	ret = -EFAULT;
	if (!copy_to_user(argp, &args, size))
		ret = receive_fd(file, NULL, O_CLOEXEC);
	fput(file);
	return ret;
}

int vduse_iotlb_get_info(struct vduse_domain *domain,
			 struct vduse_info_args __user *argp)
{
	struct vduse_region region;
	struct vduse_info_args info;
	int ret;

	if (copy_from_user(&info, argp, sizeof(info)))
		return -EFAULT;
	if (memchr_inv(info.reserved, 0, sizeof(info.reserved)))
		return -EINVAL;
	ret = vduse_domain_find(domain, info.asid, info.start, info.last, &region);
	if (ret)
		return ret;
	fput(region.file);

	info.start = region.start;
	info.last = region.last;
	info.capability = region.bounce ? VDUSE_IOVA_CAP_UMEM : 0;
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}
