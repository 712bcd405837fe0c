// SPDX-License-Identifier: GPL-2.0-or-later
/* What the soak's programs share: the server of a device, time, chance. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t now_us(void);
void sleep_us(uint64_t us);

/* Repeatable chance: a number below n; the same seed, the same numbers. */
void soak_seed(uint64_t seed);
unsigned int roll(unsigned int n);

/* Say why on stderr, and end with status 2. */
__attribute__((noreturn, format(printf, 1, 2)))
void give_up(const char *fmt, ...);

/* The process that serves device name now; 0: none. */
pid_t server_of(const char *name);

/* Wait until it is another one than old, at most ms; 0: there is none. */
pid_t next_server(const char *name, pid_t old, unsigned int ms);

/*
 * Start a program, found on PATH; what it says is lost. -1: it cannot be.
 * wait_program: its exit status, or 128 if it did not end within ms.
 */
pid_t start_program(const char *const argv[]);
int wait_program(pid_t pid, unsigned int ms);

/* SIGKILL, and wait until it is gone, which I/O in flight may delay. */
void kill_and_wait(pid_t pid);
