// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: suspend, resume, and queues that become ready.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ext-tests.h"
#include "ext.h"

/* Of Linux 6.3, which Debian's header is too old for. */
#define VDPA_RESUME		_IO(VHOST_VIRTIO, 0x7e)
#define BACKEND_SUSPEND		(1ULL << 4)
#define BACKEND_RESUME		(1ULL << 5)

static struct host host;
static int fd, vhost;

static void begin(uint64_t instance, uint64_t extensions)
{
	const struct wish wish = {
		.instance = instance,
		.extensions = extensions,
	};

	fd = served_begin(&host, &wish, &vhost);
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

static void see_backend(void)
{
	uint64_t features = 0;

	check("backend features", !ioctl(vhost, VHOST_GET_BACKEND_FEATURES,
					 &features));
	see("a VMM is offered", "suspend %d, resume %d",
	    !!(features & BACKEND_SUSPEND), !!(features & BACKEND_RESUME));
	features &= BACKEND_SUSPEND | BACKEND_RESUME | 3;
	check("backend features", !ioctl(vhost, VHOST_SET_BACKEND_FEATURES,
					 &features));
}

static int kick, heard, call;

static void set_up_events(void)
{
	struct vhost_vring_file file = { .index = 0 };
	struct vduse_vq_eventfd listen = { .index = 0 };

	kick = file.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check("kick", !ioctl(vhost, VHOST_SET_VRING_KICK, &file));
	call = file.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check("call", !ioctl(vhost, VHOST_SET_VRING_CALL, &file));
	heard = listen.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	check("kickfd", !ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &listen));
}

static void close_events(void)
{
	close(kick);
	close(call);
	close(heard);
}

static bool kicked(bool expected)
{
	struct pollfd pfd = { .fd = heard, .events = POLLIN };

	poll(&pfd, 1, expected ? PATIENCE_MS : 1000);
	return events(heard);
}

static void see_traffic(const char *when, bool runs)
{
	uint32_t index = 0;
	char key[64];

	snprintf(key, sizeof(key), "%s: a kick", when);
	eventfd_write(kick, 1);
	see(key, "%s", kicked(runs) ? "arrives" : "is kept");
	snprintf(key, sizeof(key), "%s: an interrupt", when);
	see_result(key, ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
	snprintf(key, sizeof(key), "%s: a configuration interrupt", when);
	see_result(key, ioctl(fd, VDUSE_DEV_INJECT_CONFIG_IRQ));
	check("interrupts", events(call) == runs);
}

static bool is_suspended(void)
{
	return info_of(PROBE_NAME).flags & VDUSE_EXT_I_SUSPENDED;
}

static bool refuses_all(const struct request *req)
{
	(void)req;
	return true;
}

static void see_state(void)
{
	struct vhost_vring_state base = { .index = 0 };

	see_result("the state of a queue", ioctl(vhost, VHOST_GET_VRING_BASE,
						 &base));
}

void test_suspend(void)
{
	begin(VDUSE_EXT_INST_SUSPEND, VDUSE_EXT_RESUME);
	see_backend();
	vmm_start(vhost, 0);
	set_up_events();
	see_traffic("at first", true);
	host.refuses = refuses_all;
	see_result("suspend", ioctl(vhost, VHOST_VDPA_SUSPEND));
	host.refuses = NULL;
	if (!extended) {
		close_events();
		return end();
	}
	see_traffic("refused", true);
	see_result("suspend", ioctl(vhost, VHOST_VDPA_SUSPEND));
	see("messages", "suspend %u", host_heard(&host, VDUSE_EXT_MSG_SUSPEND));
	see("suspended", "%d", is_suspended());
	see_traffic("suspended", false);
	see_state();
	host.refuses = refuses_all;
	see_result("resume", ioctl(vhost, VDPA_RESUME));
	see("suspended", "%d", is_suspended());
	host.refuses = NULL;
	see_result("resume", ioctl(vhost, VDPA_RESUME));
	see("the kick that was kept", "%s", kicked(true) ? "arrives" :
	    "is lost");
	see_traffic("resumed", true);
	see("messages", "resume %u", host_heard(&host, VDUSE_EXT_MSG_RESUME));
	close_events();
	end();
}

/* A reset ends it; and no VMM is promised what the server cannot do. */
void test_suspend_reset(void)
{
	if (!extended)
		return;
	begin(VDUSE_EXT_INST_SUSPEND, 0);
	see_backend();
	vmm_start(vhost, 0);
	see_result("resume", ioctl(vhost, VDPA_RESUME));
	see_result("suspend", ioctl(vhost, VHOST_VDPA_SUSPEND));
	see("suspended", "%d", is_suspended());
	vmm_start(vhost, 0);
	see("suspended", "%d", is_suspended());
	set_up_events();
	see_traffic("begun anew", true);
	close_events();
	end();
}

static long enable_only(uint32_t index, uint32_t ready)
{
	struct vhost_vring_state state = { .index = index, .num = ready };

	return ioctl(vhost, VHOST_VDPA_SET_VRING_ENABLE, &state);
}

static void enable(uint32_t index, uint32_t ready)
{
	struct vduse_vq_info info = { .index = index };
	unsigned int before = host.count;
	const struct request *req;
	long ret;

	ret = enable_only(index, ready);
	check("VQ_GET_INFO", !ioctl(fd, VDUSE_VQ_GET_INFO, &info));
	req = &host.log[before];
	if (host.count == before)
		see("a queue", "%u: %u returns %ld, ready %u, not told", index,
		    ready, ret, info.ready);
	else
		see("a queue", "%u: %u returns %ld, ready %u, told of %u: %u",
		    index, ready, ret, info.ready, req->ready.num,
		    req->ready.ready);
	check("one message", host.count - before <= 1 &&
	      (host.count == before || req->type == VDUSE_EXT_MSG_QUEUE_READY));
}

static bool is_broken(void)
{
	return info_of(PROBE_NAME).flags & VDUSE_EXT_I_BROKEN;
}

static void begin_queues(uint64_t extensions)
{
	uint64_t features = 1ULL << 32 | 1ULL << 33;

	begin(VDUSE_EXT_INST_QUEUE_READY, extensions);
	check("driver", vmm_set_status(vhost, 3) == 3);
	check("features", !ioctl(vhost, VHOST_SET_FEATURES, &features));
	check("features ok", vmm_set_status(vhost, 0xb) == 0xb);
}

static unsigned int told(uint32_t ready)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < host.count; i++)
		count += host.log[i].type == VDUSE_EXT_MSG_QUEUE_READY &&
			 host.log[i].ready.ready == ready;
	return count;
}

/* A driver of the kernel resets the device, and needs not say more. */
static void driver_queues(void)
{
	const struct wish wish = {
		.instance = VDUSE_EXT_INST_QUEUE_READY,
		.extensions = VDUSE_EXT_RECOVER,
	};

	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &wish);
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	see("a disk", "%u queues", told(1));
	check("detach", !detach(PROBE_NAME));
	see("it goes", "told of %u", told(0));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}

/*
 * Before DRIVER_OK and after it. If the server refuses, nobody knows what it
 * does with the queue.
 */
void test_queue_ready(void)
{
	begin_queues(VDUSE_EXT_RECOVER);
	enable(0, 1);
	see("driver ok", "0x%x", vmm_set_status(vhost, 0xf));
	enable(1, 1);
	enable(0, 0);
	host.refuses = refuses_all;
	enable(0, 1);
	see("refused", "status 0x%x", vmm_status(vhost));
	host.refuses = NULL;
	enable(0, 1);
	end();
	if (!extended)
		return;
	begin_queues(0);
	host.refuses = refuses_all;
	enable_only(0, 1);
	see("refused without RECOVER", "status 0x%x, broken %d",
	    vmm_status(vhost), is_broken());
	end();
	driver_queues();
}
