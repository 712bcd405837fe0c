// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus side: what a vDPA driver may ask of the device. virtio_vdpa and
 * vhost_vdpa call this.
 */
#include <linux/init.h>
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
	if (IS_ERR(copy)) {
		vduse_domain_prune_user(vduse->domain, asid, iotlb);
		vduse_msg_update_iotlb(vduse->dev, asid, 0, U64_MAX);
		return PTR_ERR(copy);
	}

	vduse_domain_set_user(vduse->domain, asid, copy);
	ret = vduse_msg_update_iotlb(vduse->dev, asid, 0, U64_MAX);
	if (ret)
		vduse_domain_set_user(vduse->domain, asid, NULL);
	return ret;
}

static u32 vduse_vdpa_get_vq_group(struct vdpa_device *vdpa, u16 index)
{
	return READ_ONCE(vduse_vq(vdpa, index)->group);
}

static int vduse_vdpa_set_group_asid(struct vdpa_device *vdpa,
				     unsigned int group, unsigned int asid)
{
	if (group >= vdpa->ngroups || asid >= vdpa->nas)
		return -EINVAL;
	return vduse_msg_set_group_asid(vduse_from_vdpa(vdpa), group, asid);
}

/*
 * The vhost user goes: so does its memory. This is not reset_map, which would
 * tell vhost that maps outlive a reset and show in its backend features.
 */
static void vduse_vdpa_unbind_mm(struct vdpa_device *vdpa)
{
	struct vduse_vdpa *vduse = container_of(vdpa, struct vduse_vdpa, vdpa);

	vduse_domain_drop_user(vduse->domain);
}

static void vduse_vdpa_free(struct vdpa_device *vdpa)
{
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);

	WRITE_ONCE(dev->vdpa, NULL);
	put_device(&dev->dev);
}

const struct vdpa_config_ops vduse_vdpa_ops = {
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

/*
 * For devices with groups. A vhost user sees whether a device has any by
 * whether it has these calls.
 */
struct vdpa_config_ops vduse_vdpa_group_ops __ro_after_init;

void __init vduse_vdpa_init(void)
{
	vduse_vdpa_group_ops = vduse_vdpa_ops;
	vduse_vdpa_group_ops.get_vq_group = vduse_vdpa_get_vq_group;
	vduse_vdpa_group_ops.set_group_asid = vduse_vdpa_set_group_asid;
}
