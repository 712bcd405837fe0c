// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Stopping a device amid its requests: what a VM monitor does for a snapshot or
 * a live migration. Each request that was given must be answered once, by
 * whoever has taken it; in between nothing in the rings may move.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/tools/vhost/io.h"
#include "tests/tools/vhost/mem.h"
#include "tests/tools/vhost/migrate.h"

#define REQUESTS 24u		/* of a queue, at most in flight */
#define DATA 4096u
#define STATUS_AT 64u
#define DATA_AT 4096u
#define EACH (DATA_AT + DATA)

/* A queue's requests: number i writes to, or reads from, a place of its own. */
struct lane {
	struct queue *queue;
	struct region *mem;
	uint64_t first_sector;
	struct one {
		struct lane *lane;
		bool flying, in;
	} ones[REQUESTS];
	uint32_t base;			/* saved: what the device takes next */
	uint16_t used;			/* used index when it stood still */
};

struct trip {
	struct dev *dev;
	unsigned int n;
	struct lane *lanes;
};

static uint8_t *memory(const struct lane *lane, unsigned int i)
{
	return lane->mem->base + (size_t)i * EACH;
}

/* The bytes of a place, in a generation of them. */
static void fill(uint8_t *data, const struct lane *lane, unsigned int i,
		 unsigned int generation)
{
	uint64_t state = lane->first_sector * 1000 + i * 10 + generation;

	for (unsigned int at = 0; at < DATA; at += sizeof(uint64_t)) {
		uint64_t value = rnd(&state);

		memcpy(data + at, &value, sizeof(value));
	}
}

static int give(struct lane *lane, unsigned int i, bool in)
{
	uint8_t *at = memory(lane, i);
	const struct seg segs[] = {
		{ mem_iova(lane->mem, at), 16, false },
		{ mem_iova(lane->mem, at + DATA_AT), DATA, in },
		{ mem_iova(lane->mem, at + STATUS_AT), 1, true },
	};
	const struct virtio_blk_outhdr header = {
		.type = in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
		.sector = lane->first_sector + i * (DATA / SECTOR),
	};

	memcpy(at, &header, sizeof(header));
	at[STATUS_AT] = IO_STATUS_NONE;
	lane->ones[i] = (struct one){ lane, true, in };
	return queue_add(lane->queue, segs, ARRAY_SIZE(segs), NULL, 0,
			 &lane->ones[i]);
}

/* Writes of places [from, to) on each queue, shown to the device. */
static int give_writes(struct trip *trip, unsigned int from, unsigned int to,
		       unsigned int generation)
{
	int ret = 0;

	for (unsigned int q = 0; q < trip->n && ret == 0; q++) {
		struct lane *lane = &trip->lanes[q];

		for (unsigned int i = from; i < to && ret == 0; i++) {
			fill(memory(lane, i) + DATA_AT, lane, i, generation);
			ret = give(lane, i, false);
		}
		if (ret == 0)
			ret = queue_kick(lane->queue);
	}
	if (ret < 0)
		complain("giving requests: %s", strerror(-ret));
	return ret;
}

static int check_done(const struct lane *lane, const struct one *one,
		      uint32_t len)
{
	const unsigned int i = (unsigned int)(one - lane->ones);
	const uint8_t status = memory(lane, i)[STATUS_AT];

	if (status == VIRTIO_BLK_S_OK && len == (one->in ? DATA : 0) + 1)
		return 0;
	complain("queue %u, request %u: status %s, length %u",
		 lane->queue->index, i, io_status_name(status), len);
	return -EIO;
}

static int reap_lane(struct lane *lane)
{
	struct queue *queue = lane->queue;

	while (queue->n_flying) {
		struct one *one = NULL;
		void *cookie;
		uint32_t len;
		int ret = queue_wait(queue, queue->dev->timeout_ms);

		if (ret == 1)
			ret = queue_reap(queue, &cookie, &len);
		if (ret != 1) {
			complain("queue %u: %u request(s) unanswered: %s",
				 queue->index, queue->n_flying, strerror(-ret));
			return ret ? ret : -ETIMEDOUT;
		}
		one = cookie;
		one->flying = false;
		ret = check_done(lane, one, len);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int reap(struct trip *trip)
{
	int ret = 0;

	for (unsigned int q = 0; q < trip->n && ret == 0; q++)
		ret = reap_lane(&trip->lanes[q]);
	return ret;
}

/* What was written in that generation is what is read. */
static int check_places(struct trip *trip, unsigned int from, unsigned int to,
			unsigned int generation)
{
	uint8_t wanted[DATA];
	int ret = 0;

	for (unsigned int q = 0; q < trip->n && ret == 0; q++) {
		struct lane *lane = &trip->lanes[q];

		for (unsigned int i = from; i < to && ret == 0; i++) {
			memset(memory(lane, i) + DATA_AT, 0xee, DATA);
			ret = give(lane, i, true);
		}
		if (ret == 0)
			ret = queue_kick(lane->queue);
		if (ret == 0)
			ret = reap_lane(lane);
		for (unsigned int i = from; i < to && ret == 0; i++) {
			fill(wanted, lane, i, generation);
			if (!memcmp(wanted, memory(lane, i) + DATA_AT, DATA))
				continue;
			complain("queue %u, place %u: other bytes than were written",
				 q, i);
			ret = -EIO;
		}
	}
	return ret;
}

static uint16_t used_index(const struct lane *lane)
{
	return __atomic_load_n(&lane->queue->ring.used->idx, __ATOMIC_ACQUIRE);
}

/* What was taken is answered, and the device says where it goes on. */
static int look(struct trip *trip)
{
	for (unsigned int q = 0; q < trip->n; q++) {
		struct lane *lane = &trip->lanes[q];
		int ret = queue_save(lane->queue, &lane->base);

		if (ret < 0) {
			complain("queue %u: where it is: %s", q,
				 strerror(-ret));
			return ret;
		}
		lane->used = used_index(lane);
		if (lane->base == lane->used)
			continue;
		complain("queue %u: %u taken, %u answered", q, lane->base,
			 lane->used);
		return -EPROTO;
	}
	return 0;
}

static int look_again(const struct trip *trip)
{
	for (unsigned int q = 0; q < trip->n; q++) {
		const struct lane *lane = &trip->lanes[q];

		if (used_index(lane) == lane->used)
			continue;
		complain("queue %u: answered while suspended", q);
		return -EPROTO;
	}
	return 0;
}

static int set_up(struct trip *trip, struct dev *dev, unsigned int n_queues)
{
	const uint64_t share = dev->config.capacity / n_queues;

	if (!dev_can(dev, DEV_CAN_SUSPEND) || !dev_can(dev, DEV_CAN_RESUME)) {
		complain("%s: the device cannot be suspended and resumed",
			 dev->path);
		return -EOPNOTSUPP;
	}
	*trip = (struct trip){ .dev = dev, .n = n_queues };
	trip->lanes = calloc(n_queues, sizeof(*trip->lanes));
	if (!trip->lanes)
		return -ENOMEM;
	for (unsigned int q = 0; q < n_queues; q++) {
		struct lane *lane = &trip->lanes[q];

		lane->mem = dev_add_region(dev, REQUESTS * EACH, 2);
		if (!lane->mem)
			return -ENOMEM;
		lane->first_sector = q * share;
	}
	return 0;
}

static int start(struct trip *trip)
{
	int ret = dev_start(trip->dev, trip->n);

	for (unsigned int q = 0; q < trip->n && ret == 0; q++)
		trip->lanes[q].queue = &trip->dev->queues[q];
	return ret;
}

/* Half of the requests before it stands still, half of them then. */
static int stop_amid(struct trip *trip, unsigned int generation)
{
	int ret = give_writes(trip, 0, REQUESTS / 2, generation);

	if (ret == 0)
		ret = dev_suspend(trip->dev);
	if (ret == 0)
		ret = look(trip);
	if (ret == 0)
		ret = give_writes(trip, REQUESTS / 2, REQUESTS, generation);
	return ret;
}

static int finish(struct trip *trip, int ret, unsigned int generation)
{
	if (ret == 0)
		ret = reap(trip);
	if (ret == 0)
		ret = check_places(trip, 0, REQUESTS, generation);
	free(trip->lanes);
	if (ret == -EOPNOTSUPP)
		return MIGRATE_CANNOT;
	if (ret == 0)
		printf("errors: 0\n");
	return ret < 0;
}

/* The answer: the next line of standard input, never freed. */
static const char *say(const char *what)
{
	char *line = NULL;
	size_t size = 0;

	printf("%s\n", what);
	(void)fflush(stdout);
	if (getline(&line, &size, stdin) < 1)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int migrate_here(struct dev *dev, unsigned int n_queues, bool pause)
{
	struct trip trip = { 0 };
	int ret = set_up(&trip, dev, n_queues);

	if (ret == 0)
		ret = start(&trip);
	for (unsigned int generation = 0; generation < 3 && ret == 0;
	     generation++) {
		ret = stop_amid(&trip, generation);
		if (ret == 0 && pause && !say("suspended"))
			ret = -EINVAL;
		/* An ioctl that goes to the server and back. */
		if (ret == 0)
			ret = look(&trip);
		if (ret == 0)
			ret = look_again(&trip);
		if (ret == 0)
			ret = dev_resume(dev);
		if (ret == 0)
			ret = reap(&trip);
	}
	return finish(&trip, ret, 2);
}

static int go_on(struct trip *trip)
{
	const char *path;
	int ret;

	dev_leave(trip->dev);
	path = say("saved");
	if (!path) {
		complain("standard input: no path of a device");
		return -EINVAL;
	}
	ret = dev_arrive(trip->dev, path);
	for (unsigned int q = 0; q < trip->n && ret == 0; q++)
		ret = queue_restore(trip->lanes[q].queue, trip->lanes[q].base);
	return ret < 0 ? ret : dev_go_on(trip->dev);
}

int migrate_away(struct dev *dev, unsigned int n_queues)
{
	struct trip trip = { 0 };
	int ret = set_up(&trip, dev, n_queues);

	if (ret == 0)
		ret = start(&trip);
	if (ret == 0)
		ret = stop_amid(&trip, 0);
	if (ret == 0)
		ret = look_again(&trip);
	if (ret == 0)
		ret = go_on(&trip);
	/* And it is a whole device: it can be stopped again. */
	if (ret == 0)
		ret = reap(&trip);
	if (ret == 0)
		ret = stop_amid(&trip, 1);
	if (ret == 0)
		ret = dev_resume(dev);
	return finish(&trip, ret, 1);
}
