// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For kmod-ext: output, devices, servers and calls that may not return.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "ext.h"

_Static_assert(sizeof(struct request) == sizeof(struct vduse_dev_request), "");

bool own, extended;

void see(const char *key, const char *format, ...)
{
	va_list args;

	printf("%s %s: ", extended ? "ext" : "plain", key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void see_result(const char *key, long ret)
{
	int error = errno;

	if (ret < 0)
		see(key, "%s", strerrorname_np(error));
	else
		see(key, "%ld", ret);
	errno = error;
}

void remark(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static long wish_setup(int node, const struct wish *wish, uint32_t size)
{
	static uint8_t access[8192];
	struct vduse_ext_setup setup = {
		.extensions = wish->extensions,
		.required = wish->required,
	};

	memset(access, 0, sizeof(access));
	for (const struct stretch *at = wish->stretches; at->length; at++) {
		memset(access + at->offset, at->access, at->length);
		setup.access = (uintptr_t)access;
		setup.access_size = size;
	}
	if (wish->timeouts) {
		setup.flags = VDUSE_EXT_TIMEOUTS;
		setup.virtio_timeout = wish->virtio_timeout;
		setup.vhost_timeout = wish->vhost_timeout;
	}
	return ioctl(node, VDUSE_EXT_SETUP, &setup);
}

long wish_for(int node, const struct wish *wish)
{
	uint32_t size = wish->config_size ? wish->config_size :
			block_config()->config_size;

	if (!extended)
		return 0;
	if (wish->instance &&
	    ioctl(node, VDUSE_EXT_SET_INSTANCE, &wish->instance))
		return -1;
	return wish->extensions ? wish_setup(node, wish, size) : 0;
}

long wish_create(const char *name, const struct wish *wish)
{
	int node = open("/dev/vduse/control", O_RDWR | O_CLOEXEC), error;
	struct vduse_dev_config *config;
	long ret;

	check("/dev/vduse/control", node >= 0);
	ret = wish_for(node, wish);
	if (!ret) {
		config = block_config();
		strcpy(config->name, name);
		config->features |= wish->features;
		if (wish->config_size)
			config->config_size = wish->config_size;
		ret = ioctl(node, VDUSE_CREATE_DEV, config);
	}
	error = errno;
	close(node);
	errno = error;
	return ret;
}

int device_open(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/dev/vduse/%s", name);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	check(path, fd >= 0);
	return fd;
}

int device(const char *name, const struct wish *wish)
{
	int fd;

	check("create", !wish_create(name, wish));
	fd = device_open(name);
	check("VQ_SETUP", !setup_queue(fd, 0, 64) && !setup_queue(fd, 1, 64));
	return fd;
}

void device_end(const char *name, int fd)
{
	if (fd >= 0)
		close(fd);
	check("destroy", !destroy(name));
}

void wait_for_answers(unsigned int seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", seconds);
	check("msg_timeout", !attr_write("msg_timeout", text));
	if (extended)
		check("vhost_timeout", !attr_write("ext/vhost_timeout", text));
}

static bool readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1 && pfd.revents & POLLIN;
}

bool message_waits(int fd)
{
	return readable(fd, 0);
}

bool message_comes(int fd)
{
	return readable(fd, PATIENCE_MS);
}

struct request message(int fd)
{
	struct request req = { 0 };

	check("a message", message_comes(fd) &&
	      read(fd, &req, sizeof(req)) == sizeof(req));
	return req;
}

long answer(int fd, const struct request *req, bool good)
{
	struct vduse_dev_response resp = {
		.request_id = req->id,
		.result = good ? VDUSE_REQ_RESULT_OK : VDUSE_REQ_RESULT_FAILED,
	};

	return write(fd, &resp, sizeof(resp)) == sizeof(resp) ? 0 : -1;
}

static void *host_run(void *arg)
{
	struct host *host = arg;
	struct pollfd fds[] = {
		{ .fd = host->fd, .events = POLLIN },
		{ .fd = host->stop, .events = POLLIN },
	};
	struct request req;
	bool good;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		if (read(host->fd, &req, sizeof(req)) != sizeof(req)) {
			nap(1);
			continue;
		}
		good = !host->refuses || !host->refuses(&req);
		if (host->count < HOST_LOG)
			host->log[host->count++] = req;
		answer(host->fd, &req, good);
	}
	return NULL;
}

void host_start(struct host *host, int fd)
{
	host->fd = fd;
	host->stop = eventfd(0, EFD_CLOEXEC);
	check("a server", host->stop >= 0 &&
	      !pthread_create(&host->thread, NULL, host_run, host));
}

void host_stop(struct host *host)
{
	eventfd_write(host->stop, 1);
	pthread_join(host->thread, NULL);
	close(host->stop);
}

unsigned int host_heard(struct host *host, uint32_t type)
{
	unsigned int heard = 0;

	for (unsigned int i = 0; i < host->count; i++)
		heard += host->log[i].type == type;
	return heard;
}

static void *act_run(void *arg)
{
	struct act *act = arg;

	act->ret = act->run(act->arg);
	act->error = errno;
	act->done = true;
	return NULL;
}

void act_start(struct act *act, long (*run)(void *arg), void *arg)
{
	*act = (struct act){ .run = run, .arg = arg };
	check("a thread", !pthread_create(&act->thread, NULL, act_run, act));
}

bool act_returns(struct act *act, bool expected)
{
	uint64_t end = now_ms() + (expected ? PATIENCE_MS : 1000);

	while (!act->done && now_ms() < end)
		nap(5);
	return act->done;
}

long act_end(struct act *act)
{
	check("a call returns", act_returns(act, true));
	pthread_join(act->thread, NULL);
	errno = act->error;
	return act->ret;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

struct vduse_ext_info info_of(const char *name)
{
	struct vduse_ext_info info = { 0 };

	strcpy(info.name, name);
	if (own)
		check("GET_INFO", !ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	return info;
}

long abort_device(const char *name)
{
	char buf[VDUSE_EXT_NAME_MAX] = "";

	strcpy(buf, name);
	return ioctl(control(), VDUSE_EXT_ABORT, buf);
}

unsigned int events(int event)
{
	eventfd_t value;

	return eventfd_read(event, &value) ? 0 : (unsigned int)value;
}

unsigned int wait_events(int event)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };

	poll(&pfd, 1, PATIENCE_MS);
	return events(event);
}

long server_get_config(int fd, uint32_t offset, void *data, uint32_t length,
		       uint32_t *generation)
{
	struct vduse_ext_config config = {
		.offset = offset,
		.length = length,
		.buffer = (uintptr_t)data,
	};
	long ret = ioctl(fd, VDUSE_EXT_GET_CONFIG, &config);

	if (!ret && generation)
		*generation = config.generation;
	return ret;
}

long server_set_config(int fd, uint32_t offset, const void *data,
		       uint32_t length, uint32_t flags, uint32_t *generation)
{
	struct vduse_ext_config config = {
		.offset = offset,
		.length = length,
		.buffer = (uintptr_t)data,
		.flags = flags,
	};
	long ret = ioctl(fd, VDUSE_EXT_SET_CONFIG, &config);

	if (!ret && generation)
		*generation = config.generation;
	return ret;
}
