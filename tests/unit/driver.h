// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A driver for the rings under test: its memory is a set of regions, each an
 * allocation of its own, so that the address sanitizer sees any access that
 * leaves one; between regions are holes.
 */
#pragma once

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/virtio_ring.h>

#include "lib/ring/split.h"

#define DRIVER_REGIONS 16
#define DRIVER_IOV 64

struct driver_region {
	uint64_t iova, len;
	bool writable;
	uint8_t *ptr;
};

struct driver {
	struct driver_region regions[DRIVER_REGIONS];
	unsigned int n_regions;
	struct vdu__mem mem;
	struct vdu__ring ring;
	uint16_t num;
	struct vring_desc *desc;
	uint16_t *avail;	/* flags, idx, ring[num], used_event */
	uint16_t *used;		/* flags, idx, {id, len}[num], avail_event */
	struct iovec iov[DRIVER_IOV];
	struct vdu__chain chain;
};

static inline void *driver_translate(void *opaque, uint64_t iova, uint64_t *len,
				     bool write)
{
	struct driver *d = opaque;

	assert_true(*len > 0);
	if (iova > UINT64_MAX - *len)
		return NULL;
	for (unsigned int i = 0; i < d->n_regions; i++) {
		struct driver_region *r = &d->regions[i];

		if (iova < r->iova || iova - r->iova >= r->len)
			continue;
		if (write && !r->writable)
			return NULL;
		if (*len > r->len - (iova - r->iova))
			*len = r->len - (iova - r->iova);
		return r->ptr + (iova - r->iova);
	}
	return NULL;
}

/* A region of driver memory filled with 0x5a. */
static inline uint8_t *driver_map(struct driver *d, uint64_t iova, uint64_t len,
				  bool writable)
{
	uint8_t *ptr = malloc(len);

	assert_non_null(ptr);
	assert_true(d->n_regions < DRIVER_REGIONS);
	memset(ptr, 0x5a, len);
	d->regions[d->n_regions++] = (struct driver_region){
		iova, len, writable, ptr,
	};
	return ptr;
}

static inline void driver_start(struct driver *d, uint16_t index,
				bool event_idx, bool indirect)
{
	d->avail[1] = htole16(index);
	d->used[1] = htole16(index);
	assert_int_equal(vdu__ring_init(&d->ring, &d->mem, d->num, d->desc,
					d->avail, d->used, index, event_idx,
					indirect), 0);
}

static inline struct driver *driver_new(uint16_t num, uint16_t index,
					bool event_idx, bool indirect)
{
	struct driver *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->mem = (struct vdu__mem){ .translate = driver_translate, .opaque = d };
	d->num = num;
	d->desc = calloc(1, vdu__ring_desc_bytes(num));
	d->avail = calloc(1, vdu__ring_avail_bytes(num));
	d->used = calloc(1, vdu__ring_used_bytes(num));
	assert_true(d->desc && d->avail && d->used);
	d->chain.iov = d->iov;
	d->chain.max_iov = DRIVER_IOV;
	driver_start(d, index, event_idx, indirect);
	return d;
}

static inline void driver_free(struct driver *d)
{
	for (unsigned int i = 0; i < d->n_regions; i++)
		free(d->regions[i].ptr);
	free(d->desc);
	free(d->avail);
	free(d->used);
	free(d);
}

static inline struct vring_desc driver_desc(uint64_t addr, uint32_t len,
					    uint16_t flags, uint16_t next)
{
	return (struct vring_desc){
		htole64(addr), htole32(len), htole16(flags), htole16(next),
	};
}

/* Make the chain at head available, as the standard says. */
static inline void driver_offer(struct driver *d, uint16_t head)
{
	uint16_t idx = le16toh(d->avail[1]);

	__atomic_store_n(&d->avail[2 + (idx & (d->num - 1))], htole16(head),
			 __ATOMIC_RELAXED);
	__atomic_store_n(&d->avail[1], htole16((uint16_t)(idx + 1)),
			 __ATOMIC_RELEASE);
}

static inline uint16_t *driver_used_event(struct driver *d)
{
	return &d->avail[2 + d->num];
}

static inline uint16_t *driver_avail_event(struct driver *d)
{
	return &d->used[2 + d->num * 4];
}

static inline uint16_t driver_used_idx(const struct driver *d)
{
	return le16toh(__atomic_load_n(&d->used[1], __ATOMIC_ACQUIRE));
}

static inline void driver_used_entry(const struct driver *d, uint16_t idx,
				     uint32_t *ret_id, uint32_t *ret_len)
{
	const uint16_t *entry = &d->used[2 + (idx & (d->num - 1)) * 4];

	memcpy(ret_id, entry, 4);
	memcpy(ret_len, entry + 2, 4);
	*ret_id = le32toh(*ret_id);
	*ret_len = le32toh(*ret_len);
}

/* Offer the chain at head and take it. */
static inline struct vdu__chain *driver_take(struct driver *d, uint16_t head)
{
	driver_offer(d, head);
	assert_int_equal(vdu__ring_pop(&d->ring, &d->chain), 1);
	assert_int_equal(d->chain.head, head);
	return &d->chain;
}
