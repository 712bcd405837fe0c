// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Disks: a server that may be killed at any moment but otherwise answers, one
 * that brings the disk up and takes it away, and users that read and write.
 * What is read must be what was written: each sector carries its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"
#include "ring.h"

#define SECTOR 512
#define IO_SIZE (32 * SECTOR)

struct disk_server {
	int fd, kick;
	struct ring ring;
	struct disk disk;
	struct region bounce;
	char *memory;		/* registered in its place, or NULL */
	atomic_bool quit;	/* for the thread that disturbs */
	struct rng rng;
};

static void map_bounce(struct disk_server *server)
{
	int fd;

	if (server->bounce.addr)
		return;
	fd = region_map(server->fd, 0, &server->bounce);
	note(K_MAP, fd);
	if (fd < 0)
		return;
	close(fd);
	server->disk.bounce = server->bounce.addr;
	server->disk.bounce_size = server->bounce.size;
}

static void drop_memory(struct disk_server *server)
{
	struct vduse_iova_umem umem = { .size = server->disk.bounce_size };

	if (!server->memory)
		return;
	note(K_DEREG_UMEM, ioctl(server->fd, VDUSE_IOTLB_DEREG_UMEM, &umem));
	munmap(server->memory, server->disk.bounce_size);
	server->memory = NULL;
	server->disk.bounce = server->bounce.addr;
}

/* Let bounce memory change sides; now and then without anyone to see it. */
static void change_memory(struct rng *rng, struct disk_server *server)
{
	struct vduse_iova_umem umem = { .size = server->bounce.size };
	bool gone = chance(rng, 40);
	char *memory;

	if (server->memory || !server->bounce.addr)
		return drop_memory(server);
	memory = mmap(NULL, umem.size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		      MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return;
	umem.uaddr = (uintptr_t)memory;
	if (note(K_REG_UMEM, ioctl(server->fd, VDUSE_IOTLB_REG_UMEM, &umem)) ||
	    gone) {
		munmap(memory, umem.size);
		nap(below(rng, 5));
		note(K_DEREG_UMEM, ioctl(server->fd, VDUSE_IOTLB_DEREG_UMEM,
					 &umem));
		return;
	}
	server->memory = memory;
	server->disk.bounce = memory;
}

static void serve_disk_message(struct disk_server *server)
{
	struct vduse_vq_eventfd kick = { .fd = server->kick };
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;

	if (note(K_READ, read(server->fd, &req, sizeof(req))) != sizeof(req))
		return;
	if (req.type == VDUSE_SET_STATUS && req.s.status == 0)
		ring_stop(&server->ring);
	resp.request_id = req.request_id;
	note(K_ANSWER, write(server->fd, &resp, sizeof(resp)));
	if (req.type == VDUSE_SET_STATUS && req.s.status & 4) {
		note(K_RING, ring_start(server->fd, 0, &server->ring));
		note(K_KICKFD, ioctl(server->fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	}
}

static void serve_disk(struct rng *rng, struct disk_server *server, int disk)
{
	struct pollfd fds[] = {
		{ .fd = server->fd, .events = POLLIN },
		{ .fd = server->kick, .events = POLLIN },
	};
	eventfd_t kicks;
	int n;

	while (shared->stage != STAGE_END && !shared->leave[disk]) {
		/* The disturber takes the kicks away: so look anyway. */
		poll(fds, 2, 10);
		if (fds[0].revents & POLLERR)
			break;
		if (fds[0].revents)
			serve_disk_message(server);
		if (fds[1].revents)
			eventfd_read(server->kick, &kicks);
		if (server->ring.num) {
			map_bounce(server);
			n = ring_serve(server->fd, &server->ring, disk_request,
				       &server->disk);
			if (n)
				note(K_IRQ, n < 0 ? -1 : 0);
			if (chance(rng, 10))
				change_memory(rng, server);
		}
	}
}

static void *disturb(void *arg)
{
	struct disk_server *server = arg;

	coverage_start();
	while (!server->quit) {
		if (running())
			call_device(&server->rng, server->fd, true);
		nap(below(&server->rng, 10));
	}
	return NULL;
}

void role_disk_server(struct rng *rng, int disk)
{
	while (shared->stage != STAGE_END) {
		struct disk_server server = {
			.fd = shared->leave[disk] ? -1 :
			      open_node(disk_names[disk], O_NONBLOCK),
			.disk = { shared->disk[disk], DISK_SIZE, NULL, 0 },
			.rng = fork_rng(rng),
		};
		pthread_t thread;

		if (server.fd < 0) {
			nap(10);
			continue;
		}
		server.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		setup_queues(server.fd);
		/* The one before may have been killed before its interrupt. */
		if (!ring_start(server.fd, 0, &server.ring))
			note(K_IRQ, ioctl(server.fd, VDUSE_VQ_INJECT_IRQ,
					  &server.ring.index));
		if (pthread_create(&thread, NULL, disturb, &server))
			_exit(4);
		serve_disk(rng, &server, disk);
		server.quit = true;
		pthread_join(thread, NULL);
		drop_memory(&server);
		ring_stop(&server.ring);
		region_unmap(&server.bounce);
		close(server.kick);
		note(K_CLOSE, close(server.fd));
	}
}

static bool wait_driver_ok(const char *name)
{
	for (int i = 0; i < 200; i++) {
		int status = bus_virtio_status(name);

		if (status > 0 && status & 4) {
			note(K_DRIVER_OK, 0);
			return true;
		}
		nap(10);
	}
	note(K_DRIVER_OK, -1);
	return false;
}

static void bus_call(enum kind kind, int ret)
{
	errno = -ret;
	note(kind, ret ? -1 : 0);
}

/* Netlink does not wait for all of it. */
static void wait_detached(const char *name)
{
	char path[256];

	for (int i = 0; i < 3000 && !bus_find(name, "", path, sizeof(path)); i++)
		nap(10);
}

static void take_down(const char *name, int disk)
{
	bus_call(K_DETACH, bus_detach(name));
	wait_detached(name);
	shared->leave[disk] = true;
	for (int i = 0; i < 200 && destroy(name) && errno == EBUSY; i++)
		nap(10);
	shared->leave[disk] = false;
}

/* Never killed: a driver whose first status is lost could not be ended. */
void role_disk_manager(struct rng *rng, int disk)
{
	const char *name = disk_names[disk];
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/vduse/%s/bounce_size", name);
	while (running()) {
		struct rng own = fork_rng(rng);

		make_disk(name, disk % 2, chance(&own, 50));
		bus_call(K_BOUNCE_ATTR, write_text(path, "1048576"));
		nap(30);
		bus_call(K_ATTACH, bus_attach(name));
		for (unsigned int n = below(&own, 6); running(); n--) {
			bus_call(K_BIND, bus_driver("virtio_vdpa", "bind", name));
			if (wait_driver_ok(name))
				nap(500 + below(&own, 4000));
			if (!n)
				break;
			bus_call(K_UNBIND, bus_driver("virtio_vdpa", "unbind",
						      name));
		}
		take_down(name, disk);
	}
	take_down(name, disk);
	shared->away[disk] = true;
}

static void stamp(char *buf, uint64_t sector)
{
	for (int i = 0; i < IO_SIZE / SECTOR; i++, sector++)
		memcpy(buf + i * SECTOR, &sector, sizeof(sector));
}

static bool stamped(const char *buf, uint64_t sector, long size)
{
	for (int i = 0; i < size / SECTOR; i++, sector++)
		if (memcmp(buf + i * SECTOR, &sector, sizeof(sector)))
			return false;
	return true;
}

static void use_disk(struct rng *rng, int fd)
{
	static char buf[IO_SIZE] __attribute__((aligned(4096)));
	unsigned int n = below(rng, 200);
	uint64_t sector;
	long size;

	while (n-- && running()) {
		sector = below(rng, (DISK_SIZE - IO_SIZE) / SECTOR + 1);
		if (chance(rng, 50)) {
			stamp(buf, sector);
			size = pwrite(fd, buf, SECTOR * (1 + below(rng, 32)),
				      (off_t)(sector * SECTOR));
		} else {
			size = pread(fd, buf, SECTOR * (1 + below(rng, 32)),
				     (off_t)(sector * SECTOR));
			if (size > 0 && !stamped(buf, sector, size))
				shared->corrupt = true;
		}
		if (note(K_DISK_IO, size) < 0)
			break;
	}
}

void role_disk_io(struct rng *rng, int disk)
{
	char path[256], node[64];
	int fd;

	while (running()) {
		struct rng own = fork_rng(rng);

		nap(20);
		if (bus_find(disk_names[disk], "virtio*/block/*", path,
			     sizeof(path)))
			continue;
		snprintf(node, sizeof(node), "/dev/%.50s",
			 strrchr(path, '/') + 1);
		fd = open(node, O_RDWR | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			continue;
		use_disk(&own, fd);
		close(fd);
	}
}
