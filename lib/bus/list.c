// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The list of devices: a walk over the sysfs class and the run directory, or
 * with our module over what that tells. Few system calls per device; asks
 * nobody that could be slow to answer.
 */
#include "lib/bus/list.h"

#include <ctype.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/virtio.h>

#include "lib/bus/proc-fds.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

/* Digits by value, so that blk2 stands before blk10. */
static int compare_names(const char *a, const char *b)
{
	while (*a && *b) {
		size_t n, m;
		int r;

		if (!isdigit((unsigned char)*a) || !isdigit((unsigned char)*b)) {
			if (*a != *b)
				return (unsigned char)*a - (unsigned char)*b;
			a++;
			b++;
			continue;
		}
		a += strspn(a, "0");
		b += strspn(b, "0");
		n = strspn(a, "0123456789");
		m = strspn(b, "0123456789");
		if (n != m)
			return n < m ? -1 : 1;
		r = strncmp(a, b, n);
		if (r)
			return r;
		a += n;
		b += m;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

static int compare(const void *pa, const void *pb)
{
	const struct vdu_dev *a = pa, *b = pb;
	int r = compare_names(a->name, b->name);

	/* "a01" and "a1" are equal by value only. */
	return r ? r : strcmp(a->name, b->name);
}

static int64_t number_at(const struct vdu_ctx *ctx, const char *dir,
			 const char *name, const char *attr)
{
	uint64_t value;

	if (vdu__read_u64_at(ctx, &value, "%s/%s/%s", dir, name, attr) < 0 ||
	    value > INT64_MAX)
		return -1;
	return (int64_t)value;
}

static void fill_from_spec(struct vdu_dev *dev, const struct vdu_blk_spec *spec)
{
	dev->type = "blk";
	dev->size_bytes = (int64_t)spec->size_bytes;
	dev->block_size = spec->block_size;
	dev->n_queues = spec->n_queues;
	dev->queue_size = spec->queue_size;
	dev->read_only = spec->read_only;
	(void)snprintf(dev->serial, sizeof(dev->serial), "%s", spec->serial);
	vdu__on_death_text(spec, dev->on_death);
	if (asprintf(&dev->backend, "%s%s%s", spec->backend,
		     spec->path[0] ? ":" : "", spec->path) < 0)
		dev->backend = NULL;
}

static int64_t count_queues(const struct vdu_ctx *ctx, const char *name)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, VDU__SYS_DEVICE, name);
	char entry[16];
	int64_t n = 0;

	if (!dir)
		return -1;
	while (vdu__find_entry(dir, "vq", entry, sizeof(entry)) == 0)
		n++;
	return n;
}

/* Without our module only a virtio driver on this host knows. */
static const char *foreign_type(const struct vdu_ctx *ctx,
				const struct vdu_dev *dev)
{
	const char *type = NULL;
	unsigned int id = 0;
	char text[32];

	if (dev->info)
		type = vdu_device_type_name(dev->info->device_id);
	else if (dev->binding.virtio[0] &&
		 vdu__read_at(ctx, text, sizeof(text),
			      VDU__SYS_VDPA "/%s/device", dev->name, dev->name,
			      dev->binding.virtio) > 0 &&
		 sscanf(text, "0x%x", &id) == 1)
		type = vdu_device_type_name(id);
	return type ? type : "";
}

/* Nothing tells the size of a foreign device before it has a node. */
static void fill_foreign(const struct vdu_ctx *ctx, struct vdu_dev *dev)
{
	const struct vdu__binding *binding = &dev->binding;

	dev->n_queues = dev->info ? (int64_t)dev->info->vq_num :
				    count_queues(ctx, dev->name);
	dev->type = foreign_type(ctx, dev);
	if (dev->info)
		dev->pid = dev->info->server_pid;
	if (!binding->block[0])
		return;
	dev->size_bytes = number_at(ctx, "/sys/block", binding->block, "size");
	if (dev->size_bytes >= 0 &&
	    __builtin_mul_overflow(dev->size_bytes, 512, &dev->size_bytes))
		dev->size_bytes = -1;
	dev->block_size = number_at(ctx, "/sys/block", binding->block,
				    "queue/logical_block_size");
	dev->read_only = (int)number_at(ctx, "/sys/block", binding->block, "ro");
}

static bool is_broken(const struct vdu_ctx *ctx, const struct vdu_dev *dev)
{
	int64_t status = dev->binding.virtio_status;

	if (dev->info ? dev->info->flags & VDUSE_EXT_I_BROKEN :
			vdu__exists(ctx, VDU_RUN_DIR "/%s/broken", dev->name))
		return true;
	if (dev->status > 0 && (dev->status & VIRTIO_CONFIG_S_NEEDS_RESET))
		return true;
	return status == 0 || (status > 0 && (status & VIRTIO_CONFIG_S_FAILED));
}

/* Is it known without a look at sysfs that no driver has it? */
static bool is_unbound(struct vdu_dev *dev)
{
	if (!dev->info || dev->info->bus > VDUSE_EXT_BUS_UNBOUND)
		return false;
	dev->attached = dev->info->bus == VDUSE_EXT_BUS_UNBOUND;
	dev->binding.virtio_status = -1;
	return true;
}

/*
 * A disk or VM node that is in the index needs no second look: without a
 * working driver it would not be there. Of foreign ones only our module tells
 * the rest.
 */
static void fill_binding(struct vdu_ctx *ctx, struct vdu_dev *dev,
			 const struct vdu__nodes *nodes)
{
	struct vdu__binding *binding = &dev->binding;
	const struct vdu__node *node;

	if (is_unbound(dev))
		return;
	node = dev->ours || dev->info ? vdu__nodes_find(nodes, dev->name) : NULL;
	if (!node) {
		vdu__binding_read(ctx, dev->name, binding);
		dev->attached = binding->driver != VDU_DRIVER_NONE ||
				vdu__device_attached(ctx, dev->name);
		return;
	}
	dev->attached = true;
	binding->driver = node->virtio[0] ? VDU_DRIVER_VIRTIO :
					    VDU_DRIVER_VHOST;
	binding->virtio_driver = node->virtio[0];
	binding->virtio_status = -1;
	memcpy(binding->virtio, node->virtio, sizeof(node->virtio));
	memcpy(binding->block, node->block, sizeof(node->block));
	memcpy(binding->node, node->node, sizeof(node->node));
}

static void fill_dev(struct vdu_ctx *ctx, struct vdu_dev *dev,
		     const struct vdu__nodes *nodes)
{
	struct vdu_blk_spec spec = { .size_of = sizeof(spec) };
	int r;

	dev->ctx = ctx;
	dev->type = "";
	dev->size_bytes = dev->block_size = -1;
	dev->n_queues = dev->queue_size = -1;
	dev->read_only = -1;
	dev->status = dev->info ? (int64_t)dev->info->status : -1;
	r = vdu_blk_spec_load(ctx, dev->name, &spec, NULL);
	/* One that is damaged is ours all the same. */
	dev->ours = r != -ENOENT;
	fill_binding(ctx, dev, nodes);
	if (r == 0)
		fill_from_spec(dev, &spec);
	if (dev->ours)
		dev->pid = vdu__server_pid(ctx, dev->name);
	else
		fill_foreign(ctx, dev);
}

/* One that was cut off serves nothing, however it lives on. */
static bool is_served(const struct vdu_dev *dev)
{
	if (!dev->info)
		return dev->pid;
	/* Of others in another PID namespace the pid is not known. */
	return dev->info->flags & VDUSE_EXT_I_CONNECTED &&
	       (dev->pid || !dev->ours);
}

static const char *choose_state(const struct vdu_ctx *ctx,
				const struct vdu_dev *dev)
{
	bool served = is_served(dev);

	if (is_broken(ctx, dev))
		return "broken";
	if (dev->binding.driver != VDU_DRIVER_NONE)
		return served ? "bound" : "stalled";
	return served ? "serving" : "created";
}

/* One walk over /proc finds the servers of all foreign devices, if need be. */
static int match_server(pid_t pid, mode_t type, dev_t rdev, void *data)
{
	struct vdu_list *list = data;

	for (size_t i = 0; i < list->n; i++) {
		struct vdu_dev *dev = &list->devs[i];

		if (type != S_IFCHR || dev->ours || dev->info || dev->pid ||
		    dev->rdev != rdev)
			continue;
		dev->pid = pid;
		return --list->n_unserved == 0;
	}
	return 0;
}

static int search_servers(const struct vdu_ctx *ctx, pid_t pid, void *data)
{
	return vdu__proc_fds(ctx, pid, match_server, data);
}

static void find_servers(const struct vdu_ctx *ctx, struct vdu_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->devs[i].ours && !list->devs[i].info &&
		    vdu__read_dev_at(ctx, &list->devs[i].rdev,
				     VDU__SYS_DEVICE "/dev",
				     list->devs[i].name) == 0)
			list->n_unserved++;
	if (list->n_unserved)
		(void)vdu__proc_each(ctx, search_servers, list);
}

static int add_dev(struct vdu_ctx *ctx, struct vdu_list *list, const char *name,
		   const struct vduse_ext_info *info)
{
	struct vdu_dev *grown, *dev;

	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 8;

		grown = reallocarray(list->devs, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		list->devs = grown;
		list->room = room;
	}
	dev = memset(&list->devs[list->n], 0, sizeof(*dev));
	(void)snprintf(dev->name, sizeof(dev->name), "%s", name);
	dev->info = info;
	fill_dev(ctx, dev, &list->nodes);
	list->n++;
	return 0;
}

static void finish(struct vdu_ctx *ctx, struct vdu_list *list)
{
	find_servers(ctx, list);
	for (size_t i = 0; i < list->n; i++) {
		list->devs[i].state = choose_state(ctx, &list->devs[i]);
		list->devs[i].info = NULL;
	}
	if (list->n)
		qsort(list->devs, list->n, sizeof(list->devs[0]), compare);
}

static void list_freep(struct vdu_list **list)
{
	vdu_list_free(*list);
}

static int add_told(struct vdu_ctx *ctx, struct vdu_list *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (add_dev(ctx, list, list->infos[i].name,
			    &list->infos[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* No module, no class, no device: an empty list. */
static int add_class(struct vdu_ctx *ctx, struct vdu_list *list)
{
	CLEANUP_DIR DIR *dir = vdu__opendir_at(ctx, "/sys/class/vduse");
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = vdu__readdir(dir)))
		if (strcmp(entry->d_name, "control") != 0 &&
		    add_dev(ctx, list, entry->d_name, NULL) < 0)
			return -ENOMEM;
	return 0;
}

PUBLIC int vdu_list_new(struct vdu_ctx *ctx, struct vdu_list **ret,
			struct vdu_error *err)
{
	CLEANUP(list_freep) struct vdu_list *list = calloc(1, sizeof(*list));
	ssize_t told;
	int r;

	if (!list)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOMEM,
				 "no memory for the list");
	if (vdu__exists(ctx, "/sys/class/vduse"))
		vdu__nodes_read(ctx, &list->nodes);
	told = vdu__info_all(ctx, &list->infos);
	r = told < 0 ? add_class(ctx, list) : add_told(ctx, list, (size_t)told);
	if (r == -ENOMEM)
		return vdu__fail(err, VDU_STAGE_LOOKUP, r,
				 "no memory for the list");
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_LOOKUP, r,
				 "cannot read /sys/class/vduse: %s",
				 strerror(-r));
	finish(ctx, list);
	*ret = TAKE_PTR(list);
	return 0;
}

PUBLIC int vdu_list_new_one(struct vdu_ctx *ctx, const char *name,
			    struct vdu_list **ret, struct vdu_error *err)
{
	CLEANUP(list_freep) struct vdu_list *list = NULL;
	struct vduse_ext_info info;
	bool told;

	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	list = calloc(1, sizeof(*list));
	told = vdu__info_of(ctx, name, &info) == 0;
	if (!list || add_dev(ctx, list, name, told ? &info : NULL) < 0)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOMEM,
				 "no memory for the list");
	finish(ctx, list);
	*ret = TAKE_PTR(list);
	return 0;
}
