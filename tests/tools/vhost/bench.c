// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast a device is through /dev/vhost-vdpa-N. What a driver would do and no
 * more: framing, one kick after all requests that there are to send, one look at
 * the used ring until it is empty, sleep.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/tools/vhost/bench.h"
#include "tests/tools/vhost/mem.h"
#include "tests/tools/vhost/queue.h"

#define DEPTH_MAX 128u
#define BLOCK_MAX (1u << 20)
#define OPS_MAX 1000000u
#define WARM_UP 200u		/* not counted: pages not there, code not read */
#define STATUS_AT 64

struct slot {
	struct virtio_blk_outhdr *header;
	uint8_t *status;
	struct seg segs[3];
	uint64_t began_ns;
};

struct bencher {
	const struct bench_options *options;
	struct queue *queue;
	struct slot *slots;
	uint64_t blocks, rng;		/* blocks: of the device */
	uint64_t to_send, to_come;
	uint32_t *took_ns;		/* of each request; NULL: do not count */
	uint64_t n_took;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The same buffer each time, and each on its own pages. */
static void slot_prepare(struct slot *slot, struct region *mem,
			 unsigned int index, const struct bench_options *o)
{
	const uint64_t room = 4096 + ((o->block + 4095u) & ~4095u);
	uint8_t *base = mem->base + index * room;

	slot->header = (struct virtio_blk_outhdr *)base;
	slot->header->type = o->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
	slot->status = base + STATUS_AT;
	slot->segs[0] = (struct seg){ mem_iova(mem, base),
				      sizeof(*slot->header), false };
	slot->segs[1] = (struct seg){ mem_iova(mem, base + 4096), o->block,
				      !o->write };
	slot->segs[2] = (struct seg){ mem_iova(mem, slot->status), 1, true };
}

static int send_one(struct bencher *b, struct slot *slot)
{
	slot->header->sector = rnd(&b->rng) % b->blocks *
			       (b->options->block / SECTOR);
	*slot->status = 0xff;
	slot->began_ns = now_ns();
	b->to_send--;
	return queue_add(b->queue, slot->segs, 3, NULL, 0, slot);
}

static int took(struct bencher *b, const struct slot *slot)
{
	if (*slot->status != VIRTIO_BLK_S_OK) {
		complain("a request ended with status %u", *slot->status);
		return -EIO;
	}
	b->to_come--;
	if (b->took_ns)
		b->took_ns[b->n_took++] = (uint32_t)MIN(
			now_ns() - slot->began_ns, (uint64_t)UINT32_MAX);
	return 0;
}

/* All that is there; each makes room for the next. */
static int reap(struct bencher *b)
{
	void *slot;
	uint32_t len;
	int ret;

	while ((ret = queue_reap(b->queue, &slot, &len)) == 1) {
		ret = took(b, slot);
		if (ret == 0 && b->to_send)
			ret = send_one(b, slot);
		if (ret < 0)
			return ret;
	}
	return ret;
}

/* So many requests, from none in flight to none in flight. */
static int go(struct bencher *b, uint64_t ops)
{
	int ret = 0;

	b->to_send = b->to_come = ops;
	for (unsigned int i = 0; i < b->options->depth && b->to_send; i++) {
		ret = send_one(b, &b->slots[i]);
		if (ret < 0)
			return ret;
	}
	while (b->to_come) {
		ret = queue_kick(b->queue);
		if (ret == 0)
			ret = queue_wait(b->queue, b->queue->dev->timeout_ms);
		if (ret <= 0)
			return ret == 0 ? -ETIMEDOUT : ret;
		ret = reap(b);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct bencher *b, uint64_t elapsed_ns,
		   uint64_t kicks, uint64_t calls)
{
	const uint64_t n = b->n_took;
	double sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += b->took_ns[i];
	qsort(b->took_ns, n, sizeof(*b->took_ns), by_number);
	printf("{\"ops\": %" PRIu64 ", \"iops\": %.1f, \"mean_us\": %.2f, "
	       "\"p50_us\": %.2f, \"p99_us\": %.2f, \"kicks\": %" PRIu64
	       ", \"calls\": %" PRIu64 "}\n", n,
	       (double)n * 1e9 / (double)elapsed_ns, sum / (double)n / 1e3,
	       b->took_ns[n / 2] / 1e3, b->took_ns[n * 99 / 100] / 1e3, kicks,
	       calls);
}

static int measure(struct bencher *b)
{
	struct queue *queue = b->queue;
	uint64_t began, kicks, calls;
	int ret = go(b, WARM_UP);

	if (ret < 0)
		return ret;
	b->took_ns = calloc(b->options->ops, sizeof(*b->took_ns));
	if (!b->took_ns)
		return -ENOMEM;
	memset(b->took_ns, 0xff, b->options->ops * sizeof(*b->took_ns));
	kicks = queue->n_kicks;
	calls = queue->n_calls;
	began = now_ns();
	ret = go(b, b->options->ops);
	if (ret == 0)
		report(b, now_ns() - began, queue->n_kicks - kicks,
		       queue->n_calls - calls);
	return ret;
}

static bool sane(const struct bench_options *o, uint64_t blocks)
{
	if (o->depth && o->depth <= DEPTH_MAX && o->ops && o->ops <= OPS_MAX &&
	    o->block && o->block <= BLOCK_MAX && o->block % SECTOR == 0 &&
	    blocks)
		return true;
	complain("bench: depth 1 to %u, ops to %u, block to %u", DEPTH_MAX,
		 OPS_MAX, BLOCK_MAX);
	return false;
}

int bench(struct dev *dev, const struct bench_options *options)
{
	struct bencher b = { .options = options, .rng = options->seed };
	struct region *mem;
	int ret;

	if (options->block)
		b.blocks = (uint64_t)dev->config.capacity /
			   MAX(options->block / SECTOR, 1u);
	if (!sane(options, b.blocks))
		return 1;
	mem = dev_add_region(dev, (uint64_t)options->depth *
			     (4096 + ((options->block + 4095u) & ~4095u)), 1);
	b.slots = calloc(options->depth, sizeof(*b.slots));
	if (!mem || !b.slots)
		return 1;
	for (unsigned int i = 0; i < options->depth; i++)
		slot_prepare(&b.slots[i], mem, i, options);
	ret = dev_start(dev, 1);
	if (ret == 0) {
		b.queue = &dev->queues[0];
		ret = measure(&b);
	}
	if (ret < 0)
		complain("bench: %s", strerror(-ret));
	free(b.took_ns);
	free(b.slots);
	return ret < 0;
}
