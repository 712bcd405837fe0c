// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: the virtio status, and what a reset means.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "ext-tests.h"
#include "ext.h"

static struct host host;
static int fd, vhost;

static const struct wish recover_wish = { .extensions = VDUSE_EXT_RECOVER };

static void begin(void)
{
	fd = served_begin(&host, &recover_wish, &vhost);
	vmm_start(vhost, 0);
}

static void end(void)
{
	served_end(&host, fd, vhost);
}

static void see_server_status(const char *key)
{
	uint8_t status = 0;
	long ret = ioctl(fd, VDUSE_EXT_GET_STATUS, &status);

	if (ret)
		see_result(key, ret);
	else
		see(key, "0x%x", status);
}

/* The server gives up, and the driver begins anew. */
void test_needs_reset(void)
{
	unsigned int heard;
	int call;

	begin();
	call = vmm_config_call(vhost);
	see_server_status("the server sees");
	heard = host.count;
	see_result("needs reset", ioctl(fd, VDUSE_EXT_NEEDS_RESET));
	if (extended)
		see("interrupts", "%u", wait_events(call));
	see("status", "0x%x", vmm_status(vhost));
	see("messages", "%u", host.count - heard);
	if (extended) {
		see_server_status("the server sees");
		vmm_start(vhost, 0);
		see("begun anew", "0x%x", vmm_status(vhost));
	}
	close(call);
	end();
}

static bool refuses_reset(const struct request *req)
{
	return req->type == VDUSE_SET_STATUS && !req->status.status;
}

static long reset(void *arg)
{
	uint8_t status = 0;

	(void)arg;
	return ioctl(vhost, VHOST_VDPA_SET_STATUS, &status);
}

static void see_reset(const char *key, long ret)
{
	see_result(key, ret);
	see(key, "status 0x%x", vmm_status(vhost));
}

void test_reset_refused(void)
{
	unsigned int heard;

	begin();
	host.refuses = refuses_reset;
	see_reset("reset, refused", reset(NULL));
	heard = host.count;
	if (extended)
		see("and another status", "0x%x, %u messages",
		    vmm_set_status(vhost, 0x4f), host.count - heard);
	host.refuses = NULL;
	see_reset("reset, acknowledged", reset(NULL));
	vmm_start(vhost, 0);
	end();
}

/* Nobody answers in time: the answer that comes then counts no more. */
void test_reset_late(void)
{
	struct request req;
	struct act act;

	begin();
	host_stop(&host);
	wait_for_answers(1);
	act_start(&act, reset, NULL);
	req = message(fd);
	see_reset("reset, not answered", act_end(&act));
	wait_for_answers(0);
	see_result("a late answer", answer(fd, &req, true));
	see_reset("after it", 0);
	host_start(&host, fd);
	see_reset("reset, acknowledged", reset(NULL));
	if (extended)
		vmm_start(vhost, 0);
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

static void see_unbind(const char *key)
{
	struct vduse_dev_request req;

	wait_for_answers(1);
	see_result(key, virtio_driver("unbind"));
	wait_for_answers(0);
	see(key, "status 0x%x", bus_virtio_status(PROBE_NAME));
	see_result(key, read(fd, &req, sizeof(req)));
}

static void next_server(const char *key)
{
	close(fd);
	fd = device_open(PROBE_NAME);
	host.refuses = NULL;
	host_start(&host, fd);
	see_result(key, virtio_driver("bind"));
	see(key, "status 0x%x", bus_virtio_status(PROBE_NAME));
}

/*
 * A driver of the kernel does not look whether it got its reset: a server that
 * does not give it in time is cut off.
 */
void test_reset_driver(void)
{
	if (!extended)
		return;
	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &recover_wish);
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	host_stop(&host);
	see_unbind("unbind, nobody answers");
	next_server("bind, the next server");
	host.refuses = refuses_reset;
	see_unbind("unbind, refused");
	host_stop(&host);
	next_server("bind, the next server");
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}

/* The server is cut off: it does nothing any more with the driver's memory. */
void test_reset_abort(void)
{
	struct act act;

	if (!extended)
		return;
	begin();
	wait_for_answers(0);
	host_stop(&host);
	act_start(&act, reset, NULL);
	check("a message", message_comes(fd));
	see("reset, not answered", "%s", act_returns(&act, false) ? "returns" :
	    "waits");
	see_result("abort", abort_device(PROBE_NAME));
	see_result("reset, aborted", act_end(&act));
	see_reset("reset, nobody there", reset(NULL));
	close(fd);
	fd = device_open(PROBE_NAME);
	host_start(&host, fd);
	vmm_start(vhost, 0);
	end();
}
