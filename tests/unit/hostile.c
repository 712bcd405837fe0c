// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drivers that do what no driver should: memory that changes while it is read,
 * and random rings. Whatever comes out must be memory the driver owns, and the
 * walk must end.
 */
#include "tests/unit/driver.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/blk/request.h"

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define HOLE 0x50000ULL

/*
 * A driver that changes a descriptor between two valid states while it is
 * read: no mixture of both may ever come out.
 */
struct scribbler {
	struct driver *d;
	uint8_t *small;		/* 16 bytes at HOLE */
	atomic_bool stop;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	struct vring_desc states[2] = {
		driver_desc(HOLE, 16, WRITE, 0), driver_desc(HOLE, 4096, WRITE, 0),
	};
	uint64_t *word = (uint64_t *)(void *)s->d->desc + 1;

	for (unsigned int i = 0; !s->stop; i++) {
		uint64_t value;

		memcpy(&value, (char *)&states[i % 2] + 8, 8);
		__atomic_store_n(word, value, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_changing_memory(void **state)
{
	struct scribbler s = { .d = driver_new(4, 0, false, true) };
	unsigned int good = 0, bad = 0;
	pthread_t thread;

	(void)state;
	s.small = driver_map(s.d, HOLE, 16, true);
	s.d->desc[0] = driver_desc(HOLE, 16, WRITE, 0);
	assert_int_equal(pthread_create(&thread, NULL, scribble, &s), 0);
	for (uint32_t i = 0; i < 2000000 && (i < 50000 || !good || !bad); i++) {
		struct vdu__chain *ch = driver_take(s.d, 0);

		if (ch->fault == VDU_CHAIN_OK) {
			good++;
			assert_int_equal(ch->in_bytes, 16);
			assert_int_equal(ch->iov[0].iov_len, 16);
			assert_ptr_equal(ch->last_in, s.small + 15);
		} else {
			bad++;
			assert_int_equal(ch->fault, VDU_CHAIN_BAD_ADDRESS);
			assert_null(ch->last_in);
		}
	}
	s.stop = true;
	pthread_join(thread, NULL);
	assert_true(good && bad);
	driver_free(s.d);
}

#define ROUNDS 200000
#define REGION 256

/* The last three touch; the first one is read-only. */
static const uint64_t bases[] = { 0x1000, 0x8000, 0x8100, 0x8200 };

static uint64_t rng_state = 0x9e3779b97f4a7c15;

static uint64_t rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

static bool one_in(unsigned int n)
{
	return rng() % n == 0;
}

static struct vring_desc random_desc(uint16_t num)
{
	uint64_t addr = bases[rng() % 4] + rng() % (REGION / 16) * 16;
	uint32_t len = one_in(2) ? 16 : rng() % 40;
	uint16_t flags = rng() % 8, next = rng() % num;

	if (one_in(30))
		addr = one_in(2) ? rng() : addr + rng() % 64;
	if (one_in(30))
		len = (uint32_t)(one_in(2) ? rng() : 512);
	if (!one_in(6))
		flags &= ~INDIRECT;
	if (one_in(100))
		next = (uint16_t)rng();
	return driver_desc(addr, len, flags, next);
}

/* Request headers in the first region, descriptors in the others. */
static void randomize(struct driver *d)
{
	uint16_t index = (uint16_t)rng();

	for (unsigned int r = 0; r < d->n_regions; r++)
		for (unsigned int i = 0; i < REGION / 16; i++) {
			struct vring_desc desc = random_desc(d->num);

			if (r == 0)
				desc = driver_desc(rng() % 16, rng() % 1000, 0,
						   0);
			memcpy(d->regions[r].ptr + i * 16, &desc, 16);
		}
	for (uint16_t i = 0; i < d->num; i++) {
		d->desc[i] = random_desc(d->num);
		d->avail[2 + i] = htole16(one_in(50) ? (uint16_t)rng() :
						       rng() % d->num);
	}
	/* Sometimes a good beginning, sometimes a good chain. */
	if (one_in(2))
		d->desc[0] = driver_desc(bases[0] + rng() % 16 * 16, 16, NEXT,
					 1);
	if (one_in(2))
		d->desc[1] = driver_desc(bases[1], 513, WRITE, 0);
	driver_start(d, index, one_in(2), !one_in(8));
	*driver_used_event(d) = (uint16_t)rng();
	d->avail[1] = htole16((uint16_t)(index + rng() % (d->num + 2)));
}

/* Is it inside one region, and may it be used so? Touch it to be sure. */
static void use(const struct driver *d, const struct iovec *iov, bool write)
{
	uint8_t *ptr = iov->iov_base;
	unsigned int found = 0;

	for (unsigned int i = 0; i < d->n_regions; i++) {
		const struct driver_region *r = &d->regions[i];

		if (ptr >= r->ptr && ptr + iov->iov_len <= r->ptr + r->len)
			found += !write || r->writable;
	}
	assert_true(iov->iov_len > 0);
	assert_int_equal(found, 1);
	if (write)
		memset(ptr, 0, iov->iov_len);
}

struct tally {
	unsigned int faults[VDU_CHAIN_FAULT_MAX], jumps, submitted, done;
};

static void use_chain(struct driver *d, struct tally *tally)
{
	static const struct vdu__blk_rules rules = {
		.capacity = 1 << 20,
		.features = UINT64_MAX,
		.max_discard_sectors = UINT32_MAX,
		.max_write_zeroes_sectors = UINT32_MAX,
	};
	struct vdu__chain *c = &d->chain;
	struct vdu__blk_request req;
	uint64_t bytes = 0;
	bool malformed;
	uint8_t status;
	uint32_t len;

	tally->faults[c->fault]++;
	if (c->last_in)
		use(d, &(struct iovec){ c->last_in, 1 }, true);
	for (unsigned int i = 0; i < c->n_out + c->n_in; i++)
		bytes += c->iov[i].iov_len;
	if (c->fault == VDU_CHAIN_OK) {
		assert_int_equal(bytes, c->out_bytes + c->in_bytes);
		assert_int_equal(c->last_in != NULL, c->n_in > 0);
	}
	len = 0;
	if (vdu__blk_parse(&rules, c, &req, &status, &len, &malformed) ==
	    VDU_BLK_SUBMIT) {
		tally->submitted++;
		for (unsigned int i = 0; i < req.n_data; i++)
			use(d, &req.data[i], req.type == VIRTIO_BLK_T_IN);
		for (unsigned int i = 0; i < req.n_ranges; i++)
			assert_true(req.ranges[i].offset + req.ranges[i].len <=
				    rules.capacity * 512);
		status = VIRTIO_BLK_S_OK;
	} else {
		tally->done++;
		assert_true(c->fault == VDU_CHAIN_OK || malformed);
	}
	vdu__ring_push(&d->ring, c->head,
		       vdu__blk_finish(&req, status, len));
}

static void test_random(void **state)
{
	struct tally tally = { 0 };
	struct driver *drivers[4];

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		drivers[i] = driver_new((uint16_t)(2 << i), 0, false, false);
		drivers[i]->chain.max_iov = 12;
		for (unsigned int r = 0; r < 4; r++)
			driver_map(drivers[i], bases[r], REGION, r > 0);
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct driver *d = drivers[i % 4];
		unsigned int popped = 0;
		int r;

		randomize(d);
		while ((r = vdu__ring_pop(&d->ring, &d->chain)) == 1) {
			popped++;
			use_chain(d, &tally);
		}
		assert_true(popped <= d->num);
		assert_true(r == 0 || r == -EPROTO);
		tally.jumps += r == -EPROTO;
		(void)vdu__ring_publish(&d->ring);
		assert_int_equal(vdu__ring_arm_kick(&d->ring, 0), r == -EPROTO);
	}
	/* It is worth something only if everything happens often. */
	for (int i = 0; i < VDU_CHAIN_FAULT_MAX; i++)
		assert_true(tally.faults[i] > 500);
	assert_true(tally.jumps > 500 && tally.submitted > 500 &&
		    tally.done > 500);
	for (unsigned int i = 0; i < 4; i++)
		driver_free(drivers[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changing_memory),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
