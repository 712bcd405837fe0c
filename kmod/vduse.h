/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the module and the seams between its files.
 *
 * Lock order, outermost first:
 *
 *	vduse_devs_lock		the list of devices
 *	vduse_dev.lock		life of one device: attach, destroy, settings
 *	vduse_dev.irqfd_lock	eventfds that stand for interrupts
 *	vduse_domain.umem_lock	registration of the server's memory
 *	vduse_window.lock	what the server has mapped
 *	vduse_dev.config_lock	configuration space
 *	vduse_dev.msg_lock	messages and who serves
 *	vduse_queue.irq_lock	the driver's callback runs under it
 *	(locks of the virtio driver)
 *	vduse_queue.lock	ring addresses, kicks
 *	vduse_domain.umem_rwlock, vduse_domain.lock	(domain.h)
 *
 * No lock of this module is held while a message waits for the server, nor the
 * bus's cf_lock, for which readers of the configuration wait (vdpa.c).
 */
#ifndef VDUSE_H
#define VDUSE_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/irq_work.h>
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
struct io_uring_cmd;
struct iov_iter;
struct kiocb;
struct poll_table_struct;
struct sk_buff;
struct vduse_cleared;
struct vduse_domain;
struct vduse_irqfd;
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
 * @irq_strict: and nowhere else, under @irq_lock
 * @irq_cpu: which worker ran it last, under @irq_lock
 * @irq_runs: how often it ran, under @irq_lock
 * @irq_ns: how long it took when that was last looked at, under @irq_lock
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
 * @kick_conn: the server that set it up, never followed
 * @kicks: kicks by the driver
 * @kick_work: for a kick from within the signalling of another eventfd
 * @irqfd: an eventfd that stands for its interrupts, under the device's
 *	irqfd_lock
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
	bool irq_strict;
	unsigned int irq_cpu;
	u32 irq_runs;
	u64 irq_ns;
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
	const struct vduse_conn *kick_conn;
	u64 kicks;
	struct irq_work kick_work;
	struct vduse_irqfd *irqfd;
};

/**
 * struct vduse_attach - a driver comes to a device on the bus, or goes, outside
 *	the locks of netlink
 * @come: lets one come
 * @come_done: it did, or did not want to
 * @go: lets it go
 * @go_done: it did
 * @later: a driver would have come, and was put off; under the device's lock
 * @deferred: drivers are put off now; under the device's lock
 * @leaving: the device is to leave the bus; under the lock of the bus
 * @state: who takes it from the bus: VDUSE_LEAVE_x
 */
struct vduse_attach {
	struct work_struct come;
	struct completion come_done;
	struct work_struct go;
	struct completion go_done;
	bool later;
	bool deferred;
	bool leaving;
	atomic_t state;
};

/**
 * struct vduse_conn - a server that has the device open
 * @dev: the device
 * @cut: it was cut off; written under msg_lock
 */
struct vduse_conn {
	struct vduse_dev *dev;
	bool cut;
};

/**
 * struct vduse_setup - what a device is to have beyond the stock interface
 * @instance: VDUSE_EXT_INST_x
 * @args: of VDUSE_EXT_SETUP
 * @access: VDUSE_EXT_WRITABLE and so on by byte, or NULL; args.access_size of
 *	them, owned
 */
struct vduse_setup {
	u64 instance;
	struct vduse_ext_setup args;
	u8 *access;
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
 * @number: counts devices, never used twice
 * @instance: VDUSE_EXT_INST_x
 * @extensions: VDUSE_EXT_x
 * @required: features that a driver must accept
 * @access: what drivers may do with the configuration space, by byte, or NULL
 * @ops: what the device can do, on the bus
 * @vqs: the queues; they stay until the last user is gone
 * @lock: guards @dead, @vdpa, @bounce_size, the making of @domain and
 *	the sizes of the queues; held against attaching
 * @dead: destroyed, an open came too late
 * @vdpa: the device on the vDPA bus, or NULL; cleared without @lock by the
 *	last reference to it
 * @bus: VDUSE_EXT_BUS_x, written with the lock of the device on the bus
 * @bounce_size: bytes of bounce memory that the first attach makes
 * @domain: the I/O address space, from the first attach to the end; read
 *	without @lock through vduse_dev_domain()
 * @virtio_timeout: seconds that a kernel driver waits for an answer, without
 *	RECOVER a vhost user too; 0 is for ever; read at the start of each wait
 * @vhost_timeout: the same for a vhost user
 * @msg_lock: guards what follows, up to @config_cleared; a leaf but for the
 *	wait queue
 * @msg_queued: messages to be read
 * @msg_read: messages read and not answered
 * @msg_wait: readers and pollers
 * @msg_id: number of the next message
 * @msg_posted: messages that nobody waits for
 * @conn: who has the node open, or NULL
 * @server: process that used it last, while it is open; or NULL
 * @broken: a message was not answered in time, and no RECOVER
 * @late: a message was not answered in time, and no sign of life since
 * @aborted: until the next server comes
 * @suspended: the server was asked to stop, and has
 * @reset_owed: the driver has reset the device, and the server not agreed yet
 * @status: virtio status; read without @msg_lock as well
 * @cleared: the message that reads have cleared something, with CONFIG
 * @msg_sent: messages sent
 * @msg_failed: those that failed, for whatever reason
 * @msg_late: those that were too late
 * @aborts: how often it was aborted
 * @last_error: errno of the last message that failed
 * @last_error_type: type of that message
 * @last_error_time: when it failed
 * @config_writes: writes of the driver that were taken
 * @config_refused: those that were not
 * @config_cleared: reads of the driver that cleared something
 * @driver_features: the driver's word, one writer (the bus)
 * @irqfd_lock: guards the irqfd of its queues
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
	u64 number;
	u64 instance;
	u64 extensions;
	u64 required;
	u8 *access;
	struct vdpa_config_ops ops;
	struct vduse_queue **vqs;

	struct mutex lock;	/* see above */
	bool dead;
	struct vduse_vdpa *vdpa;
	u32 bus;
	size_t bounce_size;
	struct vduse_domain *domain;

	unsigned int virtio_timeout;
	unsigned int vhost_timeout;

	spinlock_t msg_lock;	/* see above */
	struct list_head msg_queued;
	struct list_head msg_read;
	wait_queue_head_t msg_wait;
	u32 msg_id;
	u32 msg_posted;
	struct vduse_conn *conn;
	struct pid *server;
	bool broken;
	bool late;
	bool aborted;
	bool suspended;
	bool reset_owed;
	u8 status;
	struct vduse_cleared *cleared;
	u64 msg_sent;
	u64 msg_failed;
	u64 msg_late;
	u64 aborts;
	u32 last_error;
	u32 last_error_type;
	ktime_t last_error_time;
	u64 config_writes;
	u64 config_refused;
	u64 config_cleared;

	u64 driver_features;

	struct mutex irqfd_lock;	/* see above */

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
 * @attach: how a driver comes and goes (attach.c)
 */
struct vduse_vdpa {
	struct vdpa_device vdpa;
	struct vduse_dev *dev;
	struct vduse_domain *domain;
	struct vduse_attach attach;
};

static inline bool vduse_ext(const struct vduse_dev *dev, u64 extension)
{
	return dev->extensions & extension;
}

static inline struct vduse_dev *vduse_from_device(struct device *device)
{
	return container_of(device, struct vduse_dev, dev);
}

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
int vduse_check_args(const struct vduse_create_args *args, u64 api_version,
		     const struct vduse_setup *setup);
int vduse_dev_create(const struct vduse_create_args *args, u64 api_version,
		     const void *space, struct vduse_setup *setup);
void vduse_dev_destroy(struct vduse_dev *dev);
void vduse_create_exit(void);

/* fill.c */
int vduse_fill(const struct vduse_conn *conn,
	       struct vduse_ext_fill __user *argp);

/* device.c */
extern const struct file_operations vduse_dev_fops;

/* extend.c: what a device is to have beyond the stock interface */
#define VDUSE_EXT_ALL	(VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER | \
			 VDUSE_EXT_FEATURES | VDUSE_EXT_RESUME | \
			 VDUSE_EXT_VSTATS | VDUSE_EXT_INJECT | \
			 (IS_ENABLED(CONFIG_HIGHMEM) ? 0 : VDUSE_EXT_FILL))
#define VDUSE_EXT_INST_ALL \
	(VDUSE_EXT_INST_QUEUE_READY | VDUSE_EXT_INST_SUSPEND)
int vduse_setup_fetch(struct vduse_setup *setup,
		      const struct vduse_ext_setup __user *argp);
void vduse_setup_drop(struct vduse_setup *setup);
bool vduse_setup_valid(const struct vduse_setup *setup,
		       const struct vduse_create_args *args);
bool vduse_setup_writable(const struct vduse_setup *setup, u32 offset);

/* info.c */
int vduse_info_get(struct vduse_ext_info __user *argp);
u32 vduse_info_pending(struct vduse_dev *dev);
ssize_t vduse_info_show_messages(struct vduse_dev *dev, char *buf);

/* wait.c */
extern struct notifier_block vduse_reboot_notifier;
bool vduse_is_going_down(void);
bool vduse_must_not_wait(struct vduse_dev *dev);
void vduse_dev_abort(struct vduse_dev *dev);
void vduse_wait_exit(void);

/* message.c */
int vduse_msg_get_vq_state(struct vduse_dev *dev, struct vduse_queue *vq,
			   struct vdpa_vq_state *state);
int vduse_msg_set_status(struct vduse_dev *dev, u8 status);
int vduse_msg_reset_virtio(struct vduse_dev *dev);
int vduse_msg_update_iotlb(struct vduse_dev *dev, u32 asid, u64 start,
			   u64 last);
int vduse_msg_post_iotlb(struct vduse_dev *dev, u32 asid);
int vduse_msg_post_reset(struct vduse_dev *dev);
int vduse_msg_set_group_asid(struct vduse_dev *dev, u32 group, u32 asid);
int vduse_msg_queue_ready(struct vduse_dev *dev, u16 index, bool ready);
int vduse_msg_suspend(struct vduse_dev *dev);
int vduse_msg_resume(struct vduse_dev *dev);

/* irqfd.c: other forms of an interrupt */
int vduse_irqfd_setup(const struct vduse_conn *conn,
		      struct vduse_vq_eventfd __user *argp);
void vduse_irqfd_drop(struct vduse_queue *vq, const struct vduse_conn *conn);
int vduse_inject_many(struct vduse_dev *dev,
		      struct vduse_ext_inject __user *argp);
int vduse_dev_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);

/* server.c */
ssize_t vduse_dev_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t vduse_dev_write_iter(struct kiocb *iocb, struct iov_iter *from);
__poll_t vduse_dev_poll(struct file *file, struct poll_table_struct *wait);
int vduse_conn_open(struct vduse_conn *conn);
int vduse_conn_use(struct vduse_conn *conn);
void vduse_conn_drop(struct vduse_dev *dev);
void vduse_conn_strip(struct vduse_conn *conn, bool windows);
void vduse_conn_close(struct vduse_conn *conn);

/* status.c */
int vduse_dev_reset(struct vduse_dev *dev);
void vduse_dev_set_status(struct vduse_dev *dev, u8 status);
void vduse_status_agreed(struct vduse_dev *dev, u8 status);
void vduse_needs_reset(struct vduse_dev *dev);
int vduse_features_check(struct vduse_dev *dev, u64 features);
void vduse_dev_clear(struct vduse_dev *dev);
bool vduse_dev_packed(struct vduse_dev *dev);
bool vduse_driver_ok(struct vduse_dev *dev);

/* suspend.c */
int vduse_dev_suspend(struct vduse_dev *dev);
int vduse_dev_resume(struct vduse_dev *dev);

/* config-driver.c */
struct vduse_cleared *vduse_cleared_create(void);
void vduse_config_read(struct vduse_dev *dev, unsigned int offset, void *buf,
		       unsigned int len);
int vduse_config_write(struct vduse_dev *dev, unsigned int offset,
		       const void *data, unsigned int len);

/* config.c */
int vduse_config_update(struct vduse_dev *dev,
			struct vduse_config_data __user *argp);
int vduse_config_update_ext(struct vduse_dev *dev,
			    struct vduse_ext_config __user *argp);
int vduse_config_fetch_ext(struct vduse_dev *dev,
			   struct vduse_ext_config __user *argp);
u32 vduse_config_generation(struct vduse_dev *dev);
void vduse_config_bump(struct vduse_dev *dev);

/* queue.c */
int vduse_queues_create(struct vduse_dev *dev);
void vduse_queues_hide(struct vduse_dev *dev);
void vduse_queues_free(struct vduse_dev *dev);
void vduse_queue_clear(struct vduse_queue *vq);
void vduse_queue_kick(struct vduse_queue *vq);
struct vduse_queue *vduse_queue_get(struct vduse_dev *dev, u32 index);
void vduse_queue_set_ready(struct vduse_queue *vq, bool ready);
int vduse_queue_setup(struct vduse_dev *dev,
		      struct vduse_queue_args __user *argp);
int vduse_queue_get_info(struct vduse_dev *dev,
			 struct vduse_vq_info __user *argp);
void vduse_queue_catch_up(struct vduse_queue *vq);
int vduse_queue_setup_kickfd(const struct vduse_conn *conn,
			     struct vduse_vq_eventfd __user *argp);
void vduse_queue_drop_kickfd(struct vduse_queue *vq,
			     const struct vduse_conn *conn);

/* interrupt.c */
void vduse_queue_irq_init(struct vduse_queue *vq);
int vduse_queue_interrupt(struct vduse_queue *vq);
void vduse_queue_set_affinity(struct vduse_queue *vq,
			      const struct cpumask *mask, bool strict);
void vduse_config_irq_init(struct vduse_dev *dev);
void vduse_config_irq_clear(struct vduse_dev *dev);
int vduse_config_interrupt(struct vduse_dev *dev);

/* vdpa.c: the bus side */
void vduse_vdpa_choose_ops(struct vduse_dev *dev);

/* stats.c */
u32 vduse_stats_device_id(struct vduse_dev *dev, unsigned long caller);
int vduse_stats_fill(struct vduse_dev *dev, u16 index, struct sk_buff *msg);

/* attach.c */
extern struct workqueue_struct *vduse_bus_wq;
void vduse_attach_init(struct vduse_vdpa *vduse);
int vduse_attach(struct vduse_vdpa *vduse);
void vduse_detach(struct vduse_vdpa *vduse);

/* mgmtdev.c */
int vduse_mgmtdev_init(void);
void vduse_mgmtdev_exit(void);

/* dma.c, or map.c: DMA of the kernel's drivers */
struct vduse_vdpa *vduse_vdpa_alloc(struct vduse_dev *dev,
				    const struct vdpa_config_ops *ops,
				    const char *name);

/* attrs-ext.c */
extern const struct attribute_group vduse_ext_group;

/* attrs.c */
extern const struct attribute_group *vduse_dev_groups[];
ssize_t vduse_store_seconds(unsigned int *seconds, const char *buf,
			    size_t count);
extern const struct kobj_type vduse_queue_type;

#endif /* VDUSE_H */
