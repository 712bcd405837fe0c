// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening a /dev/vhost-vdpa-N and walking it through the virtio states. */
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tests/tools/vhost/dev.h"
#include "tests/tools/vhost/mem.h"
#include "tests/tools/vhost/queue.h"

#define BIT(n) (1ULL << (n))

#define RING_SIZE_DEFAULT 256
#define VHOST_VDPA_RESUME_ _IO(VHOST_VIRTIO, 0x7E)	/* Linux 6.3 */

static const uint64_t known_features =
	BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) |
	BIT(VIRTIO_BLK_F_GEOMETRY) | BIT(VIRTIO_BLK_F_RO) |
	BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) |
	BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_MQ) |
	BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES) |
	BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM);

static int failed(const struct dev *dev, const char *what)
{
	int err = errno;

	complain("%s: %s: %s", dev->path, what, strerror(err));
	return -err;
}

int dev_status(const struct dev *dev)
{
	uint8_t status;

	if (ioctl(dev->fd, VHOST_VDPA_GET_STATUS, &status) < 0)
		return failed(dev, "get status");
	return status;
}

/* The device has the last word on its status: read it back. */
static int set_status(const struct dev *dev, uint8_t status)
{
	int now;

	if (ioctl(dev->fd, VHOST_VDPA_SET_STATUS, &status) < 0)
		return failed(dev, "set status");
	now = dev_status(dev);
	if (now < 0)
		return now;
	if (now != status) {
		complain("%s: status is 0x%x, not 0x%x", dev->path,
			 (unsigned int)now, status);
		return -EPROTO;
	}
	return 0;
}

static int read_config(struct dev *dev)
{
	CLEANUP_FREE struct vhost_vdpa_config *get = NULL;

	if (ioctl(dev->fd, VHOST_VDPA_GET_CONFIG_SIZE, &dev->config_size) < 0)
		return failed(dev, "get config size");
	dev->config_size = MIN(dev->config_size,
			       (uint32_t)sizeof(dev->config));
	get = calloc(1, sizeof(*get) + dev->config_size);
	if (!get)
		return -ENOMEM;
	get->len = dev->config_size;
	if (get->len && ioctl(dev->fd, VHOST_VDPA_GET_CONFIG, get) < 0)
		return failed(dev, "get config");
	memcpy(&dev->config, get->buf, dev->config_size);
	return 0;
}

static int read_offer(struct dev *dev)
{
	uint32_t id, n_vqs;

	if (ioctl(dev->fd, VHOST_VDPA_GET_DEVICE_ID, &id) < 0)
		return failed(dev, "get device id");
	if (id != VIRTIO_ID_BLOCK) {
		complain("%s: device type %u, not a block device", dev->path,
			 id);
		return -ENODEV;
	}
	if (ioctl(dev->fd, VHOST_VDPA_GET_VQS_COUNT, &n_vqs) < 0)
		return failed(dev, "get number of queues");
	dev->n_vqs = n_vqs;
	if (ioctl(dev->fd, VHOST_VDPA_GET_VRING_NUM, &dev->num_max) < 0)
		return failed(dev, "get queue size");
	if (ioctl(dev->fd, VHOST_GET_FEATURES, &dev->offered) < 0)
		return failed(dev, "get features");
	return read_config(dev);
}

static int set_backend_features(struct dev *dev)
{
	uint64_t bits;

	if (ioctl(dev->fd, VHOST_GET_BACKEND_FEATURES, &bits) < 0)
		return failed(dev, "get backend features");
	dev->backend_features = bits & (BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
					BIT(VHOST_BACKEND_F_IOTLB_BATCH) |
					BIT(DEV_CAN_SUSPEND) |
					BIT(DEV_CAN_RESUME));
	if (ioctl(dev->fd, VHOST_SET_BACKEND_FEATURES,
		  &dev->backend_features) < 0)
		return failed(dev, "set backend features");
	return 0;
}

int dev_open(struct dev *dev, const char *path)
{
	int ret;

	dev->path = path;
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		return failed(dev, "open");
	if (ioctl(dev->fd, VHOST_SET_OWNER) < 0)
		return failed(dev, "set owner");
	ret = set_backend_features(dev);
	if (ret == 0)
		ret = set_status(dev, 0);
	return ret < 0 ? ret : read_offer(dev);
}

static int negotiate(struct dev *dev)
{
	const uint8_t found = VIRTIO_CONFIG_S_ACKNOWLEDGE |
			      VIRTIO_CONFIG_S_DRIVER;
	uint64_t features = dev->offered & known_features;
	int ret;

	if (dev->no_event_idx)
		features &= ~BIT(VIRTIO_RING_F_EVENT_IDX);
	if (dev->no_indirect)
		features &= ~BIT(VIRTIO_RING_F_INDIRECT_DESC);
	ret = set_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	if (ret == 0)
		ret = set_status(dev, found);
	if (ret < 0)
		return ret;
	if (ioctl(dev->fd, VHOST_SET_FEATURES, &features) < 0)
		return failed(dev, "set features");
	dev->features = features;
	return set_status(dev, found | VIRTIO_CONFIG_S_FEATURES_OK);
}

static int start_queues(struct dev *dev)
{
	int ret = 0;

	for (unsigned int i = 0; i < dev->n_queues && ret == 0; i++) {
		ret = queue_start(&dev->queues[i]);
		if (ret < 0)
			complain("%s: queue %u: %s", dev->path, i,
				 strerror(-ret));
	}
	return ret;
}

static int driver_ok(struct dev *dev)
{
	return set_status(dev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			  VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
			  VIRTIO_CONFIG_S_DRIVER_OK);
}

int dev_start(struct dev *dev, unsigned int n_queues)
{
	int ret;

	if (n_queues > dev->n_vqs) {
		complain("%s has %u queues, not %u", dev->path, dev->n_vqs,
			 n_queues);
		return -EINVAL;
	}
	if (!dev->num)
		dev->num = MIN(dev->num_max, RING_SIZE_DEFAULT);
	dev->queues = calloc(n_queues, sizeof(*dev->queues));
	if (!dev->queues)
		return -ENOMEM;
	for (; dev->n_queues < n_queues; dev->n_queues++) {
		ret = queue_init(&dev->queues[dev->n_queues], dev,
				 dev->n_queues);
		if (ret < 0)
			return ret;
	}
	ret = negotiate(dev);
	if (ret == 0)
		ret = start_queues(dev);
	if (ret == 0)
		ret = mem_map(dev);
	return ret < 0 ? ret : driver_ok(dev);
}

int dev_restart(struct dev *dev)
{
	int ret = set_status(dev, 0);

	if (ret == 0)
		ret = negotiate(dev);
	if (ret == 0)
		ret = start_queues(dev);
	return ret < 0 ? ret : driver_ok(dev);
}

int dev_suspend(const struct dev *dev)
{
	return ioctl(dev->fd, VHOST_VDPA_SUSPEND) < 0 ?
	       failed(dev, "suspend") : 0;
}

int dev_resume(const struct dev *dev)
{
	return ioctl(dev->fd, VHOST_VDPA_RESUME_) < 0 ?
	       failed(dev, "resume") : 0;
}

void dev_leave(struct dev *dev)
{
	/* A server that is gone makes these fail; the kernel cleans up. */
	if (set_status(dev, 0) == 0 && dev->features)
		mem_unmap(dev);
	(void)close(dev->fd);
	dev->fd = -EBADF;
}

int dev_arrive(struct dev *dev, const char *path)
{
	int ret = dev_open(dev, path);

	return ret < 0 ? ret : negotiate(dev);
}

int dev_go_on(struct dev *dev)
{
	int ret = mem_map(dev);

	return ret < 0 ? ret : driver_ok(dev);
}

void dev_close(struct dev *dev)
{
	if (dev->fd < 0)
		return;
	dev_leave(dev);
	for (unsigned int i = 0; i < dev->n_queues; i++)
		queue_free(&dev->queues[i]);
	free(dev->queues);
	mem_free(dev);
}
