// SPDX-License-Identifier: GPL-2.0-or-later
/* Sends one malformed thing and judges what the device makes of it. */
#include <string.h>

#include "tests/tools/vhost/bad.h"

#define ANSWER_MS 5000	/* a device that has not answered by then hangs */
#define SILENCE_MS 1000	/* for an answer that need not come */
#define LATE_MS 200	/* for an answer too many */
#define TABLE_AT 65536

struct answer {
	unsigned int n_used;
	uint32_t id, len;	/* of the first used entry */
	bool foreign;		/* some other head came back, too */
	uint8_t status;
};

int bad_await(struct bad *bad, uint32_t *id, uint32_t *len)
{
	int ret = queue_kick(bad->queue);

	if (ret == 0)
		ret = queue_wait(bad->queue, bad->answer_ms);
	if (ret == 1 && !queue_take_used(bad->queue, id, len))
		ret = -EPROTO;
	return ret;
}

static int collect(struct bad *bad, struct answer *answer)
{
	uint32_t id, len;
	int ret = bad_await(bad, &answer->id, &answer->len);

	/* A device that never stops answering is seen enough of. */
	for (; ret == 1 && answer->n_used < UINT16_MAX; answer->n_used++) {
		ret = queue_wait(bad->queue, LATE_MS);
		if (ret != 1)
			continue;
		if (!queue_take_used(bad->queue, &id, &len))
			return -EPROTO;
		answer->foreign |= id != answer->id;
	}
	answer->status = *bad->io.status;
	return MIN(ret, 0);
}

static bool as_expected(enum bad_expect expect, const struct answer *answer)
{
	bool once = answer->n_used == 1 && answer->id == 0;
	bool error = answer->status == VIRTIO_BLK_S_IOERR ||
		     answer->status == VIRTIO_BLK_S_UNSUPP;

	switch (expect) {
	case BAD_ERROR:
		return once && error;
	case BAD_USED:
		return once && (error || answer->status == IO_STATUS_NONE);
	case BAD_TWICE:
		return (answer->n_used == 1 || answer->n_used == 2) &&
		       answer->id == 0 && !answer->foreign;
	case BAD_SURVIVE:
	case BAD_RESET:
		return true;
	}
	return false;
}

/* A good read, and the start of the disk is what it was. */
static bool serves(struct bad *bad)
{
	if (io_do(&bad->io, VIRTIO_BLK_T_IN, 0, sizeof(bad->before), true) < 0)
		return false;
	if (memcmp(bad->io.data, bad->before, sizeof(bad->before)) != 0) {
		complain("the start of the disk was changed");
		return false;
	}
	return true;
}

static void report(const struct bad_case *c, bool ok,
		   const struct answer *answer, const char *after)
{
	printf("%s %s: ", ok ? "ok" : "not ok", c->name);
	if (!answer->n_used)
		printf("no used entry");
	else
		printf("%u used entr%s, id %u, length %u, status %s",
		       answer->n_used, answer->n_used == 1 ? "y" : "ies",
		       answer->id, answer->len, io_status_name(answer->status));
	printf("; %s\n", after);
	fflush(stdout);
}

static bool may_die(const struct bad_case *c)
{
	return c->expect == BAD_RESET || c->expect == BAD_SURVIVE;
}

static bool judge(struct bad *bad, const struct bad_case *c,
		  const struct answer *answer)
{
	bool ok = as_expected(c->expect, answer);
	const char *after = "still serves";
	int status = dev_status(bad->dev);

	if (c->expect == BAD_RESET || !serves(bad)) {
		ok &= may_die(c);
		after = "serves after a reset";
		if (dev_restart(bad->dev) < 0 || !serves(bad)) {
			ok = false;
			after = "dead, a reset does not help";
		}
	}
	report(c, ok, answer, after);
	if (status > 0 && status & VIRTIO_CONFIG_S_NEEDS_RESET)
		printf("# the device asked for a reset\n");
	return ok;
}

static int prepare(struct bad *bad, const struct bad_case *c)
{
	struct dev *dev = bad->dev;
	int ret = io_init(&bad->io, dev);

	if (ret < 0)
		return ret;
	if (c->extra) {
		bad->extra = dev_add_region(dev, c->extra, 1);
		if (!bad->extra)
			return -ENOMEM;
	}
	ret = dev_start(dev, 1);
	if (ret < 0)
		return ret;
	bad->queue = bad->io.queue = &dev->queues[0];
	bad->desc = bad->queue->ring.desc;
	bad->table = (struct vring_desc *)(bad->io.data + TABLE_AT);
	ret = io_do(&bad->io, VIRTIO_BLK_T_IN, 0, sizeof(bad->before), true);
	if (ret == 0)
		memcpy(bad->before, bad->io.data, sizeof(bad->before));
	return ret;
}

static bool run_case(struct bad *bad, const struct bad_case *c)
{
	struct answer answer = { 0 };
	int ret;

	bad->answer_ms = may_die(c) ? SILENCE_MS : ANSWER_MS;
	ret = prepare(bad, c);
	if (ret == 0) {
		*bad->io.status = IO_STATUS_NONE;
		ret = c->send(bad);
	}
	if (ret == 0)
		ret = collect(bad, &answer);
	if (ret < 0) {
		printf("not ok %s: %s\n", c->name, strerror(-ret));
		return false;
	}
	return judge(bad, c, &answer);
}

static bool run_fresh(const struct dev *wishes, const char *path,
		      const struct bad_case *c)
{
	struct dev dev = *wishes;
	struct bad bad = { .dev = &dev };
	bool ok;

	dev.reserve = BAD_DESCS;
	ok = dev_open(&dev, path) == 0;
	if (ok && dev.num_max < 2 * BAD_DESCS) {
		complain("the queue is too small for this");
		ok = false;
	}
	ok = ok && run_case(&bad, c);
	dev_close(&dev);
	return ok;
}

static void list(void)
{
	for (const struct bad_case *c = bad_cases; c->name; c++)
		printf("%-18s%s\n", c->name, c->help);
}

int bad_main(const struct dev *wishes, const char *path, const char *name)
{
	bool all = strcmp(name, "all") == 0, ok = true, found = false;

	if (strcmp(name, "list") == 0) {
		list();
		return 0;
	}
	for (const struct bad_case *c = bad_cases; c->name; c++) {
		if (!all && strcmp(name, c->name) != 0)
			continue;
		found = true;
		ok &= run_fresh(wishes, path, c);
	}
	if (!found)
		complain("no case named %s; try: bad list", name);
	return ok && found ? 0 : 1;
}
