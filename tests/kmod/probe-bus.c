// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conformance probe: what virtio_vdpa and vhost_vdpa make of the device, and
 * what the server sees of them.
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

#include "disk.h"
#include "probe.h"

static void say_region(const char *key, int fd, uint64_t start, uint64_t last)
{
	struct vduse_iotlb_entry entry = { .start = start, .last = last };
	char name[64];
	int region;

	region = ioctl(fd, VDUSE_IOTLB_GET_FD, &entry);
	if (region < 0) {
		say(key, -1);
		return;
	}
	say_text(key, "[%llx,%llx] offset=%llx perm=%u", entry.start,
		 entry.last, entry.offset, entry.perm);
	snprintf(name, sizeof(name), "%s.flags", key);
	say_text(name, "0%o", fcntl(region, F_GETFL) & O_ACCMODE);
	snprintf(name, sizeof(name), "%s.cloexec", key);
	say_text(name, "%d", fcntl(region, F_GETFD));
	close(region);
}

static void say_info(const char *key, int fd, uint64_t start, uint64_t last)
{
	struct vduse_iova_info info = { .start = start, .last = last };

	if (ioctl(fd, VDUSE_IOTLB_GET_INFO, &info))
		say(key, -1);
	else
		say_text(key, "[%llx,%llx] capability=%llx", info.start,
			 info.last, info.capability);
}

static struct vduse_vq_info say_queue(const char *key, int fd)
{
	struct vduse_vq_info info = { 0 };

	if (ioctl(fd, VDUSE_VQ_GET_INFO, &info))
		say(key, -1);
	else
		say_text(key, "num=%u desc=%llx driver=%llx device=%llx "
			 "state=%u ready=%u", info.num, info.desc_addr,
			 info.driver_addr, info.device_addr,
			 info.split.avail_index, info.ready);
	return info;
}

static void say_interrupts(const char *when, int fd)
{
	uint32_t index = 0;
	char key[64];

	snprintf(key, sizeof(key), "%s.inject", when);
	say(key, ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
	snprintf(key, sizeof(key), "%s.inject_config", when);
	say(key, ioctl(fd, VDUSE_DEV_INJECT_CONFIG_IRQ));
}

/* The disk has no capacity, so nothing is read and nothing is mapped. */
void probe_virtio(void)
{
	struct server server = { .verbose = true };
	struct vduse_vq_info info;
	uint64_t features = 0;
	int fd = make_device();

	server_start(&server, fd);
	say("bind", attach(PROBE_NAME, "virtio_vdpa"));
	info = say_queue("queue", fd);
	say_region("ring", fd, info.desc_addr, info.desc_addr);
	say_info("ring.info", fd, info.desc_addr, info.desc_addr);
	say_region("bounce", fd, 0, 4095);
	say_info("bounce.info", fd, 0, 4095);
	say_interrupts("bound", fd);
	ioctl(fd, VDUSE_DEV_GET_FEATURES, &features);
	say_text("features", "0x%llx", (unsigned long long)features);
	attr_say("affinity.bound", "vq0/irq_cb_affinity");
	say("vq_setup.bound", setup_queue(fd, 0, 64));
	say("detach", detach(PROBE_NAME));
	say_queue("queue.detached", fd);
	say_region("ring.detached", fd, info.desc_addr, info.desc_addr);
	say_interrupts("detached", fd);

	server.refuse_features = true;
	say("bind.refused", attach(PROBE_NAME, "virtio_vdpa"));
	say("detach", detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

static void set_status(int vhost, const char *key, uint8_t status)
{
	say(key, ioctl(vhost, VHOST_VDPA_SET_STATUS, &status));
	ioctl(vhost, VHOST_VDPA_GET_STATUS, &status);
	say_text("status", "0x%x", status);
}

static void probe_vhost_info(int vhost)
{
	struct vhost_vring_state state = { .index = 0 };
	struct vhost_vdpa_iova_range range;
	uint64_t features = 0;
	uint32_t value = 0;
	uint16_t num = 0;

	say("owner", ioctl(vhost, VHOST_SET_OWNER));
	ioctl(vhost, VHOST_GET_BACKEND_FEATURES, &features);
	say_text("backend_features", "0x%llx", (unsigned long long)features);
	say("set_backend_features", ioctl(vhost, VHOST_SET_BACKEND_FEATURES,
					  &features));
	ioctl(vhost, VHOST_GET_FEATURES, &features);
	say_text("device_features", "0x%llx", (unsigned long long)features);
	say("vring_num", ioctl(vhost, VHOST_VDPA_GET_VRING_NUM, &num));
	say_text("vring_num", "%u", num);
	say("vring_size", ioctl(vhost, _IOWR(VHOST_VIRTIO, 0x82,
					     struct vhost_vring_state),
				&state));
	state.index = 0;
	say("vring_group", ioctl(vhost, VHOST_VDPA_GET_VRING_GROUP, &state));
	say("group_num", ioctl(vhost, VHOST_VDPA_GET_GROUP_NUM, &value));
	say("iova_range", ioctl(vhost, VHOST_VDPA_GET_IOVA_RANGE, &range));
	say_text("iova_range", "%llx %llx", range.first, range.last);
	say("suspend", ioctl(vhost, VHOST_VDPA_SUSPEND));
}

static void probe_vhost_maps(int vhost, int fd)
{
	size_t size = 1 << 20;
	int memory = memfd_create("probe", MFD_CLOEXEC);
	void *addr;

	if (memory < 0 || ftruncate(memory, (off_t)size))
		fatal("memfd");
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	say("map.rw", vhost_iotlb(vhost, VHOST_IOTLB_UPDATE, 0x100000, size / 2, addr,
			    VHOST_ACCESS_RW));
	say("map.ro", vhost_iotlb(vhost, VHOST_IOTLB_UPDATE, 0x200000, size / 2,
			    (char *)addr + size / 2, VHOST_ACCESS_RO));
	say("map.again", vhost_iotlb(vhost, VHOST_IOTLB_UPDATE, 0x200000, 4096, addr,
			       VHOST_ACCESS_RO));
	say_region("rw", fd, 0x100000, 0x100000);
	say_region("ro", fd, 0x200000, 0x200000);
	say_region("first", fd, 0, UINT64_MAX);
	say_region("none", fd, 0x900000, 0x900000);
	say_info("rw.info", fd, 0x100000, 0x100000);
	set_status(vhost, "reset", 0);
	say_region("rw.after_reset", fd, 0x100000, 0x100000);
	munmap(addr, size);
	close(memory);
}

static bool signalled(int event)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	eventfd_t value;

	/* A kick from vhost takes a way over a worker. */
	return poll(&pfd, 1, 1000) == 1 && !eventfd_read(event, &value);
}

static void set_kickfd(int fd, int event)
{
	struct vduse_vq_eventfd kick = { .index = 0, .fd = event };

	if (ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick))
		say("kickfd", -1);
}

static void probe_vhost_kicks(int vhost, int *fd, struct server *server)
{
	struct vhost_vring_state state = { .index = 0, .num = 1 };
	int kick = eventfd(0, EFD_CLOEXEC), call = eventfd(0, EFD_CLOEXEC);
	int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
	struct vhost_vring_file file = { .index = 0, .fd = kick };

	set_kickfd(*fd, first);
	set_status(vhost, "reset", 0);
	say("set_kick", ioctl(vhost, VHOST_SET_VRING_KICK, &file));
	file.fd = call;
	say("set_call", ioctl(vhost, VHOST_SET_VRING_CALL, &file));
	eventfd_write(kick, 1);
	say_text("kick.not_ready", "%d", signalled(first));
	say("ready", ioctl(vhost, VHOST_VDPA_SET_VRING_ENABLE, &state));
	eventfd_write(kick, 1);
	say_text("kick.kickfd_of_before_reset", "%d", signalled(first));
	set_kickfd(*fd, first);
	say_text("kick.remembered", "%d", signalled(first));
	eventfd_write(kick, 1);
	say_text("kick", "%d", signalled(first));

	say_interrupts("before_driver_ok", *fd);
	say_text("call.before_driver_ok", "%d", signalled(call));
	set_status(vhost, "driver_ok", 0xf);
	say_interrupts("driver_ok", *fd);
	say_text("call", "%d", signalled(call));

	/* The server dies with a kick unread, and one more comes. */
	server_stop(server);
	close(*fd);
	eventfd_write(kick, 1);
	say_text("kick.orphan", "%d", signalled(first));
	*fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	set_kickfd(*fd, second);
	say_text("kick.after_reopen", "%d", signalled(second));
	server_start(server, *fd);
	close(kick);
	close(call);
	close(first);
	close(second);
}

/* A user may write any bit of the status, and ask for what is not there. */
static void probe_vhost_status(int vhost)
{
	struct vhost_vring_state state = { .index = 1, .num = 1 };
	uint64_t features = 3 << 4;	/* suspend, resume */

	set_status(vhost, "reset", 0);
	say("no_features.backend", ioctl(vhost, VHOST_SET_BACKEND_FEATURES,
					 &features));
	set_status(vhost, "features_ok", 0xb);
	features = 1ULL << 32;
	say("set_features.late", ioctl(vhost, VHOST_SET_FEATURES, &features));
	set_status(vhost, "driver_ok", 0xf);
	say("ready.late", ioctl(vhost, VHOST_VDPA_SET_VRING_ENABLE, &state));
	say("suspend.running", ioctl(vhost, VHOST_VDPA_SUSPEND));
	say("resume.running", ioctl(vhost, _IO(VHOST_VIRTIO, 0x7e)));
	set_status(vhost, "needs_reset", 0x4f);
	set_status(vhost, "failed", 0xcf);
	set_status(vhost, "fewer", 0x3);
	state.num = 0;
	say("unready", ioctl(vhost, VHOST_VDPA_SET_VRING_ENABLE, &state));
}

static void probe_vhost_config(int vhost)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t data[8];
	} config = { .head = { .len = 8 } };
	uint32_t size = 0;

	ioctl(vhost, VHOST_VDPA_GET_CONFIG_SIZE, &size);
	say_text("config_size", "%u", size);
	say("get_config", ioctl(vhost, VHOST_VDPA_GET_CONFIG, &config));
	memset(config.data, 1, sizeof(config.data));
	say("set_config", ioctl(vhost, VHOST_VDPA_SET_CONFIG, &config));
	ioctl(vhost, VHOST_VDPA_GET_CONFIG, &config);
	say_text("set_config.kept", "%u", config.data[0]);
	config.head.off = 64;
	config.head.len = 8;
	say("set_config.end", ioctl(vhost, VHOST_VDPA_SET_CONFIG, &config));
	config.head.off = 0;
	config.head.len = 0;
	say("set_config.nothing", ioctl(vhost, VHOST_VDPA_SET_CONFIG, &config));
}

void probe_vhost(void)
{
	struct vhost_vring_state base = { .index = 1 };
	struct server server = { .verbose = true };
	int vhost, fd = make_device();
	uint64_t features = ~0ULL;

	server_start(&server, fd);
	say("bind", attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vhost_open(PROBE_NAME);
	if (vhost < 0)
		fatal("vhost node");
	probe_vhost_info(vhost);
	set_status(vhost, "acknowledge", 1);
	set_status(vhost, "driver", 3);
	say("set_features.all", ioctl(vhost, VHOST_SET_FEATURES, &features));
	probe_vhost_config(vhost);
	say("get_base", ioctl(vhost, VHOST_GET_VRING_BASE, &base));
	say_text("get_base", "%u", base.num);
	server.fail = true;
	say("get_base.failed", ioctl(vhost, VHOST_GET_VRING_BASE, &base));
	set_status(vhost, "status.failed", 7);
	server.fail = false;
	probe_vhost_maps(vhost, fd);
	probe_vhost_kicks(vhost, &fd, &server);
	probe_vhost_status(vhost);
	close(vhost);
	say_region("rw.after_close", fd, 0x100000, 0x100000);
	say_queue("queue.after_close", fd);
	say("detach", detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

/* One that is read, so that bounce memory shows. */
void probe_disk(void)
{
	int node;

	disk_start("4194304", NULL);
	node = disk_open();
	disk_exercise(node, 1);
	close(node);
	say_region("bounce.used", disk.fd, 4096, 4096);
	say_info("bounce.used.info", disk.fd, 4096, 4096);
	disk_end();
	say_text("disk", "read and written");
}
