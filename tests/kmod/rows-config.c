// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-rows: configuration space and shape of a device.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/hdreg.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "disk.h"
#include "rows.h"

static int matches(const char *pattern)
{
	glob_t found;
	int count;

	if (glob(pattern, 0, NULL, &found))
		return 0;
	count = (int)found.gl_pathc;
	globfree(&found);
	return count;
}

#define ON_BUS "/sys/bus/vdpa/devices/" PROBE_NAME

static int open_device(unsigned int queues, uint16_t size)
{
	int fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	check("open", fd >= 0);
	for (unsigned int i = 0; i < queues; i++)
		check("VQ_SETUP", !setup_queue(fd, i, size));
	return fd;
}

static long get_config(int vhost, uint32_t offset, uint32_t length)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t data[64];
	} config = { .head = { .off = offset, .len = length } };

	return ioctl(vhost, VHOST_VDPA_GET_CONFIG, &config);
}

/* The space ends in the middle of size_max: what is missing reads as 0. */
static void look_at_short_config(void)
{
	struct hd_geometry geometry = { .heads = 1, .sectors = 1 };
	int node = disk_open();

	check("geometry", !ioctl(node, HDIO_GETGEO, &geometry));
	check("geometry of 0", !geometry.heads && !geometry.sectors &&
	      !geometry.cylinders);
	check("half a size_max", disk_number("queue/max_segment_size") == 0x2000);
	check("seg_max of 0", disk_number("queue/max_segments") == 1);
	close(node);
}

void row_short_config(void)
{
	struct vduse_dev_config *config = block_config();
	struct server server = { 0 };
	int fd, vhost;

	config->features |= 1ULL << VIRTIO_BLK_F_SIZE_MAX |
			    1ULL << VIRTIO_BLK_F_SEG_MAX |
			    1ULL << VIRTIO_BLK_F_GEOMETRY |
			    1ULL << VIRTIO_BLK_F_TOPOLOGY;
	config->config_size = 10;
	config->config[9] = 0x20;
	check("create", !create(config));
	fd = open_device(2, 64);
	server_start(&server, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	look_at_short_config();
	check("detach", !detach(PROBE_NAME));

	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vhost_open(PROBE_NAME);
	check("all of it", !get_config(vhost, 0, 10));
	check("more than it has", get_config(vhost, 0, 11) && errno == EINVAL);
	check("behind it", get_config(vhost, 11, 1) && errno == EINVAL);
	check("far behind it", get_config(vhost, 0xffffffff, 2) &&
	      errno == EINVAL);
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

#define CONFIG_BYTES 60

static atomic_bool stop;

static void *change_config(void *arg)
{
	struct {
		struct vduse_config_data head;
		uint8_t data[CONFIG_BYTES];
	} config = { .head = { .length = CONFIG_BYTES } };
	int fd = *(int *)arg;

	while (!stop) {
		memset(config.data, ~config.data[0], sizeof(config.data));
		check("SET_CONFIG", !ioctl(fd, VDUSE_DEV_SET_CONFIG, &config));
	}
	return NULL;
}

/* A reader sees the space as one SET_CONFIG left it. */
void row_torn_config(void)
{
	struct {
		struct vhost_vdpa_config head;
		uint8_t data[CONFIG_BYTES];
	} config = { .head = { .len = CONFIG_BYTES } };
	unsigned int seen[2] = { 0 };
	uint64_t began = now_ms();
	struct user user;
	pthread_t writer;

	user_start(&user);
	stop = false;
	pthread_create(&writer, NULL, change_config, &user.fd);
	while (!passed(began, 10000) && (seen[0] < 1000 || seen[1] < 1000)) {
		check("get config", !ioctl(user.vhost, VHOST_VDPA_GET_CONFIG,
					   &config));
		for (int i = 1; i < CONFIG_BYTES; i++)
			check("one config", config.data[i] == config.data[0]);
		seen[config.data[0] & 1]++;
	}
	stop = true;
	pthread_join(writer, NULL);
	check("both configs seen", seen[0] && seen[1]);
	user_end(&user);
}

/* The one name that is taken in the directory of all devices. */
void row_control_name(void)
{
	struct vduse_dev_config *config = block_config();

	strcpy(config->name, "control");
	check("a device called control", create(config) && errno == EINVAL);
	check("none to destroy", destroy("control") && errno == EINVAL);
}

/* Rings of 48 entries: the driver refuses, and takes 64. */
void row_odd_ring(void)
{
	struct server server = { 0 };
	int fd = make_device();

	server_start(&server, fd);
	check("VQ_SETUP", !setup_queue(fd, 0, 48) && !setup_queue(fd, 1, 48));
	attach(PROBE_NAME, "virtio_vdpa");
	check("no disk", !matches(ON_BUS "/virtio*/block/*"));
	check("detach", !detach(PROBE_NAME));
	check("VQ_SETUP", !setup_queue(fd, 0, 64) && !setup_queue(fd, 1, 64));
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	check("a disk", matches(ON_BUS "/virtio*/block/*") == 1);
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

/* As many queues as can be named; and more than there are processors. */
void row_many_queues(void)
{
	struct vduse_dev_config *config = block_config();
	struct virtio_blk_config *space = (void *)config->config;
	struct server server = { 0 };
	int fd;

	config->vq_num = 0xffff;
	check("65535 queues", !create(config));
	check("the last queue", matches("/sys/class/vduse/" PROBE_NAME
					"/vq65534") == 1);
	check("destroy", !destroy(PROBE_NAME));

	config->vq_num = 8;
	config->features |= 1ULL << VIRTIO_BLK_F_MQ;
	space->num_queues = 8;
	check("create", !create(config));
	fd = open_device(8, 64);
	server_start(&server, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	check("hardware queues", matches(ON_BUS "/virtio*/block/*/mq/*") ==
	      sysconf(_SC_NPROCESSORS_ONLN));
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

/* A device without queues can be attached, and no driver wants it. */
void row_no_queues(void)
{
	struct vduse_dev_config *config = block_config();
	struct server server = { 0 };
	int fd;

	config->vq_num = 0;
	check("create", !create(config));
	fd = open_device(0, 0);
	check("no queue", setup_queue(fd, 0, 64) && errno == EINVAL);
	server_start(&server, fd);
	check("attach", !attach(PROBE_NAME, NULL));
	check("detach", !detach(PROBE_NAME));
	attach(PROBE_NAME, "virtio_vdpa");
	check("no virtio device", !matches(ON_BUS "/virtio*"));
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}

/* The net driver sets the affinity of queues, and clears it when it goes. */
void row_net(void)
{
	struct vduse_dev_config *config = block_config();
	struct server server = { 0 };
	int fd;

	config->device_id = 1;
	config->config_size = sizeof(struct virtio_net_config);
	check("create", !create(config));
	fd = open_device(2, 64);
	server_start(&server, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	check("a network device", matches(ON_BUS "/virtio*/net/*") == 1);
	check("detach", !detach(PROBE_NAME));
	server_stop(&server);
	drop_device(fd);
}
