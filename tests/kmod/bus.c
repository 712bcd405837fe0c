// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The vDPA bus: attach and detach by generic netlink, drivers by sysfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bus.h"

#define TEXT_MAX 256

struct message {
	struct nlmsghdr head;
	struct genlmsghdr genl;
	char attrs[8 + TEXT_MAX + 64];
};

static uint16_t family;

static void put_text(struct message *message, uint16_t type, const char *text)
{
	struct nlattr *attr = (void *)((char *)message +
				       NLMSG_ALIGN(message->head.nlmsg_len));
	size_t len = strnlen(text, TEXT_MAX - 1);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len + 1);
	memcpy((char *)attr + NLA_HDRLEN, text, len);
	message->head.nlmsg_len += NLA_ALIGN(attr->nla_len);
}

static struct message request(uint16_t type, uint8_t command, uint16_t flags)
{
	struct message message = {
		.head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		.head.nlmsg_type = type,
		.head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.genl.cmd = command,
		.genl.version = 1,
	};

	return message;
}

static uint16_t find_id(const struct nlmsghdr *head)
{
	const char *at = (const char *)NLMSG_DATA(head) + GENL_HDRLEN;
	const char *end = (const char *)head + head->nlmsg_len;
	const struct nlattr *attr;
	uint16_t id = 0;

	while (at + NLA_HDRLEN <= end) {
		attr = (const void *)at;
		if (attr->nla_len < NLA_HDRLEN)
			break;
		if (attr->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&id, at + NLA_HDRLEN, sizeof(id));
		at += NLA_ALIGN(attr->nla_len);
	}
	return id;
}

/* Read one datagram; true when it ends the answer, with *ret set. */
static bool receive(int fd, int *ret, uint16_t *id)
{
	static _Thread_local char buf[16384] __attribute__((aligned(8)));
	struct nlmsghdr *head = (void *)buf;
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	size_t left = (size_t)n;

	if (n < 0) {
		*ret = -errno;
		return true;
	}
	for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_type == NLMSG_ERROR ||
		    head->nlmsg_type == NLMSG_DONE) {
			*ret = *(int *)NLMSG_DATA(head);
			return true;
		}
		if (id)
			*id = find_id(head);
	}
	return false;
}

/* The kernel does the work while we send; a signal may end a receive. */
static int talk(struct message *message, uint16_t *id)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct timeval patience = { .tv_sec = 5 };
	int ret = 0;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, message, message->head.nlmsg_len, 0) < 0)
		ret = -errno;
	else
		while (!receive(fd, &ret, id))
			;
	close(fd);
	return ret;
}

int bus_init(void)
{
	struct message message = request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
					 NLM_F_ACK);
	int ret;

	put_text(&message, CTRL_ATTR_FAMILY_NAME, VDPA_GENL_NAME);
	ret = talk(&message, &family);
	return ret ? ret : family ? 0 : -ENOENT;
}

int bus_attach(const char *name)
{
	struct message message = request(family, VDPA_CMD_DEV_NEW, NLM_F_ACK);

	put_text(&message, VDPA_ATTR_DEV_NAME, name);
	put_text(&message, VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	return talk(&message, NULL);
}

int bus_ask(uint8_t command, const char *name)
{
	struct message message = request(family, command, NLM_F_ACK);

	put_text(&message, VDPA_ATTR_DEV_NAME, name);
	return talk(&message, NULL);
}

int bus_detach(const char *name)
{
	return bus_ask(VDPA_CMD_DEV_DEL, name);
}

int bus_dump(uint8_t command)
{
	struct message message = request(family, command, NLM_F_DUMP);

	return talk(&message, NULL);
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int bus_driver(const char *driver, const char *action, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/drivers/%s/%s", driver,
		 action);
	return write_text(path, name);
}

int bus_override(const char *name, const char *driver)
{
	char path[TEXT_MAX + 64];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver_override",
		 name);
	return write_text(path, driver);
}

int bus_find(const char *name, const char *pattern, char *path, size_t size)
{
	char full[TEXT_MAX + 128];
	glob_t found;

	snprintf(full, sizeof(full), "/sys/bus/vdpa/devices/%s/%s", name,
		 pattern);
	if (glob(full, GLOB_NOSORT, NULL, &found))
		return -ENOENT;
	snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return 0;
}

int bus_virtio_status(const char *name)
{
	char path[TEXT_MAX + 128], text[32] = "";
	int fd, ret;

	ret = bus_find(name, "virtio*/status", path, sizeof(path));
	if (ret)
		return ret;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		ret = -errno;
	close(fd);
	return ret ? ret : (int)strtol(text, NULL, 16);
}
