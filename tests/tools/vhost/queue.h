// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A split virtqueue from the driver's side. It trusts the device in nothing:
 * what comes back must have been given, once.
 */
#pragma once

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/tools/vhost/dev.h"

struct queue {
	struct dev *dev;
	unsigned int index;
	uint16_t num;
	int kick_fd, call_fd;
	bool event_idx;

	struct region *mem;		/* of the ring itself */
	struct vring ring;

	/* What we know without reading what the device can write. */
	uint16_t avail_idx;		/* next to fill */
	uint16_t kicked_idx;		/* avail_idx at the last kick */
	uint16_t last_used;
	uint16_t *free_descs;		/* a stack */
	uint16_t n_free;
	uint16_t *next;			/* by descriptor: rest of its chain */
	void **cookies;			/* by head; NULL: not in flight */
	uint16_t n_flying;

	uint64_t n_kicks, n_kicks_spared, n_calls;
};

/* One piece of a request, in the device's addresses. */
struct seg {
	uint64_t iova;
	uint32_t len;
	bool write;			/* the device writes it */
};

/* Memory and file descriptors; once per queue. */
int queue_init(struct queue *queue, struct dev *dev, unsigned int index);
void queue_free(struct queue *queue);

/* An empty ring, told to the device. Again after each reset. */
int queue_start(struct queue *queue);

/* Which avail entry the device takes next; and going on from there. */
int queue_save(const struct queue *queue, uint32_t *base);
int queue_restore(struct queue *queue, uint32_t base);

/*
 * Give a request to the device (not visible before queue_kick). With table,
 * which the device sees at table_iova, as one indirect descriptor. cookie, not
 * NULL, comes back from queue_reap(). -ENOSPC: no descriptors.
 */
int queue_add(struct queue *queue, const struct seg *segs, unsigned int n,
	      struct vring_desc *table, uint64_t table_iova, void *cookie);

/* The next avail entry, whatever head is. */
void queue_offer(struct queue *queue, uint16_t head);

/* Show the device the avail entries; wake it if it wants that. */
int queue_kick(struct queue *queue);

/*
 * Until there is a used entry: 1; 0: the time is over; -ENOMSG: the time is
 * over and there is one, but the device did not interrupt us.
 */
int queue_wait(struct queue *queue, unsigned int timeout_ms);

/* The next used entry as it stands, unchecked; false: none. */
bool queue_take_used(struct queue *queue, uint32_t *id, uint32_t *len);

/*
 * The next completed request; 0: none; -EPROTO, reported: the device returned
 * what it was not given.
 */
int queue_reap(struct queue *queue, void **cookie, uint32_t *len);
