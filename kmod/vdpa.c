// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus side: what a vDPA driver may ask of the device. virtio_vdpa and
 * vhost_vdpa call this.
 */
#include <uapi/linux/virtio_config.h>

#include "domain.h"
#include "vduse.h"

/*
 * The core holds cf_lock for write across some calls, and readers of the
 * configuration space wait for it. Nothing of ours needs it: it is let go while
 * the server is waited for. Callers do not change the status of one device at
 * the same time; only features could meet (vduse_vdpa_set_driver_features()).
 */
static struct vduse_dev *vduse_vdpa_wait_begin(struct vdpa_device *vdpa)
{
	lockdep_assert_held_write(&vdpa->cf_lock);
	up_write(&vdpa->cf_lock);
	return vduse_from_vdpa(vdpa);
}

static void vduse_vdpa_wait_end(struct vdpa_device *vdpa)
{
	down_write(&vdpa->cf_lock);
}

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
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);
	struct vduse_queue *vq = vduse_vq(vdpa, index);

	/* A reset has taken it already: a driver that goes says so again. */
	if (!ready && !READ_ONCE(vq->ready))
		return;
	if (dev->instance & VDUSE_EXT_INST_QUEUE_READY &&
	    vduse_msg_queue_ready(dev, index, ready) && ready)
		return;
	vduse_queue_set_ready(vq, ready);
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

/*
 * Once accepted they stay, until a reset is over: during one, who reads the
 * configuration makes the core set them to none.
 */
static int vduse_vdpa_set_driver_features(struct vdpa_device *vdpa,
					  u64 features)
{
	struct vduse_dev *dev = vduse_from_vdpa(vdpa);
	int ret;

	if (READ_ONCE(dev->status) & VIRTIO_CONFIG_S_FEATURES_OK)
		return -EBUSY;
	ret = vduse_features_check(dev, features);
	if (!ret)
		WRITE_ONCE(dev->driver_features, features);
	return ret;
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
	return vduse_stats_device_id(vduse_from_vdpa(vdpa), _RET_IP_);
}

static u32 vduse_vdpa_get_vendor_id(struct vdpa_device *vdpa)
{
	return vduse_from_vdpa(vdpa)->vendor_id;
}

static u8 vduse_vdpa_get_status(struct vdpa_device *vdpa)
{
	return READ_ONCE(vduse_from_vdpa(vdpa)->status);
}

static void vduse_vdpa_set_status(struct vdpa_device *vdpa, u8 status)
{
	vduse_dev_set_status(vduse_vdpa_wait_begin(vdpa), status);
	vduse_vdpa_wait_end(vdpa);
}

static int vduse_vdpa_reset(struct vdpa_device *vdpa)
{
	int ret;

	ret = vduse_dev_reset(vduse_vdpa_wait_begin(vdpa));
	vduse_vdpa_wait_end(vdpa);
	return ret;
}

static int vduse_vdpa_suspend(struct vdpa_device *vdpa)
{
	return vduse_dev_suspend(vduse_from_vdpa(vdpa));
}

static int vduse_vdpa_resume(struct vdpa_device *vdpa)
{
	return vduse_dev_resume(vduse_from_vdpa(vdpa));
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

/* The bus cannot tell a driver that its write is refused: it is only counted. */
static void vduse_vdpa_set_config(struct vdpa_device *vdpa, unsigned int offset,
				  const void *buf, unsigned int len)
{
	vduse_config_write(vduse_vdpa_wait_begin(vdpa), offset, buf, len);
	vduse_vdpa_wait_end(vdpa);
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
	vduse_queue_set_affinity(vduse_vq(vdpa, index), mask, false);
	return 0;
}

static const struct cpumask *
vduse_vdpa_get_vq_affinity(struct vdpa_device *vdpa, u16 index)
{
	if (index >= vdpa->nvqs)
		return NULL;
	return vduse_vq(vdpa, index)->affinity;
}

/*
 * The server may keep what it knows of regions that are still there. So it need
 * not answer before new ones can be used, and their maker need not wait: vhost
 * has the mmap_lock of its user then.
 */
static int vduse_vdpa_add_map(struct vduse_vdpa *vduse, u32 asid,
			      struct vhost_iotlb *copy)
{
	vduse_domain_set_user(vduse->domain, asid, copy);
	if (!vduse_msg_post_iotlb(vduse->dev, asid))
		return 0;
	vduse_domain_set_user(vduse->domain, asid, NULL);
	return -EIO;
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

	if (vduse_ext(vduse->dev, VDUSE_EXT_RECOVER) &&
	    vduse_domain_only_adds(vduse->domain, asid, copy))
		return vduse_vdpa_add_map(vduse, asid, copy);

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

	spin_lock(&dev->msg_lock);
	WRITE_ONCE(dev->vdpa, NULL);
	WRITE_ONCE(dev->bus, VDUSE_EXT_BUS_NONE);
	spin_unlock(&dev->msg_lock);
	put_device(&dev->dev);
}

static int vduse_vdpa_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 index,
					  struct sk_buff *msg,
					  struct netlink_ext_ack *extack)
{
	return vduse_stats_fill(vduse_from_vdpa(vdpa), index, msg);
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

/**
 * vduse_vdpa_choose_ops - what the device can do, on the bus
 * @dev: the device
 *
 * A vhost user, and the core, see what a device has by which calls it has.
 */
void vduse_vdpa_choose_ops(struct vduse_dev *dev)
{
	struct vdpa_config_ops *ops = &dev->ops;

	*ops = vduse_vdpa_ops;
	if (dev->api_version >= VDUSE_API_GROUPS) {
		ops->get_vq_group = vduse_vdpa_get_vq_group;
		ops->set_group_asid = vduse_vdpa_set_group_asid;
	}
	if (dev->instance & VDUSE_EXT_INST_SUSPEND)
		ops->suspend = vduse_vdpa_suspend;
	if (vduse_ext(dev, VDUSE_EXT_RESUME))
		ops->resume = vduse_vdpa_resume;
	if (vduse_ext(dev, VDUSE_EXT_VSTATS))
		ops->get_vendor_vq_stats = vduse_vdpa_get_vendor_vq_stats;
}
