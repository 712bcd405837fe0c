// SPDX-License-Identifier: GPL-2.0-or-later
/* A kernel that answers a server's ioctls with whatever the input says. */
#include "tests/fuzz/kernel.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kmod/uapi/linux/vduse_ext.h"

#define MEMORY (32 << 10)	/* half of what address() reaches */

/* The linker puts this in the place of ioctl(2). */
int __wrap_ioctl(int fd, unsigned long request, ...);

bool kernel_is_ours;

static struct vdu__server *server;
static struct fuzz *in;
static int memory_fd = -1;

static int fail(int error)
{
	errno = error;
	return -1;
}

/* Near the edges of the memory, of a page, of nothing. */
static uint64_t address(void)
{
	uint8_t kind = fuzz_u8(in);

	if (kind == 255)
		return fuzz_u64(in);
	return (uint64_t)kind * 256 + (kind & 1 ? fuzz_u8(in) : 0);
}

static int vq_info(struct vduse_vq_info *info)
{
	uint8_t how = fuzz_u8(in);

	CHECK(info->index < SERVER_QUEUES);
	info->num = how & 1 ? fuzz_u8(in) : 4;
	info->desc_addr = address();
	info->driver_addr = address();
	info->device_addr = address();
	info->split.avail_index = fuzz_u8(in);
	info->ready = !(how & 2);
	return 0;
}

static int region(struct vduse_iotlb_entry *entry)
{
	uint8_t how = fuzz_u8(in);

	entry->perm = how & 3;
	entry->offset = entry->start;
	if (how & 4) {
		entry->start = address();
		entry->last = address();
		entry->offset = address();
	} else {
		entry->offset = entry->start = 0;
		entry->last = MEMORY - 1;
	}
	if (how & 8)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	return dup(memory_fd);
}

/* What the stock module does not have. */
static int extension(unsigned long request, void *arg)
{
	struct vduse_ext_config *config = arg;
	uint8_t how;

	if (!kernel_is_ours)
		return fail(ENOTTY);
	how = fuzz_u8(in);
	if (how > 250)
		return fail(how & 1 ? ENOTCONN : EINVAL);
	if (request == VDUSE_EXT_GET_STATUS) {
		*(uint8_t *)arg = how;
		return 0;
	}
	CHECK(config->offset == VDU_BLK_CONFIG_WCE && config->length == 1);
	if (request == VDUSE_EXT_GET_CONFIG)
		*(uint8_t *)(uintptr_t)config->buffer = how;
	else
		CHECK(*(uint8_t *)(uintptr_t)config->buffer <= 1 ||
		      server->config[VDU_BLK_CONFIG_WCE] > 1);
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	uint8_t how;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	CHECK(fd == server->device_fd);
	if (request == VDUSE_EXT_GET_STATUS ||
	    request == VDUSE_EXT_GET_CONFIG || request == VDUSE_EXT_SET_CONFIG)
		return extension(request, arg);
	how = fuzz_u8(in);
	if (how > 250)
		return fail(how & 1 ? EPERM : EINVAL);
	switch (request) {
	case VDUSE_VQ_GET_INFO:
		return vq_info(arg);
	case VDUSE_IOTLB_GET_FD:
		return region(arg);
	case VDUSE_DEV_GET_FEATURES:
		*(uint64_t *)arg = how & 1 ? fuzz_u64(in) : server->features;
		return 0;
	default:
		return 0;
	}
}

void kernel_scribble(void)
{
	uint64_t at = address();
	uint8_t bytes[32];
	size_t n = fuzz_u8(in) % sizeof(bytes);

	fuzz_bytes(in, bytes, n);
	/* Within what there is: it does not grow. */
	if (at <= MEMORY - sizeof(bytes))
		CHECK(pwrite(memory_fd, bytes, n, (off_t)at) == (ssize_t)n);
}

int kernel_open(struct vdu__server *for_server, struct fuzz *from)
{
	int fds[2];

	if (memory_fd < 0) {
		memory_fd = memfd_create("fuzz", MFD_CLOEXEC);
		CHECK(memory_fd >= 0);
	}
	/* All zeroes, for each input. */
	CHECK(ftruncate(memory_fd, 0) == 0 &&
	      ftruncate(memory_fd, MEMORY) == 0);
	server = for_server;
	in = from;
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
			 0, fds) == 0);
	server->device_fd = fds[0];
	server->iotlb = vdu__iotlb_new(server->device_fd);
	CHECK(server->iotlb);
	return fds[1];
}
