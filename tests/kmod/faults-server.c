// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: the server of the device, in a thread of its own, where
 * no faults are injected. It answers every message and serves queue 0 as a
 * disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "faults.h"
#include "probe.h"
#include "ring.h"

static char content[DISK_SIZE];

static struct {
	int fd;
	int kick;
	int stop;
	pthread_t thread;
	struct ring ring;
	struct region bounce;
	struct disk disk;
} server;

static void start_ring(void)
{
	struct vduse_vq_eventfd kick = { .fd = server.kick };
	int ret = ring_start(server.fd, 0, &server.ring);

	/* A virtual machine without queues has none. */
	if (ret == -EAGAIN)
		return;
	must(!ret, "server: the ring");
	must(!ioctl(server.fd, VDUSE_VQ_SETUP_KICKFD, &kick),
	     "server: SETUP_KICKFD");
}

static void stop_ring(void)
{
	ring_stop(&server.ring);
	region_unmap(&server.bounce);
}

static void serve_ring(void)
{
	int fd;

	if (!server.ring.num)
		return;
	if (!server.bounce.addr) {
		fd = region_map(server.fd, 0, &server.bounce);
		must(fd >= 0, "server: the bounce memory");
		close(fd);
		server.disk = (struct disk){
			.data = content,
			.size = sizeof(content),
			.bounce = server.bounce.addr,
			.bounce_size = server.bounce.size,
		};
	}
	ring_serve(server.fd, &server.ring, disk_request, &server.disk);
}

static void serve_message(void)
{
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;

	if (read(server.fd, &req, sizeof(req)) != sizeof(req))
		return;
	resp.request_id = req.request_id;
	if (req.type == VDUSE_SET_STATUS && !req.s.status)
		stop_ring();
	if (write(server.fd, &resp, sizeof(resp)) == sizeof(resp) &&
	    req.type == VDUSE_SET_STATUS &&
	    req.s.status & VIRTIO_CONFIG_S_DRIVER_OK && !server.ring.num)
		start_ring();
}

static void *serve(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = server.fd, .events = POLLIN },
		{ .fd = server.kick, .events = POLLIN },
		{ .fd = server.stop, .events = POLLIN },
	};
	eventfd_t kicks;

	(void)arg;
	while (poll(fds, 3, -1) >= 0 && !fds[2].revents) {
		if (fds[0].revents)
			serve_message();
		if (fds[1].revents && !eventfd_read(server.kick, &kicks))
			serve_ring();
	}
	return NULL;
}

void fault_serve(void)
{
	server.fd = fault_fd;
	server.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server.stop = eventfd(0, EFD_CLOEXEC);
	must(server.kick >= 0 && server.stop >= 0, "eventfd");
	must(!pthread_create(&server.thread, NULL, serve, NULL), "a thread");
}

void fault_serve_end(void)
{
	eventfd_write(server.stop, 1);
	pthread_join(server.thread, NULL);
	stop_ring();
	close(server.kick);
	close(server.stop);
}

int fault_disk_open(void)
{
	char path[512], node[64];

	if (bus_find(PROBE_NAME, "virtio*/block/*", path, sizeof(path)))
		return -1;
	snprintf(node, sizeof(node), "/dev/%.32s", strrchr(path, '/') + 1);
	return open(node, O_RDWR | O_DIRECT | O_CLOEXEC);
}
