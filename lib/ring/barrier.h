// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading and writing memory that a driver shares with us: little-endian, each
 * field touched exactly once, never by a plain access that the compiler might
 * repeat. Ordering is named at the call, its partner in the comment there.
 */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t vdu__load16(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED));
}

static inline uint16_t vdu__load16_acquire(const void *p)
{
	return le16toh(__atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE));
}

static inline void vdu__store16(void *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)p, htole16(value), __ATOMIC_RELAXED);
}

static inline void vdu__store16_release(void *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)p, htole16(value), __ATOMIC_RELEASE);
}

static inline uint32_t vdu__load32(const void *p)
{
	return le32toh(__atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED));
}

static inline void vdu__store32(void *p, uint32_t value)
{
	__atomic_store_n((uint32_t *)p, htole32(value), __ATOMIC_RELAXED);
}

static inline uint64_t vdu__load64(const void *p)
{
	return le64toh(__atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED));
}

static inline void vdu__store64_release(void *p, uint64_t value)
{
	__atomic_store_n((uint64_t *)p, htole64(value), __ATOMIC_RELEASE);
}

/* Store before, load after: the one order that acquire and release lack. */
static inline void vdu__fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Copy out of shared memory, each byte read once, at any alignment. */
static inline void vdu__copy_in(void *dst, const void *src, size_t len)
{
	const uint8_t *from = src;
	uint8_t *to = dst;

	while (len > 0) {
		if (len >= 8 && (uintptr_t)from % 8 == 0) {
			const void *word = from;
			uint64_t value = *(const volatile uint64_t *)word;

			memcpy(to, &value, 8);
			from += 8;
			to += 8;
			len -= 8;
		} else {
			*to++ = *(const volatile uint8_t *)from++;
			len--;
		}
	}
}

/* Copy into shared memory. */
static inline void vdu__copy_out(void *dst, const void *src, size_t len)
{
	volatile uint8_t *to = dst;
	const uint8_t *from = src;

	while (len-- > 0)
		*to++ = *from++;
}
