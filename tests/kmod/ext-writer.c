// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: writes to the configuration space whose writer or server goes, and
 * those of a driver of the kernel.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "ext-tests.h"
#include "ext-write.h"

/* In a process of its own, to be killed. */
static pid_t writing_process(const struct driver_write *write)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	close(writer.fd);
	writer.vhost = vmm_open(PROBE_NAME);
	driver_writes((void *)(uintptr_t)write);
	_exit(0);
}

static void see_told(const char *key, const struct request *req)
{
	see(key, "type 0x%x, offset %u, first byte %u", req->type,
	    req->write.offset, req->write.data[0]);
}

/* What was written is written: the server is told all the same. */
void test_write_killed(void)
{
	static const struct driver_write write = { ACKED, 1, { 9 } };
	struct request req;
	int status = 0;
	uint8_t byte;
	pid_t pid;

	if (!extended)
		return;
	writer_begin();
	close(writer.vhost);
	host_stop(&writer.host);
	pid = writing_process(&write);
	req = message(writer.fd);
	check("the reset of its open", req.type == VDUSE_SET_STATUS &&
	      !answer(writer.fd, &req, true));
	check("its write", message_comes(writer.fd));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	see("the writer", WIFSIGNALED(status) ? "is killed" : "comes back");
	check("read back", !server_get_config(writer.fd, ACKED, &byte, 1, NULL));
	see("the server reads", "%u", byte);
	req = message(writer.fd);
	see_told("the server hears", &req);
	check("answer", !answer(writer.fd, &req, true));
	host_start(&writer.host, writer.fd);
	writer.vhost = vmm_open(PROBE_NAME);
	writer_end();
}

/* Without RECOVER it breaks the device, and all its pieces go with that. */
void test_write_broken(void)
{
	static const struct driver_write write = { ACKED, 300, { 9 } };
	struct vduse_ext_info info;

	if (!extended)
		return;
	writer_begin_with(VDUSE_EXT_CONFIG);
	vmm_start(writer.vhost, 0);
	host_stop(&writer.host);
	wait_for_answers(1);
	see_result("a late write", driver_writes((void *)(uintptr_t)&write));
	info = info_of(PROBE_NAME);
	see("after it", "broken %d, pending %u",
	    !!(info.flags & VDUSE_EXT_I_BROKEN), info.pending);
	host_start(&writer.host, writer.fd);
	writer_end();
}

static void write_posted(uint8_t first, uint8_t last)
{
	struct driver_write write = { POSTED, 1, { 0 } };

	for (unsigned int byte = first; byte <= last; byte++) {
		write.data[0] = (uint8_t)byte;
		check("posted write", !driver_writes(&write));
	}
}

/* A server dies with writes read and unread: the next one hears them all. */
void test_write_restart(void)
{
	struct request first, again;

	if (!extended)
		return;
	writer_begin();
	host_stop(&writer.host);
	write_posted(1, 3);
	see("pending", "%u", info_of(PROBE_NAME).pending);
	first = message(writer.fd);
	message(writer.fd);
	close(writer.fd);
	writer.fd = device_open(PROBE_NAME);
	for (int i = 0; i < 3; i++) {
		again = message(writer.fd);
		if (!i)
			see("the same message", "%d", first.id == again.id);
		see_told("the next server hears", &again);
		check("answer", !answer(writer.fd, &again, true));
	}
	see("pending", "%u", info_of(PROBE_NAME).pending);
	host_start(&writer.host, writer.fd);
	writer_end();
}

#define QUEUE 64

/*
 * A driver cannot fill the kernel's memory: when there are many, it waits until
 * its own has been answered.
 */
void test_write_full(void)
{
	struct driver_write more = { POSTED, 1, { QUEUE + 1 } };
	struct request req;
	struct act act;

	if (!extended)
		return;
	writer_begin();
	host_stop(&writer.host);
	write_posted(1, QUEUE);
	see("pending", "%u", info_of(PROBE_NAME).pending);
	act_start(&act, driver_writes, &more);
	see("one more", "%s", act_returns(&act, false) ? "returns" : "waits");
	for (unsigned int i = 1; i <= QUEUE + 1; i++) {
		req = message(writer.fd);
		check("the next", req.write.data[0] == i);
		check("answer", !answer(writer.fd, &req, true));
	}
	see_result("one more", act_end(&act));
	host_start(&writer.host, writer.fd);
	writer_end();
}

static char cache_type[512];

static long set_cache(const char *text)
{
	errno = -write_text(cache_type, text);
	return errno ? -1 : 0;
}

static long write_back(void *arg)
{
	(void)arg;
	return set_cache("write back");
}

static void see_cache(const char *key)
{
	char text[32] = "";
	FILE *file = fopen(cache_type, "re");

	check("cache_type", file && fgets(text, sizeof(text), file));
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
	see(key, "%s", text);
}

static bool refuses_all(const struct request *req)
{
	(void)req;
	return true;
}

static void switch_cache(struct host *host, int fd)
{
	struct request req;
	struct act act;

	see_result("write through", set_cache("write through"));
	see_cache("write through");
	req = host->log[host->count - 1];
	see("write through", "the server hears of %u: %u", req.write.offset,
	    req.write.data[0]);
	host->refuses = refuses_all;
	see_result("write back, refused", set_cache("write back"));
	see_cache("write back, refused");

	host_stop(host);
	wait_for_answers(1);
	act_start(&act, write_back, NULL);
	see_result("write back, nobody answers", act_end(&act));
	wait_for_answers(0);
	see_cache("write back, nobody answers");
	req = message(fd);
	see_told("write back, later", &req);
	check("answer", !answer(fd, &req, true));
	see("status", "0x%x", bus_virtio_status(PROBE_NAME));
	host->refuses = NULL;
	host_start(host, fd);
}

/* The driver of a disk switches its cache; it waits, but not for ever. */
void test_write_virtio(void)
{
	const uint32_t wce = offsetof(struct virtio_blk_config, wce);
	const struct wish wish = {
		.extensions = VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER,
		.stretches = { { wce, 1, VDUSE_EXT_WRITABLE | VDUSE_EXT_ACKED } },
		.features = 1ULL << VIRTIO_BLK_F_FLUSH |
			    (extended ? 1ULL << VIRTIO_BLK_F_CONFIG_WCE : 0),
	};
	struct host host = { 0 };
	int fd = device(PROBE_NAME, &wish);
	uint8_t on = 1;

	if (extended)
		check("wce", !server_set_config(fd, wce, &on, 1, 0, NULL));
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	check("a disk", !bus_find(PROBE_NAME, "virtio*/block/*/cache_type",
				  cache_type, sizeof(cache_type)));
	see_cache("at first");
	if (extended)
		switch_cache(&host, fd);
	else
		see_result("write through", set_cache("write through"));
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}
