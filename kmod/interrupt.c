// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts from the server: callbacks of the driver.
 */
#include <linux/cpumask.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>

#include "domain.h"
#include "trace.h"
#include "vduse.h"

/* A callback that takes longer is better done by another processor. */
#define VDUSE_IRQ_HERE_NS	100000

/* How long it takes is seen with one of so many. */
#define VDUSE_IRQ_SAMPLES	8

/* Run the callback, and remember how long that took. */
static void vduse_queue_irq_run(struct vduse_queue *vq)
{
	bool look;
	u64 began;

	lockdep_assert_held(&vq->irq_lock);
	look = vq->irq_runs++ % VDUSE_IRQ_SAMPLES == 0;
	began = look ? local_clock() : 0;
	vq->cb.callback(vq->cb.private);
	if (look)
		vq->irq_ns = local_clock() - began;
}

static void vduse_queue_irq_work(struct work_struct *work)
{
	struct vduse_queue *vq = container_of(work, struct vduse_queue,
					      irq_work);

	spin_lock_bh(&vq->irq_lock);
	if (vq->ready && vq->cb.callback)
		vduse_queue_irq_run(vq);
	spin_unlock_bh(&vq->irq_lock);
}

void vduse_queue_irq_init(struct vduse_queue *vq)
{
	spin_lock_init(&vq->irq_lock);
	cpumask_setall(vq->affinity);
	vq->irq_cpu = nr_cpu_ids;
	INIT_WORK(&vq->irq_work, vduse_queue_irq_work);
}

/**
 * vduse_queue_set_affinity - say where the callback may run
 * @vq: the queue
 * @mask: there, or NULL: everywhere
 * @strict: nowhere else; else that is where a worker would run it
 */
void vduse_queue_set_affinity(struct vduse_queue *vq,
			      const struct cpumask *mask, bool strict)
{
	spin_lock_bh(&vq->irq_lock);
	vq->irq_strict = strict;
	if (mask)
		cpumask_copy(vq->affinity, mask);
	else
		cpumask_setall(vq->affinity);
	spin_unlock_bh(&vq->irq_lock);
}

/*
 * Let a worker of the wanted processor run the callback. It stays the same one
 * while it may, for its caches. If all that are wanted went offline, any will
 * do.
 */
static void vduse_queue_irq_send(struct vduse_queue *vq)
{
	unsigned int cpu = vq->irq_cpu;

	if (cpu >= nr_cpu_ids || !cpu_online(cpu) ||
	    !cpumask_test_cpu(cpu, vq->affinity)) {
		cpu = cpumask_any_and_distribute(vq->affinity, cpu_online_mask);
		vq->irq_cpu = cpu;
	}
	if (cpu < nr_cpu_ids)
		queue_work_on(cpu, vduse_irq_bound_wq, &vq->irq_work);
	else
		queue_work(vduse_irq_wq, &vq->irq_work);
}

/*
 * Whether to run the callback right here, in the server's thread: a switch to a
 * worker is most of the way of a small request, and the server's next answers
 * would wait for it. But the callback copies what was read: while a worker does
 * that for large requests, the server can go on with the next ones.
 */
static bool vduse_queue_irq_here(struct vduse_queue *vq)
{
	return (!vq->irq_strict ||
		cpumask_test_cpu(raw_smp_processor_id(), vq->affinity)) &&
	       (vq->irq_ns <= VDUSE_IRQ_HERE_NS || num_online_cpus() == 1);
}

/**
 * vduse_queue_interrupt - the server has put answers into the ring
 * @vq: the queue
 *
 * A vhost user is told at once, through its eventfd. (Its callback is called
 * rather than the eventfd that came with it: vhost exchanges the eventfd and
 * drops the old one before it tells us.)
 *
 * Return: 0, or -EINVAL before DRIVER_OK and while suspended.
 */
int vduse_queue_interrupt(struct vduse_queue *vq)
{
	enum vduse_irq_how how = VDUSE_IRQ_DIRECT;
	int ret = 0;

	spin_lock_bh(&vq->irq_lock);
	if (READ_ONCE(vq->dev->suspended)) {
		ret = -EINVAL;
		goto unlock;
	}
	if (vq->ready && vq->cb.trigger) {
		vq->cb.callback(vq->cb.private);
		how = VDUSE_IRQ_EVENTFD;
	} else if (!vduse_driver_ok(vq->dev)) {
		ret = -EINVAL;
		goto unlock;
	} else if (!vq->ready || !vq->cb.callback) {
		goto unlock;
	} else if (vduse_queue_irq_here(vq)) {
		vduse_queue_irq_run(vq);
	} else {
		vduse_queue_irq_send(vq);
		how = VDUSE_IRQ_QUEUED;
	}
	vq->interrupts++;
	trace_vduse_interrupt(vq, how);
unlock:
	spin_unlock_bh(&vq->irq_lock);
	return ret;
}

static void vduse_config_irq_work(struct work_struct *work)
{
	struct vduse_dev *dev = container_of(work, struct vduse_dev,
					     config_irq_work);

	spin_lock_bh(&dev->irq_lock);
	if (dev->config_cb.callback)
		dev->config_cb.callback(dev->config_cb.private);
	spin_unlock_bh(&dev->irq_lock);
}

void vduse_config_irq_init(struct vduse_dev *dev)
{
	spin_lock_init(&dev->irq_lock);
	INIT_WORK(&dev->config_irq_work, vduse_config_irq_work);
}

/* No callback for the configuration runs when this returns or later. */
void vduse_config_irq_clear(struct vduse_dev *dev)
{
	spin_lock_bh(&dev->irq_lock);
	dev->config_cb.callback = NULL;
	dev->config_cb.private = NULL;
	spin_unlock_bh(&dev->irq_lock);
	cancel_work_sync(&dev->config_irq_work);
}

/**
 * vduse_config_interrupt - the server has changed the configuration space
 * @dev: the device
 *
 * Return: 0, or -EINVAL before DRIVER_OK.
 */
int vduse_config_interrupt(struct vduse_dev *dev)
{
	if (!vduse_driver_ok(dev))
		return -EINVAL;
	queue_work(vduse_irq_wq, &dev->config_irq_work);
	return 0;
}
