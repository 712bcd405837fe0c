// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What all fuzz targets share: taking the input apart, and saying what must
 * hold. A target is one file with LLVMFuzzerTestOneInput(); its "Under test:"
 * line names the sources whose coverage counts. libFuzzer gives it a main, or
 * replay.c, which runs it over its corpus.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define CHECK(condition) do { \
	if (!(condition)) { \
		(void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
			      __LINE__, #condition); \
		abort(); \
	} \
} while (0)

/* The rest of the input; behind its end there are zeroes. */
struct fuzz {
	const uint8_t *at;
	size_t left;
};

static inline void fuzz_bytes(struct fuzz *in, void *to, size_t n)
{
	size_t have = n < in->left ? n : in->left;

	memset(to, 0, n);
	if (have)
		memcpy(to, in->at, have);
	in->at += have;
	in->left -= have;
}

static inline uint8_t fuzz_u8(struct fuzz *in)
{
	uint8_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint16_t fuzz_u16(struct fuzz *in)
{
	uint16_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint32_t fuzz_u32(struct fuzz *in)
{
	uint32_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint64_t fuzz_u64(struct fuzz *in)
{
	uint64_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

/* At most n bytes, as they stand in the input. */
static inline const uint8_t *fuzz_view(struct fuzz *in, size_t *n)
{
	const uint8_t *at = in->at;

	if (*n > in->left)
		*n = in->left;
	in->at += *n;
	in->left -= *n;
	return at;
}

/* A directory for this process, in memory, gone at its end. */
const char *fuzz_dir(void);
