// SPDX-License-Identifier: GPL-2.0-or-later
/* Block requests: every type, every rule, every way to frame them. */
#include "tests/unit/frame.h"

#define OK VIRTIO_BLK_S_OK
#define IOERR VIRTIO_BLK_S_IOERR
#define UNSUPP VIRTIO_BLK_S_UNSUPP
#define SECTOR_MAX (UINT64_MAX >> 9)

static const size_t cuts[] = { 1, 2, 3, 7, 15, 16, 17, 511, 512, 513, 100000 };
#define N_CUTS (sizeof(cuts) / sizeof(cuts[0]))

/* Header, data and status in pieces of any size come out the same. */
static void test_framing(void **state)
{
	struct message m;

	(void)state;
	for (size_t i = 0; i < sizeof(m.data); i++)
		m.data[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < N_CUTS * 2; i++) {
		bool write = i % 2;
		size_t bytes = cuts[i / 2] == 1 ? 512 : 1024, at = 0;
		struct vdu__blk_request req;
		bool malformed;
		uint8_t status;
		uint32_t len;
		struct frame *f;

		set_header(&m, write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN, 998);
		f = frame_new(&m, 16 + (write ? bytes : 0),
			      1 + (write ? 0 : bytes), cuts[i / 2]);
		assert_int_equal(vdu__blk_parse(&rules, &f->chain, &req,
						&status, &len, &malformed),
				 VDU_BLK_SUBMIT);
		assert_false(malformed);
		assert_int_equal(req.type, write);
		assert_int_equal(req.sector, 998);
		assert_int_equal(req.bytes, bytes);
		for (unsigned int n = 0; n < req.n_data; n++) {
			assert_true(req.data[n].iov_len > 0);
			if (write)
				assert_memory_equal(req.data[n].iov_base,
						    m.data + at,
						    req.data[n].iov_len);
			else
				memset(req.data[n].iov_base, 1,
				       req.data[n].iov_len);
			at += req.data[n].iov_len;
		}
		assert_int_equal(at, bytes);
		/* The data has left the place of the status alone. */
		assert_int_equal(*f->chain.last_in, 0x5a);
		assert_int_equal(vdu__blk_finish(&req, OK, write ? 0 : bytes),
				 write ? 1 : bytes + 1);
		assert_int_equal(*f->chain.last_in, OK);
		frame_free(f);
	}
}

/* What a request without ranges comes to. */
struct request_case {
	const char *what;
	uint32_t type;
	uint64_t sector;
	size_t out, in;		/* data bytes; in without the status */
	bool read_only;
	int status;		/* -1: submitted */
	bool malformed;
};

static const struct request_case request_cases[] = {
	{ "read", 0, 0, 0, 512, false, -1, false },
	{ "the last sector", 0, 999, 0, 512, false, -1, false },
	{ "across the end", 0, 999, 0, 1024, false, IOERR, false },
	{ "behind the end", 0, 1000, 0, 512, false, IOERR, false },
	{ "sector times 512 wraps", 0, SECTOR_MAX, 0, 1024, false, IOERR, false },
	{ "sector plus length wraps", 0, UINT64_MAX, 0, 512, false, IOERR,
	  false },
	{ "half a sector", 0, 0, 0, 256, false, IOERR, true },
	{ "one byte more", 0, 0, 0, 513, false, IOERR, true },
	{ "nothing", 0, 0, 0, 0, false, OK, false },
	{ "nothing at the end", 0, 1000, 0, 0, false, OK, false },
	{ "nothing behind the end", 0, 1001, 0, 0, false, IOERR, false },
	{ "read with data to write", 0, 0, 512, 512, false, IOERR, true },
	{ "read-only", 0, 0, 0, 512, true, -1, false },
	{ "write", 1, 0, 512, 0, false, -1, false },
	{ "write to the end", 1, 998, 1024, 0, false, -1, false },
	{ "write across the end", 1, 999, 1024, 0, false, IOERR, false },
	{ "write a sector and a byte", 1, 0, 513, 0, false, IOERR, true },
	{ "write into the driver", 1, 0, 512, 512, false, IOERR, true },
	{ "write to read-only", 1, 0, 512, 0, true, IOERR, false },
	{ "write nothing to read-only", 1, 0, 0, 0, true, IOERR, false },
	{ "flush", 4, 0, 0, 0, false, -1, false },
	{ "flush with data", 4, 0, 512, 512, false, -1, false },
	{ "flush, read-only", 4, 0, 0, 0, true, -1, false },
	{ "serial", 8, 0, 0, 20, false, OK, false },
	{ "serial, larger buffer", 8, 0, 0, 512, false, OK, false },
	{ "serial, too small", 8, 0, 0, 19, false, IOERR, true },
	{ "serial with data to write", 8, 0, 1, 20, false, IOERR, true },
	{ "SCSI command", 2, 0, 0, 0, false, UNSUPP, false },
	{ "get lifetime", 10, 0, 0, 512, false, UNSUPP, false },
	{ "secure erase", 14, 0, 16, 0, false, UNSUPP, false },
	{ "write with a barrier", 0x80000001, 0, 512, 0, false, UNSUPP, false },
	{ "unknown", 0xffffffff, 0, 512, 512, false, UNSUPP, false },
	{ "discard nothing", 11, 0, 0, 0, false, IOERR, true },
	{ "discard half a range", 11, 0, 8, 0, false, IOERR, true },
	{ "discard a range and a half", 11, 0, 24, 0, false, IOERR, true },
	{ "discard 17 ranges", 11, 0, 17 * 16, 0, false, IOERR, true },
	{ "discard with a buffer", 11, 0, 16, 1, false, IOERR, true },
	{ "discard, read-only", 11, 0, 16, 0, true, IOERR, false },
	{ "write zeroes nowhere", 13, 0, 0, 0, false, IOERR, true },
	{ "write zeroes, 17 ranges", 13, 0, 17 * 16, 0, false, IOERR, true },
	{ "write zeroes, read-only", 13, 0, 16, 0, true, IOERR, false },
};

static void check_case(const struct request_case *t, size_t cut)
{
	struct vdu__blk_rules r = rules;
	struct vdu__blk_request req;
	struct message m = { 0 };
	enum vdu__blk_next next;
	bool malformed;
	uint8_t status;
	uint32_t len, used;
	struct frame *f;

	r.read_only = t->read_only;
	set_header(&m, t->type, t->sector);
	f = frame_new(&m, 16 + t->out, t->in + 1, cut);
	next = vdu__blk_parse(&r, &f->chain, &req, &status, &len, &malformed);
	if (next != (t->status < 0 ? VDU_BLK_SUBMIT : VDU_BLK_DONE) ||
	    malformed != t->malformed ||
	    (next == VDU_BLK_DONE && status != t->status))
		fail_msg("%s: next %d, status %d, malformed %d", t->what, next,
			 status, malformed);
	if (next == VDU_BLK_DONE) {
		used = vdu__blk_finish(&req, status, len);
		assert_int_equal(*f->chain.last_in, status);
		assert_int_equal(used, t->type == VIRTIO_BLK_T_GET_ID &&
				       status == OK ? 21 : 1);
	}
	frame_free(f);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(request_cases) / sizeof(request_cases[0]);
	     i++) {
		check_case(&request_cases[i], 5);
		check_case(&request_cases[i], 100000);
	}
}

static void test_serial(void **state)
{
	struct vdu__blk_request req;
	struct message m;
	bool malformed;
	uint8_t status, id[24];
	uint32_t len;

	(void)state;
	for (size_t cut = 1; cut < 30; cut++) {
		struct frame *f;
		size_t at = 0;

		set_header(&m, VIRTIO_BLK_T_GET_ID, 0);
		f = frame_new(&m, 16, 24, cut);
		assert_int_equal(vdu__blk_parse(&rules, &f->chain, &req,
						&status, &len, &malformed),
				 VDU_BLK_DONE);
		for (unsigned int i = 0; i < f->chain.n_in; i++) {
			const struct iovec *p = &f->keep[f->chain.n_out + i];

			memcpy(id + at, p->iov_base, p->iov_len);
			at += p->iov_len;
		}
		/* 20 bytes, and not one more. */
		assert_memory_equal(id, rules.serial, 20);
		assert_memory_equal(id + 20, "\x5a\x5a\x5a\x5a", 4);
		assert_int_equal(len, 20);
		frame_free(f);
	}
}

/* Without its feature a request is not known. */
static void test_not_negotiated(void **state)
{
	static const struct {
		uint32_t type;
		unsigned int bit;
		size_t out;
	} cases[] = {
		{ VIRTIO_BLK_T_FLUSH, VIRTIO_BLK_F_FLUSH, 0 },
		{ VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_F_DISCARD, 16 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES, 16 },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (int with = 0; with < 2; with++) {
			struct vdu__blk_rules r = rules;
			struct vdu__blk_request req;
			struct message m = { 0 };
			bool malformed;
			uint8_t status;
			uint32_t len;
			struct frame *f;

			r.features = 1ULL << cases[i].bit;
			if (!with)
				r.features = ~r.features;
			set_header(&m, cases[i].type, 0);
			f = frame_new(&m, 16 + cases[i].out, 1, 64);
			assert_int_equal(vdu__blk_parse(&r, &f->chain, &req,
							&status, &len,
							&malformed),
					 with ? VDU_BLK_SUBMIT : VDU_BLK_DONE);
			if (!with)
				assert_int_equal(status, UNSUPP);
			assert_false(malformed);
			frame_free(f);
		}
}

/* Chains that the ring found faulty, or that lack a part. */
static void test_malformed(void **state)
{
	struct vdu__blk_request req;
	struct message m;
	bool malformed;
	uint8_t status;
	uint32_t len;

	(void)state;
	set_header(&m, VIRTIO_BLK_T_OUT, 0);
	for (int i = 0; i < 4; i++) {
		struct frame *f = frame_new(&m, i == 0 ? 15 : i == 1 ? 0 : 528,
					    i == 2 ? 0 : 1, 6);

		if (i == 3)
			f->chain.fault = VDU_CHAIN_BAD_ADDRESS;
		status = 0xff;
		malformed = false;
		assert_int_equal(vdu__blk_parse(&rules, &f->chain, &req,
						&status, &len, &malformed),
				 VDU_BLK_DONE);
		assert_true(malformed);
		assert_int_equal(status, IOERR);
		assert_int_equal(len, 0);
		/* Without a place for the status nothing is written. */
		assert_int_equal(vdu__blk_finish(&req, status, len), i != 2);
		if (i != 2)
			assert_int_equal(*f->chain.last_in, IOERR);
		frame_free(f);
	}
}

/* A failed read tells of no data. */
static void test_finish(void **state)
{
	uint8_t status = 0x5a;
	struct vdu__blk_request req = { .status = &status };

	(void)state;
	assert_int_equal(vdu__blk_finish(&req, OK, 4096), 4097);
	assert_int_equal(status, OK);
	assert_int_equal(vdu__blk_finish(&req, IOERR, 4096), 1);
	assert_int_equal(status, IOERR);
	req.status = NULL;
	assert_int_equal(vdu__blk_finish(&req, OK, 4096), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_not_negotiated),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
