// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: a server that is late, and how long each bus waits for it.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "disk.h"
#include "ext-tests.h"
#include "ext.h"

static struct host host;
static int fd, vhost;

static void begin(void)
{
	/* A VMM waits until there is an answer. */
	const struct wish wish = { .extensions = VDUSE_EXT_RECOVER };

	fd = served_begin(&host, &wish, &vhost);
	vmm_start(vhost, 0);
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

static long get_base(void *arg)
{
	struct vhost_vring_state base = { .index = 1 };

	(void)arg;
	return ioctl(vhost, VHOST_GET_VRING_BASE, &base);
}

static void see_poll(const char *key)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	poll(&pfd, 1, 0);
	see(key, "poll says%s%s%s", pfd.revents & POLLIN ? " in" : "",
	    pfd.revents & POLLERR ? " err" : "",
	    pfd.revents & POLLHUP ? " hup" : "");
}

static void see_info(void)
{
	struct vduse_ext_info info = info_of(PROBE_NAME);

	if (own)
		see("the module says", "late %llu, broken %d, last error %s of %u",
		    info.late, !!(info.flags & VDUSE_EXT_I_BROKEN),
		    strerrorname_np((int)info.last_error), info.last_error_type);
}

/* It costs a reset, not the device. */
void test_late(void)
{
	struct vduse_vq_info info = { 0 };
	struct request req;
	struct act act;
	int call;

	begin();
	call = vmm_config_call(vhost);
	host_stop(&host);
	wait_for_answers(1);
	act_start(&act, get_base, NULL);
	req = message(fd);
	see_result("not answered in time", act_end(&act));
	wait_for_answers(0);
	see_result("a late answer", answer(fd, &req, true));
	see("status", "0x%x", vmm_status(vhost));
	see("interrupts", "%u", extended ? wait_events(call) : events(call));
	see_info();
	see_poll("the server");
	see_result("a call of the server", ioctl(fd, VDUSE_VQ_GET_INFO, &info));

	close(fd);
	fd = device_open(PROBE_NAME);
	host_start(&host, fd);
	see("the next server, a reset", "0x%x", vmm_set_status(vhost, 0));
	if (extended)
		vmm_start(vhost, 0);
	see("status", "0x%x", vmm_status(vhost));
	see_result("the next message", get_base(NULL));
	close(call);
	end();
}

static long virtio_driver(const char *action)
{
	char path[512], name[64];

	check("a virtio device", !bus_find(PROBE_NAME, "virtio*", path,
					   sizeof(path)));
	snprintf(name, sizeof(name), "%.60s", strrchr(path, '/') + 1);
	snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/virtio_blk/%s",
		 action);
	errno = -write_text(path, name);
	return errno ? -1 : 0;
}

static void exercise(const char *when, unsigned int salt)
{
	int node = disk_open();

	disk_exercise(node, salt);
	close(node);
	see(when, "read and written, status 0x%x",
	    bus_virtio_status(PROBE_NAME));
}

/* What the driver of a disk sends while it has it, that waits for an answer. */
static void switch_cache(void)
{
	char path[512];

	check("a disk", !bus_find(PROBE_NAME, "virtio*/block/*/cache_type",
				  path, sizeof(path)));
	errno = -write_text(path, "write through");
	see_result("cache switched, nobody answers", errno ? -1 : 0);
}

/* A disk whose server was late: its I/O goes on, and a reset makes it whole. */
static void late_disk(void)
{
	const uint32_t wce = offsetof(struct virtio_blk_config, wce);
	const struct wish wish = {
		.extensions = VDUSE_EXT_RECOVER | VDUSE_EXT_CONFIG,
		.stretches = { { wce, 1, VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED } },
	};

	check("wish", !wish_for(control(), &wish));
	disk_features = 1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	disk_start("4194304", NULL);
	disk.deaf = true;
	wait_for_answers(1);
	switch_cache();
	wait_for_answers(0);
	exercise("the disk", 1);
	disk.deaf = false;
	see_result("unbind", virtio_driver("unbind"));
	see("status", "0x%x", bus_virtio_status(PROBE_NAME));
	see_result("bind", virtio_driver("bind"));
	exercise("the disk", 2);
	disk_end();
}

/* It has nothing to wait for but resets, and no way back. */
static void late_plain_disk(void)
{
	disk_start("4194304", NULL);
	exercise("the disk", 1);
	disk.deaf = true;
	wait_for_answers(1);
	see_result("unbind, nobody answers", virtio_driver("unbind"));
	disk.deaf = false;
	see("status", "0x%x", bus_virtio_status(PROBE_NAME));
	see_result("bind", virtio_driver("bind"));
	see("status", "0x%x", bus_virtio_status(PROBE_NAME));
	disk_end();
}

void test_late_disk(void)
{
	if (extended)
		late_disk();
	else
		late_plain_disk();
}

static long set_status_3(void *arg)
{
	(void)arg;
	return vmm_set_status(vhost, 3);
}

#define WAIT_MS 3000

/* A VMM is waited for, whatever a driver of the kernel is given. */
void test_vhost_waits(void)
{
	struct act act;

	begin();
	check("reset", !vmm_set_status(vhost, 0));
	host_stop(&host);
	check("msg_timeout", !attr_write("msg_timeout", "1"));
	act_start(&act, set_status_3, NULL);
	nap(WAIT_MS);
	see("after longer than a driver waits", "the VMM %s",
	    act.done ? "has given up" : "waits");
	host_start(&host, fd);
	see("status", "0x%lx", act_end(&act));
	end();
}

static pid_t waiting_process(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(fd);
	vhost_open(PROBE_NAME);
	_exit(0);
}

/* It can be killed while it waits; what it wanted is withdrawn. */
void test_vhost_killed(void)
{
	int status = 0;
	pid_t pid;

	begin();
	wait_for_answers(0);
	close(vhost);
	host_stop(&host);
	pid = waiting_process();
	check("a message", message_comes(fd));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	see("a VMM that waits", WIFSIGNALED(status) ? "is killed" :
	    "comes back");
	host_start(&host, fd);
	vhost = vmm_open(PROBE_NAME);
	vmm_start(vhost, 0);
	end();
}
