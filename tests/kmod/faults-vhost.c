// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: the device of a virtual machine, through vhost-vdpa;
 * and the messages that its server reads and answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "faults.h"
#include "probe.h"

#define MAP_IOVA 0x100000
#define MAP_SIZE 0x10000
#define OPS(list) .ops = list, .count = sizeof(list) / sizeof(*list)

static char node[64];
int fault_vhost = -1;
static char *memory;

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static void set_up_served(void)
{
	fault_bus();
	fault_device();
	must(!bus_attach(PROBE_NAME), "attach");
	fault_serve();
}

static void end_served(void)
{
	must(!bus_detach(PROBE_NAME), "detach");
	fault_serve_end();
	fault_device_end();
}

static int bind_vhost(void)
{
	return bus_driver("vhost_vdpa", "bind", PROBE_NAME);
}

static void expect_unbind(void)
{
	must(!fault_unbind(), "unbind");
}

static void set_up_bound(void)
{
	char path[512];

	set_up_served();
	must(!bind_vhost(), "bind");
	must(!bus_find(PROBE_NAME, "vhost-vdpa-*", path, sizeof(path)),
	     "a vhost node");
	snprintf(node, sizeof(node), "/dev/%.32s", strrchr(path, '/') + 1);
}

static int open_vhost(void)
{
	fault_vhost = open(node, O_RDWR | O_CLOEXEC);
	return result(fault_vhost);
}

static void close_vhost(void)
{
	close(fault_vhost);
	fault_vhost = -1;
}

void fault_vhost_open(void)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);

	set_up_bound();
	must(!open_vhost(), "open the vhost node");
	must(!ioctl(fault_vhost, VHOST_SET_OWNER), "SET_OWNER");
	must(fd >= 0 && !ftruncate(fd, MAP_SIZE), "memfd");
	memory = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, fd, 0);
	must(memory != MAP_FAILED, "mmap");
	close(fd);
}

void fault_vhost_close(void)
{
	munmap(memory, MAP_SIZE);
	close_vhost();
	end_served();
}

static int set_status(void)
{
	uint8_t status = 1;

	return result(ioctl(fault_vhost, VHOST_VDPA_SET_STATUS, &status));
}

static int set_features(void)
{
	uint64_t features = 1ULL << 33 | 1ULL << 32;

	return result(ioctl(fault_vhost, VHOST_SET_FEATURES, &features));
}

static int get_base(void)
{
	struct vhost_vring_state base = { .index = 0 };

	return result(ioctl(fault_vhost, VHOST_GET_VRING_BASE, &base));
}

/* Memory of the machine. */
static int iotlb(uint8_t type)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = MAP_IOVA,
			.size = MAP_SIZE,
			.uaddr = (uintptr_t)memory,
			.perm = VHOST_ACCESS_RW,
			.type = type,
		},
	};
	ssize_t len = write(fault_vhost, &msg, sizeof(msg));

	return len == sizeof(msg) ? 0 : len < 0 ? -errno : -EIO;
}

static int map(void)
{
	return iotlb(VHOST_IOTLB_UPDATE);
}

static int unmap(void)
{
	return iotlb(VHOST_IOTLB_INVALIDATE);
}

static bool mapped(void)
{
	struct vduse_iova_info info = { .start = MAP_IOVA, .last = MAP_IOVA };

	return !ioctl(fault_fd, VDUSE_IOTLB_GET_INFO, &info);
}

static bool unmapped(void)
{
	return !mapped();
}

static void expect_unmap(void)
{
	must(!unmap(), "unmap");
}

static void expect_map(void)
{
	must(!map(), "map");
}

static void set_up_mapped(void)
{
	fault_vhost_open();
	expect_map();
}

/* The configuration: written by the server, read by the machine. */
static uint8_t generation = 1;

static int set_config(void)
{
	struct {
		struct vduse_config_data head;
		uint8_t data[64];
	} config = { .head = { .offset = 8, .length = 16 } };

	memset(config.head.buffer, generation, 16);
	return result(ioctl(fault_fd, VDUSE_DEV_SET_CONFIG, &config));
}

static bool config_set(void)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t data[64];
	} config = { .head = { .off = 8, .len = 16 } };

	must(!ioctl(fault_vhost, VHOST_VDPA_GET_CONFIG, &config), "GET_CONFIG");
	return config.head.buf[0] == generation;
}

static void next_config(void)
{
	generation++;
}

/* Messages: another thread waits for the answer to what it asked of vhost. */
static pthread_t sender;
static struct vduse_dev_request message;

static void *send_message(void *arg)
{
	struct vhost_vring_state base = { .index = 0 };

	(void)arg;
	must(!ioctl(fault_vhost, VHOST_GET_VRING_BASE, &base) && base.num == 77,
	      "the answer arrives");
	return NULL;
}

static void send_one(void)
{
	struct pollfd pfd = { .fd = fault_fd, .events = POLLIN };

	must(!pthread_create(&sender, NULL, send_message, NULL), "sender");
	must(poll(&pfd, 1, 60000) == 1, "a message comes");
}

static int read_message(void)
{
	return result(read(fault_fd, &message, sizeof(message)));
}

static int answer_message(void)
{
	struct vduse_dev_response resp = {
		.request_id = message.request_id,
		.vq_state.split.avail_index = 77,
	};

	return result(write(fault_fd, &resp, sizeof(resp)));
}

static void expect_answer(void)
{
	must(message.type == VDUSE_GET_VQ_STATE, "the right message");
	must(!answer_message(), "answer");
	pthread_join(sender, NULL);
}

static void next_to_read(void)
{
	expect_answer();
	send_one();
}

static void set_up_to_read(void)
{
	fault_vhost_open();
	fault_serve_end();
	send_one();
}

static void next_to_answer(void)
{
	pthread_join(sender, NULL);
	send_one();
	must(!read_message(), "read");
}

static void set_up_to_answer(void)
{
	set_up_to_read();
	must(!read_message(), "read");
}

static void end_messages(void)
{
	fault_serve();
	fault_vhost_close();
}

static void end_reading(void)
{
	must(!read_message(), "read");
	expect_answer();
	end_messages();
}

static void end_answering(void)
{
	must(!answer_message(), "answer");
	pthread_join(sender, NULL);
	end_messages();
}

#define OPENED .setup = fault_vhost_open, .teardown = fault_vhost_close

static const struct op vhost_ops[] = {
	{ .name = "bind to vhost", .errors = { ENOMEM, EFAULT },
	  .setup = set_up_served, .run = bind_vhost, .done = fault_bound,
	  .undo = expect_unbind, .teardown = end_served },
	{ .name = "open vhost", .errors = { ENOMEM, EFAULT },
	  .setup = set_up_bound, .run = open_vhost, .undo = close_vhost,
	  .teardown = end_served },
	{ .name = "set-status", .errors = { EFAULT }, OPENED,
	  .run = set_status },
	{ .name = "set-features", .errors = { EFAULT }, OPENED,
	  .run = set_features },
	{ .name = "get-base", .errors = { EFAULT }, OPENED, .run = get_base },
	{ .name = "set-config", .errors = { ENOMEM, EFAULT }, OPENED,
	  .run = set_config, .done = config_set, .undo = next_config },
	{ .name = "map", .errors = { ENOMEM, EFAULT, EINVAL }, OPENED,
	  .run = map, .done = mapped, .undo = expect_unmap },
	{ .name = "unmap", .errors = { ENOMEM, EFAULT, EINVAL },
	  .setup = set_up_mapped, .run = unmap, .done = unmapped,
	  .undo = expect_map, .teardown = fault_vhost_close },
	{ .name = "read", .errors = { EFAULT },
	  .setup = set_up_to_read, .run = read_message, .undo = next_to_read,
	  .teardown = end_reading },
	{ .name = "answer", .errors = { EFAULT, EINVAL },
	  .setup = set_up_to_answer, .run = answer_message,
	  .undo = next_to_answer, .teardown = end_answering },
};

const struct group vhost_group = { .name = "vhost", OPS(vhost_ops) };
