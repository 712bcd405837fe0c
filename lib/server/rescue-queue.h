// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The virtqueues of a rescue server: every request is answered with an error as
 * soon as it is seen, so there is never one in flight.
 */
#pragma once

#include <linux/vduse.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/iotlb.h"
#include "lib/ring/split.h"
#include "lib/server/inflight.h"
#include "lib/util/ctx.h"

struct vdu__rescue_queue {
	unsigned int index;
	bool running;
	bool broken;			/* until the driver resets the device */
	bool interrupt_due;		/* the kernel did not take it yet */
	unsigned int interrupt_retries;
	bool was_started;		/* since the reset; last_avail is right */
	uint16_t last_avail;
	struct vdu__ring ring;
};

struct vdu__rescue {
	struct vdu_ctx *ctx;
	const char *name;
	uint32_t type;			/* VIRTIO_ID_*, 0: not known */
	int lock_fd, device_fd, signal_fd, kick_fd;
	bool lost;			/* the kernel has given the device up */
	bool driver_ok;
	bool suspended;			/* the queues are to stand still */
	bool left;			/* its driver began under a dead server */
	uint64_t features;		/* negotiated */
	struct vdu__iotlb *iotlb;
	struct vdu__mem mem;
	struct vdu__inflight *inflight;	/* NULL: none that can be believed */
	uint32_t log_size;		/* largest queue that it knows */
	unsigned int n_queues;
	struct vdu__rescue_queue *queues;
};

/*
 * Start the queues that the driver has made ready: each where it was, or with
 * what a dead server has left, or where the driver says.
 */
void vdu__rescue_start_queues(struct vdu__rescue *rescue);
/* Their memory goes. */
void vdu__rescue_stop_queues(struct vdu__rescue *rescue);
/*
 * Answer what is there. Returns for how long to wait for a kick, in
 * milliseconds: 0, there is more; -1, for ever.
 */
int vdu__rescue_turn(struct vdu__rescue *rescue);
