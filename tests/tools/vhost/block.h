// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What verify writes: blocks that tell where they belong and how often their
 * place was written before, with a CRC-32C over it all.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct block_id {
	uint64_t offset;	/* bytes from the start of the device */
	uint32_t generation;	/* 0: all zero, as WRITE_ZEROES leaves it */
	uint32_t seed;
};

uint32_t crc32c(const void *data, size_t len);

void block_fill(void *block, size_t size, const struct block_id *id);

/* NULL: as it should be; else what is wrong, in note (of note_size). */
const char *block_check(const void *block, size_t size,
			const struct block_id *id, char *note,
			size_t note_size);
