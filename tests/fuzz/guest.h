// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hostile driver: a few regions of memory, each an allocation of its own, so
 * that the address sanitizer sees any access that leaves one; a ring; and a
 * translate that may change all of it between two reads of ours.
 */
#pragma once

#include "lib/ring/split.h"
#include "tests/fuzz/fuzz.h"

#define GUEST_REGIONS 5
#define GUEST_NUM_MAX 64

struct guest_region {
	uint64_t iova, len;
	bool writable;
	uint8_t *ptr;
};

struct guest {
	struct fuzz *in;
	struct guest_region regions[GUEST_REGIONS];
	bool changing;			/* translate scribbles */
	unsigned int n_translated;	/* calls since the last pop */
	struct vdu__mem mem;
	uint16_t num;
	uint8_t *desc, *avail, *used;
};

/* Memory and ring as the input says; free with guest_free. */
void guest_init(struct guest *guest, struct fuzz *in);
void guest_free(struct guest *guest);

/* One thing that a driver does to its memory or ring, as the input says. */
void guest_step(struct guest *guest);

/* The same bytes in one region, writable or not? Touch them to be sure. */
bool guest_has(const struct guest *guest, const void *ptr, size_t len,
	       bool write);

/*
 * Does the chain end within as many descriptors as the queue has, each in its
 * table? Found in another way than the one under test. Its bytes, too.
 */
bool guest_chain_ends(const struct guest *guest, uint16_t head,
		      uint64_t *ret_bytes);
