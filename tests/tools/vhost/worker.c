// SPDX-License-Identifier: GPL-2.0-or-later
/* One thread of verify: fill its part, mix, and read another's part back. */
#include <string.h>

#include "tests/tools/vhost/block.h"
#include "tests/tools/vhost/worker.h"

#define ERRORS_SHOWN 8

#define wrong(worker, fmt, ...) do { \
	if ((worker)->counts.errors++ < ERRORS_SHOWN) \
		complain("queue %u: " fmt, (worker)->queue->index, \
			 ##__VA_ARGS__); \
} while (0)

static struct block_id id_of(const struct worker *w, uint64_t block)
{
	return (struct block_id){
		.offset = (w->part->first + block) * w->run->options->block,
		.generation = w->part->generations[block],
		.seed = (uint32_t)w->run->options->seed,
	};
}

/* Free blocks from first on, at most max of them. */
static uint64_t free_run(const struct part *part, uint64_t first, uint64_t max)
{
	uint64_t n = 0;

	while (n < max && first + n < part->n && !part->busy[first + n])
		n++;
	return n;
}

static void put_header(struct slot *slot, uint64_t sector)
{
	const struct virtio_blk_outhdr header = {
		.type = slot->type,
		.sector = sector,
	};

	memcpy(slot->out, &header, sizeof(header));
	slot->out_len = sizeof(header);
	slot->in_len = 1;
}

static void put_blocks(struct worker *w, struct slot *slot)
{
	uint32_t size = w->run->options->block;
	struct block_id id;

	for (uint64_t i = 0; i < slot->n; i++, slot->out_len += size) {
		w->part->generations[slot->first + i]++;
		id = id_of(w, slot->first + i);
		block_fill(slot->out + slot->out_len, size, &id);
	}
}

static void put_range(struct worker *w, struct slot *slot, uint64_t sector)
{
	uint32_t sectors = w->run->options->block / SECTOR;
	const struct virtio_blk_discard_write_zeroes range = {
		.sector = sector,
		.num_sectors = (uint32_t)slot->n * sectors,
		.flags = rnd(&w->rng) & 1 ?
			 VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0,
	};

	memcpy(slot->out + slot->out_len, &range, sizeof(range));
	slot->out_len += sizeof(range);
	memset(w->part->generations + slot->first, 0,
	       slot->n * sizeof(*w->part->generations));
}

static uint32_t random_type(struct worker *w)
{
	uint64_t dice = rnd_in(&w->rng, 0, 63);

	if (dice == 0 && w->run->flush)
		return VIRTIO_BLK_T_FLUSH;
	if (dice < 4 && w->run->zeroes)
		return VIRTIO_BLK_T_WRITE_ZEROES;
	return dice & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
}

static void build(struct worker *w, struct slot *slot)
{
	const uint32_t size = w->run->options->block;
	const uint64_t sector = (w->part->first + slot->first) *
				(size / SECTOR);
	const bool has_sector = slot->type == VIRTIO_BLK_T_IN ||
				slot->type == VIRTIO_BLK_T_OUT;

	put_header(slot, has_sector ? sector : 0);
	memset(w->part->busy + slot->first, true, slot->n);
	if (slot->type == VIRTIO_BLK_T_IN)
		slot->in_len = (uint32_t)slot->n * size + 1;
	else if (slot->type == VIRTIO_BLK_T_OUT)
		put_blocks(w, slot);
	else if (slot->type == VIRTIO_BLK_T_WRITE_ZEROES)
		put_range(w, slot, sector);
}

/* Decide what slot does next; false: this phase has no more to start now. */
static bool pick(struct worker *w, struct slot *slot)
{
	uint32_t max = w->run->blocks_max;

	if (w->phase != PHASE_MIX) {
		slot->type = w->phase == PHASE_FILL ? VIRTIO_BLK_T_OUT :
						      VIRTIO_BLK_T_IN;
		slot->first = w->cursor;
		slot->n = MIN((uint64_t)max, w->part->n - w->cursor);
		w->cursor += slot->n;
		return slot->n > 0;
	}
	if (!w->ops_left || *w->run->enough ||
	    (w->deadline && now_ms() >= w->deadline))
		return false;
	slot->type = random_type(w);
	slot->first = rnd_in(&w->rng, 0, w->part->n - 1);
	slot->n = 0;
	if (slot->type != VIRTIO_BLK_T_FLUSH) {
		slot->n = free_run(w->part, slot->first,
				   rnd_in(&w->rng, 1, max));
		if (!slot->n)	/* somebody is there: look at it later */
			return false;
	}
	w->ops_left--;
	return true;
}

static void check_blocks(struct worker *w, const struct slot *slot)
{
	const uint32_t size = w->run->options->block;
	const char *note;
	char text[96];
	struct block_id id;

	for (uint64_t i = 0; i < slot->n; i++) {
		id = id_of(w, slot->first + i);
		note = block_check(slot->in + i * size, size, &id, text,
				   sizeof(text));
		if (note)
			wrong(w, "block at %llu: %s",
			      (unsigned long long)id.offset, note);
	}
}

static void count(struct worker *w, const struct slot *slot)
{
	struct counts *counts = &w->counts;

	counts->pieces += slot->n_pieces;
	counts->bytes += slot->n * w->run->options->block;
	switch (slot->type) {
	case VIRTIO_BLK_T_IN:
		counts->reads++;
		break;
	case VIRTIO_BLK_T_OUT:
		counts->writes++;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		counts->zeroes++;
		break;
	default:
		counts->flushes++;
	}
}

static void finish(struct worker *w, struct slot *slot, uint32_t used_len)
{
	const char *note = slot_complete(slot);
	uint8_t status = slot->in[slot->in_len - 1];

	w->counts.longest_ms = MAX(w->counts.longest_ms,
				   now_ms() - slot->began_ms);
	count(w, slot);
	if (note)
		wrong(w, "type %u: %s", slot->type, note);
	if (used_len != slot->in_len)
		wrong(w, "type %u: used length %u, not %u", slot->type,
		      used_len, slot->in_len);
	if (status != VIRTIO_BLK_S_OK)
		wrong(w, "type %u, block %llu: status 0x%02x%s", slot->type,
		      (unsigned long long)(w->part->first + slot->first),
		      status, status == SLOT_GUARD ? " (not written)" : "");
	else if (slot->type == VIRTIO_BLK_T_IN)
		check_blocks(w, slot);
	memset(w->part->busy + slot->first, false, slot->n);
}

/* Start what can be started; negative errno if the queue is unusable. */
static int start_some(struct worker *w)
{
	const struct framing *framing = &w->run->framing;
	struct slot *slot;
	int ret;

	for (unsigned int i = 0; i < w->run->options->depth; i++) {
		slot = &w->slots[i];
		if (slot->busy)
			continue;
		if (w->queue->n_free < framing->pieces_max || !pick(w, slot))
			break;
		build(w, slot);
		slot->began_ms = now_ms();
		ret = slot_submit(slot, w->queue, framing, &w->rng);
		if (ret < 0)
			return ret;
		w->counts.indirect += slot->indirect;
	}
	return queue_kick(w->queue);
}

/* At least one completion; negative errno if the device lost or forged one. */
static int reap_some(struct worker *w)
{
	unsigned int timeout = w->queue->dev->timeout_ms;
	uint32_t used_len;
	void *slot;
	int ret = queue_wait(w->queue, timeout);

	if (ret == -ENOMSG)
		wrong(w, "completion without an interrupt for %u ms", timeout);
	else if (ret == 0)
		wrong(w, "%u requests lost: no completion for %u ms",
		      w->queue->n_flying, timeout);
	if (ret <= 0)
		return ret ? ret : -ETIMEDOUT;
	while ((ret = queue_reap(w->queue, &slot, &used_len)) == 1)
		finish(w, slot, used_len);
	w->counts.errors += ret < 0;
	return ret;
}

static int do_phase(struct worker *w, enum phase phase, struct part *part)
{
	unsigned int seconds = w->run->options->seconds;
	int ret;

	w->phase = phase;
	w->part = part;
	w->cursor = 0;
	w->deadline = seconds ? now_ms() + seconds * 1000ULL : 0;
	for (;;) {
		ret = start_some(w);
		if (ret < 0) {
			wrong(w, "submit: %s", strerror(-ret));
			return ret;
		}
		if (!w->queue->n_flying)
			return 0;
		ret = reap_some(w);
		if (ret < 0)
			return ret;
	}
}

void *worker_main(void *worker)
{
	struct worker *w = worker;

	for (enum phase phase = PHASE_FILL; phase <= PHASE_READ; phase++) {
		struct part *part = phase == PHASE_READ ? w->other : w->own;

		if (!atomic_load(&w->run->stop) &&
		    do_phase(w, phase, part) < 0)
			atomic_store(&w->run->stop, true);
		/* Nobody reads a part back while its owner still writes. */
		pthread_barrier_wait(&w->run->barrier);
	}
	return NULL;
}
