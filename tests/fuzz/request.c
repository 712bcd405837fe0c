// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Block requests of a hostile driver, from the ring to the backend and back:
 * nothing outside the chain is touched, nothing behind the end of the disk is
 * asked for, each chain comes back once, and what is malformed is counted.
 *
 * Under test: lib/blk/request.c lib/server/request.c
 */
#include <linux/virtio_blk.h>

#include "tests/fuzz/worker.h"

/* The linker puts these before and after the functions of that name. */
enum vdu__blk_next __real_vdu__blk_parse(const struct vdu__blk_rules *rules,
	struct vdu__chain *chain, struct vdu__blk_request *req,
	uint8_t *ret_status, uint32_t *ret_len, bool *ret_malformed);
enum vdu__blk_next __wrap_vdu__blk_parse(const struct vdu__blk_rules *rules,
	struct vdu__chain *chain, struct vdu__blk_request *req,
	uint8_t *ret_status, uint32_t *ret_len, bool *ret_malformed);
uint32_t __real_vdu__blk_finish(const struct vdu__blk_request *req,
				uint8_t status, uint32_t data_len);
uint32_t __wrap_vdu__blk_finish(const struct vdu__blk_request *req,
				uint8_t status, uint32_t data_len);

static struct worker worker;
static struct {
	uint64_t malformed, errors, finished;
} want;

/* Only bytes that the driver gave for it may change. */
struct snapshot {
	uint8_t bytes[GUEST_REGIONS][4096];
};

static void take_snapshot(struct snapshot *s)
{
	for (unsigned int i = 0; i < GUEST_REGIONS; i++)
		memcpy(s->bytes[i], worker.guest.regions[i].ptr,
		       worker.guest.regions[i].len);
}

static uint64_t changed(const struct snapshot *s)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < GUEST_REGIONS; i++) {
		const struct guest_region *r = &worker.guest.regions[i];

		if (!memcmp(s->bytes[i], r->ptr, r->len))
			continue;
		for (size_t at = 0; at < r->len; at++)
			n += s->bytes[i][at] != r->ptr[at];
	}
	return n;
}

/* The data is what lies between the header and the status byte. */
static void check_data(const struct vdu__chain *before,
		       const struct vdu__blk_request *req)
{
	bool in = req->type == VIRTIO_BLK_T_IN;
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < req->n_data; i++)
		bytes += req->data[i].iov_len;
	CHECK(bytes == req->bytes);
	CHECK(bytes == (in ? before->in_bytes - 1 :
			     before->out_bytes - sizeof(struct virtio_blk_outhdr)));
}

enum vdu__blk_next __wrap_vdu__blk_parse(const struct vdu__blk_rules *rules,
	struct vdu__chain *chain, struct vdu__blk_request *req,
	uint8_t *ret_status, uint32_t *ret_len, bool *ret_malformed)
{
	static struct snapshot snapshot;
	struct vdu__chain before = *chain;
	enum vdu__blk_next next;
	bool bad = chain->fault != VDU_CHAIN_OK || !chain->last_in ||
		   chain->out_bytes < sizeof(struct virtio_blk_outhdr);

	take_snapshot(&snapshot);
	next = __real_vdu__blk_parse(rules, chain, req, ret_status, ret_len,
				     ret_malformed);
	CHECK(req->status == before.last_in);
	CHECK(!bad || (next == VDU_BLK_DONE && *ret_malformed));
	if (next == VDU_BLK_SUBMIT) {
		if (req->type <= VIRTIO_BLK_T_OUT)
			check_data(&before, req);
		CHECK(changed(&snapshot) == 0);
	} else {
		CHECK(!*ret_malformed || *ret_status == VIRTIO_BLK_S_IOERR);
		CHECK(*ret_len == 0 || (req->type == VIRTIO_BLK_T_GET_ID &&
					*ret_len < before.in_bytes));
		CHECK(changed(&snapshot) <= *ret_len);
	}
	want.malformed += *ret_malformed || atomic_load(&worker.queue.iotlb->torn);
	return next;
}

uint32_t __wrap_vdu__blk_finish(const struct vdu__blk_request *req,
				uint8_t status, uint32_t data_len)
{
	static struct snapshot snapshot;
	const struct vdu__slot *slot = (const void *)
		((const char *)req - offsetof(struct vdu__slot, req));
	uint32_t len;

	take_snapshot(&snapshot);
	len = __real_vdu__blk_finish(req, status, data_len);
	CHECK(changed(&snapshot) <= 1);
	CHECK((len == 0) == (req->status == NULL));
	CHECK(!req->status || *req->status == status);
	CHECK(len <= 1 || len <= slot->chain.in_bytes);
	want.errors += status != VIRTIO_BLK_S_OK;
	want.finished++;
	return len;
}

static void step(void)
{
	switch (fuzz_u8(worker.guest.in) % 8) {
	case 0:
		(void)vdu__requests_take(&worker.queue);
		break;
	case 1:
		worker_complete(&worker);
		break;
	case 2:
		(void)vdu__ring_publish(&worker.queue.ring);
		vdu__inflight_settle(worker.queue.inflight,
				     &worker.queue.ring);
		break;
	default:
		guest_step(&worker.guest);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz in = { data, size };
	struct vdu__inflight_queue *log =
		calloc(1, sizeof(*log) + WORKER_SIZE * sizeof(log->order[0]));
	struct vdu__stats *stats = &worker.queue.stats;

	memset(&want, 0, sizeof(want));
	worker_init(&worker, &in, log);
	worker_start(&worker, 0);
	while (in.left)
		step();
	(void)vdu__requests_take(&worker.queue);
	worker_drain(&worker);
	/* One answer for each that was taken, and the counters say so. */
	CHECK(want.finished % 65536 == worker.queue.ring.last_avail);
	CHECK((uint16_t)(worker.queue.ring.used_idx - worker.first_used) ==
	      worker.queue.ring.last_avail);
	CHECK(vdu__counted(&stats->malformed) == want.malformed);
	CHECK(vdu__counted(&stats->errors) == want.errors);
	worker_free(&worker);
	free(log);
	return 0;
}
