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
 * by themselves; a processor that is lent to somebody else comes back late.
 */
static bool yield(struct vdu__queue *queue)
{
	uint64_t began = queue->now_ns;
	unsigned int waiting;

	if (!vdu__pace_may(&queue->rest.yield))
		return false;
	vdu__interrupt_now(queue);
	(void)sched_yield();
	vdu__queue_look_at_clock(queue);
	waiting = vdu__ring_waiting(&queue->ring);
	if (waiting && queue->now_ns - began < waiting * YIELD_NS_MAX)
		vdu__pace_paid(&queue->rest.yield);
	else
		vdu__pace_missed(&queue->rest.yield);
	return waiting;
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
	return yield(queue) || (queue->poll_percent && poll_ring(queue));
}

/*
 * When many come at a time, the first of them need not wake us while the others
 * are still on their way. If they do not come as fast as the last ones did, we
 * look by ourselves.
 */
uint16_t vdu__rest_gather(struct vdu__queue *queue)
{
	struct vdu__rest *rest = &queue->rest;
	uint16_t taken = queue->ring.last_avail - rest->slept_at;
	uint64_t each = (queue->now_ns - rest->slept_ns) / MAX(taken, 1);
	uint16_t burst = rest->burst;

	/* Something else woke us: those are still on their way. */
	if (rest->gather_more && !taken && !queue->in_flight) {
		rest->gather_more = false;
		rest->gather_ns = rest->gathering_ns;
		return rest->gather_n - 1;
	}
	rest->gather_more = false;
	rest->slept_at = queue->ring.last_avail;
	rest->slept_ns = queue->now_ns;
	rest->gather_ns = 0;
	rest->burst = 0;
	/* A packed ring counts descriptors: how many chains is not told. */
	if (burst < GATHER_MIN || queue->in_flight || queue->ring.packed ||
	    !queue->ring.event_idx || !vdu__pace_may(&rest->gather))
		return 0;
	if (!rest->gather_n) {
		rest->gather_n = burst;
		rest->gather_sure = burst;
	}
	if (each * rest->gather_n > GATHER_NS_MAX)
		rest->gather_n = (uint16_t)(GATHER_NS_MAX / each);
	if (!rest->gather_n)
		return 0;
	rest->gather_ns = each * rest->gather_n;
	/* What may well be in vain must not take long. */
	if (rest->gather_n <= rest->gather_sure)
		rest->gather_ns *= 2;
	rest->gather_ns = MAX(rest->gather_ns, GATHER_NS_MIN);
	rest->gathering_ns = rest->gather_ns;
	return rest->gather_n - 1;
}

/*
 * As many have come as were waited for, or not in that time. Too much was asked
 * for, then, and from now on the most part of what came is enough; the next try
 * to get more comes the later, the more of them were in vain. But whoever sends
 * less than before does something new, and that is soon found out.
 */
void vdu__rest_gathered(struct vdu__rest *rest, uint16_t waiting, uint16_t most)
{
	if (waiting >= rest->gather_n) {
		vdu__pace_paid(&rest->gather);
		rest->gather_sure = rest->gather_n;
		if (vdu__pace_may(&rest->more))
			rest->gather_n = MIN(rest->gather_n + rest->gather_n / 2 + 1,
					     most);
		return;
	}
	if (waiting < rest->gather_sure)
		vdu__pace_paid(&rest->more);
	/* As many as the last time: that is all the sender has. */
	else if (waiting == rest->gather_all)
		rest->more.step *= 4;
	vdu__pace_missed(&rest->more);
	rest->gather_all = waiting;
	rest->gather_n = waiting < GATHER_MIN ? 0 : waiting - waiting / 4;
	rest->gather_sure = rest->gather_n;
	if (!rest->gather_n)
		vdu__pace_missed(&rest->gather);
}

int vdu__rest(struct vdu__queue *queue)
{
	struct __kernel_timespec limit = {
		.tv_nsec = (long long)queue->rest.gather_ns,
	};
	struct io_uring_cqe *cqe;
	uint16_t waiting;
	int r;

	/* Once is enough: what comes after that is taken. */
	queue->rest.gather_ns = 0;
	vdu__interrupt_submit(queue);
	if (queue->again)
		return io_uring_submit_and_get_events(&queue->uring);
	if (!limit.tv_nsec)
		return io_uring_submit_and_wait(&queue->uring, 1);
	r = io_uring_submit_and_wait_timeout(&queue->uring, &cqe, 1, &limit,
					     NULL);
	if (!queue->running)
		return r == -ETIME ? 0 : r;
	waiting = vdu__ring_waiting(&queue->ring);
	if (r == -ETIME || waiting >= queue->rest.gather_n)
		vdu__rest_gathered(&queue->rest, waiting, queue->ring.num / 2);
	else
		queue->rest.gather_more = true;
	return r == -ETIME ? 0 : r;
}
