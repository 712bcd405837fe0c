// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conformance probe: ioctls of a device that is not attached, and messages.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static void probe_kickfd(int fd)
{
	struct vduse_vq_eventfd kick = { .index = 9, .fd = -1 };
	int event = eventfd(0, EFD_CLOEXEC);

	say("kickfd.index", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	kick.index = 0;
	say("kickfd=-1", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	kick.fd = -7;
	say("kickfd=-7", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	kick.fd = 999;
	say("kickfd=999", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	kick.fd = fd;
	say("kickfd.other", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	kick.fd = event;
	say("kickfd", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	say("kickfd.bad", ioctl(fd, VDUSE_VQ_SETUP_KICKFD, 8));
	close(event);
}

static long set_config(int fd, uint32_t offset, uint32_t length)
{
	struct {
		struct vduse_config_data head;
		uint8_t data[8192];
	} data = { .head = { .offset = offset, .length = length } };

	return ioctl(fd, VDUSE_DEV_SET_CONFIG, &data);
}

static void probe_config(int fd)
{
	uint32_t size = block_config()->config_size;

	say("config.length=0", set_config(fd, 0, 0));
	say("config.all", set_config(fd, 0, size));
	say("config.last", set_config(fd, size - 1, 1));
	say("config.end", set_config(fd, size, 1));
	say("config.beyond", set_config(fd, size + 1, 1));
	say("config.overrun", set_config(fd, 1, size));
	say("config.wrap", set_config(fd, 1, 0xffffffff));
	say("config.bad", ioctl(fd, VDUSE_DEV_SET_CONFIG, 8));
}

static void probe_iotlb(int fd)
{
	struct vduse_iotlb_entry entry = { .start = 0, .last = 4095 };
	struct vduse_iova_info info = { .start = 0, .last = 4095 };
	struct vduse_iova_umem umem = { .size = 67108864 };

	say("get_fd", ioctl(fd, VDUSE_IOTLB_GET_FD, &entry));
	entry.start = 4096;
	say("get_fd.backward", ioctl(fd, VDUSE_IOTLB_GET_FD, &entry));
	say("get_fd.bad", ioctl(fd, VDUSE_IOTLB_GET_FD, 8));
	say("get_info", ioctl(fd, VDUSE_IOTLB_GET_INFO, &info));
	say("get_info.bad", ioctl(fd, VDUSE_IOTLB_GET_INFO, 8));
	say("reg_umem", ioctl(fd, VDUSE_IOTLB_REG_UMEM, &umem));
	say("reg_umem.bad", ioctl(fd, VDUSE_IOTLB_REG_UMEM, 8));
	say("dereg_umem", ioctl(fd, VDUSE_IOTLB_DEREG_UMEM, &umem));
	say("dereg_umem.bad", ioctl(fd, VDUSE_IOTLB_DEREG_UMEM, 8));
	umem.reserved[0] = 1;
	say("dereg_umem.reserved", ioctl(fd, VDUSE_IOTLB_DEREG_UMEM, &umem));
	info.reserved[2] = 1;
	say("get_info.reserved", ioctl(fd, VDUSE_IOTLB_GET_INFO, &info));
}

/* Calls of others: of later kernels, and of our own module. */
static void probe_other_calls(int fd)
{
	static const unsigned int numbers[] = {
		0x04, 0x05, 0x1b, 0x1c, 0xe0, 0xe3, 0xe8, 0xe9, 0xea, 0xeb, 0xec,
	};
	char argument[512] = "", key[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		for (unsigned int dir = 0; dir < 4; dir++) {
			unsigned long call = _IOC(dir, VDUSE_BASE, numbers[i],
						  dir ? 24 : 0);

			snprintf(key, sizeof(key), "call %#lx", call);
			say(key, ioctl(fd, call, argument));
		}
	}
	say("call of 1 byte", ioctl(fd, _IOR(VDUSE_BASE, 0xeb, uint8_t),
				    argument));
	say("call to nowhere", ioctl(fd, _IOC(3, VDUSE_BASE, 0xe8, 24), 8));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "ext" is what our module says of a device beside them. */
static void probe_attributes(void)
{
	static const char path[] = "/sys/class/vduse/" PROBE_NAME;
	char *names[64], text[1024] = "";
	size_t count = 0, length = 0;
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		fatal(path);
	while ((entry = readdir(dir)) && count < 64)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "ext") != 0)
			names[count++] = strdup(entry->d_name);
	closedir(dir);
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count; i++) {
		length += (size_t)snprintf(text + length, sizeof(text) - length,
					   " %s", names[i]);
		free(names[i]);
	}
	say_text("attributes", "%s", text);
}

void probe_device(void)
{
	struct vduse_vq_config queue = { .reserved[12] = 1, .max_size = 1 };
	struct vduse_vq_info info = { .index = 9 };
	uint64_t features = 1;
	uint32_t index = 9;
	int fd = make_device();

	say("unknown", ioctl(fd, _IO(VDUSE_BASE, 0x77), 0));
	probe_other_calls(fd);
	probe_attributes();
	say("vq_setup.index", setup_queue(fd, 2, 64));
	say("vq_setup.reserved", ioctl(fd, VDUSE_VQ_SETUP, &queue));
	say("vq_setup=0", setup_queue(fd, 0, 0));
	say("vq_setup=65535", setup_queue(fd, 0, 65535));
	say("vq_setup.bad", ioctl(fd, VDUSE_VQ_SETUP, 8));
	say("vq_info.index", ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	info.index = 0;
	say("vq_info", ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	say_text("vq_info", "num=%u desc=%llu ready=%u", info.num,
		 info.desc_addr, info.ready);
	say("vq_info.bad", ioctl(fd, VDUSE_VQ_GET_INFO, 8));
	say("inject.index", ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
	index = 0;
	say("inject", ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
	say("inject.bad", ioctl(fd, VDUSE_VQ_INJECT_IRQ, 8));
	say("inject_config", ioctl(fd, VDUSE_DEV_INJECT_CONFIG_IRQ));
	say("features", ioctl(fd, VDUSE_DEV_GET_FEATURES, &features));
	say_text("features", "0x%llx", (unsigned long long)features);
	say("features.bad", ioctl(fd, VDUSE_DEV_GET_FEATURES, 8));
	probe_kickfd(fd);
	probe_config(fd);
	probe_iotlb(fd);

	setup_queue(fd, 0, 0);
	say("attach.size=0", attach(PROBE_NAME, NULL));
	say("attach.unknown", attach("nothing", NULL));
	setup_queue(fd, 0, 64);
	say("attach", attach(PROBE_NAME, NULL));
	say("attach.again", attach(PROBE_NAME, NULL));
	say("bounce_size.attached", attr_write("bounce_size", "1048576"));
	close(fd);
	say("destroy.attached", destroy(PROBE_NAME));
	say("detach", detach(PROBE_NAME));
	say("detach.again", detach(PROBE_NAME));
	say("bounce_size.detached", attr_write("bounce_size", "1048576"));
	say("destroy", destroy(PROBE_NAME));
}

/* Out of the compiler's sight. */
static void *bad_address(void)
{
	static void * volatile address = (void *)8;

	return address;
}

static short events(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };

	poll(&pfd, 1, 0);
	return pfd.revents;
}

static void say_events(const char *key, int fd)
{
	short e = events(fd);

	say_text(key, "%s%s%s%s", e & POLLIN ? "in " : "",
		 e & POLLOUT ? "out " : "", e & POLLERR ? "err " : "",
		 e & POLLHUP ? "hup " : "");
}

static void opener_end(const char *key, pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status)) {
		say_text(key, "signal %d", WTERMSIG(status));
	} else {
		errno = WEXITSTATUS(status);
		say(key, errno ? -1 : 0);
	}
}

static bool wait_in(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 10000) == 1;
}

static int reopen(int fd)
{
	close(fd);
	fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fatal("reopen");
	return fd;
}

/* A request read and not answered is read again after a new open. */
static int probe_redelivery(int fd)
{
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req, again;
	pid_t pid = opener(fd);

	if (!wait_in(fd))
		fatal("no message");
	say_events("poll.pending", fd);
	say("read.bad", read(fd, bad_address(), sizeof(req)));
	say("read.short", read(fd, &req, sizeof(req) - 1));
	say("read", read(fd, &req, sizeof(req)));
	say_text("read", "type=%u status=0x%x", req.type, req.s.status);
	say_events("poll.read", fd);
	fd = reopen(fd);
	say("read.again", read(fd, &again, sizeof(again)));
	say_text("read.again", "%s id", again.request_id == req.request_id ?
		 "same" : "other");

	resp.request_id = req.request_id + 1000;
	say("write.unknown", write(fd, &resp, sizeof(resp)));
	resp.request_id = req.request_id;
	say("write.short", write(fd, &resp, sizeof(resp) - 1));
	say("write.bad", write(fd, bad_address(), sizeof(resp)));
	resp.reserved[3] = 1;
	say("write.reserved", write(fd, &resp, sizeof(resp)));
	resp.reserved[3] = 0;
	resp.result = 5;
	say("write.failed", write(fd, &resp, sizeof(resp)));
	say("write.twice", write(fd, &resp, sizeof(resp)));
	opener_end("vhost.open.refused", pid);
	say_events("poll.refused", fd);
	return fd;
}

static void probe_killed_sender(int fd)
{
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;
	pid_t pid = opener(fd);

	if (!wait_in(fd) || read(fd, &req, sizeof(req)) != sizeof(req))
		fatal("no message");
	kill(pid, SIGKILL);
	opener_end("vhost.open.killed", pid);
	resp.request_id = req.request_id;
	say("write.withdrawn", write(fd, &resp, sizeof(resp)));
	say_events("poll.killed", fd);
}

static void *read_blocking(void *arg)
{
	struct vduse_dev_request req;
	int fd = *(int *)arg;
	ssize_t ret;

	/* The first is the message that will not be answered. */
	if (read(fd, &req, sizeof(req)) != sizeof(req))
		fatal("read");
	ret = read(fd, &req, sizeof(req));
	return (void *)(ret < 0 ? -(intptr_t)errno : ret);
}

static void on_signal(int signal)
{
	(void)signal;
}

static int probe_broken(int fd)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vduse_dev_response resp = { 0 };
	struct vduse_dev_request req;
	uint64_t features;
	struct timespec until;
	pthread_t reader;
	void *ret = NULL;
	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	attr_write("msg_timeout", "2");
	fcntl(fd, F_SETFL, 0);
	pthread_create(&reader, NULL, read_blocking, &fd);
	pid = opener(fd);
	opener_end("vhost.open.timeout", pid);

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 3;
	if (pthread_timedjoin_np(reader, &ret, &until)) {
		say_text("broken.reader", "sleeps on");
		pthread_kill(reader, SIGUSR1);
		pthread_join(reader, NULL);
	} else {
		errno = -(intptr_t)ret;
		say("broken.reader", -1);
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	say_events("broken.poll", fd);
	say("broken.ioctl", ioctl(fd, VDUSE_DEV_GET_FEATURES, &features));
	say("broken.unknown", ioctl(fd, _IO(VDUSE_BASE, 0x77), 0));
	say("broken.read", read(fd, &req, sizeof(req)));
	say("broken.write", write(fd, &resp, sizeof(resp)));
	say("broken.write", write(fd, &resp, sizeof(resp) - 1));
	opener_end("broken.vhost.open", opener(fd));
	say_events("broken.poll", fd);
	fd = reopen(fd);
	say_events("broken.reopened", fd);
	say("broken.reopened", ioctl(fd, VDUSE_DEV_GET_FEATURES, &features));
	return fd;
}

void probe_messages(void)
{
	struct vduse_dev_request req;
	int fd = make_device();

	say_events("poll.idle", fd);
	say("read.empty", read(fd, &req, sizeof(req)));
	if (attach(PROBE_NAME, "vhost_vdpa"))
		fatal("attach");
	fd = probe_redelivery(fd);
	probe_killed_sender(fd);
	fd = probe_broken(fd);
	say("detach", detach(PROBE_NAME));
	drop_device(fd);
}
