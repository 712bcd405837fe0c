// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Driver memory mapped into the server: regions of the device's I/O address
 * space, fetched from the kernel on first use and kept until flushed.
 *
 * Many data threads look up; the table only grows between two flushes, so
 * they read it without a lock. A flush is made by the control thread while
 * every data thread is paused (ARCHITECTURE.md, threads).
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The kernel's own limit on regions (max_iotlb_entries). */
#define VDU_IOTLB_MAX 2048

struct vdu__mapping {
	uint64_t start, last;	/* I/O virtual, inclusive */
	char *va;		/* of start */
	bool readable, writable;
	void *map;		/* what mmap returned, and how much */
	size_t map_bytes, page;	/* page: what the memory comes in */
};

struct vdu__iotlb {
	int device_fd;		/* not owned */
	pthread_mutex_t grow;	/* held while a mapping is added */
	atomic_uint n;		/* released after mappings[n - 1] is filled */
	atomic_bool torn;	/* memory vanished under us: see below */
	struct vdu__mapping mappings[VDU_IOTLB_MAX];
};

/* NULL if out of memory. */
struct vdu__iotlb *vdu__iotlb_new(int device_fd);
struct vdu__iotlb *vdu__iotlb_free(struct vdu__iotlb *iotlb);

/*
 * The mapping that holds iova, or NULL if the driver has mapped nothing there
 * (or more than the table holds). Valid until the next flush.
 */
const struct vdu__mapping *vdu__iotlb_find(struct vdu__iotlb *iotlb,
					   uint64_t iova);

/*
 * Pointer to iova in the mapping that holds it, or NULL if it is not readable
 * (or writable, with write). *len is cut to what the mapping has from there.
 */
void *vdu__mapping_at(const struct vdu__mapping *mapping, uint64_t iova,
		      uint64_t *len, bool write);

/* Both, for a struct vdu__mem whose opaque is the IOTLB. */
void *vdu__iotlb_translate(void *iotlb, uint64_t iova, uint64_t *len,
			   bool write);

/* Pointer to bytes from iova that one mapping has all of, or NULL. */
void *vdu__iotlb_span(struct vdu__iotlb *iotlb, uint64_t iova, uint64_t bytes,
		      bool write);

/* Unmap everything. No thread may hold a pointer into a mapping. */
void vdu__iotlb_flush(struct vdu__iotlb *iotlb);

/*
 * A driver can take memory away after it told us of it: a memfd that a VMM
 * truncates, a bounce page that was never filled. Touching that raises SIGBUS.
 * From now on a zero page is put there so that the access ends, and `torn` set:
 * nothing read since can be trusted and the device must be reset. -ENOSPC as
 * vdu__sigbus_add().
 */
int vdu__iotlb_guard(struct vdu__iotlb *iotlb);
void vdu__iotlb_unguard(const struct vdu__iotlb *iotlb);
