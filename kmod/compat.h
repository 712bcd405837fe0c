/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that depends on the kernel version; Kbuild includes it first
 * everywhere. The supported range stands in KERNELS.
 */
#ifndef VDUSE_COMPAT_H
#define VDUSE_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "this module needs Linux 6.12 or newer"
#endif

/*
 * Since 6.18 a vDPA parent gives the virtio core a table of map operations
 * instead of replacing the DMA operations of a device. dma.c is the glue for
 * the older way; the newer one is not written.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#error "this module does not know the virtio map operations of Linux 6.18"
#endif

#include <linux/workqueue.h>

/* Since 6.17 a workqueue says explicitly that it is bound to processors. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define VDUSE_WQ_PERCPU	WQ_PERCPU
#else
#define VDUSE_WQ_PERCPU	0
#endif

#endif /* VDUSE_COMPAT_H */
