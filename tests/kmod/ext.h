/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For kmod-ext: what the module's extensions do, each beside what a device
 * without them does. A test runs twice: on a plain device, and, where the
 * module has extensions, on one that has those that the test wants. It prints
 * what it sees; who started it compares.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "probe.h"

/* The module has extensions; and the devices of this run have them. */
extern bool own, extended;

/* "plain KEY: ..." or "ext KEY: ..." */
void see(const char *key, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* 0, another number that is not negative, or the errno. */
void see_result(const char *key, long ret);
/* For a log: not compared. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Bytes of the configuration space that drivers may do something with. */
struct stretch {
	uint32_t offset;
	uint32_t length;
	uint8_t access;
};

/**
 * struct wish - a device
 * @extensions: VDUSE_EXT_x; these and what follows only in the extended run,
 *	but for @features and @config_size
 * @instance: VDUSE_EXT_INST_x
 * @required: virtio features
 * @timeouts: use the two below
 * @virtio_timeout: seconds
 * @vhost_timeout: seconds
 * @stretches: ends with a length of 0
 * @features: offered, beside those of any device
 * @config_size: 0: that of a block device
 */
struct wish {
	uint64_t extensions;
	uint64_t instance;
	uint64_t required;
	bool timeouts;
	uint32_t virtio_timeout;
	uint32_t vhost_timeout;
	struct stretch stretches[4];
	uint64_t features;
	uint32_t config_size;
};

/* Negotiate for the next device of that control node: 0 or -1 and errno. */
long wish_for(int node, const struct wish *wish);
/* Make it, with a control node of its own: 0 or -1 and errno. */
long wish_create(const char *name, const struct wish *wish);
/* Make it and open it, with two queues. */
int device(const char *name, const struct wish *wish);
int device_open(const char *name);
void device_end(const char *name, int fd);

/*
 * Seconds that PROBE_NAME waits for an answer from now on, on both buses; 0:
 * for ever. Short only while there will be none: machines are slow.
 */
void wait_for_answers(unsigned int seconds);

/* A message of any type. */
struct request {
	uint32_t type;
	uint32_t id;
	uint32_t reserved[4];
	union {
		struct vduse_vq_state vq_state;
		struct vduse_dev_status status;
		struct vduse_iova_range range;
		struct vduse_ext_queue_ready ready;
		struct vduse_ext_config_write write;
		struct vduse_ext_config_cleared cleared;
		uint32_t padding[32];
	};
};

/* Wait until there is one and read it; is there one? */
struct request message(int fd);
bool message_waits(int fd);
/* The same, within the time that it may take to come. */
bool message_comes(int fd);
/* 0 or -1 and errno. */
long answer(int fd, const struct request *req, bool good);

/* A server in a thread: answers all, and remembers. */
#define HOST_LOG 1024

struct host {
	int fd;
	int stop;
	pthread_t thread;
	bool (*refuses)(const struct request *req);
	struct request log[HOST_LOG];
	atomic_uint count;
};

void host_start(struct host *host, int fd);
/* It stands still: its device stays open, and nobody answers. */
void host_stop(struct host *host);
/* How many messages of a type there were. */
unsigned int host_heard(struct host *host, uint32_t type);

/* A call in a thread of its own, which may not return. */
struct act {
	long (*run)(void *arg);
	void *arg;
	pthread_t thread;
	atomic_bool done;
	long ret;
	int error;
};

void act_start(struct act *act, long (*run)(void *arg), void *arg);
/*
 * Does it return, as things are? Where it is expected to there is much time
 * for it; if not, a second will do.
 */
bool act_returns(struct act *act, bool expected);
/* Wait for it; errno is its. */
long act_end(struct act *act);

/* Seconds that are not too few for anything that does come. */
#define PATIENCE_MS 30000
uint64_t now_ms(void);
void nap(unsigned int ms);

/* What the kernel says of a device; all zero without extensions. */
struct vduse_ext_info info_of(const char *name);
long abort_device(const char *name);

/* The owner of a vhost node. */
int vmm_open(const char *name);

/*
 * A device PROBE_NAME, its server at work, and a VMM that has it: the fd of the
 * server. And the end of all three.
 */
int served_begin(struct host *host, const struct wish *wish, int *ret_vhost);
void served_end(struct host *host, int fd, int vhost);
uint8_t vmm_status(int vhost);
/* Set it; what is read back. */
uint8_t vmm_set_status(int vhost, uint8_t status);
/* All that a driver does. */
void vmm_start(int vhost, uint64_t features);
long vmm_get_config(int vhost, uint32_t offset, void *data, uint32_t length);
long vmm_set_config(int vhost, uint32_t offset, const void *data,
		    uint32_t length);
/* An eventfd for configuration interrupts; how many came of it by now. */
int vmm_config_call(int vhost);
unsigned int events(int event);
/* Wait for one at least. */
unsigned int wait_events(int event);

/* The server's own calls. */
long server_get_config(int fd, uint32_t offset, void *data, uint32_t length,
		       uint32_t *generation);
long server_set_config(int fd, uint32_t offset, const void *data,
		       uint32_t length, uint32_t flags, uint32_t *generation);
