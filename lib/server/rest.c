// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for requests. Whether that pays depends on who sends them and on
 * which processor, which nobody tells: each way to wait is left out more often
 * the more often it was in vain.
 */
#include "lib/server/rest.h"

#include <sched.h>

#include "lib/server/interrupt.h"
#include "lib/server/queue.h"

/* As long as a request takes to come, at most, when its sender has begun. */
#define YIELD_NS_MAX UINT64_C(150000)

/* So many requests at a time are worth waiting for, and so long. */
#define GATHER_MIN 3
#define GATHER_NS_MIN UINT64_C(20000)
#define GATHER_NS_MAX UINT64_C(5000000)

/* How long to look for a request; the time lost is saved up for so long. */
#define POLL_NS_MIN UINT64_C(5000)
#define POLL_NS_MAX UINT64_C(200000)
#define POLL_CREDIT_MAX UINT64_C(10000000)

void vdu__rest_begin(struct vdu__queue *queue)
{
	queue->rest = (struct vdu__rest){
		.slept_at = queue->ring.last_avail,
		.slept_ns = queue->now_ns,
		.poll_ns = POLL_NS_MIN,
		.credited_ns = queue->now_ns,
	};
}

/*
 * Whoever sends requests may wait for this processor. If so, let it send all it
 * has: they are taken together, and it need not kick. It pays if they come soon,
 * by themselves; a processor that is lent to somebody else comes back late. How
 * many came, beside those that were there.
 */
static uint16_t yield(struct vdu__queue *queue, struct vdu__pace *pace,
		      uint16_t there)
{
	uint64_t began = queue->now_ns;
	uint16_t more;

	/* Perhaps it went on already, in the call of the interrupt. */
	if (vdu__ring_waiting(&queue->ring) == there)
		(void)sched_yield();
	vdu__queue_look_at_clock(queue);
	more = vdu__ring_waiting(&queue->ring) - there;
	if (more && queue->now_ns - began < more * YIELD_NS_MAX)
		vdu__pace_paid(pace);
	else
		vdu__pace_missed(pace);
	return more;
}

/* A share of the time that went by may be lost. */
static uint64_t poll_budget(struct vdu__queue *queue)
{
	struct vdu__rest *rest = &queue->rest;

	rest->poll_credit_ns += (queue->now_ns - rest->credited_ns) / 100 *
				queue->poll_percent;
	rest->poll_credit_ns = MIN(rest->poll_credit_ns, POLL_CREDIT_MAX);
	rest->credited_ns = queue->now_ns;
	return MIN(rest->poll_ns, rest->poll_credit_ns);
}

/*
 * Look until something comes; the driver does not kick meanwhile. What comes
 * makes it worth to look longer the next time. Others who want the processor
 * get it, the sender among them.
 */
static bool poll_ring(struct vdu__queue *queue)
{
	struct vdu__rest *rest = &queue->rest;
	uint64_t budget = poll_budget(queue), began = queue->now_ns;
	bool found = false;

	vdu__interrupt_now(queue);
	while (!found && queue->now_ns - began < budget) {
		(void)sched_yield();
		found = vdu__ring_waiting(&queue->ring);
		vdu__queue_look_at_clock(queue);
	}
	if (found) {
		rest->poll_ns = MIN(rest->poll_ns * 2, POLL_NS_MAX);
	} else {
		rest->poll_ns = MAX(rest->poll_ns / 2, POLL_NS_MIN);
		rest->poll_credit_ns -= MIN(queue->now_ns - began,
					    rest->poll_credit_ns);
	}
	return found;
}

void vdu__rest_took(struct vdu__queue *queue, uint16_t n)
{
	queue->rest.burst = MAX(queue->rest.burst, n);
}

bool vdu__rest_briefly(struct vdu__queue *queue)
{
	struct vdu__pace *pace = &queue->rest.yield;

	if (vdu__pace_may(pace)) {
		vdu__interrupt_now(queue);
		if (yield(queue, pace, 0))
			return true;
	}
	return queue->poll_percent && poll_ring(queue);
}

/*
 * When many come at a time, the first of them need not wake us while the others
 * are still on their way: only when there are as many as came at once before. If
 * they do not come as fast as the last ones did, we look by ourselves.
 */
uint16_t vdu__rest_gather(struct vdu__queue *queue)
{
	struct vdu__rest *rest = &queue->rest;
	uint16_t taken = queue->ring.last_avail - rest->slept_at;
	uint64_t each = (queue->now_ns - rest->slept_ns) / MAX(taken, 1);
	uint16_t n = MIN(rest->burst, queue->ring.num / 2);

	/* Something else woke us: those are still on their way. */
	rest->gathers = rest->disturbed && !taken && !queue->in_flight;
	rest->disturbed = false;
	if (rest->gathers)
		return rest->gather_n - 1;
	rest->slept_at = queue->ring.last_avail;
	rest->slept_ns = queue->now_ns;
	rest->burst = 0;
	/* A packed ring counts descriptors: how many chains is not told. */
	if (n < GATHER_MIN || queue->in_flight || queue->ring.packed ||
	    !queue->ring.event_idx || !vdu__pace_may(&rest->gather))
		return 0;
	if (each * n > GATHER_NS_MAX)
		n = (uint16_t)(GATHER_NS_MAX / each);
	if (!n)
		return 0;
	rest->gathers = true;
	rest->gather_n = n;
	rest->gather_ns = MAX(each * n, GATHER_NS_MIN);
	return n - 1;
}

/*
 * So many have come: as many as were waited for, or not in that time. Whoever
 * sent them may wait for this processor, and have more to send.
 */
static void gathered(struct vdu__queue *queue, uint16_t waiting)
{
	struct vdu__rest *rest = &queue->rest;

	if (waiting < rest->gather_n) {
		vdu__pace_missed(&rest->gather);
		return;
	}
	vdu__pace_paid(&rest->gather);
	if (!vdu__pace_may(&rest->linger))
		return;
	vdu__queue_look_at_clock(queue);
	(void)yield(queue, &rest->linger, waiting);
}

int vdu__rest(struct vdu__queue *queue)
{
	struct vdu__rest *rest = &queue->rest;
	struct __kernel_timespec limit = {
		.tv_nsec = (long long)rest->gather_ns,
	};
	struct io_uring_cqe *cqe;
	uint16_t waiting;
	bool gathers = rest->gathers;
	int r;

	/* Once is enough: what comes after that is taken. */
	rest->gathers = false;
	vdu__interrupt_submit(queue);
	if (queue->again)
		return io_uring_submit_and_get_events(&queue->uring);
	if (!gathers)
		return io_uring_submit_and_wait(&queue->uring, 1);
	r = io_uring_submit_and_wait_timeout(&queue->uring, &cqe, 1, &limit,
					     NULL);
	if (queue->running) {
		waiting = vdu__ring_waiting(&queue->ring);
		rest->disturbed = r != -ETIME && waiting < rest->gather_n;
		if (!rest->disturbed)
			gathered(queue, waiting);
	}
	return r == -ETIME ? 0 : r;
}
