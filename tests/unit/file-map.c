// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads from the mapping of a file: right, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/backend/file-map.h"

#define BYTES (3 << 18)		/* three of the chunks that are asked about */
#define SECOND UINT64_C(1000000000)

struct file {
	int fd;
	struct vdu__file_map *map;
	struct vdu__at_once at_once;
	unsigned char data[BYTES], got[BYTES];
};

static int setup(void **state)
{
	char path[] = "/tmp/file-map-XXXXXX";
	struct file *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->fd = mkstemp(path);
	assert_true(f->fd >= 0);
	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < BYTES; i++)
		f->data[i] = (unsigned char)(i * 7 + i / 4096);
	assert_int_equal(write(f->fd, f->data, BYTES), BYTES);
	f->map = vdu__file_map_new(f->fd, BYTES);
	assert_non_null(f->map);
	f->at_once.now_ns = SECOND;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct file *f = *state;

	vdu__file_map_free(f->map);
	(void)close(f->fd);
	free(f);
	return 0;
}

/* In two pieces, as a driver may want it. */
static bool read_at(struct file *f, uint64_t offset, size_t len)
{
	struct iovec iov[] = {
		{ f->got, 512 },
		{ f->got + 512, len - 512 },
	};
	struct vdu__io io = {
		.op = VDU_IO_READ,
		.at_once = &f->at_once,
		.offset = offset,
		.len = len,
		.iov = iov,
		.n_iov = 2,
	};

	memset(f->got, 0xaa, sizeof(f->got));
	return vdu__file_map_read(f->map, &io);
}

static void test_read(void **state)
{
	struct file *f = *state;
	const struct { uint64_t offset; size_t len; } cases[] = {
		{ 0, 4096 }, { 512, 1024 }, { BYTES - 4096, 4096 },
		{ (1 << 18) - 512, 1024 },	/* over the edge of a chunk */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(read_at(f, cases[i].offset, cases[i].len));
		assert_memory_equal(f->got, f->data + cases[i].offset,
				    cases[i].len);
	}
	/* What is written is what is read. */
	memset(f->data + 8192, 0x11, 4096);
	assert_int_equal(pwrite(f->fd, f->data + 8192, 4096, 8192), 4096);
	assert_true(read_at(f, 8192, 4096));
	assert_memory_equal(f->got, f->data + 8192, 4096);
}

static void test_not_ours(void **state)
{
	struct file *f = *state;

	/* Too large to gain, or behind what was mapped. */
	assert_false(read_at(f, 0, (1 << 18) + 512));
	assert_false(read_at(f, BYTES - 512, 1024));
}

/* A driver that takes no more than so much from us at once. */
static struct taker {
	uint64_t limit, taken;
	unsigned int calls;
} taker;

static uint64_t take(void *filler, const struct iovec *iov, unsigned int n_iov,
		     const char *from)
{
	struct taker *t = filler;
	struct file *f;

	f = (struct file *)(void *)((char *)iov[0].iov_base -
				    offsetof(struct file, got));
	assert_int_equal(n_iov, 2);
	t->calls++;
	t->taken = MIN(t->limit, iov[0].iov_len + iov[1].iov_len);
	/* What is given is what is there. */
	assert_memory_equal(from, f->data, t->taken);
	return t->taken;
}

static void test_fill(void **state)
{
	static const uint64_t limits[] = { 0, 512, 4096, 5000, 1 << 17 };
	struct file *f = *state;
	const size_t len = 1 << 17;

	f->at_once.filler = &taker;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		/* A miss before is forgotten. */
		f->at_once.fills = (struct vdu__pace){ 0 };
		f->at_once.fill = take;
		taker = (struct taker){ .limit = limits[i] };
		assert_true(read_at(f, 0, len));
		assert_int_equal(taker.calls, 1);
		/* That much the driver has; all others are where they belong. */
		for (size_t at = 0; at < taker.taken; at++)
			assert_int_equal(f->got[at], 0xaa);
		assert_memory_equal(f->got + taker.taken,
				    f->data + taker.taken, len - taker.taken);
	}
	/* It would cost more than it is worth. */
	taker = (struct taker){ .limit = len };
	assert_true(read_at(f, 0, 4096));
	assert_int_equal(taker.calls, 0);
	assert_memory_equal(f->got, f->data, 4096);
}

/* Large ones are read in this way if the driver takes them, and else not. */
static void test_fill_large(void **state)
{
	struct file *f = *state;
	const size_t len = 1 << 19;
	unsigned int before;

	f->at_once.filler = &taker;
	f->at_once.fill = take;
	taker = (struct taker){ .limit = len };
	assert_true(read_at(f, 0, len));
	assert_int_equal(taker.calls, 1);
	taker = (struct taker){ .limit = 0 };
	assert_false(read_at(f, 0, len));
	/* Pages not yet touched may be the reason: once more with them. */
	assert_int_equal(taker.calls, 2);
	for (int i = 0; i < 100; i++)
		assert_false(read_at(f, 0, len));
	assert_in_range(taker.calls, 4, 40);
	before = taker.calls;
	/* It works again, and is found out. */
	taker.limit = len;
	for (int i = 0; i < 600 && taker.calls < before + 3; i++)
		(void)read_at(f, 0, len);
	assert_int_equal(taker.calls, before + 3);
	assert_true(read_at(f, 0, len));
}

/* Pages that were there a moment ago cannot be had: nobody dies of it. */
static void test_truncated(void **state)
{
	struct file *f = *state;

	/* Anew: each test begins with cmocka's own handler of SIGBUS. */
	vdu__file_map_free(f->map);
	f->map = vdu__file_map_new(f->fd, BYTES);
	assert_non_null(f->map);
	assert_true(read_at(f, 1 << 18, 4096));
	assert_int_equal(ftruncate(f->fd, 4096), 0);
	assert_false(read_at(f, 1 << 18, 4096));
	/* Zeroes of ours are in there: no more, not even of what is left. */
	assert_false(read_at(f, 0, 4096));
}

/* The kernel would tell us that all is there. */
static void test_not_told(void **state)
{
	struct file *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(fchown(f->fd, 65534, 65534), 0);
	assert_int_equal(fchmod(f->fd, 0644), 0);
	assert_null(vdu__file_map_new(f->fd, BYTES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill_large, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
