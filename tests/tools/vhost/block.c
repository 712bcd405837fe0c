// SPDX-License-Identifier: GPL-2.0-or-later
/* Blocks that can be checked when they are read back. */
#include <stdio.h>
#include <string.h>

#include "tests/tools/vhost/block.h"
#include "tests/tools/vhost/util.h"

#define CRC32C_REVERSED 0x82f63b78u

/* At the start of each block; the crc is of the rest of the block. */
struct label {
	uint32_t crc;
	uint32_t seed;
	uint64_t offset;
	uint32_t generation;
	uint32_t zero;
};

static uint32_t crc_bits(uint32_t crc, int bits)
{
	while (bits--)
		crc = crc >> 1 ^ (crc & 1 ? CRC32C_REVERSED : 0);
	return crc;
}

/* A nibble at a time: the table is small enough to be made in place. */
uint32_t crc32c(const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint32_t table[16], crc = ~0u;

	for (uint32_t i = 0; i < ARRAY_SIZE(table); i++)
		table[i] = crc_bits(i, 4);
	for (; len; len--, byte++) {
		crc ^= *byte;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static uint32_t block_crc(const uint8_t *block, size_t size)
{
	return crc32c(block + sizeof(uint32_t), size - sizeof(uint32_t));
}

void block_fill(void *block, size_t size, const struct block_id *id)
{
	struct label label = {
		.seed = id->seed,
		.offset = id->offset,
		.generation = id->generation,
	};
	uint64_t state = id->offset ^ (uint64_t)id->seed << 32 ^ id->generation;
	uint64_t word;

	if (!id->generation) {
		memset(block, 0, size);
		return;
	}
	for (size_t at = sizeof(label); at < size; at += sizeof(word)) {
		word = rnd(&state);
		memcpy((uint8_t *)block + at, &word, sizeof(word));
	}
	memcpy(block, &label, sizeof(label));
	label.crc = block_crc(block, size);
	memcpy(block, &label, sizeof(label));
}

static const char *zero_check(const uint8_t *block, size_t size, char *note,
			      size_t note_size)
{
	for (size_t i = 0; i < size; i++) {
		if (block[i]) {
			snprintf(note, note_size,
				 "byte %zu is 0x%02x, not zero", i, block[i]);
			return note;
		}
	}
	return NULL;
}

const char *block_check(const void *block, size_t size,
			const struct block_id *id, char *note, size_t note_size)
{
	struct label label;
	uint32_t crc;

	if (!id->generation)
		return zero_check(block, size, note, note_size);
	memcpy(&label, block, sizeof(label));
	crc = block_crc(block, size);
	if (label.crc != crc)
		snprintf(note, note_size, "crc32c 0x%08x, label says 0x%08x",
			 crc, label.crc);
	else if (label.seed != id->seed)
		snprintf(note, note_size, "of another run (seed %u)",
			 label.seed);
	else if (label.offset != id->offset)
		snprintf(note, note_size, "belongs to offset %llu",
			 (unsigned long long)label.offset);
	else if (label.generation != id->generation)
		snprintf(note, note_size, "generation %u, not %u",
			 label.generation, id->generation);
	else
		return NULL;
	return note;
}
