/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel holds at one moment, and whether it grew. */
#pragma once

#define N_CACHES 1024

struct cache {
	char name[40];
	long objects, bytes;	/* in use; of one */
};

struct look {
	long unreclaimable, available, vmalloc, percpu;	/* KiB */
	long devices;
	struct cache caches[N_CACHES];
	unsigned int n_caches;
};

/* Look, when what is freed later is freed. */
void look(struct look *look);
void look_print(const char *when, const struct look *look);
/* 0, or 1 if more stayed than the bound allows; prints what grew most. */
int look_compare(const struct look *from, const struct look *to,
		 unsigned long cycles);
