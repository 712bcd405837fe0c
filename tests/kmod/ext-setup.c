// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: how extensions are negotiated.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext.h"

static int node;
static uint8_t access_map[8192];

static void fresh_node(void)
{
	if (node > 0)
		close(node);
	node = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	check("/dev/vduse/control", node >= 0);
}

static long setup(const struct vduse_ext_setup *argument)
{
	return ioctl(node, VDUSE_EXT_SETUP, argument);
}

static long make(uint64_t features)
{
	struct vduse_dev_config *config = block_config();

	config->features |= features;
	return ioctl(node, VDUSE_CREATE_DEV, config);
}

static uint64_t extensions_of_probe(void)
{
	uint64_t extensions = info_of(PROBE_NAME).extensions;

	check("destroy", !destroy(PROBE_NAME));
	return extensions;
}

#define TRY(key, ...) do {						\
	struct vduse_ext_setup argument = { __VA_ARGS__ };		\
									\
	fresh_node();							\
	see_result(key, setup(&argument));				\
} while (0)

#define MAP .access = (uintptr_t)access_map

static void see_setups(void)
{
	memset(access_map, 0, sizeof(access_map));
	TRY("all but resume", .extensions = VDUSE_EXT_CONFIG |
	    VDUSE_EXT_RECOVER | VDUSE_EXT_FEATURES | VDUSE_EXT_VSTATS);
	TRY("extensions=80", .extensions = 0x80);
	TRY("extensions=1<<63", .extensions = 1ULL << 63);
	TRY("flags=2", .extensions = VDUSE_EXT_RECOVER, .flags = 2);
	TRY("reserved", .reserved[5] = 1);
	TRY("required alone", .required = 1ULL << 33);
	TRY("required", .extensions = VDUSE_EXT_FEATURES,
	    .required = 1ULL << 33);
	TRY("access alone", MAP, .access_size = 60);
	TRY("access", .extensions = VDUSE_EXT_CONFIG, MAP, .access_size = 60);
	TRY("access of nowhere", .extensions = VDUSE_EXT_CONFIG, .access = 8,
	    .access_size = 60);
	access_map[59] = 8;
	TRY("access=8", .extensions = VDUSE_EXT_CONFIG, MAP, .access_size = 60);
	access_map[59] = VDUSE_EXT_ACKED;
	TRY("acked alone", .extensions = VDUSE_EXT_CONFIG, MAP,
	    .access_size = 60);
	access_map[59] = VDUSE_EXT_ACKED | VDUSE_EXT_WRITABLE;
	TRY("acked", .extensions = VDUSE_EXT_CONFIG, MAP, .access_size = 60);
	TRY("timeouts alone", .flags = VDUSE_EXT_TIMEOUTS, .virtio_timeout = 5);
	TRY("timeouts", .extensions = VDUSE_EXT_RECOVER,
	    .flags = VDUSE_EXT_TIMEOUTS, .virtio_timeout = 5);
	fresh_node();
	see_result("setup of nowhere",
		   ioctl(node, VDUSE_EXT_SETUP, (void *)8));
}

/* Which of two calls says that they do not fit together is open. */
static void see_pair(const char *key, const struct vduse_ext_setup *argument,
		     uint64_t features)
{
	long ret = setup(argument);

	if (!ret)
		ret = make(features);
	see_result(key, ret);
	if (!ret)
		destroy(PROBE_NAME);
}

static void see_pairs(void)
{
	uint32_t size = block_config()->config_size;
	uint64_t suspend = VDUSE_EXT_INST_SUSPEND;

	fresh_node();
	see_pair("resume without suspend", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_RESUME }, 0);
	fresh_node();
	check("instance", !ioctl(node, VDUSE_EXT_SET_INSTANCE, &suspend));
	see_pair("resume with suspend", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_RESUME }, 0);
	fresh_node();
	see_pair("required and not offered", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_FEATURES, .required = 1 << 5 }, 0);
	fresh_node();
	see_pair("required and offered", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_FEATURES, .required = 1 << 5 }, 1 << 5);
	fresh_node();
	see_pair("too short a map", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_CONFIG, MAP,
		 .access_size = size - 1 }, 0);
	fresh_node();
	see_pair("too long a map", &(struct vduse_ext_setup){
		 .extensions = VDUSE_EXT_CONFIG, MAP,
		 .access_size = size + 1 }, 0);
}

static void see_instances(void)
{
	uint64_t instance = 0;
	long ret;

	fresh_node();
	ret = ioctl(node, VDUSE_EXT_GET_INSTANCE, &instance);
	see_result("instances", ret);
	if (!ret)
		see("instances", "0x%llx", (unsigned long long)instance);
	instance = 4;
	see_result("instance=4", ioctl(node, VDUSE_EXT_SET_INSTANCE, &instance));
	instance = 3;
	see_result("instance=3", ioctl(node, VDUSE_EXT_SET_INSTANCE, &instance));
	see_result("instance of nowhere",
		   ioctl(node, VDUSE_EXT_SET_INSTANCE, (void *)8));
}

void test_negotiate(void)
{
	uint64_t extensions = 0;
	char name[VDUSE_EXT_NAME_MAX] = "nothing";
	struct vduse_ext_info info = { .name = "nothing" };
	long ret;

	fresh_node();
	ret = ioctl(node, VDUSE_EXT_GET, &extensions);
	see_result("get", ret);
	if (!ret)
		see("extensions", "0x%llx", (unsigned long long)extensions);
	see_result("get to nowhere", ioctl(node, VDUSE_EXT_GET, 8));
	see_result("setup", setup(&(struct vduse_ext_setup){ 0 }));
	see_instances();
	if (own) {
		see_setups();
		see_pairs();
	}
	see_result("abort", ioctl(node, VDUSE_EXT_ABORT, name));
	see_result("abort of nowhere", ioctl(node, VDUSE_EXT_ABORT, 8));
	see_result("info", ioctl(node, VDUSE_EXT_GET_INFO, &info));
	see_result("info of nowhere", ioctl(node, VDUSE_EXT_GET_INFO, 8));
}

#define WCE (1ULL << VIRTIO_BLK_F_CONFIG_WCE)

/* A cache that the driver can switch is a byte that it can write. */
void test_wce(void)
{
	uint32_t wce = offsetof(struct virtio_blk_config, wce);
	struct vduse_ext_setup argument = {
		.extensions = VDUSE_EXT_CONFIG,
		.access_size = block_config()->config_size,
		MAP,
	};

	fresh_node();
	see_result("without extensions", make(WCE));
	memset(access_map, 0, sizeof(access_map));
	setup(&argument);
	see_result("nothing is writable", make(WCE));
	access_map[wce] = VDUSE_EXT_CLEAR;
	access_map[wce + 1] = VDUSE_EXT_WRITABLE;
	setup(&argument);
	see_result("others are writable", make(WCE));
	access_map[wce] = VDUSE_EXT_WRITABLE;
	setup(&argument);
	see_result("it is writable", make(WCE));
	if (own)
		destroy(PROBE_NAME);
	access_map[wce] |= VDUSE_EXT_ACKED;
	setup(&argument);
	see_result("and acknowledged", make(WCE));
	if (own)
		destroy(PROBE_NAME);
}

/* What was negotiated is for one device, of the same open file. */
void test_used_once(void)
{
	struct vduse_ext_setup good = { .extensions = VDUSE_EXT_RECOVER };
	struct vduse_ext_setup bad = { .extensions = 0x80 };
	struct vduse_dev_config *config;
	int other;

	fresh_node();
	see_result("setup", setup(&good));
	if (!own)
		return;
	check("create", !make(0));
	see("first", "extensions 0x%llx", (long long)extensions_of_probe());
	check("create", !make(0));
	see("second", "extensions 0x%llx", (long long)extensions_of_probe());

	check("setup", !setup(&good));
	config = block_config();
	config->vq_align = 3;
	see_result("a create that fails", ioctl(node, VDUSE_CREATE_DEV, config));
	check("create", !make(0));
	see("after it", "extensions 0x%llx", (long long)extensions_of_probe());

	check("setup", !setup(&good));
	see_result("a setup that fails", setup(&bad));
	check("create", !make(0));
	see("after it", "extensions 0x%llx", (long long)extensions_of_probe());

	check("setup", !setup(&good));
	other = node;
	node = -1;
	fresh_node();
	check("create", !make(0));
	see("another file", "extensions 0x%llx",
	    (long long)extensions_of_probe());
	close(other);
}

/* Calls of the server that belong to an extension. */
void test_device_calls(void)
{
	const struct wish wish = {
		.extensions = VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER,
	};
	int fd = device(PROBE_NAME, &wish);
	uint8_t byte = 0;

	see_result("get config", server_get_config(fd, 0, &byte, 1, NULL));
	see_result("set config", server_set_config(fd, 0, &byte, 1, 0, NULL));
	see_result("needs reset", ioctl(fd, VDUSE_EXT_NEEDS_RESET));
	see_result("get status", ioctl(fd, VDUSE_EXT_GET_STATUS, &byte));
	see_result("get status to nowhere", ioctl(fd, VDUSE_EXT_GET_STATUS, 8));
	see_result("unknown", ioctl(fd, _IO(VDUSE_BASE, 0xef)));
	device_end(PROBE_NAME, fd);
	if (!extended)
		return;

	fd = device(PROBE_NAME, &(struct wish){
		    .extensions = VDUSE_EXT_RECOVER });
	see_result("no CONFIG: get config",
		   server_get_config(fd, 0, &byte, 1, NULL));
	see_result("no CONFIG: set config",
		   server_set_config(fd, 0, &byte, 1, 0, NULL));
	device_end(PROBE_NAME, fd);
	fd = device(PROBE_NAME, &(struct wish){
		    .extensions = VDUSE_EXT_CONFIG });
	see_result("no RECOVER: needs reset", ioctl(fd, VDUSE_EXT_NEEDS_RESET));
	see_result("no RECOVER: get status",
		   ioctl(fd, VDUSE_EXT_GET_STATUS, &byte));
	device_end(PROBE_NAME, fd);
}
