// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Block requests as a driver frames them: a chain whose pieces are allocations
 * of their own, so that the address sanitizer sees any access that leaves one.
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

#include <linux/virtio_blk.h>

#include "lib/blk/request.h"

#define FRAME_IOV 2048

struct frame {
	struct iovec iov[FRAME_IOV], keep[FRAME_IOV];
	struct vdu__chain chain;
};

static inline void frame_add(struct frame *f, const void *src, size_t len)
{
	unsigned int n = f->chain.n_out + f->chain.n_in;
	void *ptr = malloc(len);

	assert_non_null(ptr);
	assert_true(n < FRAME_IOV);
	if (src)
		memcpy(ptr, src, len);
	else
		memset(ptr, 0x5a, len);
	f->iov[n] = f->keep[n] = (struct iovec){ ptr, len };
	if (src) {
		f->chain.n_out++;
		f->chain.out_bytes += len;
	} else {
		f->chain.n_in++;
		f->chain.in_bytes += len;
		f->chain.last_in = (uint8_t *)ptr + len - 1;
	}
}

/* out_len bytes readable and in_len writable, cut every `cut` bytes. */
static inline struct frame *frame_new(const void *out, size_t out_len,
				      size_t in_len, size_t cut)
{
	struct frame *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->chain.iov = f->iov;
	f->chain.max_iov = FRAME_IOV;
	for (size_t at = 0; at < out_len; at += cut)
		frame_add(f, (const char *)out + at,
			  out_len - at < cut ? out_len - at : cut);
	for (size_t at = 0; at < in_len; at += cut)
		frame_add(f, NULL, in_len - at < cut ? in_len - at : cut);
	return f;
}

static inline void frame_free(struct frame *f)
{
	for (unsigned int i = 0; i < f->chain.n_out + f->chain.n_in; i++)
		free(f->keep[i].iov_base);
	free(f);
}

static const struct vdu__blk_rules rules = {
	.capacity = 1000,
	.features = 1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_DISCARD |
		    1ULL << VIRTIO_BLK_F_WRITE_ZEROES,
	.max_discard_sectors = 100,
	.max_write_zeroes_sectors = 200,
	.serial = { 's', 'e', 'r', 'i', 'a', 'l', '-', '0', '1' },
};

struct message {
	struct virtio_blk_outhdr header;
	uint8_t data[4096];
};

static inline void set_header(struct message *m, uint32_t type,
			      uint64_t sector)
{
	m->header = (struct virtio_blk_outhdr){
		.type = htole32(type),
		.ioprio = htole32(0xdeadbeef),
		.sector = htole64(sector),
	};
}
