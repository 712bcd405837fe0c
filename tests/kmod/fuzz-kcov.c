// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much of the module the calls reach: distinct places in its code, from
 * /sys/kernel/debug/kcov. The debug kernel instruments no code but the
 * module's. What workers and interrupts run is not seen.
 */
#include <fcntl.h>
#include <linux/kcov.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define N_WORDS (64 << 10)

static _Thread_local uint64_t *words;

void coverage_start(void)
{
	int fd;

	words = NULL;
	if (!use_coverage)
		return;
	fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, N_WORDS))
		return;
	words = mmap(NULL, N_WORDS * sizeof(*words), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (words == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
		words = NULL;
}

/* A place is known by the low bits of its address: the module is smaller. */
void coverage_collect(void)
{
	uint64_t n, place;

	if (!words)
		return;
	n = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= n && i < N_WORDS; i++) {
		place = words[i] % FUZZ_PLACES;
		if (!shared->places[place])
			shared->places[place] = true;
	}
	__atomic_store_n(&words[0], 0, __ATOMIC_RELAXED);
}

unsigned long coverage_count(void)
{
	unsigned long n = 0;

	for (size_t i = 0; i < FUZZ_PLACES; i++)
		n += shared->places[i];
	return n;
}
