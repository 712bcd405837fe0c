// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What our module has beyond the stock one: negotiation, configuration,
 * inspection, aborts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"
#include "kmod/uapi/linux/vduse_ext.h"

#define CAPACITY 8	/* bytes of it, at the beginning */
#define N_RECORDS 4

bool use_ext;

void ext_init(void)
{
	uint64_t extensions;

	use_ext = !ioctl(controls[0], VDUSE_EXT_GET, &extensions);
}

/* No driver writes the capacity of a disk: nobody would serve it. */
static void fill_access(struct rng *rng, uint8_t *access, size_t size)
{
	static const uint8_t kinds[] = {
		0, VDUSE_EXT_WRITABLE, VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED,
		VDUSE_EXT_CLEAR, VDUSE_EXT_WRITABLE | VDUSE_EXT_CLEAR,
		VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED | VDUSE_EXT_CLEAR,
	};
	uint8_t kind = 0;

	for (size_t at = CAPACITY; at < size; at++) {
		if (chance(rng, 25))
			kind = kinds[below(rng, sizeof(kinds))];
		access[at] = kind;
	}
	if (chance(rng, 50))
		memset(access, VDUSE_EXT_CLEAR, CAPACITY);
	if (chance(rng, 3))
		access[CAPACITY + below(rng, 16)] = VDUSE_EXT_ACKED |
						    (uint8_t)draw(rng) << 3;
}

/* Seconds; now and then for ever, which something else must end. */
static uint32_t patience(struct rng *rng)
{
	return chance(rng, 95) ? 1 + below(rng, 4) : 0;
}

static void spoil(struct rng *rng, struct vduse_ext_setup *setup)
{
	switch (below(rng, 6)) {
	case 0:
		setup->extensions = number(rng);
		break;
	case 1:
		setup->required = number(rng);
		break;
	case 2:
		setup->access_size = (uint32_t)number(rng);
		break;
	case 3:
		setup->access = number(rng);
		break;
	case 4:
		setup->flags = (uint32_t)number(rng);
		break;
	default:
		setup->reserved[below(rng, 6)] = (uint32_t)number(rng);
	}
}

static long setup_next(struct rng *rng, int node, uint64_t instance,
		       uint64_t features, uint32_t config_size)
{
	uint8_t access[4096] = { 0 };
	struct vduse_ext_setup setup = { .extensions = draw(rng) & 0x3f };

	/* What belongs together, most of the time. */
	if (!(instance & VDUSE_EXT_INST_SUSPEND) && chance(rng, 95))
		setup.extensions &= ~(uint64_t)VDUSE_EXT_RESUME;
	if (setup.extensions & VDUSE_EXT_CONFIG &&
	    config_size <= sizeof(access)) {
		fill_access(rng, access, config_size);
		setup.access = (uintptr_t)access;
		setup.access_size = config_size;
	}
	if (setup.extensions & VDUSE_EXT_FEATURES && chance(rng, 50))
		setup.required = features & draw(rng);
	if (setup.extensions & VDUSE_EXT_RECOVER) {
		setup.flags = VDUSE_EXT_TIMEOUTS;
		setup.virtio_timeout = patience(rng);
		setup.vhost_timeout = patience(rng);
	}
	if (chance(rng, 5))
		spoil(rng, &setup);
	return note(K_SETUP, ioctl(node, VDUSE_EXT_SETUP,
				   pointer(rng, &setup, sizeof(setup))));
}

int ext_node(struct rng *rng, bool version, uint64_t features,
	     uint32_t config_size)
{
	uint64_t api = version, instance = draw(rng) & 3;
	int node = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);

	if (node < 0)
		return -1;
	note(K_VERSION, ioctl(node, VDUSE_SET_API_VERSION, &api));
	if (chance(rng, 5))
		instance = number(rng);
	note(K_INSTANCE, ioctl(node, VDUSE_EXT_SET_INSTANCE,
			       pointer(rng, &instance, 8)));
	setup_next(rng, node, instance, features, config_size);
	return node;
}

/* A disk comes back from whatever its server does. */
int ext_disk_node(bool version)
{
	struct vduse_ext_setup setup = {
		.extensions = VDUSE_EXT_RECOVER | VDUSE_EXT_CONFIG,
		.flags = VDUSE_EXT_TIMEOUTS,
		.virtio_timeout = 4,
	};
	int node = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	uint64_t api = version;

	if (node < 0)
		return -1;
	note(K_VERSION, ioctl(node, VDUSE_SET_API_VERSION, &api));
	note(K_SETUP, ioctl(node, VDUSE_EXT_SETUP, &setup));
	return node;
}

/* --- the control node ------------------------------------------------------ */

static void call_info(struct rng *rng)
{
	struct vduse_ext_queue queues[N_RECORDS];
	struct vduse_ext_message messages[N_RECORDS];
	struct vduse_ext_info info = {
		.cursor = chance(rng, 50) ? 0 : number(rng),
		.queues = (uintptr_t)pointer(rng, queues, sizeof(queues)),
		.messages = (uintptr_t)pointer(rng, messages, sizeof(messages)),
		.first_queue = chance(rng, 80) ? below(rng, 3) :
			       (uint32_t)number(rng),
		.n_queues = below(rng, N_RECORDS + 1),
		.n_messages = below(rng, N_RECORDS + 1),
	};

	if (chance(rng, 70))
		strcpy(info.name, chaos_names[below(rng, FUZZ_CHAOS)]);
	else if (chance(rng, 30))
		strcpy(info.name, disk_names[below(rng, FUZZ_DISKS)]);
	if (chance(rng, 3))
		info.reserved[below(rng, 9)] = (uint32_t)number(rng);
	note(K_INFO, ioctl(controls[below(rng, 2)], VDUSE_EXT_GET_INFO,
			   pointer(rng, &info, sizeof(info))));
}

static void call_abort(struct rng *rng)
{
	char name[VDUSE_EXT_NAME_MAX] = "";

	strcpy(name, chaos_names[below(rng, FUZZ_CHAOS)]);
	if (chance(rng, 5))
		memset(name, (int)draw(rng), sizeof(name));
	note(K_ABORT, ioctl(controls[below(rng, 2)], VDUSE_EXT_ABORT,
			    pointer(rng, name, sizeof(name))));
}

void call_ext_control(struct rng *rng)
{
	uint32_t which = below(rng, 100);
	uint64_t word;
	int node;

	if (which < 70)
		return call_info(rng);
	if (which < 80)
		return call_abort(rng);
	node = ext_node(rng, chance(rng, 50), draw(rng), below(rng, 8192));
	if (node < 0)
		return;
	note(K_INSTANCE, ioctl(node, VDUSE_EXT_GET_INSTANCE,
			       pointer(rng, &word, 8)));
	note(K_SETUP, ioctl(node, VDUSE_EXT_GET, pointer(rng, &word, 8)));
	close(node);
}

/* --- a device -------------------------------------------------------------- */

/* The bytes come from memory of our own: see call_set_config(). */
static void call_config(struct rng *rng, int fd, bool set)
{
	char bytes[4096];
	struct vduse_ext_config config = {
		.offset = chance(rng, 80) ? CAPACITY + below(rng, 64) :
			  CAPACITY + ((uint32_t)number(rng) >> 1),
		.length = chance(rng, 80) ? 1 + below(rng, 40) :
			  (uint32_t)number(rng),
		.buffer = (uintptr_t)bytes,
		.flags = set && chance(rng, 50),
	};

	if (chance(rng, 5))
		config.flags = (uint32_t)number(rng);
	if (chance(rng, 5))
		config.buffer = number(rng);
	for (unsigned int i = 0; set && i < 64; i++)
		bytes[i] = (char)(chance(rng, 30) ? 0 : draw(rng));
	if (set)
		memset(bytes + 64, 0, sizeof(bytes) - 64);
	note(set ? K_EXT_SET_CONFIG : K_EXT_GET_CONFIG,
	     ioctl(fd, set ? VDUSE_EXT_SET_CONFIG : VDUSE_EXT_GET_CONFIG,
		   chance(rng, 5) ? NULL : &config));
}

/* For the driver. */
static char filling[1 << 16];

void call_ext(struct rng *rng, int fd)
{
	struct vduse_ext_inject many = { .queues = draw(rng) };
	struct vduse_vq_eventfd irqfd = {
		.index = (uint32_t)below(rng, 4),
		.fd = (int)below(rng, 40) - 2,
	};
	struct vduse_ext_piece piece = {
		.iova = (below(rng, 2) ? below(rng, 1 << 14) : draw(rng)) * 4096,
		.from = (uintptr_t)pointer(rng, filling, 1),
		.len = below(rng, 4) ? below(rng, sizeof(filling)) : draw(rng),
	};
	struct vduse_ext_fill fill = {
		.pieces = (uintptr_t)pointer(rng, &piece, 1),
		.n = (uint32_t)below(rng, 3),
	};
	uint8_t status;

	switch (below(rng, 11)) {
	case 10:
		note(K_EXT_FILL, ioctl(fd, VDUSE_EXT_FILL_BUFFERS,
				       pointer(rng, &fill, 1)));
		break;
	case 8:
		note(K_EXT_INJECT, ioctl(fd, VDUSE_EXT_INJECT_MANY,
					 pointer(rng, &many, 1)));
		break;
	case 9:
		note(K_EXT_IRQFD, ioctl(fd, VDUSE_EXT_SETUP_IRQFD,
					 pointer(rng, &irqfd, 1)));
		break;
	case 0:
		note(K_NEEDS_RESET, ioctl(fd, VDUSE_EXT_NEEDS_RESET));
		break;
	case 1:
		note(K_EXT_STATUS, ioctl(fd, VDUSE_EXT_GET_STATUS,
					 pointer(rng, &status, 1)));
		break;
	case 2: case 3:
		call_config(rng, fd, false);
		break;
	default:
		call_config(rng, fd, true);
	}
}

void call_ext_attrs(struct rng *rng, const char *name)
{
	static const char *const attrs[] = {
		"messages", "status", "server_pid", "pending", "last_error",
		"generation", "driver_features", "config_writes", "extensions",
		"virtio_timeout", "vhost_timeout",
	};
	static const char *const timeouts[] = { "1", "2", "4\n", "-1", "x", "" };
	char path[160], text[4096];
	int fd;

	if (chance(rng, 15)) {
		snprintf(path, sizeof(path), "/sys/class/vduse/%s/ext/abort",
			 name);
		note(K_ABORT, write_text(path, chance(rng, 90) ? "1" : "x"));
		return;
	}
	snprintf(path, sizeof(path), "/sys/class/vduse/%s/ext/%s", name,
		 attrs[below(rng, 11)]);
	if (strstr(path, "timeout"))
		note(K_EXT_ATTR, write_text(path, timeouts[below(rng, 6)]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	note(K_EXT_ATTR, read(fd, text, sizeof(text)));
	close(fd);
}
