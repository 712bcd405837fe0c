// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bugs that VDUSE had, tried one by one on the module that is loaded.
 *
 * usage: kmod-rows ROW...	prints "ok ROW" for each, or "FAILED: WHY"
 *	  kmod-rows reboot	restarts the machine at once
 */
#include <linux/vhost.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "meminfo.h"
#include "rows.h"

void user_start(struct user *user)
{
	user->server = (struct server){ 0 };
	user->fd = make_device();
	server_start(&user->server, user->fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	user->vhost = vhost_open(PROBE_NAME);
	check("open the vhost node", user->vhost >= 0);
	check("own it", !ioctl(user->vhost, VHOST_SET_OWNER));
}

void user_end(struct user *user)
{
	close(user->vhost);
	check("detach", !detach(PROBE_NAME));
	server_stop(&user->server);
	drop_device(user->fd);
}

uint8_t user_status(struct user *user, uint8_t status)
{
	ioctl(user->vhost, VHOST_VDPA_SET_STATUS, &status);
	check("get status", !ioctl(user->vhost, VHOST_VDPA_GET_STATUS, &status));
	return status;
}

void user_enable(struct user *user, unsigned int index)
{
	struct vhost_vring_state state = { .index = index, .num = 1 };

	check("enable a queue", !ioctl(user->vhost, VHOST_VDPA_SET_VRING_ENABLE,
				       &state));
}

void user_call(struct user *user, unsigned int index, int event)
{
	struct vhost_vring_file file = { .index = index, .fd = event };

	check("set call", !ioctl(user->vhost, VHOST_SET_VRING_CALL, &file));
}

void user_kick(struct user *user, unsigned int index, int event)
{
	struct vhost_vring_file file = { .index = index, .fd = event };

	check("set kick", !ioctl(user->vhost, VHOST_SET_VRING_KICK, &file));
}

long memory_kib(const char *key)
{
	long kib = meminfo(key);

	check(key, kib >= 0);
	return kib;
}

void *shared_memory(size_t size)
{
	int fd = memfd_create("rows", MFD_CLOEXEC);
	void *addr;

	check("memfd", fd >= 0 && !ftruncate(fd, (off_t)size));
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check("mmap", addr != MAP_FAILED);
	close(fd);
	return addr;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool passed(uint64_t since, uint64_t ms)
{
	return now_ms() - since >= ms;
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	check("/proc/self/fd", dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void row_reboot(void)
{
	reboot(RB_AUTOBOOT);
}

static const struct row {
	const char *name;
	void (*run)(void);
} rows[] = {
	{ "short-config", row_short_config },
	{ "control-name", row_control_name },
	{ "torn-config", row_torn_config },
	{ "odd-ring", row_odd_ring },
	{ "many-queues", row_many_queues },
	{ "no-queues", row_no_queues },
	{ "net", row_net },
	{ "copy-fails", row_copy_fails },
	{ "copy-outlived", row_copy_outlived },
	{ "refused-reset", row_refused_reset },
	{ "open-destroy", row_open_destroy },
	{ "inject-reset", row_inject_reset },
	{ "inject-unbind", row_inject_unbind },
	{ "entries", row_entries },
	{ "no-entries", row_no_entries },
	{ "compat", row_compat },
	{ "no-descriptor-left", row_no_descriptor_left },
	{ "crash", row_crash },
	{ "vhost-bounds", row_vhost_bounds },
	{ "zeroed", row_zeroed },
	{ "reattach", row_reattach },
	{ "offline", row_offline },
	{ "counters", row_counters },
	{ "counters-io", row_counters_io },
	{ "reboot", row_reboot },
};

static void run(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		rows[i].run();
		printf("ok %s\n", name);
		fflush(stdout);
		return;
	}
	check(name, false);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	check("usage: kmod-rows ROW...", argc > 1);
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	return 0;
}
