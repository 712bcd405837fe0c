// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: a device comes onto the bus, becomes a disk of this
 * host, is read, changes the sides of its memory, and goes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "faults.h"
#include "probe.h"

#define BOUNCE_SIZE (1 << 20)
#define OPS(list) .ops = list, .count = sizeof(list) / sizeof(*list)

static int result(long ret)
{
	return ret < 0 ? -errno : 0;
}

static void autoprobe(bool on)
{
	must(!write_text("/sys/bus/vdpa/drivers_autoprobe", on ? "1" : "0"),
	     "drivers_autoprobe");
}

void fault_bus(void)
{
	autoprobe(false);
	must(!bus_init(), "netlink");
}

bool fault_attached(void)
{
	return !access("/sys/bus/vdpa/devices/" PROBE_NAME, F_OK);
}

bool fault_bound(void)
{
	return !access("/sys/bus/vdpa/devices/" PROBE_NAME "/driver", F_OK);
}

int fault_unbind(void)
{
	return write_text("/sys/bus/vdpa/devices/" PROBE_NAME "/driver/unbind",
			  PROBE_NAME);
}

/*
 * The answer may be lost although the request was carried out: what counts is
 * what can be seen.
 */
static int fault_attach(void)
{
	int ret = bus_attach(PROBE_NAME);

	disarm();
	return fault_attached() ? 0 : ret ? ret : -EIO;
}

static int fault_detach(void)
{
	int ret = bus_detach(PROBE_NAME);

	disarm();
	return !fault_attached() ? 0 : ret ? ret : -EIO;
}

/* Without a driver: the address space is new each time. */
static void set_up_device(void)
{
	fault_bus();
	fault_device();
}

static void renew_device(void)
{
	must(!fault_detach(), "detach");
	fault_device_end();
	fault_device();
}

static void attach_again(void)
{
	must(!fault_attach(), "attach");
}

static void set_up_attached(void)
{
	set_up_device();
	attach_again();
}

static void end_attached(void)
{
	must(!fault_detach(), "detach");
	fault_device_end();
}

static bool detached(void)
{
	return !fault_attached();
}

/* With a server and virtio_vdpa. */
static void set_up_served(void)
{
	set_up_attached();
	fault_serve();
}

static void end_served(void)
{
	must(!fault_detach(), "detach");
	fault_serve_end();
	fault_device_end();
}

static bool is_disk(void)
{
	int fd = fault_disk_open();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The core does not say that the driver of the disk failed. */
static int bind_disk(void)
{
	int ret = bus_driver("virtio_vdpa", "bind", PROBE_NAME);

	disarm();
	return ret ? ret : is_disk() ? 0 : -ENODEV;
}

static void unbind_if_bound(void)
{
	if (fault_bound())
		must(!fault_unbind(), "unbind");
}

static bool unbound(void)
{
	return !fault_bound();
}

static void expect_bind(void)
{
	must(!bind_disk(), "bind");
}

static void set_up_disk(void)
{
	set_up_served();
	expect_bind();
}

/* Attached with autoprobe: the drivers come at once, within one request. */
static void set_up_autoprobe(void)
{
	set_up_device();
	fault_serve();
	autoprobe(true);
}

static int attach_disk(void)
{
	int ret = fault_attach();

	return ret ? ret : is_disk() ? 0 : -ENODEV;
}

static void detach_if_attached(void)
{
	if (fault_attached())
		must(!fault_detach(), "detach");
}

static void end_autoprobe(void)
{
	autoprobe(false);
	fault_serve_end();
	fault_device_end();
}

/* The first requests find no bounce memory yet. */
static int disk_fd = -1;
static char data[256 << 10] __attribute__((aligned(4096)));

static void open_disk(void)
{
	set_up_disk();
	disk_fd = fault_disk_open();
	must(disk_fd >= 0, "open the disk");
}

static int read_disk(void)
{
	ssize_t len = pread(disk_fd, data, sizeof(data), 0);

	return len == sizeof(data) ? 0 : len < 0 ? -errno : -EIO;
}

static void close_disk(void)
{
	close(disk_fd);
	disk_fd = -1;
	end_served();
}

static void renew_disk(void)
{
	close_disk();
	open_disk();
}

/* What the server asks while a driver uses the device. */
static int get_fd(void)
{
	struct vduse_iotlb_entry entry = { .start = 0, .last = 4095 };
	int fd = ioctl(fault_fd, VDUSE_IOTLB_GET_FD, &entry), ret = result(fd);

	if (fd >= 0)
		close(fd);
	return ret;
}

static int get_info(void)
{
	struct vduse_iova_info info = { .start = 0, .last = 4095 };

	return result(ioctl(fault_fd, VDUSE_IOTLB_GET_INFO, &info));
}

static int inject(void)
{
	uint32_t index = 0;

	return result(ioctl(fault_fd, VDUSE_VQ_INJECT_IRQ, &index));
}

static int map_bounce(void)
{
	struct vduse_iotlb_entry entry = { .start = 0, .last = 4095 };
	int fd, ret;
	char *addr;

	fd = ioctl(fault_fd, VDUSE_IOTLB_GET_FD, &entry);
	if (fd < 0)
		return -errno;
	addr = mmap(NULL, BOUNCE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	ret = addr == MAP_FAILED ? -errno : 0;
	close(fd);
	if (!ret)
		munmap(addr, BOUNCE_SIZE);
	return ret;
}

/* Memory of this process in place of the bounce pages. */
static struct vduse_iova_umem umem = { .size = BOUNCE_SIZE };

static void set_up_memory(void)
{
	void *memory = mmap(NULL, BOUNCE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	must(memory != MAP_FAILED, "mmap");
	umem.uaddr = (uintptr_t)memory;
	set_up_disk();
}

static int give_memory(void)
{
	return result(ioctl(fault_fd, VDUSE_IOTLB_REG_UMEM, &umem));
}

static int take_memory(void)
{
	return result(ioctl(fault_fd, VDUSE_IOTLB_DEREG_UMEM, &umem));
}

/* What is accounted as pinned tells whether it is registered. */
static bool memory_given(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %lu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib != 0;
}

static bool memory_taken(void)
{
	return !memory_given();
}

static void expect_take(void)
{
	must(!take_memory(), "DEREG_UMEM");
}

static void expect_give(void)
{
	must(!give_memory(), "REG_UMEM");
}

static void set_up_given(void)
{
	set_up_memory();
	expect_give();
}

static void end_memory(void)
{
	end_served();
	munmap((void *)(uintptr_t)umem.uaddr, BOUNCE_SIZE);
}

#define ON_DISK .setup = set_up_disk, .teardown = end_served

static const struct op bus_ops[] = {
	{ .name = "attach", .errors = { ENOMEM, ENOBUFS, EFAULT, ENFILE }, .step = 5,
	  .setup = set_up_device, .run = fault_attach, .done = fault_attached,
	  .undo = renew_device, .teardown = fault_device_end },
	{ .name = "attach, the module's part", .errors = { ENOMEM },
	  .ours = true, .setup = set_up_device, .run = fault_attach,
	  .done = fault_attached, .undo = renew_device,
	  .teardown = fault_device_end },
	{ .name = "detach", .errors = { ENOMEM, ENOBUFS, EFAULT, ENFILE },
	  .setup = set_up_attached, .run = fault_detach, .done = detached,
	  .undo = attach_again, .teardown = end_attached },
	{ .name = "bind", .errors = { ENOMEM, ENODEV }, .ours = true,
	  .setup = set_up_served, .run = bind_disk, .mend = unbind_if_bound,
	  .undo = unbind_if_bound, .teardown = end_served },
	{ .name = "attach with autoprobe",
	  .errors = { ENOMEM, ENODEV, ENOBUFS, ENFILE }, .step = 23,
	  .setup = set_up_autoprobe, .run = attach_disk,
	  .mend = detach_if_attached, .undo = detach_if_attached,
	  .teardown = end_autoprobe },
	{ .name = "first read", .ours = true, .step = 3, .errors = { 0 },
	  .setup = open_disk, .run = read_disk, .undo = renew_disk,
	  .teardown = close_disk },
	{ .name = "iotlb-get-fd", .errors = { ENOMEM, EFAULT }, ON_DISK,
	  .run = get_fd },
	{ .name = "iotlb-get-info", .errors = { EFAULT }, ON_DISK,
	  .run = get_info },
	{ .name = "inject-irq", .errors = { EFAULT }, ON_DISK, .run = inject },
	{ .name = "map", .errors = { ENOMEM, EFAULT }, ON_DISK,
	  .run = map_bounce },
	{ .name = "reg-umem", .errors = { ENOMEM, EFAULT },
	  .setup = set_up_memory, .run = give_memory, .done = memory_given,
	  .undo = expect_take, .teardown = end_memory },
	{ .name = "dereg-umem", .errors = { EFAULT },
	  .setup = set_up_given, .run = take_memory, .done = memory_taken,
	  .undo = expect_give, .teardown = end_memory },
	{ .name = "unbind", .errors = { ENOMEM, EFAULT }, .step = 7,
	  .setup = set_up_disk, .run = fault_unbind, .done = unbound,
	  .undo = expect_bind, .teardown = end_served },
};

const struct group bus_group = { .name = "bus", OPS(bus_ops) };
