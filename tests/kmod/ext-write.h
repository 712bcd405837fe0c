/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For kmod-ext: a device whose configuration space drivers may write.
 */
#pragma once

#include "ext.h"

#define SPACE	512
#define CLOSED	32	/* nobody may */
#define POSTED	64	/* the server is told */
#define ACKED	128	/* and is waited for, to the end */

/* Attached to vhost_vdpa, with its server at work; node and owner. */
extern struct writer {
	struct host host;
	int fd;
	int vhost;
} writer;

void writer_begin(void);
void writer_begin_with(uint64_t extensions);
void writer_end(void);

/* A driver's write, for struct act. */
struct driver_write {
	uint32_t offset;
	uint32_t length;
	uint8_t data[SPACE];
};

long driver_writes(void *write);

/* What the driver reads at an offset. */
uint8_t driver_reads(uint32_t offset);
