// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: every wait can be ended.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "ext-tests.h"
#include "ext.h"
#include "ring.h"

static struct host host;
static int fd, vhost;

static void begin(const char *driver)
{
	const struct wish wish = {
		.extensions = VDUSE_EXT_RECOVER,
		.timeouts = true,
	};

	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &wish);
	if (!extended)
		check("msg_timeout", !attr_write("msg_timeout", "0"));
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, driver));
}

static void end(void)
{
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}

static void next_server(void)
{
	close(fd);
	fd = device_open(PROBE_NAME);
	host_start(&host, fd);
}

/* What is left to a server that was cut off. */
static void see_cut_off(const struct request *req)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT };
	struct vduse_vq_info info = { 0 };
	uint32_t index = 0;
	char buf[256];

	poll(&pfd, 1, 0);
	see("poll", "err %d, hup %d", !!(pfd.revents & POLLERR),
	    !!(pfd.revents & POLLHUP));
	see_result("read", read(fd, buf, sizeof(buf)));
	see_result("answer", answer(fd, req, true));
	see_result("call", ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	see_result("interrupt", ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
}

static long set_status_7(void *arg)
{
	uint8_t status = 7;

	(void)arg;
	return ioctl(vhost, VHOST_VDPA_SET_STATUS, &status);
}

static void see_flags(const char *key)
{
	uint32_t flags = info_of(PROBE_NAME).flags;

	see(key, "connected %d, aborted %d, broken %d",
	    !!(flags & VDUSE_EXT_I_CONNECTED), !!(flags & VDUSE_EXT_I_ABORTED),
	    !!(flags & VDUSE_EXT_I_BROKEN));
}

/* A VMM waits for an answer. Any device can be aborted, by our module. */
void test_abort(void)
{
	struct request req;
	struct act act;
	int second;

	begin("vhost_vdpa");
	vhost = vmm_open(PROBE_NAME);
	check("driver", vmm_set_status(vhost, 3) == 3);
	host_stop(&host);
	act_start(&act, set_status_7, NULL);
	req = message(fd);
	see_result("abort", abort_device(PROBE_NAME));
	see("the VMM", "%s", act_returns(&act, own) ? "comes back" : "waits");
	if (!own) {
		check("answer", !answer(fd, &req, true));
		host_start(&host, fd);
	} else {
		see_flags("aborted");
		see_cut_off(&req);
		see_result("the next call of the VMM", set_status_7(NULL));
		second = device_open(PROBE_NAME);
		see_flags("another server");
		close(second);
		next_server();
	}
	act_end(&act);
	if (extended) {
		see("status", "%s", vmm_status(vhost) & 0x40 ?
		    "needs reset" : "as before");
		vmm_start(vhost, 0);
		see("begun anew", "0x%x", vmm_status(vhost));
	}
	close(vhost);
	end();
}

static long bind_virtio(void *arg)
{
	(void)arg;
	bus_override(PROBE_NAME, "virtio_vdpa");
	errno = -bus_driver("virtio_vdpa", "bind", PROBE_NAME);
	return errno ? -1 : 0;
}

/* A driver of the kernel is being bound, and may wait for ever. */
void test_abort_bind(void)
{
	struct act act;

	begin(NULL);
	host_stop(&host);
	act_start(&act, bind_virtio, NULL);
	check("a message", message_comes(fd));
	see("the bind", "%s", act_returns(&act, false) ? "ends" : "waits");
	see_result("abort", attr_write("ext/abort", "1"));
	see("the bind", "%s", act_returns(&act, own) ? "ends" : "waits");
	if (own)
		next_server();
	else
		host_start(&host, fd);
	act_end(&act);
	end();
}

static bool readable_memory(const volatile char *memory)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		(void)*memory;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	check("no other signal", WIFEXITED(status) ||
	      WTERMSIG(status) == SIGBUS);
	return WIFEXITED(status);
}

/* A server that was cut off has no eyes on the driver's memory any more. */
void test_abort_memory(void)
{
	struct vduse_vq_eventfd kick = { .fd = eventfd(0, EFD_CLOEXEC) };
	struct vduse_vq_info info = { 0 };
	struct region region;
	int memory;

	if (!own)
		return;
	begin("virtio_vdpa");
	check("VQ_GET_INFO", !ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	check("KICKFD", !ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &kick));
	memory = region_map(fd, info.desc_addr, &region);
	check("GET_FD", memory >= 0);
	see("the ring", "%s", readable_memory(region.addr) ? "can be read" :
	    "is gone");
	host_stop(&host);
	see_result("abort", abort_device(PROBE_NAME));
	see("the ring", "%s", readable_memory(region.addr) ? "can be read" :
	    "is gone");
	see("status", "0x%x", bus_virtio_status(PROBE_NAME));
	next_server();
	region_unmap(&region);
	close(memory);
	if (extended) {
		memory = region_map(fd, info.desc_addr, &region);
		see("the next server", "the ring %s", memory >= 0 &&
		    readable_memory(region.addr) ? "can be read" : "is gone");
		region_unmap(&region);
		close(memory);
	}
	close(kick.fd);
	end();
}

static char process_state(pid_t pid)
{
	char path[64], text[256] = "", state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(text, sizeof(text), file) && strrchr(text, ')'))
			state = strrchr(text, ')')[2];
		fclose(file);
	}
	return state;
}

static pid_t vmm_process(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	check("pipe", !pipe(ready));
	pid = fork();
	if (!pid) {
		close(fd);
		vhost = vmm_open(PROBE_NAME);
		vmm_start(vhost, 0);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	check("a VMM", read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

static bool is_broken(void)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & POLLERR;
}

/* Killed, while nobody answers: who waits for whom? */
static void see_killed(pid_t pid)
{
	uint64_t began = now_ms(), asleep = 0;
	char state;

	kill(pid, SIGKILL);
	while ((state = process_state(pid)) != 'Z') {
		check("in time", now_ms() - began < 2 * PATIENCE_MS);
		if (state == 'D')
			asleep = now_ms() - began;
		nap(5);
	}
	waitpid(pid, NULL, 0);
	remark("%llu ms in state D", (unsigned long long)asleep);
	see("a killed VMM", "%s", is_broken() ?
	    "waits in state D until the message is too late" :
	    "goes while nobody answers");
}

void test_killed_vmm(void)
{
	pid_t pid;

	begin("vhost_vdpa");
	pid = vmm_process();
	host_stop(&host);
	if (!extended)
		wait_for_answers(3);
	see_killed(pid);
	host_start(&host, fd);
	if (extended) {
		vhost = vmm_open(PROBE_NAME);
		see("the next one", "status 0x%x", vmm_status(vhost));
		vmm_start(vhost, 0);
		close(vhost);
	}
	end();
}
