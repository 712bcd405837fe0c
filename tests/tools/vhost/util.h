// SPDX-License-Identifier: GPL-2.0-or-later
/* What every file of the vhost-blk test driver needs. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "lib/util/macro.h"

#define SECTOR 512u

#define complain(fmt, ...) \
	fprintf(stderr, "vhost-blk: " fmt "\n", ##__VA_ARGS__)

/* Monotonic time in milliseconds. */
uint64_t now_ms(void);

/* What is left until deadline, as poll() wants it; 0 when it has passed. */
int left_ms(uint64_t deadline);

/* A repeatable random number; *state must be seeded, any value does. */
uint64_t rnd(uint64_t *state);
/* The same, in [low, high]. */
uint64_t rnd_in(uint64_t *state, uint64_t low, uint64_t high);
