// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other forms of an interrupt for the driver: for several queues in one call, by
 * a command of io_uring, and by an eventfd, which another process can write.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/io_uring/cmd.h>
#include <linux/irq_work.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vduse.h"

/**
 * struct vduse_irqfd - an eventfd that stands for the interrupts of a queue
 * @vq: the queue
 * @conn: the server that set it up, never followed
 * @file: the eventfd, with a reference: it does not go while this is there
 * @ctx: the same
 * @table: how its wait queue is found
 * @head: its wait queue
 * @wait: what waits there
 * @raise: leaves the lock of the wait queue, which the signaller holds
 * @work: runs the callback where interrupts are on
 */
struct vduse_irqfd {
	struct vduse_queue *vq;
	const struct vduse_conn *conn;
	struct file *file;
	struct eventfd_ctx *ctx;
	poll_table table;
	wait_queue_head_t *head;
	wait_queue_entry_t wait;
	struct irq_work raise;
	struct work_struct work;
};

/* Before DRIVER_OK and while suspended nobody is there to hear it. */
static void vduse_irqfd_work(struct work_struct *work)
{
	struct vduse_irqfd *irqfd = container_of(work, struct vduse_irqfd,
						 work);

	if (vduse_queue_interrupt(irqfd->vq))
		pr_debug("an interrupt was dropped\n");
}

static void vduse_irqfd_raise(struct irq_work *raise)
{
	struct vduse_irqfd *irqfd = container_of(raise, struct vduse_irqfd,
						 raise);

	queue_work(system_bh_highpri_wq, &irqfd->work);
}

/* Called with the lock of the wait queue held and interrupts off. */
static int vduse_irqfd_wake(wait_queue_entry_t *wait, unsigned int mode,
			    int sync, void *key)
{
	struct vduse_irqfd *irqfd = container_of(wait, struct vduse_irqfd,
						 wait);
	u64 count;

	if (!(key_to_poll(key) & EPOLLIN))
		return 0;
	eventfd_ctx_do_read(irqfd->ctx, &count);
	irq_work_queue(&irqfd->raise);
	return 0;
}

static void vduse_irqfd_found(struct file *file, wait_queue_head_t *head,
			      poll_table *table)
{
	struct vduse_irqfd *irqfd = container_of(table, struct vduse_irqfd,
						 table);

	irqfd->head = head;
	add_wait_queue(head, &irqfd->wait);
}

/* Nothing of it runs when this returns. */
static void vduse_irqfd_free(struct vduse_irqfd *irqfd)
{
	if (!irqfd)
		return;
	if (irqfd->head)
		remove_wait_queue(irqfd->head, &irqfd->wait);
	irq_work_sync(&irqfd->raise);
	cancel_work_sync(&irqfd->work);
	if (irqfd->ctx)
		eventfd_ctx_put(irqfd->ctx);
	fput(irqfd->file);
	kfree(irqfd);
}

static struct vduse_irqfd *vduse_irqfd_create(struct vduse_queue *vq,
					      const struct vduse_conn *conn,
					      int fd)
{
	struct vduse_irqfd *irqfd;
	struct eventfd_ctx *ctx;

	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return ERR_PTR(-ENOMEM);
	irqfd->file = fget(fd);
	if (!irqfd->file) {
		kfree(irqfd);
		return ERR_PTR(-EBADF);
	}
	irqfd->vq = vq;
	irqfd->conn = conn;
	init_irq_work(&irqfd->raise, vduse_irqfd_raise);
	INIT_WORK(&irqfd->work, vduse_irqfd_work);
	ctx = eventfd_ctx_fileget(irqfd->file);
	if (IS_ERR(ctx)) {
		vduse_irqfd_free(irqfd);
		return ERR_CAST(ctx);
	}
	irqfd->ctx = ctx;
	init_waitqueue_func_entry(&irqfd->wait, vduse_irqfd_wake);
	return irqfd;
}

/* What was signalled before counts. */
static void vduse_irqfd_listen(struct vduse_irqfd *irqfd)
{
	init_poll_funcptr(&irqfd->table, vduse_irqfd_found);
	if (vfs_poll(irqfd->file, &irqfd->table) & EPOLLIN)
		irq_work_queue(&irqfd->raise);
}

/**
 * vduse_irqfd_setup - answer VDUSE_EXT_SETUP_IRQFD
 * @conn: the server
 * @argp: from user space
 *
 * Return: 0 or an error.
 */
int vduse_irqfd_setup(const struct vduse_conn *conn,
		      struct vduse_vq_eventfd __user *argp)
{
	struct vduse_dev *dev = conn->dev;
	struct vduse_irqfd *irqfd = NULL;
	struct vduse_vq_eventfd config;
	struct vduse_queue *vq;
	int ret = 0;

	if (copy_from_user(&config, argp, sizeof(config)))
		return -EFAULT;
	vq = vduse_queue_get(dev, config.index);
	if (!vq || (config.fd < 0 && config.fd != VDUSE_EVENTFD_DEASSIGN))
		return -EINVAL;
	if (config.fd >= 0) {
		irqfd = vduse_irqfd_create(vq, conn, config.fd);
		if (IS_ERR(irqfd))
			return PTR_ERR(irqfd);
	}

	mutex_lock(&dev->irqfd_lock);
	/* Whoever cuts it off takes this lock after that. */
	if (READ_ONCE(conn->cut)) {
		ret = -ENOTCONN;
	} else {
		if (irqfd)
			vduse_irqfd_listen(irqfd);
		swap(vq->irqfd, irqfd);
	}
	mutex_unlock(&dev->irqfd_lock);
	vduse_irqfd_free(irqfd);
	return ret;
}

/**
 * vduse_irqfd_drop - the server is gone
 * @vq: the queue
 * @conn: which server
 */
void vduse_irqfd_drop(struct vduse_queue *vq, const struct vduse_conn *conn)
{
	struct vduse_irqfd *irqfd = NULL;

	mutex_lock(&vq->dev->irqfd_lock);
	if (vq->irqfd && vq->irqfd->conn == conn)
		swap(vq->irqfd, irqfd);
	mutex_unlock(&vq->dev->irqfd_lock);
	vduse_irqfd_free(irqfd);
}

/**
 * vduse_inject_many - answer VDUSE_EXT_INJECT_MANY
 * @dev: the device
 * @argp: from user space
 *
 * Return: 0, or an error; @argp then tells of which queues.
 */
int vduse_inject_many(struct vduse_dev *dev,
		      struct vduse_ext_inject __user *argp)
{
	struct vduse_ext_inject args;
	struct vduse_queue *vq;
	u64 refused = 0;
	u32 i;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (args.reserved)
		return -EINVAL;
	for (i = 0; i < 64; i++) {
		if (!(args.queues & BIT_ULL(i)))
			continue;
		vq = args.first > U32_MAX - i ? NULL :
		     vduse_queue_get(dev, args.first + i);
		if (!vq || vduse_queue_interrupt(vq))
			refused |= BIT_ULL(i);
	}
	if (put_user(refused, &argp->queues))
		return -EFAULT;
	return refused ? -EINVAL : 0;
}

/**
 * vduse_dev_uring_cmd - answer a command of io_uring
 * @cmd: it; VDUSE_VQ_INJECT_IRQ, with the queue in the first bytes of its own
 * @issue_flags: of io_uring
 *
 * Return: 0 or an error, at once.
 */
int vduse_dev_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct vduse_conn *conn = cmd->file->private_data;
	const u32 *index = (const u32 *)cmd->sqe->cmd;
	struct vduse_queue *vq;
	int ret;

	if (cmd->cmd_op != VDUSE_VQ_INJECT_IRQ ||
	    !vduse_ext(conn->dev, VDUSE_EXT_INJECT))
		return -EOPNOTSUPP;
	ret = vduse_conn_use(conn);
	if (ret)
		return ret;
	if (READ_ONCE(conn->dev->broken))
		return -EPERM;
	/* The entry is in memory of the server, who may change it. */
	vq = vduse_queue_get(conn->dev, READ_ONCE(*index));
	return vq ? vduse_queue_interrupt(vq) : -EINVAL;
}
