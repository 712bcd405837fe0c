// SPDX-License-Identifier: GPL-2.0-or-later
/* Time and repeatable random numbers. */
#include <limits.h>
#include <time.h>

#include "tests/tools/vhost/util.h"

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int left_ms(uint64_t deadline)
{
	uint64_t now = now_ms();

	return now >= deadline ? 0 : (int)MIN(deadline - now, (uint64_t)INT_MAX);
}

/* splitmix64: one addition and a mixer, good for any seed. */
uint64_t rnd(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t rnd_in(uint64_t *state, uint64_t low, uint64_t high)
{
	return low + rnd(state) % (high - low + 1);
}
