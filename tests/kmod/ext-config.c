// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: the server changes the configuration space.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vdpa.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "disk.h"
#include "ext-tests.h"
#include "ext.h"

static const struct wish config_wish = { .extensions = VDUSE_EXT_CONFIG };

/* A device with its server and a VMM. */
static struct host host;
static int fd, vhost;

static void begin(void)
{
	fd = served_begin(&host, &config_wish, &vhost);
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

/* The uAPI's own way. */
static long stock_set_config(uint64_t value)
{
	struct {
		struct vduse_config_data head;
		uint64_t value;
	} config = { .head = { .length = sizeof(value) }, .value = value };

	return ioctl(fd, VDUSE_DEV_SET_CONFIG, &config);
}

static void see_value(const char *key)
{
	uint64_t value = 0;

	check("get config", !vmm_get_config(vhost, 0, &value, sizeof(value)));
	see(key, "%llu", (unsigned long long)value);
}

static uint32_t generation(void)
{
	uint32_t mine = 0, now = info_of(PROBE_NAME).generation;
	uint8_t byte;

	if (extended) {
		check("get config", !server_get_config(fd, 0, &byte, 1, &mine));
		check("one generation", mine == now);
	}
	return now;
}

void test_update(void)
{
	uint64_t value = 0;
	uint32_t before, set = 0;
	int call;

	begin();
	before = generation();
	see_result("stock's update", stock_set_config(10));
	see_value("the driver reads");
	if (own)
		see("generations", "%u", generation() - before);
	see_result("read back", server_get_config(fd, 0, &value, 8, NULL));
	see("read back", "%llu", (unsigned long long)value);

	before = generation();
	value = 20;
	see_result("update", server_set_config(fd, 0, &value, 8, 0, &set));
	see_value("the driver reads");
	if (own)
		see("generations", "%u", generation() - before);
	if (extended)
		check("its generation", set == generation());

	call = vmm_config_call(vhost);
	value = 30;
	see_result("update and interrupt without a driver",
		   server_set_config(fd, 0, &value, 8, VDUSE_EXT_INTERRUPT,
				     NULL));
	vmm_start(vhost, 0);
	close(call);
	call = vmm_config_call(vhost);
	before = generation();
	for (value = 41; value < 46; value++) {
		if (server_set_config(fd, 0, &value, 8, VDUSE_EXT_INTERRUPT,
				      NULL))
			break;
		check("one interrupt", wait_events(call) == 1);
	}
	see("update and interrupt", "%llu times",
	    (unsigned long long)value - 41);
	see_value("the driver reads");
	if (own)
		see("generations", "%u", generation() - before);
	value = 50;
	server_set_config(fd, 0, &value, 8, 0, NULL);
	see("interrupts without being asked for", "%u", events(call));
	close(call);
	end();
}

static void limit(const char *key, uint32_t offset, uint32_t length,
		  uint32_t flags)
{
	static char bytes[8192];
	struct vduse_ext_config config = {
		.offset = offset,
		.length = length,
		.buffer = (uintptr_t)bytes,
		.flags = flags,
	};
	char text[64];

	snprintf(text, sizeof(text), "set %s", key);
	see_result(text, ioctl(fd, VDUSE_EXT_SET_CONFIG, &config));
	snprintf(text, sizeof(text), "get %s", key);
	see_result(text, ioctl(fd, VDUSE_EXT_GET_CONFIG, &config));
}

void test_update_limits(void)
{
	struct vduse_ext_config nowhere = { .length = 8, .buffer = 8 };
	uint32_t size = block_config()->config_size;

	if (!extended)
		return;
	fd = device(PROBE_NAME, &config_wish);
	limit("all", 0, size, 0);
	limit("the last byte", size - 1, 1, 0);
	limit("nothing", 0, 0, 0);
	limit("the end", size, 1, 0);
	limit("beyond it", size + 1, 1, 0);
	limit("too much", 1, size, 0);
	limit("around", 1, 0xffffffff, 0);
	limit("very far", 0xffffffff, 2, 0);
	limit("flag 1", 0, 1, VDUSE_EXT_INTERRUPT);
	limit("flag 2", 0, 1, 2);
	see_result("set from nowhere", ioctl(fd, VDUSE_EXT_SET_CONFIG,
					     &nowhere));
	see_result("get to nowhere", ioctl(fd, VDUSE_EXT_GET_CONFIG, &nowhere));
	see_result("set by nobody", ioctl(fd, VDUSE_EXT_SET_CONFIG, 8));
	see_result("get by nobody", ioctl(fd, VDUSE_EXT_GET_CONFIG, 8));
	device_end(PROBE_NAME, fd);
}

#define STORM_MS	3000
#define CONFIG_BYTES	60

/* Two capacities with nothing in common: half of each would show. */
static const uint64_t capacities[] = {
	DISK_SIZE / 512, 0x100000000 | DISK_SIZE / 256,
};

static atomic_bool storm_ends;
static atomic_uint updates;
static unsigned int storm_nap;

static void *storm(void *arg)
{
	uint8_t bytes[CONFIG_BYTES];
	unsigned int which = 0;

	(void)arg;
	while (!storm_ends) {
		which ^= 1;
		memset(bytes, which ? 0x55 : 0xaa, sizeof(bytes));
		memcpy(bytes, &capacities[which], sizeof(capacities[0]));
		check("update", !server_set_config(fd, 0, bytes, sizeof(bytes),
						   VDUSE_EXT_INTERRUPT, NULL));
		updates++;
		nap(storm_nap);
	}
	return NULL;
}

/* Of the whole space: a capacity and what was written with it. */
static void storm_vhost(void)
{
	unsigned int seen[2] = { 0 }, torn = 0, which;
	uint64_t end_ms = now_ms() + STORM_MS, capacity;
	uint8_t bytes[CONFIG_BYTES];

	while (now_ms() < end_ms || ((!seen[0] || !seen[1]) &&
				     now_ms() < end_ms + PATIENCE_MS)) {
		check("get config", !vmm_get_config(vhost, 0, bytes,
						    sizeof(bytes)));
		memcpy(&capacity, bytes, sizeof(capacity));
		if (capacity != capacities[0] && capacity != capacities[1]) {
			torn++;
			continue;
		}
		which = capacity == capacities[1];
		for (int i = sizeof(capacity); i < CONFIG_BYTES; i++)
			if (bytes[i] != (which ? 0x55 : 0xaa)) {
				torn++;
				break;
			}
		seen[which]++;
	}
	remark("%u reads, %u updates", seen[0] + seen[1], updates);
	see("a VMM reads", "both %d, torn %u", seen[0] && seen[1], torn);
}

/* The driver of a disk reads it with each interrupt, in two halves if it may. */
static void storm_virtio(void)
{
	unsigned int seen[2] = { 0 }, torn = 0;
	uint64_t end_ms = now_ms() + STORM_MS;
	long size;

	while (now_ms() < end_ms || ((!seen[0] || !seen[1]) &&
				     now_ms() < end_ms + PATIENCE_MS)) {
		size = disk_number("size");
		if ((uint64_t)size == capacities[0])
			seen[0]++;
		else if ((uint64_t)size == capacities[1])
			seen[1]++;
		else
			torn++;
	}
	remark("%u updates", updates);
	see("a disk is as large", "both %d, torn %u", seen[0] && seen[1], torn);
}

static void with_storm(void (*look)(void))
{
	uint32_t before = generation();
	pthread_t thread;

	storm_ends = false;
	updates = 0;
	check("a thread", !pthread_create(&thread, NULL, storm, NULL));
	look();
	storm_ends = true;
	pthread_join(thread, NULL);
	see("a generation for each update", "%d",
	    generation() - before == updates);
}

/* What the stock call tears, kmod-rows shows. */
void test_update_storm(void)
{
	uint8_t bytes[CONFIG_BYTES];

	if (!extended)
		return;
	begin();
	memset(bytes, 0xaa, sizeof(bytes));
	memcpy(bytes, &capacities[0], sizeof(capacities[0]));
	check("update", !server_set_config(fd, 0, bytes, sizeof(bytes), 0,
					   NULL));
	vmm_start(vhost, 0);
	with_storm(storm_vhost);
	end();

	check("wish", !wish_for(control(), &config_wish));
	disk_start("4194304", NULL);
	fd = disk.fd;
	/* Each new size is a line of the kernel's log. */
	storm_nap = 10;
	with_storm(storm_virtio);
	disk_end();
}

static long set_status_3(void *arg)
{
	(void)arg;
	return vmm_set_status(vhost, 3);
}

static long read_by_netlink(void *arg)
{
	(void)arg;
	errno = -bus_ask(VDPA_CMD_DEV_CONFIG_GET, PROBE_NAME);
	return errno ? -1 : 0;
}

/* The driver sets a status and nobody answers. */
void test_read_in_flight(void)
{
	struct act setter, reader;

	errno = -bus_init();
	check("netlink", !errno);
	begin();
	host_stop(&host);
	act_start(&setter, set_status_3, NULL);
	check("a message", message_comes(fd));
	act_start(&reader, read_by_netlink, NULL);
	see("a read of the configuration", "%s",
	    act_returns(&reader, own) ? "returns" : "waits for the server");
	see("the status", "%s", act_returns(&setter, false) ? "is set" :
	    "waits for the server");
	host_start(&host, fd);
	see_result("the read", act_end(&reader));
	see("the status", "0x%lx", act_end(&setter));
	end();
}
