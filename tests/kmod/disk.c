// SPDX-License-Identifier: GPL-2.0-or-later
/* A disk of this process, for tests of the module. */
#include <fcntl.h>
#include <glob.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "disk.h"
#include "probe.h"

#define RING_SIZE 64

struct disk disk;
uint64_t disk_features;

void disk_check(const char *what, bool good)
{
	if (good)
		return;
	printf("FAILED: %s (%m)\n", what);
	disk.failed = true;
}

static char *map_region(uint64_t iova, size_t *size, uint64_t *start)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	int fd = ioctl(disk.fd, VDUSE_IOTLB_GET_FD, &entry);
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
	struct vduse_vq_eventfd kick = { .fd = disk.kick };
	struct vduse_vq_info info = { 0 };
	uint64_t start;
	char *base;

	check("VQ_GET_INFO", !ioctl(disk.fd, VDUSE_VQ_GET_INFO, &info));
	if (disk.ring_map)
		munmap(disk.ring_map, disk.ring_size);
	disk.ring_map = map_region(info.desc_addr, &disk.ring_size, &start);
	base = disk.ring_map - start;
	disk.ring.num = info.num;
	disk.ring.desc = (void *)(base + info.desc_addr);
	disk.ring.avail = (void *)(base + info.driver_addr);
	disk.ring.used = (void *)(base + info.device_addr);
	disk.next = 0;
	check("KICKFD", !ioctl(disk.fd, VDUSE_VQ_SETUP_KICKFD, &kick));
}

static char *buffer(const struct vring_desc *desc)
{
	char *addr = disk.bounce + desc->addr;

	if (disk.look)
		disk.look(addr, desc->addr, desc->len,
			  desc->flags & VRING_DESC_F_WRITE);
	return addr;
}

static bool give(char *data, const struct vring_desc *desc, size_t at)
{
	return disk.give &&
	       disk.give(data, desc->addr, disk.data + at, desc->len,
			 desc->flags & VRING_DESC_F_WRITE);
}

static uint32_t serve_request(uint16_t head)
{
	struct vring_desc *desc = &disk.ring.desc[head];
	struct virtio_blk_outhdr hdr;
	uint32_t written = 0;
	char *data;
	size_t at;

	memcpy(&hdr, buffer(desc), sizeof(hdr));
	at = hdr.sector * 512;
	for (;;) {
		desc = &disk.ring.desc[desc->next];
		data = buffer(desc);
		if (!(desc->flags & VRING_DESC_F_NEXT))
			break;
		check("request within the disk", at + desc->len <= DISK_SIZE);
		if (hdr.type == VIRTIO_BLK_T_IN) {
			if (!give(data, desc, at))
				memcpy(data, disk.data + at, desc->len);
			written += desc->len;
		} else if (hdr.type == VIRTIO_BLK_T_OUT) {
			(void)give(data, desc, at);
			memcpy(disk.data + at, data, desc->len);
		}
		at += desc->len;
	}
	*data = VIRTIO_BLK_S_OK;
	return written + 1;
}

static void serve_ring(void)
{
	struct vring *ring = &disk.ring;
	uint64_t start;
	uint32_t written;
	uint16_t head;

	if (!disk.kernel_bounce) {
		disk.kernel_bounce = map_region(0, &disk.bounce_size, &start);
		disk.bounce = disk.kernel_bounce;
	}
	while (disk.next != __atomic_load_n(&ring->avail->idx,
					    __ATOMIC_ACQUIRE)) {
		head = ring->avail->ring[disk.next % ring->num];
		written = serve_request(head);
		ring->used->ring[disk.next % ring->num].id = head;
		ring->used->ring[disk.next % ring->num].len = written;
		disk.next++;
		__atomic_store_n(&ring->used->idx, disk.next,
				 __ATOMIC_RELEASE);
	}
}

static void serve_message(void)
{
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;

	if (read(disk.fd, &req, sizeof(req)) != sizeof(req))
		return;
	resp.request_id = req.request_id;
	check("answer", write(disk.fd, &resp, sizeof(resp)) > 0);
	if (req.type == VDUSE_SET_STATUS && req.s.status == 0xf)
		start_ring();
}

/* The interrupt goes out without the lock: memory may change sides then. */
static void serve_kick(void)
{
	uint32_t index = 0;
	eventfd_t kicks;

	if (disk.stop || eventfd_read(disk.kick, &kicks))
		return;
	disk.kicks += kicks;
	pthread_mutex_lock(&disk.lock);
	serve_ring();
	pthread_mutex_unlock(&disk.lock);
	if (!ioctl(disk.fd, VDUSE_VQ_INJECT_IRQ, &index))
		disk.interrupts++;
}

static void *serve(void *arg)
{
	struct pollfd fds[] = {
		{ .fd = disk.fd, .events = POLLIN },
		{ .fd = disk.kick, .events = POLLIN },
	};

	(void)arg;
	while (!disk.stop) {
		poll(fds + disk.deaf, 2 - disk.deaf, disk.deaf ? 20 : -1);
		if (fds[0].revents && !disk.deaf)
			serve_message();
		if (fds[1].revents)
			serve_kick();
	}
	return NULL;
}

static void find(char *path, size_t size, const char *pattern)
{
	glob_t found;

	check("a disk", !glob(pattern, 0, NULL, &found));
	snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
}

int disk_open(void)
{
	char path[256], node[64];
	int fd;

	find(path, sizeof(path), "/sys/bus/vdpa/devices/" PROBE_NAME
	     "/virtio*/block/*");
	snprintf(node, sizeof(node), "/dev/%s", strrchr(path, '/') + 1);
	fd = open(node, O_RDWR | O_DIRECT | O_CLOEXEC);
	check("open the disk", fd >= 0);
	return fd;
}

long disk_number(const char *attr)
{
	char path[256], pattern[256], text[32] = "";
	FILE *file;

	snprintf(pattern, sizeof(pattern), "/sys/bus/vdpa/devices/" PROBE_NAME
		 "/virtio*/block/*/%s", attr);
	find(path, sizeof(path), pattern);
	file = fopen(path, "re");
	check(attr, file && fgets(text, sizeof(text), file));
	fclose(file);
	return strtol(text, NULL, 10);
}

void disk_exercise(int node, unsigned int salt)
{
	static char buf[DISK_SIZE] __attribute__((aligned(4096)));

	for (size_t at = 0; at < DISK_SIZE; at++)
		disk.data[at] = (char)(at / 511 + salt);
	check("read", pread(node, buf, DISK_SIZE, 0) == DISK_SIZE);
	check("data read", !memcmp(buf, disk.data, DISK_SIZE));
	for (size_t at = 0; at < DISK_SIZE; at++)
		buf[at] = (char)(at / 513 + salt * 7);
	check("write", pwrite(node, buf, DISK_SIZE, 0) == DISK_SIZE);
	check("data written", !memcmp(buf, disk.data, DISK_SIZE));
}

void disk_start(const char *bounce_size, disk_look_fn *look)
{
	struct vduse_dev_config *config = block_config();
	uint64_t capacity = DISK_SIZE / 512;

	memset(&disk, 0, sizeof(disk));
	pthread_mutex_init(&disk.lock, NULL);
	disk.look = look;

	config->vq_num = 1;
	config->features |= disk_features;
	memcpy(config->config, &capacity, sizeof(capacity));
	check("create", !create(config));
	check("bounce_size", !attr_write("bounce_size", bounce_size));
	disk.fd = open("/dev/vduse/" PROBE_NAME,
		       O_RDWR | O_NONBLOCK | O_CLOEXEC);
	disk.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check("open", disk.fd >= 0 && disk.kick >= 0);
	check("VQ_SETUP", !setup_queue(disk.fd, 0, RING_SIZE));
	check("thread", !pthread_create(&disk.thread, NULL, serve, NULL));
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
}

void disk_end(void)
{
	check("detach", !detach(PROBE_NAME));
	disk.stop = true;
	eventfd_write(disk.kick, 1);
	pthread_join(disk.thread, NULL);
	close(disk.fd);
	close(disk.kick);
	check("destroy", !destroy(PROBE_NAME));
	check("the disk", !disk.failed);
}
