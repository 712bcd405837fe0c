// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-rows: things that happen at the same time. What each call returns is
 * open; the kernel must survive and the device work afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "disk.h"
#include "rows.h"

#define RACE_MS 4000

static atomic_bool stop;
static atomic_uint opened, injected;

static void *open_and_close(void *arg)
{
	struct vduse_vq_info info = { .index = 1 };
	uint32_t index = 1;
	int fd;

	(void)arg;
	while (!stop) {
		fd = open("/dev/vduse/" PROBE_NAME, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		check("VQ_GET_INFO", !ioctl(fd, VDUSE_VQ_GET_INFO, &info));
		check("inject", ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index) < 0);
		opened++;
		close(fd);
	}
	return NULL;
}

/* An open finds a whole device or none. */
void row_open_destroy(void)
{
	unsigned int made = 0, busy = 0;
	uint64_t began = now_ms();
	pthread_t openers[2];

	stop = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&openers[i], NULL, open_and_close, NULL);
	while (!passed(began, RACE_MS) || !opened || !busy) {
		check("create", !create(block_config()));
		made++;
		while (destroy(PROBE_NAME)) {
			check("destroy", errno == EBUSY);
			busy++;
		}
		check("in time", !passed(began, 10 * RACE_MS));
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(openers[i], NULL);
	printf("made %u, busy %u, opened %u\n", made, busy, opened);
}

static void *inject(void *arg)
{
	int fd = *(int *)arg;
	uint32_t index = 0;

	while (!stop) {
		if (!ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index))
			injected++;
		else
			check("inject", errno == EINVAL);
		if (ioctl(fd, VDUSE_DEV_INJECT_CONFIG_IRQ))
			check("inject config", errno == EINVAL);
	}
	return NULL;
}

static void *kick(void *arg)
{
	while (!stop)
		eventfd_write(*(int *)arg, 1);
	return NULL;
}

/* Interrupts and kicks while a vhost user resets the device. */
void row_inject_reset(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct vduse_vq_eventfd kickfd = { .fd = eventfd(0, EFD_CLOEXEC |
							    EFD_NONBLOCK) };
	uint64_t began = now_ms();
	unsigned int resets = 0;
	pthread_t threads[2];
	struct user user;

	stop = false;
	injected = 0;
	user_start(&user);
	pthread_create(&threads[0], NULL, inject, &user.fd);
	pthread_create(&threads[1], NULL, kick, &event);
	while (!passed(began, RACE_MS) || !injected) {
		user_kick(&user, 0, event);
		user_call(&user, 0, call);
		ioctl(user.fd, VDUSE_VQ_SETUP_KICKFD, &kickfd);
		user_enable(&user, 0);
		check("driver ok", user_status(&user, 0xf) == 0xf);
		check("reset", user_status(&user, 0) == 0);
		resets++;
		check("in time", !passed(began, 10 * RACE_MS));
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("resets %u, injected %u\n", resets, injected);
	user_end(&user);
	close(event);
	close(call);
	close(kickfd.fd);
}

static void driver_write(const char *file, const char *device)
{
	char path[128];
	FILE *stream;

	snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/virtio_blk/%s",
		 file);
	stream = fopen(path, "we");
	check(path, stream && fputs(device, stream) >= 0);
	check(path, !fclose(stream));
}

/* Interrupts while the driver of the disk goes and comes. */
void row_inject_unbind(void)
{
	unsigned int cycles = 0;
	const char *device;
	pthread_t thread;
	uint64_t began;
	glob_t found;
	int node;

	stop = false;
	injected = 0;
	disk_start("4194304", NULL);
	check("a virtio device", !glob("/sys/bus/vdpa/devices/" PROBE_NAME
				       "/virtio*", 0, NULL, &found));
	device = strrchr(found.gl_pathv[0], '/') + 1;
	pthread_create(&thread, NULL, inject, &disk.fd);
	for (began = now_ms(); !passed(began, RACE_MS); cycles++) {
		driver_write("unbind", device);
		driver_write("bind", device);
	}
	stop = true;
	pthread_join(thread, NULL);
	printf("cycles %u, injected %u\n", cycles, injected);
	check("something happened", cycles && injected);
	globfree(&found);
	node = disk_open();
	disk_exercise(node, 1);
	close(node);
	disk_end();
}
