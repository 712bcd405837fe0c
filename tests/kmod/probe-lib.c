// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the conformance probe: output, devices, the vdpa bus and a server.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "probe.h"

long say(const char *key, long ret)
{
	int error = errno;

	if (ret < 0)
		printf("%s: %s\n", key, strerrorname_np(error));
	else
		printf("%s: %ld\n", key, ret);
	fflush(stdout);
	return ret;
}

void say_text(const char *key, const char *format, ...)
{
	va_list args;

	printf("%s: ", key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void fatal(const char *what)
{
	fprintf(stderr, "probe: %s: %m\n", what);
	exit(1);
}

int control(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fatal("/dev/vduse/control");
	return fd;
}

struct vduse_dev_config *block_config(void)
{
	static struct {
		struct vduse_dev_config head;
		uint8_t space[8192];
	} config;

	memset(&config, 0, sizeof(config));
	strcpy(config.head.name, PROBE_NAME);
	config.head.device_id = 2;
	config.head.vendor_id = 0x1af4;
	config.head.features = 1ULL << VIRTIO_F_ACCESS_PLATFORM |
			       1ULL << VIRTIO_F_VERSION_1;
	config.head.vq_num = 2;
	config.head.vq_align = 4096;
	config.head.config_size = sizeof(struct virtio_blk_config);
	return &config.head;
}

long create(const struct vduse_dev_config *config)
{
	return ioctl(control(), VDUSE_CREATE_DEV, config);
}

long destroy(const char *name)
{
	char buf[VDUSE_NAME_MAX] = "";

	strncpy(buf, name, sizeof(buf) - 1);
	return ioctl(control(), VDUSE_DESTROY_DEV, buf);
}

long setup_queue(int fd, uint32_t index, uint16_t size)
{
	struct vduse_vq_config config = { .index = index, .max_size = size };

	return ioctl(fd, VDUSE_VQ_SETUP, &config);
}

int make_device(void)
{
	int fd;

	if (create(block_config()))
		fatal("create");
	fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fatal("open");
	if (setup_queue(fd, 0, 64) || setup_queue(fd, 1, 64))
		fatal("VQ_SETUP");
	return fd;
}

void drop_device(int fd)
{
	close(fd);
	if (destroy(PROBE_NAME))
		fatal("destroy");
}

/* Run a command that finds the words in $NAME and $DRIVER. */
static int shell(const char *command, const char *name, const char *driver)
{
	int status;

	setenv("NAME", name, 1);
	setenv("DRIVER", driver, 1);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int attach(const char *name, const char *driver)
{
	int ret;

	shell("echo 0 > /sys/bus/vdpa/drivers_autoprobe", "", "");
	ret = shell("vdpa dev add name $NAME mgmtdev vduse >/dev/null 2>&1",
		    name, "");
	if (!ret && driver)
		ret = shell("cd /sys/bus/vdpa && "
			    "echo $DRIVER > devices/$NAME/driver_override && "
			    "echo $NAME > drivers_probe", name, driver);
	return ret;
}

int detach(const char *name)
{
	return shell("vdpa dev del $NAME >/dev/null 2>&1", name, "");
}

int vhost_open(const char *name)
{
	char pattern[256];
	glob_t found;
	int fd = -1;

	snprintf(pattern, sizeof(pattern),
		 "/sys/bus/vdpa/devices/%s/vhost-vdpa-*", name);
	if (!glob(pattern, 0, NULL, &found)) {
		snprintf(pattern, sizeof(pattern), "/dev/%s",
			 strrchr(found.gl_pathv[0], '/') + 1);
		fd = open(pattern, O_RDWR | O_CLOEXEC);
		globfree(&found);
	}
	return fd;
}

long attr_write(const char *attr, const char *value)
{
	char path[256];
	int fd, error;
	long ret;

	snprintf(path, sizeof(path), "/sys/class/vduse/" PROBE_NAME "/%s", attr);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, value, strlen(value));
	error = errno;
	close(fd);
	errno = error;
	return ret < 0 ? -1 : 0;
}

void attr_say(const char *key, const char *attr)
{
	char path[256], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/vduse/" PROBE_NAME "/%s", attr);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file)) {
		say(key, -1);
	} else {
		text[strcspn(text, "\n")] = '\0';
		say_text(key, "%s", text);
	}
	if (file)
		fclose(file);
}

static void server_answer(struct server *server,
			  const struct vduse_dev_request *req)
{
	struct vduse_dev_response resp = { .request_id = req->request_id };

	if (server->verbose && req->type == VDUSE_SET_STATUS)
		say_text("message", "SET_STATUS 0x%x", req->s.status);
	else if (server->verbose && req->type == VDUSE_UPDATE_IOTLB)
		say_text("message", "UPDATE_IOTLB 0x%llx 0x%llx",
			 req->iova.start, req->iova.last);
	else if (server->verbose)
		say_text("message", "GET_VQ_STATE %u", req->vq_state.index);

	if (server->fail ||
	    (server->refuse_features && req->type == VDUSE_SET_STATUS &&
	     req->s.status == 0xb))
		resp.result = VDUSE_REQ_RESULT_FAILED;
	if (req->type == VDUSE_GET_VQ_STATE)
		resp.vq_state.split.avail_index = 77;
	if (write(server->fd, &resp, sizeof(resp)) != sizeof(resp))
		say("server.write", -1);
}

static void *server_run(void *arg)
{
	struct server *server = arg;
	struct pollfd fds[] = {
		{ .fd = server->fd, .events = POLLIN },
		{ .fd = server->stop_fd, .events = POLLIN },
	};
	struct vduse_dev_request req;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents)
		while (read(server->fd, &req, sizeof(req)) == sizeof(req))
			server_answer(server, &req);
	return NULL;
}

void server_start(struct server *server, int fd)
{
	server->fd = fd;
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (server->stop_fd < 0 ||
	    pthread_create(&server->thread, NULL, server_run, server))
		fatal("server");
}

void server_stop(struct server *server)
{
	eventfd_write(server->stop_fd, 1);
	pthread_join(server->thread, NULL);
	close(server->stop_fd);
}
