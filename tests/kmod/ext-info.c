// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmod-ext: what the module says of its devices, with and without extensions.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bus.h"
#include "ext-tests.h"
#include "ext.h"

static struct host host;
static int fd, vhost;

static const struct wish info_wish = {
	.extensions = VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER |
		      VDUSE_EXT_FEATURES | VDUSE_EXT_VSTATS,
	.required = 1ULL << 33,
	.timeouts = true,
	.virtio_timeout = 17,
	.vhost_timeout = 18,
};

static struct vduse_ext_queue queues[2];
static struct vduse_ext_message messages[4];

static struct vduse_ext_info ask(uint32_t first, uint32_t room)
{
	struct vduse_ext_info info = {
		.name = PROBE_NAME,
		.queues = (uintptr_t)queues,
		.messages = (uintptr_t)messages,
		.first_queue = first,
		.n_queues = room,
		.n_messages = 4,
	};

	check("GET_INFO", !ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	return info;
}

static void see_device(const char *when, uint32_t bus)
{
	struct vduse_ext_info info = ask(0, 2);

	see(when, "type %u, vendor 0x%x, %u queues, %u bytes", info.device_id,
	    info.vendor_id, info.vq_num, info.config_size);
	see(when, "features 0x%llx 0x%llx, required 0x%llx", info.features,
	    info.driver_features, info.required);
	see(when, "extensions 0x%llx, instance 0x%llx, version %llu",
	    info.extensions, info.instance, info.api_version);
	see(when, "status 0x%x, timeouts %u %u, bounce %llu", info.status,
	    info.virtio_timeout, info.vhost_timeout, info.bounce_size);
	see(when, "connected %d, served by us %d, on the right bus %d",
	    !!(info.flags & VDUSE_EXT_I_CONNECTED),
	    info.server_pid == getpid(), info.bus == bus);
	see(when, "%u queues, %u messages", info.n_queues, info.n_messages);
}

static void see_queue(uint32_t index)
{
	const struct vduse_ext_queue *queue = &queues[index];

	see("a queue", "%u: flags 0x%x, size %u of %u, kicks %llu, interrupts %llu",
	    queue->index, queue->flags, queue->num, queue->num_max,
	    queue->kicks, queue->interrupts);
}

/* One queue in full use, one without. */
static void use_queue(void)
{
	struct vhost_vring_file file = { .index = 0 };
	struct vduse_vq_eventfd listen = { .index = 0 };
	struct vhost_vring_state num = { .index = 0, .num = 32 };
	uint32_t index = 0;

	check("num", !ioctl(vhost, VHOST_SET_VRING_NUM, &num));
	listen.fd = eventfd(0, EFD_CLOEXEC);
	check("kickfd", !ioctl(fd, VDUSE_VQ_SETUP_KICKFD, &listen));
	file.fd = eventfd(0, EFD_CLOEXEC);
	check("call", !ioctl(vhost, VHOST_SET_VRING_CALL, &file));
	close(file.fd);
	file.fd = eventfd(0, EFD_CLOEXEC);
	check("kick", !ioctl(vhost, VHOST_SET_VRING_KICK, &file));
	eventfd_write(file.fd, 1);
	check("a kick", wait_events(listen.fd) == 1);
	for (int i = 0; i < 3; i++)
		check("inject", !ioctl(fd, VDUSE_VQ_INJECT_IRQ, &index));
	close(file.fd);
	close(listen.fd);
}

static long set_status(void *arg)
{
	uint8_t status = 0x1f;

	(void)arg;
	return ioctl(vhost, VHOST_VDPA_SET_STATUS, &status);
}

static void see_message(const char *when)
{
	struct vduse_ext_info info = ask(0, 0);

	see(when, "%u pending, %u seen: type %u, about 0x%x, %s, by us %d, of age %d",
	    info.pending, info.n_messages, messages[0].type, messages[0].arg,
	    messages[0].flags & VDUSE_EXT_M_READ ? "read" : "queued",
	    messages[0].pid == getpid(), messages[0].age_ns > 0);
}

static void see_pending(void)
{
	struct vduse_ext_info info;
	struct request req;
	struct act act;

	host_stop(&host);
	act_start(&act, set_status, NULL);
	check("a message", message_comes(fd));
	see_message("a message");
	req = message(fd);
	see_message("a message");
	check("answer", !answer(fd, &req, false));
	act_end(&act);
	host_start(&host, fd);
	info = ask(0, 0);
	see("refused", "%u pending, failed %llu, last error %s of %u, of age %d",
	    info.pending, info.failed, strerrorname_np((int)info.last_error),
	    info.last_error_type, info.last_error_age_ns > 0);
}

static void see_limits(void)
{
	struct vduse_ext_info info = ask(1, 1);

	see("one queue", "%u: index %u", info.n_queues, queues[0].index);
	info = ask(2, 2);
	see("queues behind the last", "%u", info.n_queues);
	info = ask(0xffffffff, 2);
	see("queues behind all", "%u", info.n_queues);
	info = (struct vduse_ext_info){ .name = PROBE_NAME, .queues = 8,
					.n_queues = 2 };
	see_result("queues to nowhere", ioctl(control(), VDUSE_EXT_GET_INFO,
					      &info));
	info = (struct vduse_ext_info){ .name = PROBE_NAME, .messages = 8,
					.n_messages = 2 };
	see_result("messages to nowhere, of none",
		   ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	info = (struct vduse_ext_info){ .name = "nothing" };
	see_result("unknown", ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	info = (struct vduse_ext_info){ .reserved[8] = 1, .name = PROBE_NAME };
	see_result("reserved", ioctl(control(), VDUSE_EXT_GET_INFO, &info));
}

/* A name that fills its field. */
static void see_long_name(void)
{
	struct vduse_ext_info info;

	memset(&info, 0, sizeof(info));
	memset(info.name, 'x', sizeof(info.name));
	see_result("a name without an end",
		   ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	see_result("a name without an end, aborted",
		   ioctl(control(), VDUSE_EXT_ABORT, info.name));
}

void test_info(void)
{
	if (!own)
		return;
	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &info_wish);
	see_device("made", VDUSE_EXT_BUS_NONE);
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, NULL));
	see("attached", "%u", ask(0, 0).bus);
	check("detach", !detach(PROBE_NAME));
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vmm_open(PROBE_NAME);
	vmm_start(vhost, 0);
	use_queue();
	see_device("in use", VDUSE_EXT_BUS_VHOST);
	see_queue(0);
	see_queue(1);
	see_pending();
	see_limits();
	see_long_name();
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	check("attach", !attach(PROBE_NAME, "virtio_vdpa"));
	see("a disk", "%d", ask(0, 0).bus == VDUSE_EXT_BUS_VIRTIO);
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	close(fd);
	see("without a server", "connected %d, pid %d",
	    !!(ask(0, 0).flags & VDUSE_EXT_I_CONNECTED), ask(0, 0).server_pid);
	device_end(PROBE_NAME, -1);
}

/* One after the other, also when one of them goes. */
void test_info_list(void)
{
	static const char *const names[] = { "probe1", "probe0", "probe2" };
	struct vduse_ext_info info = { 0 };
	uint64_t before = 0;

	if (!own)
		return;
	for (int i = 0; i < 3; i++)
		check("create", !wish_create(names[i], &info_wish));
	while (!ioctl(control(), VDUSE_EXT_GET_INFO, &info)) {
		see("next", "%s, further on %d", info.name,
		    info.cursor > before);
		before = info.cursor;
		if (!strcmp(info.name, names[1]))
			check("destroy", !destroy(names[1]));
		memset(info.name, 0, sizeof(info.name));
	}
	see_result("next", -1);
	check("create", !wish_create(names[1], &info_wish));
	memset(info.name, 0, sizeof(info.name));
	check("the next", !ioctl(control(), VDUSE_EXT_GET_INFO, &info));
	see("made anew", "%s, further on %d", info.name, info.cursor > before);
	for (int i = 0; i < 3; i++)
		check("destroy", !destroy(names[i]));
}

/* --- sysfs ---------------------------------------------------------------- */

static char *attr(const char *name, const char *which)
{
	static char text[4096];
	char path[300];
	FILE *file;
	size_t length;

	snprintf(path, sizeof(path), "/sys/class/vduse/%s/%s", name, which);
	file = fopen(path, "re");
	check(path, file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	if (length && text[length - 1] == '\n')
		text[length - 1] = '\0';
	return text;
}

static void agree(const char *which, unsigned long long want)
{
	char path[64], *end;

	snprintf(path, sizeof(path), "ext/%s", which);
	if (strtoull(attr(PROBE_NAME, path), &end, 0) != want || *end)
		see(which, "%s, and not 0x%llx", attr(PROBE_NAME, path), want);
}

static void see_agreement(void)
{
	struct vduse_ext_info info = ask(0, 2);

	agree("device_id", info.device_id);
	agree("vendor_id", info.vendor_id);
	agree("features", info.features);
	agree("driver_features", info.driver_features);
	agree("required", info.required);
	agree("extensions", info.extensions);
	agree("status", info.status);
	agree("server_pid", (unsigned long long)info.server_pid);
	agree("pending", info.pending);
	agree("generation", info.generation);
	agree("virtio_timeout", info.virtio_timeout);
	agree("vhost_timeout", info.vhost_timeout);
	agree("config_writes", info.config_writes);
	agree("config_refused", info.config_refused);
	agree("config_cleared", info.config_cleared);
	agree("../vq0/ready", queues[0].flags & VDUSE_EXT_Q_READY);
	agree("../vq0/num", queues[0].num);
	agree("../vq0/num_max", queues[0].num_max);
	agree("../vq0/kicks", queues[0].kicks);
	agree("../vq0/interrupts", queues[0].interrupts);
}

/* ID TYPE ARG AGE_MS PID queued|read|posted */
static void see_messages_attr(void)
{
	unsigned int id, age;
	char type[32], about[32], state[32];
	struct act act;
	int pid;

	host_stop(&host);
	act_start(&act, set_status, NULL);
	check("a message", message_comes(fd));
	check("a line", sscanf(attr(PROBE_NAME, "ext/messages"),
			       "%u %31s %31s %u %d %31s", &id, type, about, &age,
			       &pid, state) == 6);
	see("a line of messages", "%s %s, by us %d, %s", type, about,
	    pid == getpid(), state);
	host_start(&host, fd);
	act_end(&act);
	see("no message", "'%s'", attr(PROBE_NAME, "ext/messages"));
}

static void see_timeout_attr(const char *which, const char *value)
{
	char path[64], key[128];

	snprintf(path, sizeof(path), "ext/%s", which);
	snprintf(key, sizeof(key), "%s=%s", which, value);
	see_result(key, attr_write(path, value));
	see(which, "%s", attr(PROBE_NAME, path));
	see("msg_timeout", "%s", attr(PROBE_NAME, "msg_timeout"));
}

void test_info_sysfs(void)
{
	if (!own)
		return;
	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &info_wish);
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vmm_open(PROBE_NAME);
	vmm_start(vhost, 0);
	use_queue();
	see_agreement();
	see_messages_attr();
	see_timeout_attr("virtio_timeout", "21");
	see_timeout_attr("vhost_timeout", "22");
	see_timeout_attr("vhost_timeout", "x");
	see_timeout_attr("vhost_timeout", "-1");
	check("msg_timeout", !attr_write("msg_timeout", "23"));
	see("virtio_timeout", "%s", attr(PROBE_NAME, "ext/virtio_timeout"));
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}

/* Its directory on the bus is where the attributes of others are. */
void test_info_name(void)
{
	struct host other = { 0 };
	int its;

	its = device("ext", &info_wish);
	host_start(&other, its);
	check("attach", !attach("ext", "virtio_vdpa"));
	if (own)
		see("a device called ext", "status 0x%x", info_of("ext").status);
	see("a device called ext", "status 0x%x", bus_virtio_status("ext"));
	check("detach", !detach("ext"));
	host_stop(&other);
	device_end("ext", its);
}

/* "vdpa dev vstats show NAME qidx N", as iproute2 shows it. */
void test_vstats(void)
{
	static const char command[] = "vdpa dev vstats show " PROBE_NAME
				      " qidx 0 2>&1";
	char text[512] = "";
	FILE *pipe;
	size_t length;

	memset(&host, 0, sizeof(host));
	fd = device(PROBE_NAME, &info_wish);
	host_start(&host, fd);
	check("attach", !attach(PROBE_NAME, "vhost_vdpa"));
	vhost = vmm_open(PROBE_NAME);
	vmm_start(vhost, 0);
	use_queue();
	pipe = popen(command, "re");
	check("vdpa", pipe);
	length = fread(text, 1, sizeof(text) - 1, pipe);
	pclose(pipe);
	remark("%s", length ? text : "nothing");
	see("statistics", "%s", strstr(text, "kicks 1") &&
	    strstr(text, "interrupts 3") ? "of kicks and interrupts" : "none");
	close(vhost);
	check("detach", !detach(PROBE_NAME));
	host_stop(&host);
	device_end(PROBE_NAME, fd);
}
