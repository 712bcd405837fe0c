// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls on a device node: ioctls and messages.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

#define IOTLB_GET_FD2 _IOC(_IOC_READ | _IOC_WRITE, VDUSE_BASE, 0x1b, 80)

/* Pages of all threads of a process: writable, read-only, writable, none. */
static char *arena;
static int zero_fd;

void calls_init(void)
{
	arena = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	zero_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (arena == MAP_FAILED || zero_fd < 0 ||
	    mprotect(arena + PAGE, PAGE, PROT_READ) ||
	    mprotect(arena + 3 * PAGE, PAGE, PROT_NONE))
		exit(4);
}

void *pointer(struct rng *rng, void *good, size_t size)
{
	uint32_t back = below(rng, size < PAGE ? (uint32_t)size : PAGE);
	char *edge, *end = arena + 3 * PAGE;

	switch (below(rng, 40)) {
	case 0:
		return NULL;
	case 1:
		return arena + 3 * PAGE;
	case 2:
		return (void *)0xffffffff81000000;
	case 3:
		end = arena + PAGE;
		edge = end - 1 - back;
		break;
	case 4:
		edge = end - 1 - back;
		break;
	case 5:
		edge = arena + 2 * PAGE;
		break;
	default:
		return good;
	}
	/* Others write there too: it may change between two looks. */
	memcpy(edge, good, size < (size_t)(end - edge) ? size :
	       (size_t)(end - edge));
	return edge;
}

uint64_t some_iova(struct rng *rng)
{
	switch (below(rng, 6)) {
	case 0:
		return 0;
	case 1:
		return below(rng, BOUNCE_SIZE);
	case 2:
		return BOUNCE_SIZE + below(rng, 64 << 20);
	case 3:
		return (1152ULL << 20) - below(rng, 4 << 20);
	default:
		return number(rng);
	}
}

static void fill_range(struct rng *rng, uint64_t *start, uint64_t *last)
{
	*start = some_iova(rng);
	*last = chance(rng, 60) ? *start : chance(rng, 50) ? ~0ULL :
		some_iova(rng);
}

static void call_get_fd(struct rng *rng, int fd)
{
	struct { struct vduse_iotlb_entry v1; uint32_t more[12]; } entry = { 0 };
	bool second = chance(rng, 30);
	int ret;

	fill_range(rng, (void *)&entry.v1.start, (void *)&entry.v1.last);
	if (second && chance(rng, 50))
		entry.more[0] = below(rng, 4);	/* address space */
	if (second && chance(rng, 10))
		entry.more[below(rng, 12)] = (uint32_t)number(rng);
	ret = ioctl(fd, second ? IOTLB_GET_FD2 : VDUSE_IOTLB_GET_FD,
		    pointer(rng, &entry, sizeof(entry)));
	note(second ? K_GET_FD2 : K_GET_FD, ret);
	if (ret >= 0)
		close(ret);
}

static void call_get_info(struct rng *rng, int fd)
{
	struct vduse_iova_info info = { 0 };

	fill_range(rng, (void *)&info.start, (void *)&info.last);
	if (chance(rng, 30))
		info.reserved[0] = below(rng, 4);	/* address space */
	if (chance(rng, 10))
		info.reserved[below(rng, 3)] = number(rng);
	note(K_GET_INFO, ioctl(fd, VDUSE_IOTLB_GET_INFO,
			       pointer(rng, &info, sizeof(info))));
}

/*
 * The capacity of a block device stays 0, or as it was: its 8 bytes are only
 * ever written from memory of our own.
 */
static void call_set_config(struct rng *rng, int fd)
{
	struct { struct vduse_config_data head; char data[8192]; } config;

	memset(&config, 0, sizeof(config));
	config.head.offset = chance(rng, 70) ? 8 + below(rng, 64) :
			     8 + ((uint32_t)number(rng) >> 1);
	config.head.length = chance(rng, 70) ? 1 + below(rng, 40) :
			     (uint32_t)number(rng);
	for (unsigned int i = 0; i < 64; i++)
		config.data[i] = (char)draw(rng);
	note(K_SET_CONFIG, ioctl(fd, VDUSE_DEV_SET_CONFIG,
				 chance(rng, 5) ? NULL : &config));
}

static void call_vq_setup(struct rng *rng, int fd, bool polite)
{
	struct vduse_vq_config config = { .index = below(rng, 3) };

	config.max_size = (uint16_t)(8 << below(rng, 6));
	if (!polite && chance(rng, 30))
		config.max_size = (uint16_t)number(rng);
	if (chance(rng, 10))
		config.index = (uint32_t)number(rng);
	if (!polite && chance(rng, 30))
		config.reserved[1] = (uint16_t)below(rng, 4);	/* group */
	if (!polite && chance(rng, 10))
		config.reserved[below(rng, 13)] = (uint16_t)below(rng, 3);
	note(K_VQ_SETUP, ioctl(fd, VDUSE_VQ_SETUP,
			       pointer(rng, &config, sizeof(config))));
}

static void call_vq_info(struct rng *rng, int fd)
{
	struct vduse_vq_info info = { .index = below(rng, 3) };

	if (chance(rng, 10))
		info.index = (uint32_t)number(rng);
	note(K_VQ_INFO, ioctl(fd, VDUSE_VQ_GET_INFO,
			      pointer(rng, &info, sizeof(info))));
}

static void call_kickfd(struct rng *rng, int fd)
{
	struct vduse_vq_eventfd config = { .index = below(rng, 3) };

	switch (below(rng, 6)) {
	case 0:
		config.fd = VDUSE_EVENTFD_DEASSIGN;
		break;
	case 1:
		config.fd = (int)number(rng);
		break;
	case 2:
		config.fd = chance(rng, 50) ? fd : zero_fd;
		break;
	default:
		config.fd = eventfds[below(rng, FUZZ_EVENTFDS)];
	}
	if (chance(rng, 10))
		config.index = (uint32_t)number(rng);
	note(K_KICKFD, ioctl(fd, VDUSE_VQ_SETUP_KICKFD,
			     pointer(rng, &config, sizeof(config))));
}

static void call_irq(struct rng *rng, int fd)
{
	uint32_t index = below(rng, 3);

	if (chance(rng, 10))
		index = (uint32_t)number(rng);
	note(K_IRQ, ioctl(fd, VDUSE_VQ_INJECT_IRQ,
			  pointer(rng, &index, sizeof(index))));
}

void call_storm(struct rng *rng, int fd)
{
	uint32_t index = below(rng, 2);
	unsigned int n = below(rng, 200);

	while (n--)
		note(K_IRQ, ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
}

static void call_raw(struct rng *rng, int fd)
{
	char data[256];
	unsigned int nr = chance(rng, 50) ? 0x10 + below(rng, 16) :
			  below(rng, 256);
	unsigned long cmd = _IOC(below(rng, 4), VDUSE_BASE, nr,
				 chance(rng, 50) ? 8 * below(rng, 32) :
				 below(rng, 0x3fff));

	/* Never a valid write of the configuration: see above. */
	if (nr == 0x12 || nr == 0xe9)
		return;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = chance(rng, 70) ? 0 : (char)draw(rng);
	note(K_RAW_IOCTL, ioctl(fd, chance(rng, 10) ? draw(rng) >> 32 : cmd,
				pointer(rng, data, sizeof(data))));
}

static void call_features(struct rng *rng, int fd)
{
	uint64_t features;

	note(K_FEATURES, ioctl(fd, VDUSE_DEV_GET_FEATURES,
			       pointer(rng, &features, sizeof(features))));
}

void call_ioctl(struct rng *rng, int fd, bool polite)
{
	if (use_ext && chance(rng, 20))
		return call_ext(rng, fd);
	switch (below(rng, 12)) {
	case 0: case 1:
		return call_get_fd(rng, fd);
	case 2:
		return call_get_info(rng, fd);
	case 3:
		return call_set_config(rng, fd);
	case 4:
		return call_vq_setup(rng, fd, polite);
	case 5:
		return call_vq_info(rng, fd);
	case 6: case 7:
		return call_kickfd(rng, fd);
	case 8:
		return call_irq(rng, fd);
	case 9:
		return call_features(rng, fd);
	case 10:
		note(K_CONFIG_IRQ, ioctl(fd, VDUSE_DEV_INJECT_CONFIG_IRQ, 0));
		return;
	default:
		if (!polite)
			call_raw(rng, fd);
	}
}

static void call_read(struct rng *rng, int fd)
{
	struct vduse_dev_request req;
	uint32_t split = below(rng, sizeof(req));
	struct iovec iov[3] = {
		{ &req, split },
		{ pointer(rng, (char *)&req + split, sizeof(req) - split),
		  sizeof(req) - split },
		{ NULL, 0 },
	};

	if (chance(rng, 50)) {
		note(K_READ, read(fd, pointer(rng, &req, sizeof(req)),
				  chance(rng, 80) ? sizeof(req) :
				  below(rng, sizeof(req))));
		return;
	}
	note(K_READ, readv(fd, iov, (int)(1 + below(rng, 3))));
}

static void call_answer(struct rng *rng, int fd)
{
	struct vduse_dev_response resp = { .request_id = below(rng, 50) };

	if (chance(rng, 30))
		resp.request_id = (uint32_t)number(rng);
	resp.result = chance(rng, 50) ? 0 : (uint32_t)number(rng);
	if (chance(rng, 20))
		resp.reserved[below(rng, 4)] = (uint32_t)number(rng);
	note(K_BAD_ANSWER, write(fd, pointer(rng, &resp, sizeof(resp)),
				 chance(rng, 90) ? sizeof(resp) :
				 below(rng, sizeof(resp))));
}

void call_message(struct rng *rng, int fd)
{
	struct pollfd poller = { .fd = fd, .events = (short)draw(rng) };

	switch (below(rng, 4)) {
	case 0:
		note(K_POLL, poll(&poller, 1, (int)below(rng, 5)));
		break;
	case 1: case 2:
		call_read(rng, fd);
		break;
	default:
		call_answer(rng, fd);
	}
}

void call_device(struct rng *rng, int fd, bool polite)
{
	uint32_t which = below(rng, 100);

	if (which < 70)
		call_ioctl(rng, fd, polite);
	else if (which < 85)
		call_map(rng, fd, polite);
	else if (which < 90)
		call_storm(rng, fd);
	else if (polite)
		call_irq(rng, fd);
	else if (which < 95)
		call_umem(rng, fd);
	else
		call_message(rng, fd);
}
