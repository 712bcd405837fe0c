// SPDX-License-Identifier: LGPL-2.1-or-later
/* From the head of a descriptor chain to pieces of memory. */
#pragma once

#include "lib/ring/split.h"

#define VDU_DESC_SIZE 16	/* virtio 1.2, 2.7.5 */

/* Fill chain from the one that begins at head, chain->fault included. */
void vdu__chain_take(const struct vdu__ring *ring, struct vdu__chain *chain,
		     uint16_t head);

/*
 * The same from n descriptors of a packed ring that were copied to its keep,
 * the first one in cell first: of buffer id.
 */
void vdu__chain_take_copy(const struct vdu__ring *ring,
			  struct vdu__chain *chain, uint16_t id, uint16_t first,
			  uint16_t n);
