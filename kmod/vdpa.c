// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus side: the management device, attach and detach, and what a vDPA
 * driver may ask of the device. virtio_vdpa and vhost_vdpa call this.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio_ids.h>
#include <uapi/linux/virtio_config.h>

#include "domain.h"
#include "vduse.h"

static struct vduse_queue *vduse_vq(struct vdpa_device *vdpa, u16 index)
{
	return vduse_from_vdpa(vdpa)->vqs[index];
}

static int vduse_vdpa_set_vq_address(struct vdpa_device *vdpa, u16 index,
				     u64 desc, u64 driver, u64 device)
{
	struct vduse_queue *vq = vduse_vq(vdpa, index);

	spin_lock_irq(&vq->lock);
	vq->desc = desc;
	vq->driver = driver;
	vq->device = device;
	spin_unlock_irq(&vq->lock);
	return 0;
}

static void vduse_vdpa_set_vq_num(struct vdpa_device *vdpa, u16 index, u32 num)
{
	struct vduse_queue *vq = vduse_vq(vdpa, index);

	spin_lock_irq(&vq->lock);
	vq->num = num;
	spin_unlock_irq(&vq->lock);
}

static void vduse_vdpa_kick_vq(struct vdpa_device *vdpa, u16 index)
{
	vduse_queue_kick(vduse_vq(vdpa, index));
}

static void vduse_vdpa_set_vq_cb(struct vdpa_device *vdpa, u16 index,
				 struct vdpa_callback *cb)
{
	struct vduse_queue *vq = vduse_vq(vdpa, index);

	spin_lock_bh(&vq->irq_lock);
	vq->cb = *cb;
	spin_unlock_bh(&vq->irq_lock);
}

static void vduse_vdpa_set_vq_ready(struct vdpa_device *vdpa, u16 index,
				    bool ready)
{
	vduse_queue_set_ready(vduse_vq(vdpa, index), ready);
}

static bool vduse_vdpa_get_vq_ready(struct vdpa_device *vdpa, u16 index)
{
	return READ_ONCE(vduse_vq(vdpa, index)->ready);
}

static int vduse_vdpa_set_vq_state(struct vdpa_device *vdpa, u16 index,
				   const struct vdpa_vq_state *state)
{
	struct vduse_queue *vq = vduse_vq(vdpa, index);

	spin_lock_irq(&vq->lock);
	vq->state = *state;
	spin_unlock_irq(&vq->lock);
	return 0;
}

static int vduse_vdpa_get_vq_state(struct vdpa_device *vdpa, u16 index,
				   struct vdpa_vq_state *state)
{
	return vduse_msg_get_vq_state(vduse_from_vdpa(vdpa),
				      vduse_vq(vdpa, index), state);
}

static u16 vduse_vdpa_get_vq_size(struct vdpa_device *vdpa, u16 index)
{
	return READ_ONCE(vduse_vq(vdpa, index)->num_max);
}

static u32 vduse_vdpa_get_vq_align(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->vq_align;
}

static u64 vduse_vdpa_get_device_features(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->features;
}

static int vduse_vdpa_set_driver_features(struct vdpa_device *vdpa,
					  u64 features)
{
	WRITE_ONCE(vduse_from_vdpa(vdpa)->driver_features, features);
	return 0;
}

static u64 vduse_vdpa_get_driver_features(struct vdpa_device *vdpa)
{
	return READ_ONCE(vduse_from_vdpa(vdpa)->driver_features);
}

static void vduse_vdpa_set_config_cb(struct vdpa_device *vdpa,
				     struct vdpa_callback *cb)
{
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);

	spin_lock_bh(&dev->irq_lock);
	dev->config_cb.callback = cb->callback;
	dev->config_cb.private = cb->private;
	spin_unlock_bh(&dev->irq_lock);
}

static u16 vduse_vdpa_get_vq_num_max(struct vdpa_device *vdpa)
{
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);
	u16 most = 0;
	u32 i;

	for (i = 0; i < dev->vq_num; i++)
		most = max(most, READ_ONCE(dev->vqs[i]->num_max));
	return most;
}

static u32 vduse_vdpa_get_device_id(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->device_id;
}

static u32 vduse_vdpa_get_vendor_id(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->vendor_id;
}

static u8 vduse_vdpa_get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(vduse_from_vdpa(vdpa)->status);
}

/*
 * A caller sees a failure in the status, which did not change. A driver that
 * gave up goes away without a reset, whatever the server thinks of it.
 */
static void vduse_vdpa_set_status(struct vdpa_device *vdpa, u8 status)
{
	if (status & VIRTIO_CONFIG_S_FAILED)
		vduse_config_irq_clear(vduse_from_vdpa(vdpa));
	vduse_msg_set_status(vduse_from_vdpa(vdpa), status);
}

static int vduse_vdpa_reset(struct vdpa_device *vdpa)
{
	return vduse_dev_reset(vduse_from_vdpa(vdpa));
}

static size_t vduse_vdpa_get_config_size(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->config_size;
}

static void vduse_vdpa_get_config(struct vdpa_device *vdpa, unsigned int offset,
				  void *buf, unsigned int len)
{
	vduse_config_read(vduse_from_vdpa(vdpa), offset, buf, len);
}

/* The uAPI has no way to tell the server: a write vanishes. */
static void vduse_vdpa_set_config(struct vdpa_device *vdpa, unsigned int offset,
				  const void *buf, unsigned int len)
{
}

static u32 vduse_vdpa_get_generation(struct vdpa_device *vdpa)
{
	return vduse_config_generation(vduse_from_vdpa(vdpa));
}

static int vduse_vdpa_set_vq_affinity(struct vdpa_device *vdpa, u16 index,
				      const struct cpumask *mask)
{
	if (index >= vdpa->nvqs)
		return -EINVAL;
	vduse_queue_set_affinity(vduse_vq(vdpa, index), mask);
	return 0;
}

static const struct cpumask *
vduse_vdpa_get_vq_affinity(struct vdpa_device *vdpa, u16 index)
{
	if (index >= vdpa->nvqs)
		return NULL;
	return vduse_vq(vdpa, index)->affinity;
}

static int vduse_vdpa_set_map(struct vdpa_device *vdpa, unsigned int asid,
			      struct vhost_iotlb *iotlb)
{
	struct vduse_vdpa *vduse = container_of(vdpa, struct vduse_vdpa, vdpa);
	struct vhost_iotlb *copy;
	int ret;

	copy = vduse_iotlb_copy(iotlb);
	if (IS_ERR(copy))
		return PTR_ERR(copy);

	vduse_domain_set_user(vduse->domain, copy);
	ret = vduse_msg_update_iotlb(vduse->dev, 0, U64_MAX);
	if (ret)
		vduse_domain_set_user(vduse->domain, NULL);
	return ret;
}

/*
 * The vhost user goes: so does its memory. This is not reset_map, which would
 * tell vhost that maps outlive a reset and show in its backend features.
 */
static void vduse_vdpa_unbind_mm(struct vdpa_device *vdpa)
{
	struct vduse_vdpa *vduse = container_of(vdpa, struct vduse_vdpa, vdpa);

	vduse_domain_set_user(vduse->domain, NULL);
}

static void vduse_vdpa_free(struct vdpa_device *vdpa)
{
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);

	WRITE_ONCE(dev->vdpa, NULL);
	put_device(&dev->dev);
}

static const struct vdpa_config_ops vduse_vdpa_ops = {
	.set_vq_address = vduse_vdpa_set_vq_address,
	.set_vq_num = vduse_vdpa_set_vq_num,
	.kick_vq = vduse_vdpa_kick_vq,
	.set_vq_cb = vduse_vdpa_set_vq_cb,
	.set_vq_ready = vduse_vdpa_set_vq_ready,
	.get_vq_ready = vduse_vdpa_get_vq_ready,
	.set_vq_state = vduse_vdpa_set_vq_state,
	.get_vq_state = vduse_vdpa_get_vq_state,
	.get_vq_size = vduse_vdpa_get_vq_size,
	.get_vq_align = vduse_vdpa_get_vq_align,
	.get_device_features = vduse_vdpa_get_device_features,
	.set_driver_features = vduse_vdpa_set_driver_features,
	.get_driver_features = vduse_vdpa_get_driver_features,
	.set_config_cb = vduse_vdpa_set_config_cb,
	.get_vq_num_max = vduse_vdpa_get_vq_num_max,
	.get_device_id = vduse_vdpa_get_device_id,
	.get_vendor_id = vduse_vdpa_get_vendor_id,
	.get_status = vduse_vdpa_get_status,
	.set_status = vduse_vdpa_set_status,
	.reset = vduse_vdpa_reset,
	.get_config_size = vduse_vdpa_get_config_size,
	.get_config = vduse_vdpa_get_config,
	.set_config = vduse_vdpa_set_config,
	.get_generation = vduse_vdpa_get_generation,
	.set_vq_affinity = vduse_vdpa_set_vq_affinity,
	.get_vq_affinity = vduse_vdpa_get_vq_affinity,
	.set_map = vduse_vdpa_set_map,
	.unbind_mm = vduse_vdpa_unbind_mm,
	.free = vduse_vdpa_free,
};

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
		domain = vduse_domain_create(dev->bounce_size);
		if (IS_ERR(domain))
			return ERR_CAST(domain);
		/* Pairs with vduse_dev_domain(). */
		smp_store_release(&dev->domain, domain);
	}

	vduse = vdpa_alloc_device(struct vduse_vdpa, vdpa, &dev->dev,
				  &vduse_vdpa_ops, 1, 1, name, true);
	if (IS_ERR(vduse))
		return vduse;

	get_device(&dev->dev);
	vduse->dev = dev;
	vduse->domain = dev->domain;
	vduse->vdpa.mdev = mdev;
	vduse_dma_setup(vduse);
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

	/* Drivers probe in there, and talk to the server. */
	ret = _vdpa_register_device(&vduse->vdpa, dev->vq_num);
	if (ret)
		put_device(&vduse->vdpa.dev);
	return ret;
}

static void vduse_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	_vdpa_unregister_device(vdpa);
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
