// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a driver comes to a device on the bus, and goes. Netlink attaches and
 * detaches with locks held that all users of generic netlink need, and a driver
 * that comes or goes talks to the server and does I/O through it. So with a
 * device that has RECOVER this is done elsewhere, and netlink waits a moment
 * for it, so that all is as usual with a server that answers.
 */
#include <linux/pm.h>
#include <linux/string.h>

#include "domain.h"
#include "vduse.h"

/* As long as the locks of netlink may be held. */
#define VDUSE_ATTACH_TIMEOUT	HZ

/* Who takes a device from the bus: netlink, unless it does not wait so long. */
#define VDUSE_LEAVE_NETLINK	0
#define VDUSE_LEAVE_WORK	1
#define VDUSE_LEAVE_DONE	2

static struct vduse_vdpa *vduse_from_bus(struct device *device)
{
	return container_of(dev_to_vdpa(device), struct vduse_vdpa, vdpa);
}

static u32 vduse_bus_of(const char *driver)
{
	if (!strcmp(driver, "virtio_vdpa"))
		return VDUSE_EXT_BUS_VIRTIO;
	if (!strcmp(driver, "vhost_vdpa"))
		return VDUSE_EXT_BUS_VHOST;
	return VDUSE_EXT_BUS_OTHER;
}

/* Called before a driver is asked whether it wants the device. */
static int vduse_driver_comes(struct device *device)
{
	struct vduse_vdpa *vduse = vduse_from_bus(device);

	if (vduse->attach.deferred)
		vduse->attach.later = true;
	if (vduse->attach.deferred || READ_ONCE(vduse->attach.leaving))
		return -ENODEV;
	WRITE_ONCE(vduse->dev->bus, vduse_bus_of(device->driver->name));
	return 0;
}

/* Called after a driver has gone, or did not want it. */
static void vduse_driver_gone(struct device *device)
{
	WRITE_ONCE(vduse_from_bus(device)->dev->bus, VDUSE_EXT_BUS_UNBOUND);
}

/*
 * The driver core lets nobody else know that a driver comes. With power it has
 * nothing to do, and is here without CONFIG_PM as well.
 */
static struct dev_pm_domain vduse_pm_domain = {
	.activate = vduse_driver_comes,
	.dismiss = vduse_driver_gone,
};

static void vduse_attach_work(struct work_struct *work)
{
	struct vduse_vdpa *vduse = container_of(work, struct vduse_vdpa,
						attach.come);

	if (device_attach(&vduse->vdpa.dev) < 0)
		dev_dbg(&vduse->vdpa.dev, "no driver\n");
	complete(&vduse->attach.come_done);
	put_device(&vduse->vdpa.dev);
}

/* Begin, and be patient as long as netlink may be. */
static void vduse_start(struct vduse_vdpa *vduse, struct work_struct *work,
			struct completion *done)
{
	get_device(&vduse->vdpa.dev);
	queue_work(vduse_bus_wq, work);
	wait_for_completion_timeout(done, VDUSE_ATTACH_TIMEOUT);
}

/**
 * vduse_attach - put a device on the bus
 * @vduse: the device
 *
 * Context: netlink, with the lock of the bus held.
 * Return: 0, with a driver or without, or an error.
 */
int vduse_attach(struct vduse_vdpa *vduse)
{
	struct device *device = &vduse->vdpa.dev;
	int ret;

	vduse->attach.deferred = vduse_ext(vduse->dev, VDUSE_EXT_RECOVER);
	ret = _vdpa_register_device(&vduse->vdpa, vduse->dev->vq_num);
	if (ret)
		return ret;

	device_lock(device);
	vduse->attach.deferred = false;
	device_unlock(device);
	if (vduse->attach.later)
		vduse_start(vduse, &vduse->attach.come,
			    &vduse->attach.come_done);
	return 0;
}

static void vduse_detach_work(struct work_struct *work)
{
	struct vduse_vdpa *vduse = container_of(work, struct vduse_vdpa,
						attach.go);
	bool late;

	device_release_driver(&vduse->vdpa.dev);
	late = atomic_cmpxchg(&vduse->attach.state, VDUSE_LEAVE_NETLINK,
			      VDUSE_LEAVE_DONE) == VDUSE_LEAVE_WORK;
	complete(&vduse->attach.go_done);
	if (late)
		vdpa_unregister_device(&vduse->vdpa);
	put_device(&vduse->vdpa.dev);
}

/**
 * vduse_detach - take a device from the bus
 * @vduse: the device
 *
 * Context: netlink, with the lock of the bus held.
 */
void vduse_detach(struct vduse_vdpa *vduse)
{
	struct vduse_attach *attach = &vduse->attach;

	if (attach->leaving)
		return;
	/* From now on no other driver comes. */
	WRITE_ONCE(attach->leaving, true);
	if (!vduse_ext(vduse->dev, VDUSE_EXT_RECOVER)) {
		_vdpa_unregister_device(&vduse->vdpa);
		return;
	}

	vduse_start(vduse, &attach->go, &attach->go_done);
	if (atomic_cmpxchg(&attach->state, VDUSE_LEAVE_NETLINK,
			   VDUSE_LEAVE_WORK) != VDUSE_LEAVE_DONE)
		return;
	/* Both are over but for their references: it can be destroyed at once. */
	flush_work(&attach->come);
	flush_work(&attach->go);
	_vdpa_unregister_device(&vduse->vdpa);
}

void vduse_attach_init(struct vduse_vdpa *vduse)
{
	struct vduse_attach *attach = &vduse->attach;

	INIT_WORK(&attach->come, vduse_attach_work);
	INIT_WORK(&attach->go, vduse_detach_work);
	init_completion(&attach->come_done);
	init_completion(&attach->go_done);
	vduse->vdpa.dev.pm_domain = &vduse_pm_domain;
}
