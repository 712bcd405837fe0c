/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzzer of the kernel module. Two sorts of devices:
 *
 *	fz0..	anything goes; no disk with a capacity, since a server that
 *		refuses DRIVER_OK would leave its first read waiting for ever
 *	fzd0..	disks whose server always answers, though it may be killed
 *
 * Many processes at a time, each in a role; all share struct shared.
 */
#pragma once

#include <linux/vduse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_CHAOS	4
#define FUZZ_DISKS	2
#define DISK_SIZE	(1 << 20)
#define BOUNCE_SIZE	(1 << 20)
#define FUZZ_EVENTFDS	3
#define FUZZ_PLACES	(1 << 20)
#define FUZZ_SLOTS	16

enum kind {
	K_CREATE, K_DESTROY, K_OPEN, K_CLOSE, K_VERSION, K_FEATURES,
	K_SET_CONFIG, K_CONFIG_IRQ, K_VQ_SETUP, K_VQ_INFO, K_KICKFD, K_IRQ,
	K_GET_FD, K_GET_FD2, K_GET_INFO, K_MAP, K_TOUCH, K_REG_UMEM,
	K_DEREG_UMEM, K_RAW_IOCTL, K_READ, K_ANSWER, K_BAD_ANSWER, K_POLL,
	K_TIMEOUT_ATTR, K_BOUNCE_ATTR, K_QUEUE_ATTR, K_RING,
	K_ATTACH, K_DETACH, K_OVERRIDE, K_BIND, K_UNBIND, K_PROBE, K_DUMP,
	K_DRIVER_OK, K_VHOST_OPEN, K_VHOST_IOCTL,
	K_VHOST_RUNNING, K_VHOST_IOTLB, K_VHOST_KICK, K_DISK_IO, K_KILL,
	K_HOTPLUG, K_SETUP, K_INSTANCE, K_INFO, K_ABORT, K_EXT_GET_CONFIG,
	K_EXT_SET_CONFIG, K_NEEDS_RESET, K_EXT_STATUS, K_EXT_INJECT,
	K_EXT_IRQFD, K_EXT_FILL, K_EXT_ATTR, K_CONFIG_WRITE,
	K_SUSPEND, K_RESUME,
	KINDS
};

enum stage { STAGE_RUN, STAGE_DRAIN, STAGE_END };

struct count {
	atomic_ulong calls, good;
};

struct shared {
	_Atomic enum stage stage;
	struct count count[KINDS];
	atomic_ulong progress[FUZZ_SLOTS];	/* calls of a process */
	atomic_bool leave[FUZZ_DISKS];	/* the manager destroys the disk */
	atomic_bool away[FUZZ_DISKS];	/* it is done for good */
	atomic_bool corrupt;		/* a disk gave back wrong data */
	atomic_bool places[FUZZ_PLACES];	/* of code, reached */
	char disk[FUZZ_DISKS][DISK_SIZE];
};

extern struct shared *shared;
extern const char *const chaos_names[FUZZ_CHAOS];
extern const char *const disk_names[FUZZ_DISKS];
/* Given to all: the same one for several queues, devices and both sides. */
extern int eventfds[FUZZ_EVENTFDS];
/* Control nodes: one that never named its version, one of version 1. */
extern int controls[2];
extern bool use_hotplug, use_faults, use_coverage;
/* The module has extensions. */
extern bool use_ext;
extern unsigned int n_threads;

/* A stream of random numbers; each call has its own, drawn from its role's. */
struct rng {
	uint64_t state;
};

uint64_t draw(struct rng *rng);
uint32_t below(struct rng *rng, uint32_t n);
bool chance(struct rng *rng, uint32_t percent);
/* A number such as programs get wrong. */
uint64_t number(struct rng *rng);

static inline struct rng fork_rng(struct rng *rng)
{
	return (struct rng){ draw(rng) };
}

/* The process that runs in a slot; what it counts. */
extern unsigned int my_slot;
/* Count a call that gave RET; returns it, errno as it was. */
long note(enum kind kind, long ret);
const char *kind_name(enum kind kind);
bool running(void);
/*
 * An open of a vhost node that fails, because nobody answers, forgets to tell a
 * remover that waits for it, which then waits for ever: a defect of vhost_vdpa.
 * So these two keep clear of each other. A process that dies lets go.
 */
int locks_init(void);
void lock_device(int chaos);
void unlock_device(int chaos);
void nap(unsigned int ms);

/* fuzz-calls.c, fuzz-maps.c: the node; polite leaves out what harms a disk. */
void call_ioctl(struct rng *rng, int fd, bool polite);
void call_message(struct rng *rng, int fd);
void call_map(struct rng *rng, int fd, bool polite);
void call_umem(struct rng *rng, int fd);
void call_storm(struct rng *rng, int fd);
void call_device(struct rng *rng, int fd, bool polite);
void calls_init(void);
/* GOOD, which holds SIZE bytes, or a place that is wrong in some way. */
void *pointer(struct rng *rng, void *good, size_t size);
uint64_t some_iova(struct rng *rng);
#define PAGE 4096

/* fuzz-ext.c: extensions of our module */
void ext_init(void);
/* A control node whose next device has some, or none; -1 if there is none. */
int ext_node(struct rng *rng, bool version, uint64_t features,
	     uint32_t config_size);
int ext_disk_node(bool version);
void call_ext_control(struct rng *rng);
void call_ext(struct rng *rng, int fd);
void call_ext_attrs(struct rng *rng, const char *name);

/* fuzz-life.c: devices come and go */
long make_chaos(struct rng *rng, const char *name, bool valid);
long make_disk(const char *name, bool version, bool extended);
long destroy(const char *name);
int open_node(const char *name, int flags);
void call_attrs(struct rng *rng, const char *name);
void setup_queues(int fd);
void role_threads(struct rng *rng, int unused);

/* fuzz-bus.c: attach, detach, drivers */
void role_bus(struct rng *rng, int unused);
/* Off its driver, or off the bus. */
void take_away(struct rng *rng, int chaos, bool detach);
void role_hotplug(struct rng *rng, int unused);

/* fuzz-vhost.c: the driver's side */
void role_vhost(struct rng *rng, int unused);

/* fuzz-serve.c: servers of the first sort of devices */
void role_server(struct rng *rng, int chaos);
/* Answers everything on a device until the end: so that all can end. */
void role_rescue(struct rng *rng, int chaos);

/* fuzz-disk.c: the second sort */
void role_disk_server(struct rng *rng, int disk);
void role_disk_manager(struct rng *rng, int disk);
void role_disk_io(struct rng *rng, int disk);

/* fuzz-end.c: take everything away again; 0, or 2 if something stays */
int clean_up(void);
void show_task(int pid);

/* fuzz-kcov.c: for the calling thread, from now on */
void coverage_start(void);
void coverage_collect(void);
unsigned long coverage_count(void);
