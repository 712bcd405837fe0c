// SPDX-License-Identifier: GPL-2.0-or-later
/* The ranges of DISCARD and WRITE_ZEROES. */
#include "tests/unit/frame.h"

#define IOERR VIRTIO_BLK_S_IOERR
#define UNSUPP VIRTIO_BLK_S_UNSUPP
#define SECTOR_MAX (UINT64_MAX >> 9)

struct range_case {
	uint32_t type;
	uint64_t sector;
	uint32_t n, flags;
	int status;		/* -1: submitted */
};

#define DISCARD VIRTIO_BLK_T_DISCARD
#define ZEROES VIRTIO_BLK_T_WRITE_ZEROES

static const struct range_case range_cases[] = {
	{ DISCARD, 0, 100, 0, -1 },	 { DISCARD, 900, 100, 0, -1 },
	{ DISCARD, 1000, 0, 0, -1 },	 { DISCARD, 5, 0, 0, -1 },
	{ DISCARD, 0, 101, 0, IOERR },	 { DISCARD, 901, 100, 0, IOERR },
	{ DISCARD, 1001, 0, 0, IOERR },	 { DISCARD, UINT64_MAX, 1, 0, IOERR },
	{ DISCARD, UINT64_MAX, 100, 0, IOERR },
	{ DISCARD, SECTOR_MAX, 2, 0, IOERR },
	{ DISCARD, 0, 1, 1, UNSUPP },	 { DISCARD, 0, 1, 2, UNSUPP },
	{ DISCARD, 0, UINT32_MAX, 0, IOERR },
	{ ZEROES, 0, 200, 0, -1 },	 { ZEROES, 0, 200, 1, -1 },
	{ ZEROES, 800, 200, 1, -1 },	 { ZEROES, 0, 201, 0, IOERR },
	{ ZEROES, 801, 200, 0, IOERR },	 { ZEROES, 0, 1, 2, UNSUPP },
	{ ZEROES, 0, 1, 3, UNSUPP },	 { ZEROES, 0, 1, 0x80000000, UNSUPP },
	{ ZEROES, UINT64_MAX, UINT32_MAX, 0, IOERR },
};

/* The range alone, then as the last of 16 that are all good. */
static void check_range(const struct range_case *t, unsigned int n, size_t cut)
{
	struct virtio_blk_discard_write_zeroes raw[16] = { 0 };
	struct vdu__blk_request req;
	struct message m = { 0 };
	enum vdu__blk_next next;
	bool malformed;
	uint8_t status;
	uint32_t len;
	struct frame *f;

	for (unsigned int i = 0; i < n; i++)
		raw[i].sector = htole64(i);
	raw[n - 1].sector = htole64(t->sector);
	raw[n - 1].num_sectors = htole32(t->n);
	raw[n - 1].flags = htole32(t->flags);
	memcpy(m.data, raw, sizeof(raw));
	set_header(&m, t->type, 0);
	f = frame_new(&m, 16 + n * 16, 1, cut);
	next = vdu__blk_parse(&rules, &f->chain, &req, &status, &len,
			      &malformed);
	assert_false(malformed);
	if (t->status >= 0) {
		assert_int_equal(next, VDU_BLK_DONE);
		assert_int_equal(status, t->status);
	} else {
		const struct vdu__blk_range *last = &req.ranges[n - 1];

		assert_int_equal(next, VDU_BLK_SUBMIT);
		assert_int_equal(req.n_ranges, n);
		assert_int_equal(req.n_data, 0);
		assert_int_equal(last->offset, t->sector * 512);
		assert_int_equal(last->len, t->n * 512ULL);
		assert_int_equal(last->unmap, t->flags & 1);
	}
	frame_free(f);
}

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(range_cases) / sizeof(range_cases[0]);
	     i++) {
		check_range(&range_cases[i], 1, 64);
		check_range(&range_cases[i], 1, 1);
		check_range(&range_cases[i], 16, 512);
		check_range(&range_cases[i], 16, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
