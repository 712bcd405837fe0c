// SPDX-License-Identifier: GPL-2.0-only
/*
 * vDPA devices in user space: start and end of the module.
 */
#include <linux/iova.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/virtio_ids.h>

#include "domain.h"
#include "vduse.h"

static unsigned int vduse_device_types[64] = {
	VIRTIO_ID_NET, VIRTIO_ID_BLOCK, VIRTIO_ID_FS,
};

static unsigned int vduse_device_types_count = 3;
module_param_array_named(device_types, vduse_device_types, uint,
			 &vduse_device_types_count, 0444);
MODULE_PARM_DESC(device_types,
		 "Allowed virtio device types, by number (default 1,2,26: net, block, filesystem)");

int vduse_max_iotlb_entries = 2048;
module_param_named(max_iotlb_entries, vduse_max_iotlb_entries, int, 0444);
MODULE_PARM_DESC(max_iotlb_entries,
		 "Most memory regions of one vhost user (default 2048)");

struct workqueue_struct *vduse_irq_wq;
struct workqueue_struct *vduse_irq_bound_wq;
struct workqueue_struct *vduse_bus_wq;
static dev_t vduse_first_devt;

dev_t vduse_devt(unsigned int minor)
{
	return MKDEV(MAJOR(vduse_first_devt), minor);
}

bool vduse_device_type_allowed(u32 device_id)
{
	unsigned int i;

	for (i = 0; i < vduse_device_types_count; i++)
		if (device_id && vduse_device_types[i] == device_id)
			return true;
	return false;
}

static char *vduse_devnode(const struct device *dev, umode_t *mode)
{
	return kasprintf(GFP_KERNEL, "vduse/%s", dev_name(dev));
}

const struct class vduse_class = {
	.name = "vduse",
	.devnode = vduse_devnode,
};

static int vduse_workqueues_init(void)
{
	vduse_irq_wq = alloc_workqueue("vduse-irq",
				       WQ_HIGHPRI | WQ_SYSFS | WQ_UNBOUND, 0);
	if (!vduse_irq_wq)
		return -ENOMEM;

	vduse_irq_bound_wq = alloc_workqueue("vduse-irq-bound",
					     WQ_HIGHPRI | VDUSE_WQ_PERCPU, 0);
	if (!vduse_irq_bound_wq)
		goto err_irq;

	vduse_bus_wq = alloc_workqueue("vduse-bus", WQ_UNBOUND, 0);
	if (!vduse_bus_wq)
		goto err_irq_bound;
	return 0;

err_irq_bound:
	destroy_workqueue(vduse_irq_bound_wq);
err_irq:
	destroy_workqueue(vduse_irq_wq);
	return -ENOMEM;
}

static void vduse_workqueues_exit(void)
{
	destroy_workqueue(vduse_bus_wq);
	destroy_workqueue(vduse_irq_bound_wq);
	destroy_workqueue(vduse_irq_wq);
}

static int __init vduse_init(void)
{
	int ret;

	ret = class_register(&vduse_class);
	if (ret)
		return ret;

	ret = alloc_chrdev_region(&vduse_first_devt, 0, VDUSE_MINORS, "vduse");
	if (ret)
		goto err_class;

	ret = vduse_workqueues_init();
	if (ret)
		goto err_chrdev;

	ret = iova_cache_get();
	if (ret)
		goto err_workqueues;

	ret = register_reboot_notifier(&vduse_reboot_notifier);
	if (ret)
		goto err_iova;

	ret = vduse_mgmtdev_init();
	if (ret)
		goto err_reboot;

	ret = vduse_control_init();
	if (ret)
		goto err_mgmtdev;
	return 0;

err_mgmtdev:
	vduse_mgmtdev_exit();
err_reboot:
	unregister_reboot_notifier(&vduse_reboot_notifier);
err_iova:
	iova_cache_put();
err_workqueues:
	vduse_workqueues_exit();
err_chrdev:
	unregister_chrdev_region(vduse_first_devt, VDUSE_MINORS);
err_class:
	class_unregister(&vduse_class);
	return ret;
}
module_init(vduse_init);

/* Every device pins the module: there is none left. */
static void __exit vduse_exit(void)
{
	vduse_control_exit();
	vduse_mgmtdev_exit();
	unregister_reboot_notifier(&vduse_reboot_notifier);
	vduse_wait_exit();
	iova_cache_put();
	vduse_workqueues_exit();
	unregister_chrdev_region(vduse_first_devt, VDUSE_MINORS);
	class_unregister(&vduse_class);
	vduse_create_exit();
}
module_exit(vduse_exit);

MODULE_DESCRIPTION("vDPA devices in user space");
MODULE_AUTHOR("The vdusectl project");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
