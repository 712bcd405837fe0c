// SPDX-License-Identifier: GPL-2.0-only
/*
 * The management device: attach and detach, asked for over netlink.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>

#include "domain.h"
#include "vduse.h"

/* Put the device on the bus, unregistered. */
static struct vduse_vdpa *vduse_vdpa_create(struct vduse_dev *dev,
					    struct vdpa_mgmt_dev *mdev,
					    const char *name)
{
	struct vduse_domain *domain;
	struct vduse_vdpa *vduse;
	u32 i;

	lockdep_assert_held(&dev->lock);
	if (READ_ONCE(dev->vdpa))
		return ERR_PTR(-EEXIST);
	for (i = 0; i < dev->vq_num; i++)
		if (!READ_ONCE(dev->vqs[i]->num_max))
			return ERR_PTR(-EINVAL);

	if (!dev->domain) {
		domain = vduse_domain_create(dev->bounce_size, dev->nas,
					     vduse_ext(dev, VDUSE_EXT_FILL));
		if (IS_ERR(domain))
			return ERR_CAST(domain);
		/* Pairs with vduse_dev_domain(). */
		smp_store_release(&dev->domain, domain);
	}

	vduse = vduse_vdpa_alloc(dev, &dev->ops, name);
	if (IS_ERR(vduse))
		return vduse;

	get_device(&dev->dev);
	vduse->dev = dev;
	vduse->domain = dev->domain;
	vduse->vdpa.mdev = mdev;
	vduse_attach_init(vduse);
	WRITE_ONCE(dev->bus, VDUSE_EXT_BUS_UNBOUND);
	WRITE_ONCE(dev->vdpa, vduse);
	return vduse;
}

static int vduse_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			 const struct vdpa_dev_set_config *config)
{
	struct vduse_vdpa *vduse = ERR_PTR(-EINVAL);
	struct vduse_dev *dev;
	int ret;

	mutex_lock(&vduse_devs_lock);
	dev = vduse_dev_find(name);
	if (dev) {
		mutex_lock(&dev->lock);
		vduse = vduse_vdpa_create(dev, mdev, name);
		mutex_unlock(&dev->lock);
	}
	mutex_unlock(&vduse_devs_lock);
	if (IS_ERR(vduse))
		return PTR_ERR(vduse);

	ret = vduse_attach(vduse);
	if (ret)
		put_device(&vduse->vdpa.dev);
	return ret;
}

static void vduse_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	vduse_detach(container_of(vdpa, struct vduse_vdpa, vdpa));
}

static const struct vdpa_mgmtdev_ops vduse_mgmtdev_ops = {
	.dev_add = vduse_dev_add,
	.dev_del = vduse_dev_del,
};

static struct virtio_device_id vduse_ids[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static struct vdpa_mgmt_dev vduse_mgmtdev = {
	.ops = &vduse_mgmtdev_ops,
	.id_table = vduse_ids,
};

int vduse_mgmtdev_init(void)
{
	int ret;

	vduse_mgmtdev.device = root_device_register("vduse");
	if (IS_ERR(vduse_mgmtdev.device))
		return PTR_ERR(vduse_mgmtdev.device);

	ret = vdpa_mgmtdev_register(&vduse_mgmtdev);
	if (ret)
		root_device_unregister(vduse_mgmtdev.device);
	return ret;
}

void vduse_mgmtdev_exit(void)
{
	vdpa_mgmtdev_unregister(&vduse_mgmtdev);
	root_device_unregister(vduse_mgmtdev.device);
}
