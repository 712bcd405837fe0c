// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: a server that gives data to the driver's buffers itself.
 */
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "ext-tests.h"
#include "ext.h"

#define BOUNCE "4194304"
#define BOUNCE_BYTES 4194304
#define UNIT 4096
#define READS 300

static const struct wish fill_wish = {
	.extensions = VDUSE_EXT_FILL | VDUSE_EXT_RECOVER,
};

/* Bytes that the driver has, or -1. */
static long fill(uint64_t iova, const void *from, uint64_t len)
{
	struct vduse_ext_piece piece = {
		.iova = iova, .from = (uintptr_t)from, .len = len,
	};
	struct vduse_ext_fill args = { .pieces = (uintptr_t)&piece, .n = 1 };

	return ioctl(disk.fd, VDUSE_EXT_FILL_BUFFERS, &args) < 0 ? -1 :
	       (long)args.done;
}

static void begin(disk_give_fn *give)
{
	if (extended)
		check("wish", !wish_for(control(), &fill_wish));
	disk_start(BOUNCE, NULL);
	disk.give = give;
}

/* What the bounce memory holds must not matter. */
static size_t given, refused, wrongly;

static bool give_all(char *bounce, uint64_t iova, const char *data,
		     uint32_t len, bool read)
{
	if (!read) {
		/* It is for the driver to read from: nothing may change it. */
		wrongly += fill(iova, data, len) != 0;
		return false;
	}
	memset(bounce, 0xee, len);
	if (fill(iova, data, len) != (long)len)
		return false;
	given += len;
	return true;
}

/* In three ways that do not work; the bounce memory it is, then. */
static bool give_nothing(char *bounce, uint64_t iova, const char *data,
			 uint32_t len, bool read)
{
	static char other[DISK_SIZE];
	char *untouched;

	if (!read)
		return false;
	/* First with the wrong data: that is over with the next one. */
	memset(other, 0x55, sizeof(other));
	wrongly += fill(iova, other, len) != (long)len;
	untouched = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check("mmap", untouched != MAP_FAILED);
	for (uint32_t at = 0; at < len; at += UNIT)
		refused += fill(iova + at, untouched + at, UNIT) == 0;
	refused += fill(iova, data, 512) == 0;
	refused += fill(iova, (char *)-UNIT, len) == 0;
	munmap(untouched, len);
	memcpy(bounce, data, len);
	return true;
}

static void see_calls(void)
{
	struct vduse_ext_piece piece = {
		.iova = BOUNCE_BYTES / 2, .from = (uintptr_t)disk.data,
		.len = UNIT,
	};
	struct vduse_ext_fill args = { .pieces = (uintptr_t)&piece };

#define SEE(key) see_result(key, ioctl(disk.fd, VDUSE_EXT_FILL_BUFFERS, &args))
	SEE("no piece");
	args.n = VDUSE_EXT_PIECES_MAX + 1;
	SEE("too many");
	args.n = 1;
	args.reserved = 1;
	SEE("reserved");
	args.reserved = 0;
	args.done = 1;
	SEE("done already");
	args.done = 0;
	args.pieces = 8;
	SEE("pieces from nowhere");
#undef SEE
	see_result("nowhere", ioctl(disk.fd, VDUSE_EXT_FILL_BUFFERS, 8));
	see_result("what nobody has", fill(BOUNCE_BYTES / 2, disk.data, UNIT));
	see_result("0", fill(0, disk.data, UNIT));
	see_result("a small one", fill(UNIT, disk.data, UNIT));
	see_result("no beginning", fill(BOUNCE_BYTES / 2 + 64, disk.data, UNIT));
	see_result("a ring", fill(BOUNCE_BYTES, disk.data, UNIT));
	see_result("over the end",
		   fill(BOUNCE_BYTES - UNIT, disk.data, 2 * UNIT));
	see_result("far too long",
		   fill(BOUNCE_BYTES - UNIT, disk.data, UINT64_MAX));
	see_result("far away", fill(UINT64_MAX - UNIT + 1, disk.data, UNIT));
}

void test_fill(void)
{
	int node;

	begin(NULL);
	if (!extended) {
		see_result("a call", fill(BOUNCE_BYTES / 2, disk.data, UNIT));
		return disk_end();
	}
	see_calls();
	node = disk_open();
	disk.give = give_all;
	disk_exercise(node, 1);
	see("given", "%d", given >= DISK_SIZE);
	see("to what is not to be read", "%zu", wrongly);
	disk.give = give_nothing;
	disk_exercise(node, 2);
	see("refused", "%d", refused >= DISK_SIZE / UNIT);
	see("not taken", "%zu", wrongly);
	see_result("abort", abort_device(PROBE_NAME));
	see_result("cut off", fill(BOUNCE_BYTES / 2, disk.data, UNIT));
	close(node);
	disk.stop = true;
	disk_end();
}

/* Fills whatever there is, for ever, with ever new bytes. */
static atomic_bool enough;
static atomic_ullong hits;

static void *fill_always(void *arg)
{
	char *data = malloc(UNIT);
	unsigned int round = 0;

	(void)arg;
	while (!enough) {
		memset(data, (int)round++, UNIT);
		for (uint64_t at = 1 << 16; at < BOUNCE_BYTES && !enough;
		     at += UNIT)
			hits += fill(at, data, UNIT) > 0;
	}
	free(data);
	return NULL;
}

/* The driver has its buffer back: whatever the server does, it stays as it is. */
void test_fill_late(void)
{
	static char buf[DISK_SIZE / 4] __attribute__((aligned(UNIT)));
	static char copy[sizeof(buf)];
	unsigned int changed = 0;
	pthread_t threads[2];
	int node;

	if (!extended)
		return;
	begin(NULL);
	node = disk_open();
	for (int i = 0; i < 2; i++)
		check("thread", !pthread_create(&threads[i], NULL, fill_always,
						NULL));
	for (int i = 0; i < READS || (!hits && i < 100 * READS); i++) {
		check("read", pread(node, buf, sizeof(buf), 0) == sizeof(buf));
		memcpy(copy, buf, sizeof(buf));
		usleep(500);
		changed += memcmp(copy, buf, sizeof(buf)) != 0;
	}
	enough = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	see("filled", "%d", hits > 0);
	see("afterwards", "%u", changed);
	close(node);
	disk_end();
}
