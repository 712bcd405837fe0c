// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which requests are with a server, so that the next one knows what a killed
 * one has left. The rings do not tell: requests end in any order, and the
 * available ring forgets.
 *
 * /run/vdusectl/NAME/inflight, mapped by the server: each queue notes a head
 * before its request begins, and drops it after the used index that covers it
 * is in ring memory. A death between the two is seen from that index.
 *
 * It is believed if it is a private file of ours, of this version and this
 * boot, for as many queues of that size, and begun under the driver that runs:
 * the one whose reset we have not seen, with the features it has negotiated.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <vduse/error.h>

#include "lib/ring/split.h"

struct vdu_ctx;
struct vdu__inflight;

/* One queue's part of the log, if it is split; only its data thread uses it. */
struct vdu__inflight_queue {
	uint64_t last;		/* the number that was given last */
	uint16_t used_idx;	/* up to which the log is right */
	uint16_t num;		/* of the ring it is about; 0: none yet */
	uint16_t padding[2];
	uint64_t order[];	/* by head: its number, 0: not with us */
};

/*
 * Map the log of device name, made if there is none; packed: one for packed
 * rings, too. Another server may be writing to it, also one of another version:
 * nothing is looked at.
 */
int vdu__inflight_open(struct vdu_ctx *ctx, const char *name, uint32_t n_queues,
		       uint32_t queue_size, bool packed,
		       struct vdu__inflight **ret, struct vdu_error *err);
/* Is it to be believed? When nobody else writes to it any more. */
bool vdu__inflight_fits(struct vdu__inflight *log);
/* Empty, and to be believed from now on. */
void vdu__inflight_begin(struct vdu__inflight *log);
/* Accepts NULL. The file stays. */
void vdu__inflight_close(struct vdu__inflight *log);
struct vdu__inflight_queue *vdu__inflight_queue(struct vdu__inflight *log,
						uint32_t index);
/* And the part that a packed ring keeps by itself; NULL: there is none. */
struct vdu__packed_keep *vdu__inflight_keep(struct vdu__inflight *log,
					    uint32_t index);

/*
 * A driver runs that has negotiated features: what was noted under another is
 * forgotten. Only while every data thread is idle.
 */
void vdu__inflight_driver(struct vdu__inflight *log, uint64_t features);
/* Was it begun under such a driver? */
bool vdu__inflight_is_of(const struct vdu__inflight *log, uint64_t features);
/*
 * That driver's queues stand still until the kernel says otherwise: noted
 * before the message that says so is answered.
 */
void vdu__inflight_suspend(struct vdu__inflight *log, bool suspended);
bool vdu__inflight_suspended(const struct vdu__inflight *log);
/* No driver runs. */
void vdu__inflight_empty(struct vdu__inflight *log);

/*
 * The errno of writes that the backend had taken and then lost, 0 if there are
 * none; until the driver resets the device. Any data thread may set it.
 */
_Atomic uint32_t *vdu__inflight_lost(struct vdu__inflight *log);

/*
 * With a packed ring the functions below hand on to lib/ring/packed.h or, where
 * that ring does it by itself, do nothing.
 */

/* Nothing is in flight: a driver begins, or the queue has drained. */
void vdu__inflight_reset(struct vdu__inflight_queue *log,
			 struct vdu__ring *ring);
/* In flight are these heads, all below num. */
void vdu__inflight_found(struct vdu__inflight_queue *log, uint16_t num,
			 uint16_t used_idx, const uint16_t *heads,
			 unsigned int n);
/* Before the request of head begins. */
void vdu__inflight_take(struct vdu__inflight_queue *log,
			const struct vdu__ring *ring, uint16_t head);
/*
 * In flight is what a server before us has left, less what it has answered: the
 * ring goes on there.
 */
void vdu__inflight_recover(struct vdu__inflight_queue *log,
			   struct vdu__ring *ring);
/*
 * After the used index was published, or found so at a resume. Does nothing if
 * the ring's memory was taken away.
 */
void vdu__inflight_settle(struct vdu__inflight_queue *log,
			  const struct vdu__ring *ring);
/*
 * The head that was taken first of those taken after number *at, or -1;
 * *at becomes its number.
 */
int vdu__inflight_next(const struct vdu__inflight_queue *log,
		       const struct vdu__ring *ring, uint64_t *at);
