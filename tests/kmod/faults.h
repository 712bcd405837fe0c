/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the fault sweep: what an operation is, and what its files share. The
 * device is always PROBE_NAME (probe.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct op - an operation that is repeated with a fault at each point
 * @name: what the report calls it
 * @errors: what it may fail with; ends with 0
 * @ours: only faults while code of the module is on the stack
 * @step: take every step-th point only; 0 and 1 mean all
 * @setup: once before the sweep
 * @run: the operation; 0 or a negative errno
 * @done: has it happened? NULL: nobody can tell
 * @mend: after a failure, before it is tried again without a fault
 * @undo: after a success, back to where it began
 * @teardown: once after the sweep
 */
struct op {
	const char *name;
	int errors[5];
	bool ours;
	unsigned int step;
	void (*setup)(void);
	int (*run)(void);
	bool (*done)(void);
	void (*mend)(void);
	void (*undo)(void);
	void (*teardown)(void);
};

/* Operations of one kind, in an order in which they build on each other. */
struct group {
	const char *name;
	const struct op *ops;
	size_t count;
};

extern const struct group control_group, device_group, bus_group, vhost_group,
			  ext_group;

/* faults.c: no more faults from here on; for the end of a run. */
void disarm(void);
/* What the sweep stands on; else it ends here. */
void must(bool good, const char *what);

/* faults-knobs.c: what the kernel injects. */
void knobs_set_up(void);
void knobs_only_ours(bool ours);
void knobs_probability(const char *percent);

/* faults-device.c: a device of one queue and little bounce memory. */
#define DISK_SIZE (1 << 20)
extern int fault_fd;
/* It has all extensions: fault_wish(), of faults-ext.c. */
extern bool fault_extended;
void fault_device(void);
void fault_device_end(void);

/* faults-server.c: serves it in a thread of its own. */
void fault_serve(void);
void fault_serve_end(void);
/* The block node of the device; -1 if there is none. */
int fault_disk_open(void);

/* faults-ext.c: negotiate for the next device; 0 or negative errno. */
int fault_wish(void);

/* faults-vhost.c: the device, served, as a virtual machine has it open. */
extern int fault_vhost;
void fault_vhost_open(void);
void fault_vhost_close(void);

/* faults-bus.c: the device on the bus; drivers come only when called. */
void fault_bus(void);
bool fault_attached(void);
bool fault_bound(void);
int fault_unbind(void);
