// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the conformance probe: output, devices, the vdpa bus and a server.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
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

void check(const char *what, bool good)
{
	if (good)
		return;
	printf("FAILED: %s (%m)\n", what);
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

/* Run a command without a word on its output; its exit status. */
static int run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status = 0xff00;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (!posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ))
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Write to a file below /sys/bus/vdpa. */
static bool bus_write(const char *path, const char *text)
{
	char full[512];
	bool good;
	int fd;

	snprintf(full, sizeof(full), "/sys/bus/vdpa/%s", path);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) > 0;
	close(fd);
	return good;
}

int attach(const char *name, const char *driver)
{
	char *const argv[] = { (char[]){ "vdpa" }, (char[]){ "dev" },
			       (char[]){ "add" }, (char[]){ "name" },
			       (char *)(uintptr_t)name, (char[]){ "mgmtdev" },
			       (char[]){ "vduse" }, NULL };
	char override[300];
	int ret;

	bus_write("drivers_autoprobe", "0");
	ret = run(argv);
	if (ret || !driver)
		return ret;
	snprintf(override, sizeof(override), "devices/%s/driver_override", name);
	return !bus_write(override, driver) || !bus_write("drivers_probe", name);
}

int detach(const char *name)
{
	char *const argv[] = { (char[]){ "vdpa" }, (char[]){ "dev" },
			       (char[]){ "del" }, (char *)(uintptr_t)name,
			       NULL };

	return run(argv);
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

long vhost_iotlb(int vhost, uint8_t type, uint64_t iova, uint64_t size,
		 void *addr, uint8_t perm)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = iova,
			.size = size,
			.uaddr = (uintptr_t)addr,
			.perm = perm,
			.type = type,
		},
	};

	return write(vhost, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -1;
}

int opener(int server)
{
	pid_t pid = fork();

	if (!pid) {
		close(server);
		_exit(vhost_open(PROBE_NAME) >= 0 ? 0 : errno);
	}
	return pid;
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
