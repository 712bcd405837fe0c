/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the module and the seams between its files.
 *
 * Lock order, outermost first:
 *
 *	vduse_devs_lock		the list of devices
 *	vduse_dev.lock		life of one device: attach, destroy, settings
 *	vduse_dev.umem_lock	registration of the server's memory
 *	vduse_dev.msg_lock	messages and who serves
 *	vduse_queue.irq_lock	the driver's callback runs under it
 *	(locks of the virtio driver)
 *	vduse_queue.lock	ring addresses, kicks
 *	vduse_domain.umem_rwlock, vduse_domain.lock	(domain.h)
 *
 * No lock of this module is held while a message waits for the server.
 */
#ifndef VDUSE_H
#define VDUSE_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/mutex.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "api.h"

struct eventfd_ctx;
struct iov_iter;
struct kiocb;
struct poll_table_struct;
struct vduse_domain;
struct vduse_vdpa;

#define VDUSE_MINORS		BIT(MINORBITS)
#define VDUSE_MSG_TIMEOUT	30
#define VDUSE_BOUNCE_MIN	SZ_1M
#define VDUSE_BOUNCE_DEFAULT	SZ_64M
#define VDUSE_BOUNCE_MAX	SZ_1G

/* What became of a kick, and of an interrupt: for the trace events. */
enum vduse_kick_how {
	VDUSE_KICK_REMEMBERED,
	VDUSE_KICK_SIGNALLED,
	VDUSE_KICK_DEFERRED,
};

enum vduse_irq_how {
	VDUSE_IRQ_DIRECT,
	VDUSE_IRQ_QUEUED,
	VDUSE_IRQ_EVENTFD,
};

/**
 * struct vduse_queue - a virtqueue
 * @kobj: the directory vqN in sysfs; owns the memory
 * @dev: the device
 * @index: number of the queue
 * @num_max: greatest size, as the server set it up
 * @group: the group it belongs to, as the server set it up
 * @irq_lock: guards the driver's callback and runs it; see the lock order
 * @cb: the driver's callback, under @irq_lock
 * @affinity: where the callback may run, written under @irq_lock
 * @irq_cpu: where it ran last, under @irq_lock
 * @irq_lone: answers to one request in flight, one after the other, each given
 *	without a wait of the server in between; under @irq_lock
 * @irq_sleeps: how often the server's thread had waited, at the last of them
 * @irq_work: runs the callback on another processor
 * @interrupts: callbacks run or signalled, under @irq_lock
 * @lock: guards what follows; a leaf but for the wait queues of eventfds
 * @num: size chosen by the driver
 * @desc: ring addresses given by the driver
 * @driver: see @desc
 * @device: see @desc
 * @state: where the rings start
 * @ready: written under @irq_lock and @lock, read under either
 * @kicked: a kick that no server heard
 * @kickfd: what the server listens to
 * @kicks: kicks by the driver
 * @kick_work: for a kick from within the signalling of another eventfd
 */
struct vduse_queue {
	struct kobject kobj;
	struct vduse_dev *dev;
	u16 index;
	u16 num_max;
	u32 group;

	spinlock_t irq_lock;	/* see above */
	struct vdpa_callback cb;
	cpumask_var_t affinity;
	unsigned int irq_cpu;
	unsigned int irq_lone;
	unsigned long irq_sleeps;
	struct work_struct irq_work;
	u64 interrupts;

	spinlock_t lock;	/* see above */
	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	struct vdpa_vq_state state;
	bool ready;
	bool kicked;
	struct eventfd_ctx *kickfd;
	u64 kicks;
	struct work_struct kick_work;
};

/**
 * struct vduse_dev - a device made by VDUSE_CREATE_DEV
 * @dev: /sys/class/vduse/NAME; owns the memory
 * @cdev: /dev/vduse/NAME
 * @node: in the list of devices, under vduse_devs_lock
 * @api_version: what its maker speaks; this and what follows never changes
 * @device_id: virtio device type
 * @vendor_id: virtio vendor
 * @features: offered features
 * @vq_num: how many queues
 * @vq_align: alignment of the rings
 * @ngroups: groups of queues
 * @nas: address spaces for them
 * @config_size: bytes of configuration space
 * @vqs: the queues
 * @lock: guards @dead, @vdpa, @bounce_size, the making of @domain and
 *	the sizes of the queues; held against attaching
 * @dead: destroyed, an open came too late
 * @vdpa: the device on the vDPA bus, or NULL; cleared without @lock by the
 *	last reference to it
 * @bounce_size: bytes of bounce memory that the first attach makes
 * @domain: the I/O address space, from the first attach to the end; read
 *	without @lock through vduse_dev_domain()
 * @umem_lock: serialises registration of the server's memory
 * @msg_lock: guards the messages, @connected, @broken and the making of
 *	@status; a leaf but for the wait queue
 * @msg_queued: messages to be read
 * @msg_sent: messages read and not answered
 * @msg_wait: readers and pollers
 * @msg_id: number of the next message
 * @msg_timeout: seconds, 0 is for ever; read at the start of each wait
 * @connected: the node is open
 * @broken: a message was not answered in time
 * @status: virtio status; written under @msg_lock, read without
 * @driver_features: the driver's word, one writer (the bus)
 * @config_lock: guards @config and @generation; readers never wait
 * @config: the configuration space
 * @generation: counts its changes
 * @irq_lock: guards @config_cb and runs it
 * @config_cb: the driver's callback for a changed configuration
 * @config_irq_work: runs it
 */
struct vduse_dev {
	struct device dev;
	struct cdev cdev;
	struct list_head node;

	u64 api_version;
	u32 device_id;
	u32 vendor_id;
	u64 features;
	u32 vq_num;
	u32 vq_align;
	u32 ngroups;
	u32 nas;
	u32 config_size;
	struct vduse_queue **vqs;

	struct mutex lock;	/* see above */
	bool dead;
	struct vduse_vdpa *vdpa;
	size_t bounce_size;
	struct vduse_domain *domain;

	struct mutex umem_lock;	/* see above */

	spinlock_t msg_lock;	/* see above */
	struct list_head msg_queued;
	struct list_head msg_sent;
	wait_queue_head_t msg_wait;
	u32 msg_id;
	unsigned int msg_timeout;
	bool connected;
	bool broken;
	u8 status;
	u64 driver_features;

	seqlock_t config_lock;	/* see above */
	void *config;
	u32 generation;

	spinlock_t irq_lock;	/* see above */
	struct vdpa_callback config_cb;
	struct work_struct config_irq_work;
};

/**
 * struct vduse_vdpa - a device on the vDPA bus
 * @vdpa: the bus's part
 * @dev: our device, with a reference
 * @domain: its address space
 */
struct vduse_vdpa {
	struct vdpa_device vdpa;
	struct vduse_dev *dev;
	struct vduse_domain *domain;
};

static inline struct vduse_dev *vduse_from_vdpa(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct vduse_vdpa, vdpa)->dev;
}

static inline struct vduse_domain *vduse_dev_domain(struct vduse_dev *dev)
{
	/* Pairs with the release in vduse_vdpa_create(). */
	return smp_load_acquire(&dev->domain);
}

/* main.c */
extern const struct class vduse_class;
extern struct workqueue_struct *vduse_irq_wq;
extern struct workqueue_struct *vduse_irq_bound_wq;
dev_t vduse_devt(unsigned int minor);
bool vduse_device_type_allowed(u32 device_id);

/* control.c: the list of devices, /dev/vduse/control */
extern struct mutex vduse_devs_lock;
extern struct list_head vduse_devs;
int vduse_control_init(void);
void vduse_control_exit(void);
struct vduse_dev *vduse_dev_find(const char *name);

/* create.c */
int vduse_check_args(const struct vduse_create_args *args, u64 api_version);
int vduse_dev_create(const struct vduse_create_args *args, u64 api_version,
		     const void *space);
void vduse_dev_destroy(struct vduse_dev *dev);
void vduse_create_exit(void);

/* device.c */
extern const struct file_operations vduse_dev_fops;

/* message.c */
extern struct notifier_block vduse_reboot_notifier;
void vduse_message_exit(void);
int vduse_msg_get_vq_state(struct vduse_dev *dev, struct vduse_queue *vq,
			   struct vdpa_vq_state *state);
int vduse_msg_set_status(struct vduse_dev *dev, u8 status);
int vduse_msg_update_iotlb(struct vduse_dev *dev, u32 asid, u64 start,
			   u64 last);
int vduse_msg_set_group_asid(struct vduse_dev *dev, u32 group, u32 asid);
ssize_t vduse_dev_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t vduse_dev_write_iter(struct kiocb *iocb, struct iov_iter *from);
__poll_t vduse_dev_poll(struct file *file, struct poll_table_struct *wait);
int vduse_msg_connect(struct vduse_dev *dev);
void vduse_msg_disconnect(struct vduse_dev *dev);

/* status.c */
int vduse_dev_reset(struct vduse_dev *dev);
void vduse_dev_clear(struct vduse_dev *dev);
bool vduse_dev_packed(struct vduse_dev *dev);
bool vduse_driver_ok(struct vduse_dev *dev);

/* config.c */
void vduse_config_read(struct vduse_dev *dev, unsigned int offset, void *buf,
		       unsigned int len);
int vduse_config_update(struct vduse_dev *dev,
			struct vduse_config_data __user *argp);
u32 vduse_config_generation(struct vduse_dev *dev);
void vduse_config_bump(struct vduse_dev *dev);

/* queue.c */
int vduse_queues_create(struct vduse_dev *dev);
void vduse_queues_remove(struct vduse_dev *dev);
void vduse_queue_clear(struct vduse_queue *vq);
void vduse_queue_kick(struct vduse_queue *vq);
void vduse_queue_set_ready(struct vduse_queue *vq, bool ready);
int vduse_queue_setup(struct vduse_dev *dev,
		      struct vduse_queue_args __user *argp);
int vduse_queue_get_info(struct vduse_dev *dev,
			 struct vduse_vq_info __user *argp);
int vduse_queue_setup_kickfd(struct vduse_dev *dev,
			     struct vduse_vq_eventfd __user *argp);
void vduse_queue_drop_kickfd(struct vduse_queue *vq);

/* interrupt.c */
void vduse_queue_irq_init(struct vduse_queue *vq);
int vduse_queue_interrupt(struct vduse_queue *vq);
void vduse_queue_set_affinity(struct vduse_queue *vq,
			      const struct cpumask *mask);
void vduse_config_irq_init(struct vduse_dev *dev);
void vduse_config_irq_clear(struct vduse_dev *dev);
int vduse_config_interrupt(struct vduse_dev *dev);

/* vdpa.c: the bus side */
extern const struct vdpa_config_ops vduse_vdpa_ops;
extern struct vdpa_config_ops vduse_vdpa_group_ops;
void vduse_vdpa_init(void);

/* mgmtdev.c */
int vduse_mgmtdev_init(void);
void vduse_mgmtdev_exit(void);

/* dma.c, or map.c: DMA of the kernel's drivers */
struct vduse_vdpa *vduse_vdpa_alloc(struct vduse_dev *dev,
				    const struct vdpa_config_ops *ops,
				    const char *name);

/* attrs.c */
extern const struct attribute_group *vduse_dev_groups[];
extern const struct kobj_type vduse_queue_type;

#endif /* VDUSE_H */
