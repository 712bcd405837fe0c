// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver's side of the first sort of devices, as a VMM would be it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"

#define MEMORY_SIZE (256 * PAGE)
#define DRIVER_OK 0xf
#define BACKEND_ASID (1ULL << 3)
#define VDPA_RESUME _IO(VHOST_VIRTIO, 0x7e)	/* Linux 6.3 */

struct vmm {
	int fd;
	char *memory;		/* of a memfd */
	unsigned int n_queues;
};

static bool open_vhost(struct vmm *vmm, int chaos)
{
	char path[256], node[64];

	if (bus_find(chaos_names[chaos], "vhost-vdpa-*", path, sizeof(path)))
		return false;
	snprintf(node, sizeof(node), "/dev/%.50s", strrchr(path, '/') + 1);
	lock_device(chaos);
	vmm->fd = (int)note(K_VHOST_OPEN, open(node, O_RDWR | O_NONBLOCK |
					       O_CLOEXEC));
	unlock_device(chaos);
	return vmm->fd >= 0;
}

static bool get_memory(struct rng *rng, struct vmm *vmm)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		return false;
	vmm->memory = MAP_FAILED;
	if (!ftruncate(fd, MEMORY_SIZE))
		vmm->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED, fd, 0);
	/* Now and then there is less behind it than it seems. */
	if (chance(rng, 5) && ftruncate(fd, MEMORY_SIZE / 2))
		vmm->memory = MAP_FAILED;
	close(fd);
	return vmm->memory != MAP_FAILED;
}

static long call(struct vmm *vmm, unsigned long cmd, void *arg)
{
	return note(K_VHOST_IOCTL, ioctl(vmm->fd, cmd, arg));
}

static void send_iotlb(struct rng *rng, struct vmm *vmm, uint8_t type,
		       uint64_t iova, uint64_t size)
{
	struct vhost_msg_v2 msg = {
		.type = chance(rng, 95) ? VHOST_IOTLB_MSG_V2 : below(rng, 4),
		.asid = chance(rng, 75) ? 0 : below(rng, 5),
		.iotlb = {
			.iova = iova,
			.size = size,
			.uaddr = chance(rng, 95) ? (uintptr_t)vmm->memory :
				 number(rng),
			.perm = (uint8_t)(chance(rng, 80) ? VHOST_ACCESS_RW :
					  below(rng, 4)),
			.type = type,
		},
	};

	note(K_VHOST_IOTLB, write(vmm->fd, &msg, sizeof(msg)));
}

static void call_iotlb(struct rng *rng, struct vmm *vmm)
{
	uint64_t iova = chance(rng, 80) ? PAGE * (uint64_t)below(rng, 512) :
			number(rng);
	uint64_t size = chance(rng, 80) ? PAGE * (1 + below(rng, 256)) :
			number(rng);
	bool batch = chance(rng, 30);

	if (batch)
		send_iotlb(rng, vmm, VHOST_IOTLB_BATCH_BEGIN, 0, 0);
	for (unsigned int n = 1 + below(rng, 4); n; n--) {
		send_iotlb(rng, vmm, chance(rng, 60) ? VHOST_IOTLB_UPDATE :
			   VHOST_IOTLB_INVALIDATE, iova, size);
		iova += size + PAGE * below(rng, 2);
	}
	if (batch && chance(rng, 80))
		send_iotlb(rng, vmm, VHOST_IOTLB_BATCH_END, 0, 0);
	if (chance(rng, 5))
		send_iotlb(rng, vmm, (uint8_t)below(rng, 9), iova, size);
}

static void set_ring(struct rng *rng, struct vmm *vmm, uint32_t index)
{
	struct vhost_vring_state num = { index, 8U << below(rng, 4) };
	struct vhost_vring_state base = { index, below(rng, 8) };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = index * 16 * PAGE,
		.avail_user_addr = index * 16 * PAGE + 4 * PAGE,
		.used_user_addr = index * 16 * PAGE + 8 * PAGE,
	};

	if (chance(rng, 10))
		num.num = (uint32_t)number(rng);
	if (chance(rng, 10))
		addr.desc_user_addr = number(rng);
	call(vmm, VHOST_SET_VRING_NUM, &num);
	call(vmm, VHOST_SET_VRING_BASE, &base);
	call(vmm, VHOST_SET_VRING_ADDR, &addr);
}

/* The eventfds are those that servers listen to as well. */
static void set_fds(struct rng *rng, struct vmm *vmm, uint32_t index)
{
	struct vhost_vring_file kick = {
		index, eventfds[below(rng, FUZZ_EVENTFDS)],
	};
	struct vhost_vring_file irq = {
		index, eventfds[below(rng, FUZZ_EVENTFDS)],
	};

	if (chance(rng, 15))
		kick.fd = chance(rng, 50) ? -1 : (int)number(rng);
	if (chance(rng, 15))
		irq.fd = chance(rng, 50) ? -1 : (int)number(rng);
	call(vmm, VHOST_SET_VRING_KICK, &kick);
	call(vmm, VHOST_SET_VRING_CALL, &irq);
	if (chance(rng, 20))
		call(vmm, VHOST_SET_VRING_ERR, &irq);
	if (chance(rng, 20))
		call(vmm, VHOST_VDPA_SET_CONFIG_CALL, &irq.fd);
}

static void enable(struct rng *rng, struct vmm *vmm, uint32_t index)
{
	struct vhost_vring_state state = { index, chance(rng, 85) };

	call(vmm, VHOST_VDPA_SET_VRING_ENABLE, &state);
}

static void set_status(struct vmm *vmm, uint8_t status)
{
	call(vmm, VHOST_VDPA_SET_STATUS, &status);
}

/* What QEMU does, in its order. */
static void start(struct rng *rng, struct vmm *vmm)
{
	uint64_t backend = 0, features = 0;
	uint8_t status = 0;

	call(vmm, VHOST_SET_OWNER, NULL);
	call(vmm, VHOST_GET_BACKEND_FEATURES, &backend);
	if (chance(rng, 40))
		backend &= ~BACKEND_ASID;
	call(vmm, VHOST_SET_BACKEND_FEATURES, &backend);
	set_status(vmm, 0);
	set_status(vmm, 1);
	set_status(vmm, 3);
	call(vmm, VHOST_GET_FEATURES, &features);
	call(vmm, VHOST_SET_FEATURES, &features);
	set_status(vmm, 0xb);
	call_iotlb(rng, vmm);
	send_iotlb(rng, vmm, VHOST_IOTLB_UPDATE, 0, MEMORY_SIZE);
	for (uint32_t i = 0; i < vmm->n_queues; i++) {
		struct vhost_vring_state group = { i, below(rng, 4) };

		if (chance(rng, 40))
			call(vmm, VHOST_VDPA_SET_GROUP_ASID, &group);
		set_ring(rng, vmm, i);
		set_fds(rng, vmm, i);
		enable(rng, vmm, i);
	}
	set_status(vmm, DRIVER_OK);
	if (!call(vmm, VHOST_VDPA_GET_STATUS, &status))
		note(K_VHOST_RUNNING, status & 4 ? 0 : -1);
}

static void call_config(struct rng *rng, struct vmm *vmm)
{
	struct { struct vhost_vdpa_config head; char data[4096]; } config = {
		.head.off = chance(rng, 80) ? below(rng, 64) :
			    (uint32_t)number(rng),
		.head.len = chance(rng, 80) ? below(rng, 64) :
			    (uint32_t)number(rng),
	};

	if (chance(rng, 50)) {
		call(vmm, VHOST_VDPA_GET_CONFIG,
		     pointer(rng, &config, sizeof(config.head)));
		return;
	}
	note(K_CONFIG_WRITE, ioctl(vmm->fd, VHOST_VDPA_SET_CONFIG,
				   chance(rng, 90) ? &config :
				   pointer(rng, &config, sizeof(config.head))));
}

/* Stopped, perhaps asked where it stands, and mostly started again. */
static void call_suspend(struct rng *rng, struct vmm *vmm)
{
	struct vhost_vring_state base = { below(rng, 2), 0 };

	note(K_SUSPEND, ioctl(vmm->fd, VHOST_VDPA_SUSPEND));
	if (chance(rng, 50))
		call(vmm, VHOST_GET_VRING_BASE, &base);
	if (chance(rng, 80))
		note(K_RESUME, ioctl(vmm->fd, VDPA_RESUME));
}

static void call_other(struct rng *rng, struct vmm *vmm)
{
	static const unsigned long commands[] = {
		VHOST_VDPA_GET_DEVICE_ID, VHOST_VDPA_GET_STATUS,
		VHOST_VDPA_GET_VRING_NUM, VHOST_VDPA_GET_IOVA_RANGE,
		VHOST_VDPA_GET_CONFIG_SIZE, VHOST_VDPA_GET_VQS_COUNT,
		VHOST_VDPA_GET_GROUP_NUM, VHOST_VDPA_GET_AS_NUM,
		VHOST_VDPA_GET_VRING_GROUP, VHOST_VDPA_SET_GROUP_ASID,
		VHOST_VDPA_SUSPEND, VHOST_GET_BACKEND_FEATURES,
		VHOST_GET_FEATURES, VHOST_SET_FEATURES, VHOST_RESET_OWNER,
		VHOST_GET_VRING_BASE, VHOST_SET_VRING_NUM,
		VHOST_VDPA_SET_VRING_ENABLE,
	};
	uint64_t arg[8] = { number(rng), number(rng) };

	if (chance(rng, 60))
		arg[0] = below(rng, 3) | (uint64_t)below(rng, 3) << 32;
	call(vmm, chance(rng, 90) ? commands[below(rng, 18)] :
	     _IOC(below(rng, 4), VHOST_VIRTIO, below(rng, 256), 8),
	     pointer(rng, arg, 16));
}

static void kick(struct rng *rng)
{
	unsigned int n = below(rng, 50);
	eventfd_t value;

	while (n--)
		note(K_VHOST_KICK, eventfd_write(eventfds[below(rng,
						 FUZZ_EVENTFDS)], 1));
	eventfd_read(eventfds[below(rng, FUZZ_EVENTFDS)], &value);
}

static void vmm_step(struct rng *rng, struct vmm *vmm)
{
	struct vhost_vring_state base = { below(rng, 2), 0 };
	void *page;

	if (use_ext && chance(rng, 10))
		return call_suspend(rng, vmm);
	switch (below(rng, 10)) {
	case 0: case 1:
		return kick(rng);
	case 2: case 3:
		return call_iotlb(rng, vmm);
	case 4:
		return set_fds(rng, vmm, below(rng, 3));
	case 5:
		return call_config(rng, vmm);
	case 6:
		call(vmm, VHOST_GET_VRING_BASE, &base);
		return enable(rng, vmm, below(rng, 3));
	case 7:
		set_status(vmm, (uint8_t)(chance(rng, 70) ? DRIVER_OK :
					  draw(rng)));
		return;
	case 8:
		page = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, vmm->fd,
			    PAGE * (off_t)below(rng, 3));
		if (page != MAP_FAILED)
			munmap(page, PAGE);
		return;
	default:
		call_other(rng, vmm);
	}
}

void role_vhost(struct rng *rng, int unused)
{
	struct vmm vmm = { .n_queues = 2 };

	(void)unused;
	while (running()) {
		struct rng own = fork_rng(rng);

		if (!open_vhost(&vmm, (int)below(&own, FUZZ_CHAOS))) {
			nap(5);
			continue;
		}
		if (get_memory(&own, &vmm)) {
			if (chance(&own, 80))
				start(&own, &vmm);
			for (unsigned int n = below(&own, 60); n && running();
			     n--)
				vmm_step(&own, &vmm);
			/* Either may go first. */
			if (chance(&own, 50))
				munmap(vmm.memory, MEMORY_SIZE);
			else
				vmm.n_queues = 2 + below(&own, 2);
		}
		note(K_CLOSE, close(vmm.fd));
		munmap(vmm.memory, MEMORY_SIZE);
	}
}
