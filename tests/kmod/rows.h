/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For kmod-rows: one function for each bug or right of the module that is
 * tried, and a device that a vhost user has open.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "probe.h"

/* A device bound to vhost_vdpa, its server, and the node, open and owned. */
struct user {
	struct server server;
	int fd;
	int vhost;
};

void user_start(struct user *user);
void user_end(struct user *user);

/* Write the status; what is read back. */
uint8_t user_status(struct user *user, uint8_t status);
void user_enable(struct user *user, unsigned int index);
void user_call(struct user *user, unsigned int index, int event);
void user_kick(struct user *user, unsigned int index, int event);

/* Shared memory of SIZE bytes; its mapping here. */
void *shared_memory(size_t size);

/* Milliseconds, and whether they have passed since. */
uint64_t now_ms(void);
bool passed(uint64_t since, uint64_t ms);

int count_fds(void);

/* A field of /proc/meminfo in KiB, which must be there. */
long memory_kib(const char *key);

/* rows-config.c */
void row_short_config(void);
void row_control_name(void);
void row_torn_config(void);
void row_odd_ring(void);
void row_many_queues(void);
void row_no_queues(void);
void row_net(void);

/* rows-message.c */
void row_copy_fails(void);
void row_copy_outlived(void);
void row_refused_reset(void);

/* rows-race.c */
void row_open_destroy(void);
void row_inject_reset(void);
void row_inject_unbind(void);

/* rows-iotlb.c */
void row_entries(void);
void row_no_entries(void);
void row_compat(void);
void row_no_descriptor_left(void);
void row_crash(void);
void row_vhost_bounds(void);

/* rows-disk.c */
void row_zeroed(void);
void row_reattach(void);
void row_offline(void);
void row_counters(void);
void row_counters_io(void);
