// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices come and go: threads that create, destroy, open, close and call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"

#define BIT(n) (1ULL << (n))
#define DEVICE_BLK 2
#define DEVICE_NET 1

/* The nodes that the threads of a process share, to race on. */
static atomic_int nodes[FUZZ_CHAOS][2];

struct config {
	struct vduse_dev_config head;
	uint8_t space[8192];
};

static void plain_config(struct config *config, const char *name)
{
	memset(config, 0, sizeof(*config));
	snprintf(config->head.name, sizeof(config->head.name), "%s", name);
	config->head.device_id = DEVICE_BLK;
	config->head.vendor_id = 0x1af4;
	config->head.features = BIT(VIRTIO_F_ACCESS_PLATFORM) |
				BIT(VIRTIO_F_VERSION_1);
	config->head.vq_num = 2;
	config->head.vq_align = PAGE;
	config->head.config_size = sizeof(struct virtio_blk_config);
}

/* What a driver understands and no field of the configuration can spoil. */
static uint64_t some_features(struct rng *rng, uint32_t device_id)
{
	uint64_t blk = BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_FLUSH) |
		       BIT(VIRTIO_BLK_F_MQ);
	uint64_t net = BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) |
		       BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_GUEST_TSO4) |
		       BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_STATUS) |
		       BIT(VIRTIO_NET_F_MRG_RXBUF);
	uint64_t ring = BIT(VIRTIO_RING_F_INDIRECT_DESC) |
			BIT(VIRTIO_RING_F_EVENT_IDX);

	if (chance(rng, 15))
		ring |= BIT(VIRTIO_F_RING_PACKED);
	return draw(rng) & (ring | (device_id == DEVICE_NET ? net : blk));
}

static void spoil(struct rng *rng, struct vduse_dev_config *config)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "vq0", "vq65534", "control", "power",
		"uevent", "dev", "subsystem", "msg_timeout", "bounce_size",
	};

	switch (below(rng, 10)) {
	case 0:
		strcpy(config->name, names[below(rng, 13)]);
		break;
	case 1:
		config->device_id = (uint32_t)number(rng);
		break;
	case 2:
		config->features ^= BIT(below(rng, 64)) & ~0xffffffULL;
		break;
	case 3:
		config->vq_num = chance(rng, 90) ? below(rng, 300) :
				 (uint32_t)number(rng);
		break;
	case 4:
		config->vq_align = (uint32_t)number(rng);
		break;
	case 5:
		config->config_size = (uint32_t)number(rng);
		break;
	case 6:
		config->reserved[below(rng, 13)] = (uint32_t)number(rng);
		break;
	default:
		config->reserved[below(rng, 2)] = chance(rng, 90) ?
						  below(rng, 4) :
						  (uint32_t)number(rng);
	}
}

long make_chaos(struct rng *rng, const char *name, bool valid)
{
	bool version = chance(rng, 50);
	struct config config;
	int node = -1;
	long ret;

	plain_config(&config, name);
	/* Groups and address spaces. */
	if (version) {
		config.head.reserved[0] = 1 + below(rng, 3);
		config.head.reserved[1] = 1 + below(rng, 4);
	}
	if (chance(rng, 60)) {
		config.head.device_id = DEVICE_NET;
		config.head.config_size = sizeof(struct virtio_net_config);
	}
	config.head.features |= some_features(rng, config.head.device_id);
	/* The first 8 bytes are a disk's capacity. */
	for (unsigned int i = 8; i < 64; i++)
		config.space[i] = (uint8_t)(i < 40 ? 0 : draw(rng));
	config.space[34] = (uint8_t)(1 + below(rng, 3));
	if (!valid)
		spoil(rng, &config.head);
	if (use_ext && chance(rng, 60))
		node = ext_node(rng, version, config.head.features,
				config.head.config_size);
	if (node < 0)
		node = controls[version];
	ret = note(K_CREATE, ioctl(node, VDUSE_CREATE_DEV, valid ? &config :
				   pointer(rng, &config, sizeof(config))));
	if (node != controls[version])
		close(node);
	if (!ret) {
		char path[128];

		snprintf(path, sizeof(path), "/sys/class/vduse/%s/msg_timeout",
			 name);
		note(K_TIMEOUT_ATTR, write_text(path, chance(rng, 20) ? "1" :
						"4"));
	}
	return ret;
}

long make_disk(const char *name, bool version, bool extended)
{
	int node = use_ext && extended ? ext_disk_node(version) : -1;
	uint64_t capacity = DISK_SIZE / 512;
	struct config config;
	long ret;

	plain_config(&config, name);
	memcpy(config.space, &capacity, sizeof(capacity));
	config.head.reserved[0] = config.head.reserved[1] = version;
	ret = note(K_CREATE, ioctl(node < 0 ? controls[version] : node,
				   VDUSE_CREATE_DEV, &config));
	if (node >= 0)
		close(node);
	return ret;
}

long destroy(const char *name)
{
	char buf[VDUSE_NAME_MAX] = "";

	strncpy(buf, name, sizeof(buf) - 1);
	return note(K_DESTROY, ioctl(controls[0], VDUSE_DESTROY_DEV, buf));
}

int open_node(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/dev/vduse/%s", name);
	return (int)note(K_OPEN, open(path, O_RDWR | O_CLOEXEC | flags));
}

void setup_queues(int fd)
{
	for (uint32_t i = 0; i < 3; i++) {
		struct vduse_vq_config config = { .index = i, .max_size = 64 };

		note(K_VQ_SETUP, ioctl(fd, VDUSE_VQ_SETUP, &config));
	}
}

static void read_attr(const char *path, enum kind kind)
{
	char text[64];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	note(kind, read(fd, text, sizeof(text)));
	close(fd);
}

void call_attrs(struct rng *rng, const char *name)
{
	static const char *const timeouts[] = { "1", "4", "4\n", "-1", "x", "" };
	static const char *const sizes[] = {
		"1048576", "1048576", "67108864", "1048575", "5000000", "0",
		"1073741825",
	};
	static const char *const masks[] = { "1", "2", "3", "0", "ff", "zz" };
	static const char *const queue_attrs[] = {
		"irq_cb_affinity", "kicks", "interrupts",
	};
	char path[160];

	if (use_ext && chance(rng, 40))
		return call_ext_attrs(rng, name);
	switch (below(rng, 3)) {
	case 0:
		snprintf(path, sizeof(path), "/sys/class/vduse/%s/msg_timeout",
			 name);
		note(K_TIMEOUT_ATTR, write_text(path, timeouts[below(rng, 6)]));
		return read_attr(path, K_TIMEOUT_ATTR);
	case 1:
		snprintf(path, sizeof(path), "/sys/class/vduse/%s/bounce_size",
			 name);
		note(K_BOUNCE_ATTR, write_text(path, sizes[below(rng, 7)]));
		return read_attr(path, K_BOUNCE_ATTR);
	default:
		snprintf(path, sizeof(path), "/sys/class/vduse/%s/vq%u/%s",
			 name, below(rng, 3), queue_attrs[below(rng, 3)]);
		note(K_QUEUE_ATTR, write_text(path, masks[below(rng, 6)]));
		read_attr(path, K_QUEUE_ATTR);
	}
}

static void call_control(struct rng *rng)
{
	uint64_t version = chance(rng, 80) ? below(rng, 3) : number(rng);
	int fd = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	char data[512] = "";

	if (use_ext && chance(rng, 50)) {
		close(fd);
		return call_ext_control(rng);
	}
	if (fd < 0)
		return;
	if (chance(rng, 50)) {
		note(K_VERSION, ioctl(fd, VDUSE_GET_API_VERSION,
				      pointer(rng, &version, 8)));
		note(K_VERSION, ioctl(fd, VDUSE_SET_API_VERSION,
				      pointer(rng, &version, 8)));
	} else {
		note(K_RAW_IOCTL, ioctl(fd, _IOC(below(rng, 4), VDUSE_BASE,
						 below(rng, 8) |
						 (chance(rng, 50) ? 0xe0 : 0),
						 below(rng, 400)),
					pointer(rng, data, sizeof(data))));
	}
	close(fd);
}

/* Put a node in the table; the one that was there is closed in any use. */
static void swap_node(struct rng *rng, uint32_t device, bool open_new)
{
	int flags = chance(rng, 70) ? O_NONBLOCK : 0;
	int fd = open_new ? open_node(chaos_names[device], flags) : -1;

	fd = atomic_exchange(&nodes[device][below(rng, 2)], fd);
	if (fd >= 0)
		note(K_CLOSE, close(fd));
}

static void thread_step(struct rng *rng)
{
	/* The last device is theirs most of the time, the others a server's. */
	uint32_t device = chance(rng, 70) ? FUZZ_CHAOS - 1 :
			  below(rng, FUZZ_CHAOS);
	const char *name = chaos_names[device];
	uint32_t which = below(rng, 100);
	int fd = nodes[device][below(rng, 2)];

	if (which < 4)
		make_chaos(rng, name, chance(rng, 70));
	else if (which < 7)
		destroy(name);
	else if (which < 10)
		swap_node(rng, device, true);
	else if (which < 18)
		swap_node(rng, device, false);
	else if (which < 24)
		call_attrs(rng, name);
	else if (which < 27)
		call_control(rng);
	else if (fd < 0)
		nap(1);
	else if (which < 30)
		setup_queues(fd);
	else
		call_device(rng, fd, false);
}

/* One of the calls' allocations or copies fails; see proc(5) of faults. */
static void arm_fault(unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	write_text("/proc/thread-self/fail-nth", text);
}

static void *thread_run(void *arg)
{
	struct rng *rng = arg;

	coverage_start();
	while (running()) {
		struct rng own = fork_rng(rng);
		bool faulty = use_faults && chance(&own, 10);

		if (faulty)
			arm_fault(1 + below(&own, 30));
		thread_step(&own);
		if (faulty)
			arm_fault(0);
	}
	return NULL;
}

/* A signal now and then ends the reads that block. */
void role_threads(struct rng *rng, int unused)
{
	pthread_t threads[64];
	struct rng rngs[64];
	unsigned int i;

	(void)unused;
	for (i = 0; i < FUZZ_CHAOS * 2; i++)
		nodes[i / 2][i % 2] = -1;
	for (i = 0; i < n_threads; i++) {
		rngs[i] = fork_rng(rng);
		if (pthread_create(&threads[i], NULL, thread_run, &rngs[i]))
			_exit(4);
	}
	while (running()) {
		nap(100);
		for (i = 0; i < n_threads; i++)
			pthread_kill(threads[i], SIGUSR1);
	}
	for (i = 0; i < n_threads; i++)
		while (pthread_tryjoin_np(threads[i], NULL)) {
			pthread_kill(threads[i], SIGUSR1);
			nap(10);
		}
}
