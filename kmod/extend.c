// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the maker of a device asks for beyond the stock interface.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vduse.h"

#define VDUSE_EXT_ACCESS_ALL \
	(VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED | VDUSE_EXT_CLEAR)

/* One extension needs another one, and an argument the one it belongs to. */
static bool vduse_setup_consistent(const struct vduse_ext_setup *args)
{
	bool timeouts = args->flags & VDUSE_EXT_TIMEOUTS;

	if (args->extensions & ~VDUSE_EXT_ALL ||
	    args->flags & ~VDUSE_EXT_TIMEOUTS ||
	    memchr_inv(args->reserved, 0, sizeof(args->reserved)))
		return false;
	if (args->required && !(args->extensions & VDUSE_EXT_FEATURES))
		return false;
	if (!args->access != !args->access_size ||
	    args->access_size > PAGE_SIZE ||
	    (args->access && !(args->extensions & VDUSE_EXT_CONFIG)))
		return false;
	if (timeouts)
		return args->extensions & VDUSE_EXT_RECOVER;
	return !args->virtio_timeout && !args->vhost_timeout;
}

static bool vduse_access_valid(const u8 *access, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		if (access[i] & ~VDUSE_EXT_ACCESS_ALL ||
		    (access[i] & VDUSE_EXT_ACKED &&
		     !(access[i] & VDUSE_EXT_WRITABLE)))
			return false;
	return true;
}

/**
 * vduse_setup_fetch - answer VDUSE_EXT_SETUP
 * @setup: what the next device is to have; unchanged if that fails
 * @argp: from user space
 *
 * Return: 0 or an error.
 */
int vduse_setup_fetch(struct vduse_setup *setup,
		      const struct vduse_ext_setup __user *argp)
{
	struct vduse_ext_setup args;
	u8 *access = NULL;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (!vduse_setup_consistent(&args))
		return -EINVAL;
	if (args.access_size) {
		access = vmemdup_user(u64_to_user_ptr(args.access),
				      args.access_size);
		if (IS_ERR(access))
			return PTR_ERR(access);
		if (!vduse_access_valid(access, args.access_size)) {
			kvfree(access);
			return -EINVAL;
		}
	}
	kvfree(setup->access);
	setup->access = access;
	setup->args = args;
	return 0;
}

/* It has been used, or nobody will. What stands for all devices stays. */
void vduse_setup_drop(struct vduse_setup *setup)
{
	kvfree(setup->access);
	setup->access = NULL;
	memset(&setup->args, 0, sizeof(setup->args));
}

/* Whether such a device can be. */
bool vduse_setup_valid(const struct vduse_setup *setup,
		       const struct vduse_create_args *args)
{
	if (setup->access && setup->args.access_size != args->config_size)
		return false;
	if (setup->args.extensions & VDUSE_EXT_RESUME &&
	    !(setup->instance & VDUSE_EXT_INST_SUSPEND))
		return false;
	return !(setup->args.required & ~args->features);
}

/* Whether a driver may write the byte there. */
bool vduse_setup_writable(const struct vduse_setup *setup, u32 offset)
{
	return setup->access && offset < setup->args.access_size &&
	       setup->access[offset] & VDUSE_EXT_WRITABLE;
}
