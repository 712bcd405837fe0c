// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptor chains: how they map to memory, and every way to be malformed. */
#include "tests/unit/driver.h"

#include <sys/mman.h>

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

/*
 * The map of most tests: A and B touch in the driver's address space (not in
 * ours), C is read-only, D holds indirect tables and is touched by E.
 */
#define A 0x10000ULL
#define B 0x11000ULL
#define C 0x20000ULL
#define D 0x30000ULL
#define E 0x30148ULL
#define HOLE 0x50000ULL

static uint8_t *a, *b, *c;

static struct driver *new_driver(uint16_t num)
{
	struct driver *d = driver_new(num, 0, false, true);

	a = driver_map(d, A, 0x1000, true);
	b = driver_map(d, B, 0x1000, true);
	c = driver_map(d, C, 0x1000, false);
	driver_map(d, D, E - D, false);
	driver_map(d, E, 0x1000, false);
	return d;
}

/* Write an indirect table entry by entry, wherever its bytes lie. */
static void put_table(struct driver *d, uint64_t iova,
		      const struct vring_desc *table, unsigned int n)
{
	const uint8_t *from = (const uint8_t *)table;
	uint64_t left = n * sizeof(*table);

	while (left > 0) {
		uint64_t len = left;
		void *ptr = driver_translate(d, iova, &len, false);

		assert_non_null(ptr);
		memcpy(ptr, from, len);
		from += len;
		iova += len;
		left -= len;
	}
}

/* A chain of direct descriptors from 0 on, and what must come of it. */
struct direct_case {
	const char *what;
	struct vring_desc desc[4];
	enum vdu__chain_fault fault;
	uint64_t last_in;		/* address; 0: not found */
};

#define DESC(addr, len, flags, next) { addr, len, flags, next }

static const struct direct_case direct_cases[] = {
	{ "in order", { DESC(C, 16, NEXT, 1), DESC(A, 8, WRITE, 0) },
	  VDU_CHAIN_OK, A + 7 },
	{ "only readable", { DESC(C, 16, 0, 0) }, VDU_CHAIN_OK, 0 },
	{ "empty buffers count for nothing",
	  { DESC(HOLE, 0, NEXT, 1), DESC(C, 16, NEXT, 2),
	    DESC(A, 8, NEXT | WRITE, 3), DESC(HOLE, 0, WRITE, 0) },
	  VDU_CHAIN_OK, A + 7 },
	{ "next without the flag is not looked at",
	  { DESC(C, 16, 0, 60000) }, VDU_CHAIN_OK, 0 },
	{ "to itself", { DESC(C, 16, NEXT, 0) }, VDU_CHAIN_LOOP, 0 },
	{ "a loop of three behind a writable one",
	  { DESC(A, 8, NEXT | WRITE, 1), DESC(A, 8, NEXT | WRITE, 2),
	    DESC(A, 8, NEXT | WRITE, 0) }, VDU_CHAIN_LOOP, 0 },
	{ "next is the queue size", { DESC(A, 8, NEXT | WRITE, 4) },
	  VDU_CHAIN_BAD_NEXT, 0 },
	{ "next is far away", { DESC(C, 16, NEXT, 65535) },
	  VDU_CHAIN_BAD_NEXT, 0 },
	{ "readable in a hole",
	  { DESC(HOLE, 16, NEXT, 1), DESC(A, 8, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, A + 7 },
	{ "readable runs into a hole",
	  { DESC(C + 0xff8, 9, NEXT, 1), DESC(A, 8, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, A + 7 },
	{ "writable in read-only memory, then a good one",
	  { DESC(C, 8, NEXT | WRITE, 1), DESC(A, 8, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, A + 7 },
	{ "the last one in read-only memory",
	  { DESC(A, 8, NEXT | WRITE, 1), DESC(C, 8, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, 0 },
	{ "the last one ends in a hole",
	  { DESC(A, 8, NEXT | WRITE, 1), DESC(B + 0xfff, 2, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, 0 },
	{ "the last one begins in a hole",
	  { DESC(A - 1, 2, WRITE, 0) }, VDU_CHAIN_BAD_ADDRESS, A },
	{ "around the end of the address space",
	  { DESC(UINT64_MAX - 7, A + 16, WRITE, 0) },
	  VDU_CHAIN_BAD_ADDRESS, 0 },
	{ "readable behind writable",
	  { DESC(A, 8, NEXT | WRITE, 1), DESC(C, 16, NEXT, 2),
	    DESC(B, 8, WRITE, 0) }, VDU_CHAIN_BAD_ORDER, B + 7 },
	{ "even if both are empty",
	  { DESC(A, 0, NEXT | WRITE, 1), DESC(C, 0, 0, 0) },
	  VDU_CHAIN_BAD_ORDER, 0 },
	{ "the first fault is told",
	  { DESC(A, 8, NEXT | WRITE, 1), DESC(HOLE, 16, NEXT, 9) },
	  VDU_CHAIN_BAD_ORDER, 0 },
};

static void test_direct(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(direct_cases) / sizeof(direct_cases[0]);
	     i++) {
		const struct direct_case *t = &direct_cases[i];
		struct driver *d = new_driver(4);
		uint8_t *last = NULL;

		for (int j = 0; j < 4; j++)
			d->desc[j] = driver_desc(t->desc[j].addr,
						 t->desc[j].len,
						 t->desc[j].flags,
						 t->desc[j].next);
		driver_take(d, 0);
		if (d->chain.fault != t->fault)
			fail_msg("%s: %s", t->what,
				 vdu__chain_fault_name(d->chain.fault));
		if (t->last_in)
			last = t->last_in < B ? a + (t->last_in - A) :
						b + (t->last_in - B);
		if (d->chain.last_in != last)
			fail_msg("%s: the last byte is wrong", t->what);
		driver_free(d);
	}
}

static void test_bad_head(void **state)
{
	struct driver *d = new_driver(4);

	(void)state;
	driver_take(d, 4);
	assert_int_equal(d->chain.fault, VDU_CHAIN_BAD_HEAD);
	assert_null(d->chain.last_in);
	driver_take(d, 65535);
	assert_int_equal(d->chain.fault, VDU_CHAIN_BAD_HEAD);
	/* The ring goes on behind it. */
	d->desc[3] = driver_desc(A, 4, WRITE, 0);
	driver_take(d, 3);
	assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
	driver_free(d);
}

/* The whole table in one chain is legal; heads may come twice. */
static void test_whole_table(void **state)
{
	struct driver *d = new_driver(8);

	(void)state;
	for (uint16_t i = 0; i < 8; i++)
		d->desc[i] = driver_desc(A + 16 * i, 16, i < 7 ? NEXT : 0,
					 (uint16_t)(i + 1));
	for (int twice = 0; twice < 2; twice++) {
		driver_take(d, 0);
		assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
		assert_int_equal(d->chain.n_out, 8);
		for (int i = 0; i < 8; i++)
			assert_ptr_equal(d->iov[i].iov_base, a + 16 * i);
	}
	driver_free(d);
}

static void test_crossing(void **state)
{
	struct driver *d = new_driver(4);
	struct vdu__chain *ch;

	(void)state;
	d->desc[0] = driver_desc(C, 16, NEXT, 1);
	d->desc[1] = driver_desc(A + 0xf00, 0x300, WRITE, 0);
	ch = driver_take(d, 0);
	assert_int_equal(ch->fault, VDU_CHAIN_OK);
	assert_int_equal(ch->n_out, 1);
	assert_int_equal(ch->n_in, 2);
	assert_ptr_equal(ch->iov[0].iov_base, c);
	assert_ptr_equal(ch->iov[1].iov_base, a + 0xf00);
	assert_int_equal(ch->iov[1].iov_len, 0x100);
	assert_ptr_equal(ch->iov[2].iov_base, b);
	assert_int_equal(ch->iov[2].iov_len, 0x200);
	assert_int_equal(ch->in_bytes, 0x300);
	assert_ptr_equal(ch->last_in, b + 0x1ff);
	driver_free(d);
}

static void test_too_many_pieces(void **state)
{
	struct driver *d = new_driver(4);

	(void)state;
	d->desc[0] = driver_desc(C, 16, NEXT, 1);
	d->desc[1] = driver_desc(A + 0xf00, 0x300, NEXT | WRITE, 2);
	d->desc[2] = driver_desc(B, 1, WRITE, 0);
	d->chain.max_iov = 4;
	driver_take(d, 0);
	assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
	for (unsigned int max = 0; max < 4; max++) {
		d->chain.max_iov = max;
		driver_take(d, 0);
		assert_int_equal(d->chain.fault, VDU_CHAIN_TOO_LONG);
		assert_true(d->chain.n_out + d->chain.n_in <= max);
		assert_ptr_equal(d->chain.last_in, b);
	}
	driver_free(d);
}

/* 2^32 - 1 bytes are possible, one more is not. */
static void test_too_many_bytes(void **state)
{
	struct driver *d = new_driver(4);
	uint8_t *huge = mmap(NULL, 1ULL << 32, PROT_NONE, MAP_PRIVATE |
			     MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t iova = 1ULL << 40;

	(void)state;
	assert_ptr_not_equal(huge, MAP_FAILED);
	d->regions[d->n_regions++] = (struct driver_region){
		iova, 1ULL << 32, true, huge,
	};
	d->desc[0] = driver_desc(iova, UINT32_MAX - 8, NEXT, 1);
	d->desc[1] = driver_desc(A, 8, WRITE, 0);
	driver_take(d, 0);
	assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
	assert_int_equal(d->chain.out_bytes + d->chain.in_bytes, UINT32_MAX);
	d->desc[1] = driver_desc(A, 9, WRITE, 0);
	driver_take(d, 0);
	assert_int_equal(d->chain.fault, VDU_CHAIN_TOO_LONG);
	assert_ptr_equal(d->chain.last_in, a + 8);
	d->n_regions--;
	munmap(huge, 1ULL << 32);
	driver_free(d);
}

/* The table in one piece, and cut inside an entry, at every alignment. */
static void test_indirect(void **state)
{
	const struct vring_desc table[] = {
		driver_desc(C, 16, NEXT, 2),
		driver_desc(B, 8, WRITE, 0),
		driver_desc(C + 100, 4, NEXT, 3),
		driver_desc(A, 512, NEXT | WRITE, 1),
	};
	struct driver *d = new_driver(8);

	(void)state;
	for (uint64_t iova = D; iova < E + 32; iova++) {
		put_table(d, iova, table, 4);
		/* Its WRITE flag is to be ignored. */
		d->desc[7] = driver_desc(iova, sizeof(table),
					 INDIRECT | WRITE, 0);
		driver_take(d, 7);
		assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
		assert_int_equal(d->chain.n_out, 2);
		assert_int_equal(d->chain.n_in, 2);
		assert_ptr_equal(d->iov[0].iov_base, c);
		assert_ptr_equal(d->iov[1].iov_base, c + 100);
		assert_ptr_equal(d->iov[2].iov_base, a);
		assert_ptr_equal(d->chain.last_in, b + 7);
	}
	/* Ordinary descriptors may stand before the table. */
	put_table(d, D, table, 4);
	d->desc[2] = driver_desc(C + 7, 1, NEXT, 7);
	d->desc[7] = driver_desc(D, sizeof(table), INDIRECT, 0);
	driver_take(d, 2);
	assert_int_equal(d->chain.fault, VDU_CHAIN_OK);
	assert_int_equal(d->chain.n_out, 3);
	assert_ptr_equal(d->iov[0].iov_base, c + 7);
	driver_free(d);
}

/* As long as the queue is possible, one more is not; nor is a loop. */
static void test_indirect_length(void **state)
{
	struct vring_desc table[9];
	struct driver *d = new_driver(8);

	(void)state;
	for (uint16_t n = 8; n <= 9; n++) {
		for (uint16_t i = 0; i < n; i++)
			table[i] = driver_desc(A, 8, i + 1 < n ? NEXT : WRITE,
					       (uint16_t)(i + 1));
		put_table(d, D, table, n);
		d->desc[0] = driver_desc(D, n * 16, INDIRECT, 0);
		driver_take(d, 0);
		assert_int_equal(d->chain.fault,
				 n == 8 ? VDU_CHAIN_OK : VDU_CHAIN_LOOP);
	}
	table[1] = driver_desc(A, 8, NEXT, 0);
	put_table(d, D, table, 9);
	driver_take(d, 0);
	assert_int_equal(d->chain.fault, VDU_CHAIN_LOOP);
	assert_null(d->chain.last_in);
	driver_free(d);
}

static void test_bad_indirect(void **state)
{
	const struct vring_desc good = driver_desc(A, 8, WRITE, 0);
	const struct vring_desc nested = driver_desc(D, 16, INDIRECT, 0);
	const struct vring_desc beyond = driver_desc(A, 8, NEXT | WRITE, 1);
	const struct {
		struct vring_desc desc;
		const struct vring_desc *entry;
		enum vdu__chain_fault fault;
	} cases[] = {
		{ driver_desc(D, 16, INDIRECT, 0), &good, VDU_CHAIN_OK },
		{ driver_desc(D, 0, INDIRECT, 0), &good, VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D, 15, INDIRECT, 0), &good, VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D, 24, INDIRECT, 0), &good, VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D, 16, INDIRECT | NEXT, 1), &good,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(HOLE, 16, INDIRECT, 0), &good,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D - 8, 16, INDIRECT, 0), &good,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(E + 0x1000 - 8, 16, INDIRECT, 0), &good,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(UINT64_MAX - 7, 16, INDIRECT, 0), &good,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D, 16, INDIRECT, 0), &nested,
		  VDU_CHAIN_BAD_INDIRECT },
		{ driver_desc(D, 16, INDIRECT, 0), &beyond, VDU_CHAIN_BAD_NEXT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct driver *d = new_driver(8);

		put_table(d, D, cases[i].entry, 1);
		d->desc[0] = cases[i].desc;
		driver_take(d, 0);
		assert_int_equal(d->chain.fault, cases[i].fault);
		driver_start(d, 0, false, false);
		driver_take(d, 0);
		assert_int_equal(d->chain.fault, VDU_CHAIN_BAD_INDIRECT);
		assert_null(d->chain.last_in);
		driver_free(d);
	}
}

static void test_fault_names(void **state)
{
	(void)state;
	for (int i = 0; i < VDU_CHAIN_FAULT_MAX; i++)
		assert_string_not_equal(vdu__chain_fault_name(i), "unknown");
	assert_string_equal(vdu__chain_fault_name(VDU_CHAIN_FAULT_MAX),
			    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_bad_head),
		cmocka_unit_test(test_whole_table),
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_too_many_pieces),
		cmocka_unit_test(test_too_many_bytes),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_indirect_length),
		cmocka_unit_test(test_bad_indirect),
		cmocka_unit_test(test_fault_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
