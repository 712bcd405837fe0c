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
 * (map.c); before that it replaced the DMA operations of its device (dma.c).
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define VDUSE_MAP_OPS
#elif !defined(CONFIG_ARCH_HAS_DMA_OPS)
#error "this kernel lacks CONFIG_ARCH_HAS_DMA_OPS"
#endif

#include <linux/workqueue.h>

/* Since 6.17 a workqueue says explicitly that it is bound to processors. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define VDUSE_WQ_PERCPU	WQ_PERCPU
#else
#define VDUSE_WQ_PERCPU	0
#endif

#endif /* VDUSE_COMPAT_H */
