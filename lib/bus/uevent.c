// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Kernel uevents: NETLINK_KOBJECT_UEVENT, group 1, by libmnl; that is loaded
 * here, because a server and most commands have no use for it.
 */
#include "lib/bus/uevent.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <vduse/parse.h>

#include "lib/util/macro.h"

#define KERNEL_GROUP 1			/* group 2 is udev's own format */
#define RECEIVE_BUFFER (1 << 20)
#define VDUSE_DEVICES "/devices/virtual/vduse/"

static void copy_cut(char *dst, size_t size, const char *src, size_t len)
{
	len = MIN(len, size - 1);
	memcpy(dst, src, len);
	dst[len] = '\0';
}

static void set_device(struct vdu_event *event, const char *path, size_t len)
{
	const size_t skip = strlen(VDUSE_DEVICES);
	const char *end;

	if (len <= skip || memcmp(path, VDUSE_DEVICES, skip) != 0)
		return;
	path += skip;
	end = memchr(path, '/', len - skip);
	len = end ? (size_t)(end - path) : len - skip;
	if (len < sizeof(event->device))
		copy_cut(event->device, sizeof(event->device), path, len);
}

static void set_value(struct vdu_event *event, const char *key, size_t key_len,
		      const char *value, size_t len)
{
#define IS(text) (key_len == strlen(text) && !memcmp(key, text, key_len))
	char number[24];

	if (IS("SUBSYSTEM")) {
		copy_cut(event->subsystem, sizeof(event->subsystem), value, len);
	} else if (IS("DEVNAME")) {
		(void)snprintf(event->devnode, sizeof(event->devnode),
			       "/dev/%.*s", (int)MIN(len, 64), value);
	} else if (IS("DRIVER")) {
		copy_cut(event->driver, sizeof(event->driver), value, len);
	} else if (IS("SEQNUM")) {
		copy_cut(number, sizeof(number), value, len);
		if (vdu_parse_uint(number, 0, UINT64_MAX, &event->seqnum) < 0)
			event->seqnum = 0;
	}
#undef IS
}

/* "add@/devices/...": both halves must be there. */
static int set_head(struct vdu_event *event, const char *head, size_t len)
{
	const char *at = memchr(head, '@', len);
	size_t action_len, path_len;

	if (!at || at == head)
		return -EBADMSG;
	action_len = (size_t)(at - head);
	path_len = len - action_len - 1;
	if (action_len >= sizeof(event->action) || !path_len || at[1] != '/')
		return -EBADMSG;
	copy_cut(event->action, sizeof(event->action), head, action_len);
	copy_cut(event->devpath, sizeof(event->devpath), at + 1, path_len);
	set_device(event, at + 1, path_len);
	return 0;
}

int vdu__uevent_parse(const char *buf, size_t len, struct vdu_event *ret)
{
	struct vdu_event event = { .size_of = sizeof(event) };
	size_t pos = strnlen(buf, len);
	int r = set_head(&event, buf, pos);

	if (r < 0)
		return r;
	while (pos < len) {
		const char *item = buf + ++pos;
		size_t item_len = strnlen(item, len - pos);
		const char *eq = memchr(item, '=', item_len);

		if (eq)
			set_value(&event, item, (size_t)(eq - item), eq + 1,
				  item_len - (size_t)(eq - item) - 1);
		pos += item_len;
	}
	*ret = event;
	return 0;
}

#define MNL_SONAME "libmnl.so.0"
#define MNL_FUNCTIONS(do) \
	do(socket_open2) do(socket_bind) do(socket_close) do(socket_get_fd)

static struct {
#define MEMBER(name) __typeof__(&mnl_##name) name;
	MNL_FUNCTIONS(MEMBER)
#undef MEMBER
	bool loaded;
} mnl;

static void load_mnl(void)
{
	void *library = dlopen(MNL_SONAME, RTLD_NOW | RTLD_LOCAL);
	bool all = library;

#define LOAD(name) do { \
	void *function = all ? dlsym(library, "mnl_" #name) : NULL; \
	memcpy(&mnl.name, &function, sizeof(function)); \
	all = function; \
} while (0);
	MNL_FUNCTIONS(LOAD)
#undef LOAD
	mnl.loaded = all;
}

int vdu__uevent_open(struct mnl_socket **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const int size = RECEIVE_BUFFER;
	struct mnl_socket *nl;
	int fd;

	(void)pthread_once(&once, load_mnl);
	if (!mnl.loaded)
		return -ELIBACC;
	nl = mnl.socket_open2(NETLINK_KOBJECT_UEVENT,
			      SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!nl)
		return -errno;
	fd = mnl.socket_get_fd(nl);
	/* A burst of other devices' events must not cost us ours. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	if (mnl.socket_bind(nl, KERNEL_GROUP, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		(void)mnl.socket_close(nl);
		return r;
	}
	*ret = nl;
	return 0;
}

struct mnl_socket *vdu__uevent_close(struct mnl_socket *nl)
{
	if (nl)
		(void)mnl.socket_close(nl);
	return NULL;
}

int vdu__uevent_fd(const struct mnl_socket *nl)
{
	return mnl.socket_get_fd(nl);
}

int vdu__uevent_receive(struct mnl_socket *nl, struct vdu_event *ret)
{
	for (;;) {
		char buf[8192];
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(mnl.socket_get_fd(nl), buf, sizeof(buf),
				     MSG_DONTWAIT, (struct sockaddr *)&from,
				     &from_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* Port 0 is the kernel; others can send to the group too. */
		if (from.nl_pid == 0 &&
		    vdu__uevent_parse(buf, (size_t)n, ret) == 0)
			return 0;
	}
}
