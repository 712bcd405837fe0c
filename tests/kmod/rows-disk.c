// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-rows: what happens around the I/O of a disk.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "rows.h"

#define PAGE 4096
#define BOUNCE "4194304"
#define BOUNCE_PAGES (4194304 / PAGE)

static bool all_zero(const char *from, const char *to)
{
	while (from < to)
		if (*from++)
			return false;
	return true;
}

#define OLD 0x5a		/* what fills memory before it is used */
#define SMALL 64		/* such buffers share a page with others */

/* Of what was there before: not just a number that happens to be the same. */
static bool none_of_old(const char *from, const char *to)
{
	for (unsigned int run = 0; from < to; from++) {
		run = *from == OLD ? run + 1 : 0;
		if (run == 4)
			return false;
	}
	return true;
}

static unsigned int fresh_pages;

/*
 * Pages that the driver has not used before hold what it wants to say and
 * zeroes: nothing of what was in that memory before.
 */
static void look_for_leaks(const char *buffer, uint64_t iova, uint32_t len,
			   bool for_us)
{
	static bool seen[BOUNCE_PAGES];
	uint64_t first = iova / PAGE, last = (iova + len - 1) / PAGE;

	for (uint64_t page = first; page <= last; page++) {
		const char *start = buffer - iova % PAGE + (page - first) * PAGE;
		const char *end = start + PAGE;

		if (seen[page])
			continue;
		seen[page] = true;
		fresh_pages++;
		if (for_us) {
			disk_check("a fresh page", len <= SMALL ?
				   none_of_old(start, end) :
				   all_zero(start, end));
			continue;
		}
		if (len <= SMALL) {
			disk_check("a shared page", none_of_old(start, end));
			continue;
		}
		if (page == first)
			disk_check("before the data", all_zero(start, buffer));
		if (page == last)
			disk_check("behind the data", all_zero(buffer + len, end));
	}
}

/* Leave memory behind that is not zero, for others to find. */
static void dirty_memory(void)
{
	size_t size = 256UL << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	check("memory", memory != MAP_FAILED);
	memset(memory, OLD, size);
	munmap(memory, size);
}

static void look_at_ring(void)
{
	const char *map = disk.ring_map;
	const char *avail_end = (char *)&disk.ring.avail->ring[disk.ring.num + 1];
	const char *used_end = (char *)&disk.ring.used->ring[disk.ring.num] + 2;
	size_t whole = (disk.ring_size + PAGE - 1) / PAGE * PAGE;

	check("between the rings", all_zero(avail_end, (char *)disk.ring.used));
	check("behind the rings", all_zero(used_end, map + whole));
}

void row_zeroed(void)
{
	int node;

	dirty_memory();
	disk_start(BOUNCE, look_for_leaks);
	node = disk_open();
	disk_exercise(node, 1);
	look_at_ring();
	close(node);
	disk_end();
	printf("fresh pages: %u\n", fresh_pages);
	check("many pages", fresh_pages > 16);
}

#define CYCLES 50
#define CYCLES_MIN 10
#define CYCLES_MS 50000

/*
 * Attached again and again, a device needs no more memory, and no more of its
 * addresses: each time a quarter of its bounce memory is used. Not more: one
 * request takes up to twice its size, and what never fits is tried for ever. A
 * slow machine does it less often.
 */
void row_reattach(void)
{
	static char buf[DISK_SIZE] __attribute__((aligned(PAGE)));
	uint64_t began = now_ms();
	long before = 0, used;
	int node, cycle;

	disk_start(BOUNCE, NULL);
	for (cycle = 0; cycle < CYCLES; cycle++) {
		if (cycle >= CYCLES_MIN && passed(began, CYCLES_MS))
			break;
		node = disk_open();
		check("read", pread(node, buf, DISK_SIZE, 0) == DISK_SIZE);
		close(node);
		check("detach", !detach(PROBE_NAME));
		check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
		if (cycle == 4)
			before = memory_kib("MemAvailable");
	}
	used = before - memory_kib("MemAvailable");
	disk_end();
	printf("KiB after %d more times: %ld\n", cycle - 5, used);
	check("as much memory as before", used < (cycle - 5) * 1024 / 2);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	check(path, fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

/* All processors that may run the callback went offline: another one does. */
void row_offline(void)
{
	uint32_t index = 0;
	int node;

	disk_start(BOUNCE, NULL);
	node = disk_open();
	check("affinity", !attr_write("vq0/irq_cb_affinity", "2"));
	disk_exercise(node, 1);
	put(CPU1, "0");
	disk_exercise(node, 2);
	for (int i = 0; i < 100; i++)
		check("inject", !ioctl(disk.fd, VDUSE_VQ_INJECT_IRQ, &index));
	check("affinity to nothing that is online",
	      attr_write("vq0/irq_cb_affinity", "2"));
	put(CPU1, "1");
	disk_exercise(node, 3);
	close(node);
	disk_end();
}

static unsigned long long counter(const char *attr)
{
	char path[128], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/vduse/" PROBE_NAME "/%s", attr);
	file = fopen(path, "re");
	check(path, file && fgets(text, sizeof(text), file));
	fclose(file);
	return strtoull(text, NULL, 10);
}

static void check_counters(const char *when, unsigned int kicks0,
			   unsigned int kicks1, unsigned int interrupts0,
			   unsigned int interrupts1)
{
	printf("%s: kicks %llu %llu, interrupts %llu %llu\n", when,
	       counter("vq0/kicks"), counter("vq1/kicks"),
	       counter("vq0/interrupts"), counter("vq1/interrupts"));
	check(when, counter("vq0/kicks") == kicks0 &&
	      counter("vq1/kicks") == kicks1 &&
	      counter("vq0/interrupts") == interrupts0 &&
	      counter("vq1/interrupts") == interrupts1);
}

static void inject(struct user *user, uint32_t index, int times)
{
	while (times--)
		check("inject", !ioctl(user->fd, VDUSE_VQ_INJECT_IRQ, &index));
}

/* One after the other, each heard by the server. */
static void kick(int event, int heard, int times)
{
	eventfd_t value;

	while (times--) {
		eventfd_write(event, 1);
		check("a kick", !eventfd_read(heard, &value) && value == 1);
	}
}

/* Exactly what happened on each queue is counted, and a reset keeps it. */
void row_counters(void)
{
	int event = eventfd(0, EFD_CLOEXEC), call = eventfd(0, EFD_CLOEXEC);
	struct vduse_vq_eventfd heard = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct user user;
	eventfd_t value;

	user_start(&user);
	check_counters("at first", 0, 0, 0, 0);
	check("kickfd", !ioctl(user.fd, VDUSE_VQ_SETUP_KICKFD, &heard));
	user_kick(&user, 0, event);
	user_call(&user, 0, call);
	user_enable(&user, 0);
	user_enable(&user, 1);
	kick(event, heard.fd, 7);
	check("driver ok", user_status(&user, 0xf) == 0xf);
	inject(&user, 0, 5);
	check("calls", !eventfd_read(call, &value) && value == 5);
	/* Nobody listens to that queue. */
	inject(&user, 1, 3);
	check_counters("in use", 7, 0, 5, 0);

	user_call(&user, 1, call);
	inject(&user, 1, 2);
	check_counters("both queues", 7, 0, 5, 2);
	check("reset", user_status(&user, 0) == 0);
	check_counters("after a reset", 7, 0, 5, 2);
	close(event);
	close(call);
	close(heard.fd);
	user_end(&user);
}

/* A disk: the kernel counts what its server heard and sent. */
void row_counters_io(void)
{
	static char buf[PAGE] __attribute__((aligned(PAGE)));
	uint64_t began = now_ms();
	unsigned long long kicks;
	int node;

	disk_start(BOUNCE, NULL);
	node = disk_open();
	kicks = counter("vq0/kicks");
	for (int i = 0; i < 20; i++)
		check("read", pread(node, buf, PAGE, i * PAGE) == PAGE);
	check("a kick for each read", counter("vq0/kicks") == kicks + 20);
	disk_exercise(node, 1);
	/* The server counts its last interrupt a moment after we see it. */
	while (counter("vq0/interrupts") != disk.interrupts)
		check("interrupts", !passed(began, 20000));
	check("kicks", counter("vq0/kicks") == disk.kicks);
	printf("kicks %llu, interrupts %llu\n", (unsigned long long)disk.kicks,
	       (unsigned long long)disk.interrupts);
	close(node);
	disk_end();
}
