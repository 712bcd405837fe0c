// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a device, many times over: create, serve, attach, bind, use,
 * unbind, detach, close, destroy. What the kernel holds after it must be what
 * it held after the first hundred.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/vduse.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "cycle.h"
#include "ring.h"

#define NAME "cycle0"
#define WARM_UP 100
#define DISK_SIZE (64 << 10)

static struct server {
	int fd, kick;
	struct ring ring;
	struct region bounce;
	struct disk disk;
	atomic_bool quit;
} server;
static char data[DISK_SIZE];
static char *guest_memory;
static int control;

static void die(const char *what, int error)
{
	printf("FAILED: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static void check(const char *what, int ret)
{
	if (ret < 0)
		die(what, ret == -1 ? errno : -ret);
}

static void serve_message(void)
{
	struct vduse_vq_eventfd kick = { .fd = server.kick };
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;

	if (read(server.fd, &req, sizeof(req)) != sizeof(req))
		return;
	resp.request_id = req.request_id;
	if (req.type == VDUSE_SET_STATUS && !req.s.status)
		ring_stop(&server.ring);
	if (write(server.fd, &resp, sizeof(resp)) != sizeof(resp))
		die("answer", errno);
	if (req.type == VDUSE_SET_STATUS && req.s.status & 4) {
		ring_start(server.fd, 0, &server.ring);
		ioctl(server.fd, VDUSE_VQ_SETUP_KICKFD, &kick);
	}
}

static void serve_ring(void)
{
	int fd;

	if (!server.bounce.addr) {
		fd = region_map(server.fd, 0, &server.bounce);
		check("map the buffers", fd);
		close(fd);
		server.disk.bounce = server.bounce.addr;
		server.disk.bounce_size = server.bounce.size;
	}
	ring_serve(server.fd, &server.ring, disk_request, &server.disk);
}

static void *serve(void *unused)
{
	struct pollfd fds[] = {
		{ .fd = server.fd, .events = POLLIN },
		{ .fd = server.kick, .events = POLLIN },
	};
	eventfd_t kicks;

	(void)unused;
	while (!server.quit) {
		poll(fds, 2, -1);
		if (fds[0].revents)
			serve_message();
		if (fds[1].revents && !eventfd_read(server.kick, &kicks) &&
		    server.ring.num)
			serve_ring();
	}
	return NULL;
}

static void create(void)
{
	struct { struct vduse_dev_config head; char space[60]; } config;
	struct vduse_vq_config queue = { .max_size = 64 };
	uint64_t capacity = DISK_SIZE / 512;

	memset(&config, 0, sizeof(config));
	strcpy(config.head.name, NAME);
	config.head.device_id = 2;
	config.head.features = 1ULL << VIRTIO_F_ACCESS_PLATFORM |
			       1ULL << VIRTIO_F_VERSION_1;
	config.head.vq_num = 1;
	config.head.vq_align = 4096;
	config.head.config_size = sizeof(config.space);
	memcpy(config.space, &capacity, sizeof(capacity));
	check("create", ioctl(control, VDUSE_CREATE_DEV, &config));

	memset(&server, 0, sizeof(server));
	server.disk.data = data;
	server.disk.size = DISK_SIZE;
	server.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server.fd = open("/dev/vduse/" NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	check("open", server.fd);
	check("VQ_SETUP", ioctl(server.fd, VDUSE_VQ_SETUP, &queue));
}

static void destroy(pthread_t thread)
{
	char name[VDUSE_NAME_MAX] = NAME;

	server.quit = true;
	eventfd_write(server.kick, 1);
	pthread_join(thread, NULL);
	ring_stop(&server.ring);
	region_unmap(&server.bounce);
	close(server.kick);
	close(server.fd);
	check("destroy", ioctl(control, VDUSE_DESTROY_DEV, name));
}

/* The disk is there when the bind returns: read it through. */
static void use_virtio(void)
{
	static char buf[4096] __attribute__((aligned(4096)));
	char path[256], node[64];
	int fd;

	check("bind virtio_vdpa", bus_driver("virtio_vdpa", "bind", NAME));
	if (bus_virtio_status(NAME) != 0xf)
		die("DRIVER_OK", EIO);
	check("disk", bus_find(NAME, "virtio*/block/*", path, sizeof(path)));
	snprintf(node, sizeof(node), "/dev/%.50s", strrchr(path, '/') + 1);
	fd = open(node, O_RDONLY | O_DIRECT | O_CLOEXEC);
	check("open the disk", fd);
	if (pread(fd, buf, sizeof(buf), 0) != sizeof(buf) ||
	    memcmp(buf, data, sizeof(buf)))
		die("read", errno);
	close(fd);
	check("unbind", bus_driver("virtio_vdpa", "unbind", NAME));
}

/* Close it with a status and with memory: both must go with it. */
static void use_vhost(void)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .size = DISK_SIZE, .perm = VHOST_ACCESS_RW,
			   .type = VHOST_IOTLB_UPDATE,
			   .uaddr = (uintptr_t)guest_memory },
	};
	uint64_t backend = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;
	char path[256], node[64];
	uint8_t status = 1;
	int fd;

	check("bind vhost_vdpa", bus_driver("vhost_vdpa", "bind", NAME));
	check("node", bus_find(NAME, "vhost-vdpa-*", path, sizeof(path)));
	snprintf(node, sizeof(node), "/dev/%.50s", strrchr(path, '/') + 1);
	fd = open(node, O_RDWR | O_CLOEXEC);
	check("open the vhost node", fd);
	check("SET_OWNER", ioctl(fd, VHOST_SET_OWNER));
	check("SET_BACKEND_FEATURES",
	      ioctl(fd, VHOST_SET_BACKEND_FEATURES, &backend));
	check("SET_STATUS", ioctl(fd, VHOST_VDPA_SET_STATUS, &status));
	check("IOTLB", (int)write(fd, &msg, sizeof(msg)));
	close(fd);
	check("unbind", bus_driver("vhost_vdpa", "unbind", NAME));
}

static void cycle(bool with_virtio, bool with_vhost)
{
	pthread_t thread;

	create();
	check("thread", -pthread_create(&thread, NULL, serve, NULL));
	check("attach", bus_attach(NAME));
	if (with_virtio)
		use_virtio();
	if (with_vhost)
		use_vhost();
	check("detach", bus_detach(NAME));
	destroy(thread);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void set_up(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	check("memfd", fd);
	check("ftruncate", ftruncate(fd, DISK_SIZE));
	guest_memory = mmap(NULL, DISK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	if (guest_memory == MAP_FAILED)
		die("mmap", errno);
	close(fd);
	for (size_t i = 0; i < DISK_SIZE; i++)
		data[i] = (char)(i / 509);
	control = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	check("/dev/vduse/control", control);
	check("netlink", bus_init());
	check("autoprobe", write_text("/sys/bus/vdpa/drivers_autoprobe", "0"));
}

static int run(unsigned long count, bool with_virtio, bool with_vhost)
{
	static struct look before, warm, after;
	double start;
	int ret;

	set_up();
	look(&before);
	look_print("before", &before);
	for (unsigned long i = 0; i < WARM_UP; i++)
		cycle(with_virtio, with_vhost);
	look(&warm);
	look_print("after the first 100", &warm);
	start = now();
	for (unsigned long i = WARM_UP; i < count; i++)
		cycle(with_virtio, with_vhost);
	printf("%.1f ms a cycle\n",
	       (now() - start) * 1000 / (double)(count - WARM_UP));
	look(&after);
	look_print("at the end", &after);
	ret = look_compare(&warm, &after, count - WARM_UP);
	write_text("/sys/bus/vdpa/drivers_autoprobe", "1");
	printf("%lu cycles: %s\n", count, ret ? "FAILED" : "ok");
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "bind", required_argument, NULL, 'b' },
		{ 0 },
	};
	bool with_virtio = true, with_vhost = true;
	unsigned long count = 10000;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (opt) {
		case 'c':
			count = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			with_virtio = strcmp(optarg, "vhost");
			with_vhost = strcmp(optarg, "virtio");
			break;
		default:
			count = 0;
		}
	if (count <= WARM_UP || optind < argc) {
		fprintf(stderr, "usage: kmod-cycle [--count N] [--bind virtio|vhost|both]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	return run(count, with_virtio, with_vhost);
}
