/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the conformance probe: one line of output per observation, a device to
 * observe and a server that answers its messages.
 */
#pragma once

#include <linux/vduse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROBE_NAME "probe0"

/* "KEY: ERRNO" or "KEY: VALUE"; ret < 0 means errno. Returns ret. */
long say(const char *key, long ret);
void say_text(const char *key, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void fatal(const char *what) __attribute__((noreturn));

/* For tests with a verdict: "FAILED: WHAT (errno)" and the end if not. */
void check(const char *what, bool good);

/* The control node. */
int control(void);
struct vduse_dev_config *block_config(void);
long create(const struct vduse_dev_config *config);
long destroy(const char *name);

/* A block device of 2 queues without capacity, so that no one reads it. */
int make_device(void);
void drop_device(int fd);
long setup_queue(int fd, uint32_t index, uint16_t size);

/* Attach, detach, bind: exit status of the vdpa tool; DRIVER may be NULL. */
int attach(const char *name, const char *driver);
int detach(const char *name);
int vhost_open(const char *name);
long vhost_iotlb(int vhost, uint8_t type, uint64_t iova, uint64_t size,
		 void *addr, uint8_t perm);

/* sysfs below /sys/class/vduse/PROBE_NAME; negative errno. */
long attr_write(const char *attr, const char *value);
void attr_say(const char *key, const char *attr);

/*
 * Somebody opens the vhost node, which sends one message: a process that exits
 * with 0 or the errno and does not have SERVER open.
 */
int opener(int server);

/* How the server answers SET_STATUS and the rest. */
struct server {
	int fd;
	int stop_fd;
	unsigned long thread;
	bool refuse_features;
	bool fail;
	bool verbose;
};

void server_start(struct server *server, int fd);
void server_stop(struct server *server);

void probe_control(void);
void probe_names(void);
void probe_attrs(void);
void probe_device(void);
void probe_messages(void);
void probe_virtio(void);
void probe_vhost(void);
void probe_disk(void);
