// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: the control node, the life of a device, and what a
 * server asks of a device that no driver uses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "faults.h"
#include "probe.h"

#define NODE "/dev/vduse/" PROBE_NAME
#define OPS(list) .ops = list, .count = sizeof(list) / sizeof(*list)

int fault_fd = -1;
bool fault_extended;

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static int make(uint32_t queues)
{
	struct vduse_dev_config *config = block_config();
	uint64_t capacity = DISK_SIZE / 512;

	if (fault_extended)
		must(!fault_wish(), "SETUP");
	config->vq_num = queues;
	memcpy(config->config, &capacity, sizeof(capacity));
	return result(create(config));
}

static bool exists(void)
{
	return !access("/sys/class/vduse/" PROBE_NAME, F_OK);
}

/* The control node. */
static int opened = -1;

static int open_control(void)
{
	opened = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	return result(opened);
}

static void close_opened(void)
{
	close(opened);
}

static int get_version(void)
{
	uint64_t version;

	return result(ioctl(control(), VDUSE_GET_API_VERSION, &version));
}

static int set_version(void)
{
	uint64_t version = 0;

	return result(ioctl(control(), VDUSE_SET_API_VERSION, &version));
}

static int create_four(void)
{
	return make(4);
}

/*
 * The driver core ignores that it has no memory to make or remove a node: one
 * that stays behind would be in the way of the next device.
 */
static int destroy_it(void)
{
	return result(destroy(PROBE_NAME));
}

static void expect_destroy(void)
{
	must(!destroy_it(), "destroy");
	unlink(NODE);
}

static void expect_create(void)
{
	unlink(NODE);
	must(!create_four(), "create");
}

static bool gone(void)
{
	return !exists();
}

static int open_device(void)
{
	opened = open(NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return result(opened);
}

static const struct op control_ops[] = {
	{ .name = "open-control", .errors = { ENOMEM, EFAULT },
	  .run = open_control, .undo = close_opened },
	{ .name = "get-version", .errors = { EFAULT }, .run = get_version },
	{ .name = "set-version", .errors = { EFAULT }, .run = set_version },
	{ .name = "create", .errors = { ENOMEM, EFAULT },
	  .run = create_four, .done = exists, .undo = expect_destroy },
	{ .name = "destroy", .errors = { EFAULT },
	  .setup = expect_create, .run = destroy_it, .done = gone,
	  .undo = expect_create, .teardown = expect_destroy },
	{ .name = "open-device", .errors = { ENOMEM, EFAULT },
	  .setup = expect_create, .run = open_device, .undo = close_opened,
	  .teardown = expect_destroy },
};

const struct group control_group = { .name = "control", OPS(control_ops) };

/* The device. */
static int set_attr(const char *attr, const char *value)
{
	return result(attr_write(attr, value));
}

void fault_device(void)
{
	unlink(NODE);
	must(!make(1), "create");
	must(!set_attr("bounce_size", "1048576"), "bounce_size");
	fault_fd = open(NODE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	must(fault_fd >= 0, "open");
	must(!setup_queue(fault_fd, 0, 64), "VQ_SETUP");
}

void fault_device_end(void)
{
	close(fault_fd);
	fault_fd = -1;
	expect_destroy();
}

static int vq_setup(void)
{
	return result(setup_queue(fault_fd, 0, 64));
}

static int event = -1;

static void make_event(void)
{
	fault_device();
	event = eventfd(0, EFD_CLOEXEC);
}

static int vq_kickfd(void)
{
	struct vduse_vq_eventfd kick = { .fd = event };

	return result(ioctl(fault_fd, VDUSE_VQ_SETUP_KICKFD, &kick));
}

static void end_event(void)
{
	close(event);
	fault_device_end();
}

static int vq_info(void)
{
	struct vduse_vq_info info = { 0 };

	return result(ioctl(fault_fd, VDUSE_VQ_GET_INFO, &info));
}

static int get_features(void)
{
	uint64_t features;

	return result(ioctl(fault_fd, VDUSE_DEV_GET_FEATURES, &features));
}

static int set_timeout(void)
{
	return set_attr("msg_timeout", "30");
}

static int set_bounce(void)
{
	return set_attr("bounce_size", "1048576");
}

static int set_affinity(void)
{
	return set_attr("vq0/irq_cb_affinity", "1");
}

#define ON_DEVICE .setup = fault_device, .teardown = fault_device_end

static const struct op device_ops[] = {
	{ .name = "vq-setup", .errors = { EFAULT }, ON_DEVICE,
	  .run = vq_setup },
	{ .name = "vq-kickfd", .errors = { EFAULT },
	  .setup = make_event, .run = vq_kickfd, .teardown = end_event },
	{ .name = "vq-info", .errors = { EFAULT }, ON_DEVICE, .run = vq_info },
	{ .name = "get-features", .errors = { EFAULT }, ON_DEVICE,
	  .run = get_features },
	{ .name = "msg-timeout", .errors = { EFAULT, ENOMEM }, ON_DEVICE,
	  .run = set_timeout },
	{ .name = "bounce-size", .errors = { EFAULT, ENOMEM }, ON_DEVICE,
	  .run = set_bounce },
	{ .name = "affinity", .errors = { EFAULT, ENOMEM }, ON_DEVICE,
	  .run = set_affinity },
};

const struct group device_group = { .name = "device", OPS(device_ops) };
