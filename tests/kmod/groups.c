// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * API version 1 of our module, as of Linux 7.0: how it is negotiated, groups of
 * virtqueues, address spaces. Silent and 0 if all is well.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

#define SIZE	65536
#define IOVA	0x100000

/* Layouts that Debian's header is too old for. */
struct entry {
	struct vduse_iotlb_entry v0;
	uint32_t asid;
	uint32_t reserved[11];
};

#define GET_FD2		_IOWR(VDUSE_BASE, 0x1b, struct entry)
_Static_assert(GET_FD2 == 0xc050811b, "GET_FD2");

struct request {
	uint32_t type;
	uint32_t id;
	uint32_t reserved[4];
	union {
		struct {
			uint64_t start, last;
			uint32_t asid, padding;
		} range;
		struct {
			uint32_t group, asid;
		} group;
		uint32_t padding[32];
	};
};

_Static_assert(sizeof(struct request) == sizeof(struct vduse_dev_request), "");

/* The server: answers all, remembers the last of each type. */
static struct {
	int fd;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool refuse;
	struct request last[8];
	atomic_uint count[8];
} server;

static void *serve(void *unused)
{
	struct pollfd pfd = { .fd = server.fd, .events = POLLIN };
	struct vduse_dev_response resp;
	struct request req;

	while (!server.stop) {
		if (poll(&pfd, 1, 50) < 1 ||
		    read(server.fd, &req, sizeof(req)) != sizeof(req))
			continue;
		server.last[req.type % 8] = req;
		server.count[req.type % 8]++;
		resp = (struct vduse_dev_response){
			.request_id = req.id,
			.result = server.refuse,
		};
		check("answer",
		      write(server.fd, &resp, sizeof(resp)) == sizeof(resp));
	}
	return unused;
}

static void serve_start(int fd)
{
	server.fd = fd;
	server.stop = false;
	check("thread", !pthread_create(&server.thread, NULL, serve, NULL));
}

static void serve_stop(void)
{
	server.stop = true;
	pthread_join(server.thread, NULL);
}

static void expect(const char *what, long ret, int error)
{
	check(what, error ? ret < 0 && errno == error : ret >= 0);
}

static struct vduse_dev_config *config(uint32_t ngroups, uint32_t nas)
{
	struct vduse_dev_config *config = block_config();

	config->reserved[0] = ngroups;
	config->reserved[1] = nas;
	return config;
}

static long setup(int fd, uint32_t index, uint32_t group)
{
	struct vduse_vq_config config = { .index = index, .max_size = 64 };

	memcpy((char *)&config + 8, &group, sizeof(group));
	return ioctl(fd, VDUSE_VQ_SETUP, &config);
}

static int open_device(void)
{
	int fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	check("open the device", fd >= 0);
	return fd;
}

/* Who never asks speaks version 0; who asks, the newest. */
static void test_negotiation(void)
{
	uint64_t version = 99;
	int fd;

	expect("groups in version 0", create(config(1, 1)), EINVAL);
	check("create in version 0", !create(config(0, 0)));
	fd = open_device();
	expect("a group in version 0", setup(fd, 0, 1), EINVAL);
	expect("GET_FD2 in version 0", ioctl(fd, GET_FD2, &(struct entry){ 0 }),
	       ENOTTY);
	drop_device(fd);

	check("ask", !ioctl(control(), VDUSE_GET_API_VERSION, &version));
	check("version 1", version == 1);
	expect("no groups", create(config(0, 1)), EINVAL);
	expect("no address spaces", create(config(1, 0)), EINVAL);
	expect("too many groups", create(config(0x10000, 1)), EINVAL);
	expect("too many spaces", create(config(1, 0x10000)), EINVAL);

	version = 0;
	check("back", !ioctl(control(), VDUSE_SET_API_VERSION, &version));
	check("create in version 0 again", !create(config(0, 0)));
	check("destroy", !destroy(PROBE_NAME));
	version = 1;
	check("forth", !ioctl(control(), VDUSE_SET_API_VERSION, &version));
	version = 2;
	expect("version 2", ioctl(control(), VDUSE_SET_API_VERSION, &version),
	       EINVAL);
}

static int make_grouped(void)
{
	int fd;

	check("create with groups", !create(config(2, 2)));
	fd = open_device();
	check("queue 0", !setup(fd, 0, 0));
	expect("group 2 of 2", setup(fd, 1, 2), EINVAL);
	check("queue 1", !setup(fd, 1, 1));
	return fd;
}

/* What the server finds at IOVA in an address space: its first byte, or -1. */
static int look(int fd, uint32_t asid)
{
	struct entry entry = {
		.v0 = { .start = IOVA, .last = IOVA },
		.asid = asid,
	};
	int region = ioctl(fd, GET_FD2, &entry), byte = -1;
	uint8_t *map;

	if (region < 0)
		return -1;
	check("region", entry.v0.start == IOVA &&
	      entry.v0.last == IOVA + SIZE - 1 && entry.asid == asid);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, region,
		   (off_t)entry.v0.offset);
	if (map != MAP_FAILED) {
		byte = map[0];
		munmap(map, SIZE);
	}
	close(region);
	return byte;
}

/* A vhost user maps memory full of FILL. */
static void map(int vhost, uint32_t asid, uint8_t fill)
{
	int memory = memfd_create("groups", MFD_CLOEXEC);
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.asid = asid,
		.iotlb = {
			.iova = IOVA,
			.size = SIZE,
			.perm = VHOST_ACCESS_RW,
			.type = VHOST_IOTLB_UPDATE,
		},
	};
	void *addr;

	check("memory", memory >= 0 && !ftruncate(memory, SIZE));
	addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	check("mmap", addr != MAP_FAILED);
	memset(addr, fill, SIZE);
	msg.iotlb.uaddr = (uintptr_t)addr;
	check("map", write(vhost, &msg, sizeof(msg)) == sizeof(msg));
	close(memory);
}

static long group_asid(int vhost, uint32_t group, uint32_t asid)
{
	struct vhost_vring_state state = { .index = group, .num = asid };

	return ioctl(vhost, VHOST_VDPA_SET_GROUP_ASID, &state);
}

static void test_groups(int vhost)
{
	struct vhost_vring_state state = { .index = 1 };
	uint32_t number = 0;

	check("groups", !ioctl(vhost, VHOST_VDPA_GET_GROUP_NUM, &number) &&
	      number == 2);
	check("spaces", !ioctl(vhost, VHOST_VDPA_GET_AS_NUM, &number) &&
	      number == 2);
	check("group of a queue",
	      !ioctl(vhost, VHOST_VDPA_GET_VRING_GROUP, &state) &&
	      state.num == 1);

	check("change", !group_asid(vhost, 1, 1));
	check("message", server.count[3] == 1 &&
	      server.last[3].group.group == 1 &&
	      server.last[3].group.asid == 1);
	server.refuse = true;
	expect("refused", group_asid(vhost, 1, 0), EIO);
	server.refuse = false;
	check("group 2", group_asid(vhost, 2, 0) < 0);
	check("space 2", group_asid(vhost, 0, 2) < 0);
	check("no message", server.count[3] == 2);
}

static void test_spaces(int fd, int vhost)
{
	struct vduse_iotlb_entry v0 = { .start = IOVA, .last = IOVA };
	struct vduse_iova_info info = { .start = IOVA, .last = IOVA };
	struct entry bad = { .v0 = v0, .asid = 1, .reserved = { 1 } };

	map(vhost, 1, 0x11);
	check("told of space 1", server.last[VDUSE_UPDATE_IOTLB].range.asid == 1);
	check("found in 1", look(fd, 1) == 0x11);
	check("not in 0", look(fd, 0) < 0 && errno == EINVAL);
	expect("nor by GET_FD", ioctl(fd, VDUSE_IOTLB_GET_FD, &v0), EINVAL);
	map(vhost, 0, 0x22);
	check("told of space 0", server.last[VDUSE_UPDATE_IOTLB].range.asid == 0);
	check("each its own", look(fd, 0) == 0x22 && look(fd, 1) == 0x11);
	check("no space 2", look(fd, 2) < 0 && errno == EINVAL);
	expect("reserved", ioctl(fd, GET_FD2, &bad), EINVAL);

	info.reserved[0] = 1;
	check("info", !ioctl(fd, VDUSE_IOTLB_GET_INFO, &info) &&
	      info.start == IOVA && info.last == IOVA + SIZE - 1);
	info.reserved[0] = 2;
	expect("info of 2", ioctl(fd, VDUSE_IOTLB_GET_INFO, &info), EINVAL);
}

static void test_umem(int fd)
{
	struct vduse_iova_umem umem = { .size = 64 << 20 };

	umem.reserved[0] = 1;
	expect("no memory in 1", ioctl(fd, VDUSE_IOTLB_DEREG_UMEM, &umem),
	       ENOENT);
	umem.reserved[0] = 2;
	expect("no space 2", ioctl(fd, VDUSE_IOTLB_DEREG_UMEM, &umem), EINVAL);
}

static void status(int vhost, uint8_t status)
{
	check("status", !ioctl(vhost, VHOST_VDPA_SET_STATUS, &status));
}

static void test_vhost(int fd)
{
	uint64_t features;
	int vhost;

	check("bind to vhost", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vhost_open(PROBE_NAME);
	check("vhost node", vhost >= 0 && !ioctl(vhost, VHOST_SET_OWNER));
	check("backend features",
	      !ioctl(vhost, VHOST_GET_BACKEND_FEATURES, &features) &&
	      !ioctl(vhost, VHOST_SET_BACKEND_FEATURES, &features));
	test_groups(vhost);
	test_spaces(fd, vhost);
	test_umem(fd);

	status(vhost, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	check("setup before DRIVER_OK", !setup(fd, 1, 1));
	status(vhost, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
	       VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	expect("setup after DRIVER_OK", setup(fd, 1, 1), EINVAL);
	status(vhost, 0);
	check("setup after a reset", !setup(fd, 1, 1));

	close(vhost);
	check("all gone", look(fd, 0) < 0 && look(fd, 1) < 0);
	check("detach", !detach(PROBE_NAME));
}

/* A kernel driver lives in the first address space. */
static void test_virtio(int fd)
{
	struct vduse_vq_info info = { .index = 0 };
	struct entry entry;

	check("bind to virtio", !attach(PROBE_NAME, "virtio_vdpa"));
	check("queue", !ioctl(fd, VDUSE_VQ_GET_INFO, &info) && info.ready);
	entry = (struct entry){
		.v0 = { .start = info.desc_addr, .last = info.desc_addr },
	};
	expect("ring in 0", ioctl(fd, GET_FD2, &entry), 0);
	entry = (struct entry){
		.v0 = { .start = info.desc_addr, .last = info.desc_addr },
		.asid = 1,
	};
	expect("ring in 1", ioctl(fd, GET_FD2, &entry), EINVAL);
	check("detach", !detach(PROBE_NAME));
}

int main(void)
{
	int fd;

	test_negotiation();
	fd = make_grouped();
	serve_start(fd);
	test_vhost(fd);
	test_virtio(fd);
	serve_stop();
	drop_device(fd);
	return 0;
}
