/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk of this process: its content is memory, one thread serves it. For
 * tests of the module, so it trusts the driver.
 */
#pragma once

#include <linux/vduse.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_SIZE (1 << 20)

/* Called for each buffer before it is served. */
typedef void disk_look_fn(const char *buffer, uint64_t iova, uint32_t len,
			  bool for_us);

/*
 * Called for each buffer of data, whose bounce memory is at BOUNCE; READ: the
 * driver reads what lies at DATA. True: it has it.
 */
typedef bool disk_give_fn(char *bounce, uint64_t iova, const char *data,
			  uint32_t len, bool read);

/*
 * bounce: where the driver's buffers are seen: kernel_bounce, or memory that
 * was registered. Changes under lock, which the thread holds while it serves.
 * deaf: it reads no messages. kicks, interrupts: heard and sent by the thread.
 */
extern struct disk {
	int fd;
	int kick;
	_Atomic(char *) bounce;
	char *kernel_bounce;
	size_t bounce_size;
	struct vring ring;
	char *ring_map;
	size_t ring_size;
	uint16_t next;
	pthread_mutex_t lock;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool deaf;
	atomic_ullong kicks;
	atomic_ullong interrupts;
	disk_look_fn *look;
	disk_give_fn *give;
	atomic_bool failed;
	char data[DISK_SIZE];
} disk;

/* Features that it offers beside those of any device. */
extern uint64_t disk_features;

/* Make it and attach it to this kernel; LOOK may be NULL. */
void disk_start(const char *bounce_size, disk_look_fn *look);
void disk_end(void);

/*
 * check() for the server and for threads with I/O: the disk is served on, or
 * nobody could end this process, and disk_end() fails.
 */
void disk_check(const char *what, bool good);

/* The block device, past the cache; and what the kernel knows of it. */
int disk_open(void);
long disk_number(const char *attr);

/* Read all, write all anew, compare: SALT makes each time different. */
void disk_exercise(int node, unsigned int salt);
