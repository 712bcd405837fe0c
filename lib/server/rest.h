// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a data thread does when it has answered all: look again in a moment, or
 * sleep until the driver kicks. A kick and a wake-up cost more than a request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vdu__queue;

/* The queue begins to run. */
void vdu__rest_begin(struct vdu__queue *queue);

/* So many were there at once. */
void vdu__rest_took(struct vdu__queue *queue, uint16_t n);

/*
 * Nothing is in flight, and something was just answered: yield the processor,
 * or look for a while (`poll` of the specification). True: there are requests.
 */
bool vdu__rest_briefly(struct vdu__queue *queue);

/* How many requests must have come before the driver kicks, less one. */
uint16_t vdu__rest_gather(struct vdu__queue *queue);

/*
 * Submit what was prepared, and sleep unless queue->again. 0 or more, or what
 * io_uring says.
 */
int vdu__rest(struct vdu__queue *queue);
