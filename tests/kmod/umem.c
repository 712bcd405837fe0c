// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A disk whose bounce memory changes sides while it is in use: kernel pages,
 * memory of the server (VDUSE_IOTLB_REG_UMEM), kernel pages again. What is
 * read and written must arrive in every state. Prints ok or what went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe.h"

#define DISK_SIZE (1 << 20)
#define RING_SIZE 64

static struct {
	int fd;
	int kick;
	_Atomic(char *) bounce;
	char *kernel_bounce;
	size_t bounce_size;
	struct vring ring;
	uint16_t next;
	pthread_t thread;
	atomic_bool stop;
	char disk[DISK_SIZE];
} server;

static void check(const char *what, bool good)
{
	if (good)
		return;
	printf("FAILED: %s (%m)\n", what);
	exit(1);
}

static char *map_region(uint64_t iova, size_t *size, uint64_t *start)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	int fd = ioctl(server.fd, VDUSE_IOTLB_GET_FD, &entry);
	char *addr;

	check("GET_FD", fd >= 0);
	*size = entry.last - entry.start + 1;
	*start = entry.start;
	addr = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    (off_t)entry.offset);
	check("mmap", addr != MAP_FAILED);
	close(fd);
	return addr;
}

static void start_ring(void)
{
	struct vduse_vq_eventfd kick = { .fd = server.kick };
	struct vduse_vq_info info = { 0 };
	uint64_t start;
	size_t size;
	char *base;

	check("VQ_GET_INFO", !ioctl(server.fd, VDUSE_VQ_GET_INFO, &info));
	base = map_region(info.desc_addr, &size, &start) - start;
	server.ring.num = info.num;
	server.ring.desc = (void *)(base + info.desc_addr);
	server.ring.avail = (void *)(base + info.driver_addr);
	server.ring.used = (void *)(base + info.device_addr);
	server.next = 0;
	check("KICKFD", !ioctl(server.fd, VDUSE_VQ_SETUP_KICKFD, &kick));
}

static uint32_t serve_request(uint16_t head)
{
	struct vring_desc *desc = &server.ring.desc[head];
	char *bounce = server.bounce;
	struct virtio_blk_outhdr hdr;
	uint32_t written = 0;
	size_t at;

	memcpy(&hdr, bounce + desc->addr, sizeof(hdr));
	at = hdr.sector * 512;
	for (;;) {
		desc = &server.ring.desc[desc->next];
		if (!(desc->flags & VRING_DESC_F_NEXT))
			break;
		check("request within the disk", at + desc->len <= DISK_SIZE);
		if (hdr.type == VIRTIO_BLK_T_IN) {
			memcpy(bounce + desc->addr, server.disk + at, desc->len);
			written += desc->len;
		} else if (hdr.type == VIRTIO_BLK_T_OUT) {
			memcpy(server.disk + at, bounce + desc->addr, desc->len);
		}
		at += desc->len;
	}
	bounce[desc->addr] = VIRTIO_BLK_S_OK;
	return written + 1;
}

static void serve_ring(void)
{
	struct vring *ring = &server.ring;
	uint32_t index = 0, written;
	uint64_t start;
	uint16_t head;

	if (!server.kernel_bounce) {
		server.kernel_bounce = map_region(0, &server.bounce_size, &start);
		server.bounce = server.kernel_bounce;
	}
	while (server.next != __atomic_load_n(&ring->avail->idx,
					      __ATOMIC_ACQUIRE)) {
		head = ring->avail->ring[server.next % ring->num];
		written = serve_request(head);
		ring->used->ring[server.next % ring->num].id = head;
		ring->used->ring[server.next % ring->num].len = written;
		server.next++;
		__atomic_store_n(&ring->used->idx, server.next,
				 __ATOMIC_RELEASE);
	}
	ioctl(server.fd, VDUSE_VQ_INJECT_IRQ, &index);
}

static void serve_message(void)
{
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;

	if (read(server.fd, &req, sizeof(req)) != sizeof(req))
		return;
	resp.request_id = req.request_id;
	check("answer", write(server.fd, &resp, sizeof(resp)) > 0);
	if (req.type == VDUSE_SET_STATUS && req.s.status == 0xf)
		start_ring();
}

static void *serve(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = server.fd, .events = POLLIN },
		{ .fd = server.kick, .events = POLLIN },
	};
	eventfd_t kicks;

	(void)arg;
	while (!server.stop) {
		poll(fds, 2, -1);
		if (fds[0].revents)
			serve_message();
		if (fds[1].revents && !server.stop && !eventfd_read(server.kick, &kicks))
			serve_ring();
	}
	return NULL;
}

static int open_disk(void)
{
	char node[64] = "/dev/";
	glob_t found;
	int fd;

	check("a disk", !glob("/sys/bus/vdpa/devices/" PROBE_NAME
			      "/virtio*/block/*", 0, NULL, &found));
	strcat(node, strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	fd = open(node, O_RDWR | O_DIRECT | O_CLOEXEC);
	check("open the disk", fd >= 0);
	return fd;
}

/* Read all, write all anew, read all: SALT makes each time different. */
static void exercise(int disk, unsigned int salt)
{
	static char buf[DISK_SIZE] __attribute__((aligned(4096)));

	for (size_t at = 0; at < DISK_SIZE; at++)
		server.disk[at] = (char)(at / 511 + salt);
	check("read", pread(disk, buf, DISK_SIZE, 0) == DISK_SIZE);
	check("data read", !memcmp(buf, server.disk, DISK_SIZE));
	for (size_t at = 0; at < DISK_SIZE; at++)
		buf[at] = (char)(at / 513 + salt * 7);
	check("write", pwrite(disk, buf, DISK_SIZE, 0) == DISK_SIZE);
	check("data written", !memcmp(buf, server.disk, DISK_SIZE));
}

static void set_limit(rlim_t bytes)
{
	struct rlimit limit = { bytes, bytes };

	check("setrlimit", !setrlimit(RLIMIT_MEMLOCK, &limit));
}

static void register_memory(struct vduse_iova_umem *umem)
{
	struct vduse_iova_umem wrong = *umem;

	set_limit(umem->size - 4096);
	check("over the limit", ioctl(server.fd, VDUSE_IOTLB_REG_UMEM, umem) &&
	      errno == ENOMEM);
	set_limit(umem->size);
	wrong.uaddr += 512;
	check("unaligned", ioctl(server.fd, VDUSE_IOTLB_REG_UMEM, &wrong) &&
	      errno == EINVAL);
	wrong = *umem;
	wrong.size -= 4096;
	check("wrong size", ioctl(server.fd, VDUSE_IOTLB_REG_UMEM, &wrong) &&
	      errno == EINVAL);
	check("register", !ioctl(server.fd, VDUSE_IOTLB_REG_UMEM, umem));
	check("register again", ioctl(server.fd, VDUSE_IOTLB_REG_UMEM, umem) &&
	      errno == EEXIST);
	check("deregister wrong size",
	      ioctl(server.fd, VDUSE_IOTLB_DEREG_UMEM, &wrong) &&
	      errno == EINVAL);
}

static void make_disk(void)
{
	struct vduse_dev_config *config = block_config();
	uint64_t capacity = DISK_SIZE / 512;

	config->vq_num = 1;
	memcpy(config->config, &capacity, sizeof(capacity));
	check("create", !create(config));
	server.fd = open("/dev/vduse/" PROBE_NAME,
			 O_RDWR | O_NONBLOCK | O_CLOEXEC);
	server.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check("open", server.fd >= 0 && server.kick >= 0);
	check("VQ_SETUP", !setup_queue(server.fd, 0, RING_SIZE));
	check("thread", !pthread_create(&server.thread, NULL, serve, NULL));
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
}

int main(void)
{
	struct vduse_iova_umem umem = { 0 };
	char *memory;
	int disk;

	make_disk();
	disk = open_disk();
	exercise(disk, 1);

	umem.size = server.bounce_size;
	memory = mmap(NULL, umem.size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	umem.uaddr = (uintptr_t)memory;
	for (unsigned int round = 2; round < 10; round += 2) {
		register_memory(&umem);
		server.bounce = memory;
		exercise(disk, round);
		check("deregister", !ioctl(server.fd, VDUSE_IOTLB_DEREG_UMEM,
					   &umem));
		server.bounce = server.kernel_bounce;
		exercise(disk, round + 1);
	}
	check("deregister again", ioctl(server.fd, VDUSE_IOTLB_DEREG_UMEM,
					&umem) && errno == ENOENT);
	register_memory(&umem);
	server.bounce = memory;
	close(disk);
	check("detach", !detach(PROBE_NAME));
	server.stop = true;
	eventfd_write(server.kick, 1);
	pthread_join(server.thread, NULL);
	close(server.fd);
	puts("ok");
	return destroy(PROBE_NAME) ? 1 : 0;
}
