// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Driver memory as the rings see it: I/O virtual addresses and a function that
 * turns them into pointers. The memory behind a pointer is hostile: it may
 * change between two reads.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A stretch of driver memory that is mapped in one piece; bytes 0: none. Under
 * a kernel driver it holds all buffers, so that an address is an addition.
 */
struct vdu__span {
	uint64_t start, bytes;
	uint8_t *va;
	bool readable, writable;
};

struct vdu__mem {
	/*
	 * Pointer to iova, or NULL if it is not mapped (for writing, when write
	 * is set). In: *len bytes wanted, > 0; out: how many of them are
	 * contiguous from the pointer, 1..wanted. iova + *len must not wrap;
	 * the callee refuses it with NULL.
	 */
	void *(*translate)(void *opaque, uint64_t iova, uint64_t *len,
			   bool write);
	void *opaque;
	/* What translate() would say of these needs no call. Of its owner. */
	struct vdu__span hot;
	/*
	 * Set once part of the memory was taken away: what was read since may be
	 * zeroes that nobody wrote, what was written nobody reads. NULL: never.
	 */
	const atomic_bool *torn;
};
