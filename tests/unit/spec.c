// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of a spec, and the words in which a broken one is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <vduse/spec.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct vdu_blk_spec spec;

/* Every test begins with a spec that says a size and nothing more. */
static int reset(void **state)
{
	(void)state;
	memset(&spec, 0, sizeof(spec));
	spec.size_of = sizeof(spec);
	spec.size_bytes = 1 << 20;
	return 0;
}

/* text NULL: the spec is good. Otherwise it must be in the error's text. */
static void check(int code, const char *text)
{
	struct vdu_error err = { .code = 77 };
	int r = vdu_blk_spec_validate(&spec, &err);

	if (r != code || (text && !strstr(err.text, text)))
		fail_msg("%d '%s', not %d '%s'", r, err.text, code, text);
	assert_int_equal(err.code, code ? code : 77);
	assert_int_equal(err.stage, code ? VDU_STAGE_USAGE : VDU_STAGE_NONE);
	assert_int_equal(vdu_blk_spec_validate(&spec, NULL), code);
}

static void test_size(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t block;
		int code;
		const char *text;
	} cases[] = {
		{ 512, 0, 0, NULL },
		{ 4096, 4096, 0, NULL },
		{ INT64_MAX - 511, 0, 0, NULL },
		{ 10000001, 0, -EINVAL,
		  "size 10000001 is not a multiple of 512: the nearest are 9999872 and 10000384" },
		{ 512, 4096, -EINVAL,
		  "size 512 is not a multiple of 4096: the nearest is 4096" },
		{ 1, 512, -EINVAL, "the nearest is 512" },
		{ 12800, 4096, -EINVAL, "the nearest are 12288 and 16384" },
		{ INT64_MAX, 0, -EINVAL, "the nearest is 9223372036854775296" },
		{ 1ULL << 63, 0, -ERANGE,
		  "too large: at most 9223372036854775296 bytes" },
		{ UINT64_MAX, 4096, -ERANGE,
		  "too large: at most 9223372036854771712 bytes" },
		{ 0, 0, -EINVAL, "a size is needed" },
	};

	for (size_t i = 0; i < N(cases); i++) {
		reset(state);
		spec.size_bytes = cases[i].size;
		spec.block_size = cases[i].block;
		check(cases[i].code, cases[i].text);
	}
}

static void test_numbers(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 2048; size++) {
		int good = size >= 4 && size <= 1024 && !(size & (size - 1));

		spec.queue_size = size;
		check(good ? 0 : size < 4 || size > 1024 ? -ERANGE : -EINVAL,
		      good ? NULL : "queue size ");
	}
	reset(state);
	for (uint32_t size = 1; size <= 8192; size++) {
		int good = size == 512 || size == 1024 || size == 2048 ||
			   size == 4096;

		spec.block_size = size;
		check(good ? 0 : -EINVAL, good ? NULL : "block size ");
	}
	reset(state);
	spec.n_queues = 64;
	check(0, NULL);
	spec.n_queues = 65;
	check(-ERANGE, "65 queues are too many: at most 64");
	spec.n_queues = UINT32_MAX;
	check(-ERANGE, "too many");
}

static void test_strings(void **state)
{
	strcpy(spec.name, "vq3");
	check(-EINVAL, "name 'vq3' is reserved");
	strcpy(spec.name, "../x");
	check(-EINVAL, "name '../x' must begin");
	memset(spec.name, 'a', sizeof(spec.name));
	check(-EINVAL, "longer than 64");
	spec.name[VDU_NAME_MAX] = '\0';
	check(0, NULL);

	memset(spec.serial, '~', sizeof(spec.serial));
	check(-EINVAL, "the serial is longer than 20");
	spec.serial[VDU_SERIAL_MAX] = '\0';
	check(0, NULL);
	strcpy(spec.serial, "with blank");
	check(0, NULL);
	strcpy(spec.serial, "tab\t");
	check(-EINVAL, "byte 0x09");
	strcpy(spec.serial, "\xc3\xa4");
	check(-EINVAL, "byte 0xc3");
	strcpy(spec.serial, "\x7f");
	check(-EINVAL, "byte 0x7f");

	reset(state);
	spec.size_of--;
	check(-EINVAL, "another version");
}

static void test_backend(void **state)
{
	strcpy(spec.backend, "tape");
	check(-EINVAL, "backend 'tape' is unknown");
	memset(spec.backend, 'x', sizeof(spec.backend));
	check(-EINVAL, "too long");
	strcpy(spec.backend, "memory");
	check(0, NULL);
	strcpy(spec.path, "/x");
	check(-EINVAL, "backend 'memory' has no path, but '/x'");
	strcpy(spec.backend, "file");
	check(0, NULL);
	/* An existing file may bring its own size; nothing else can. */
	spec.size_bytes = 0;
	check(0, NULL);
	spec.path[0] = '\0';
	check(-EINVAL, "a size is needed: backend 'file'");
	strcpy(spec.backend, "null");
	check(-EINVAL, "a size is needed: backend 'null'");

	reset(state);
	memset(spec.path, 'p', sizeof(spec.path));
	check(-EINVAL, "too long");
}

static void test_discard(void **state)
{
	(void)state;
	spec.discard = VDU_DISCARD_ON;
	check(0, NULL);
	spec.read_only = 1;
	check(-EINVAL, "discard cannot be on: the device is read-only");
	spec.discard = VDU_DISCARD_OFF;
	check(0, NULL);
	spec.discard = 3;
	check(-EINVAL, "discard 3 is unknown");
	spec.discard = -1;
	check(-EINVAL, "discard -1 is unknown");
}

static void test_affinity(void **state)
{
	(void)state;
	spec.affinity = VDU_AFFINITY_AUTO;
	check(0, NULL);
	spec.affinity = 2;
	check(-EINVAL, "affinity 2 is unknown: it is none or auto");
}

static void test_set_backend(void **state)
{
	static const char *const bad[] = {
		"", "file", "file:", "memory:", "memory:/x", "null ", "FILE:/x",
		"nbd:localhost", "/x",
	};
	char long_path[5 + sizeof(spec.path) + 1] = "file:";
	struct vdu_error err;

	(void)state;
	assert_int_equal(vdu_blk_spec_set_backend(&spec, "file:/a:b", &err), 0);
	assert_string_equal(spec.backend, "file");
	assert_string_equal(spec.path, "/a:b");
	for (size_t i = 0; i < N(bad); i++) {
		err.text[0] = '\0';
		assert_int_equal(vdu_blk_spec_set_backend(&spec, bad[i], &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, "file:PATH"));
		/* What was there stays. */
		assert_string_equal(spec.path, "/a:b");
	}
	assert_int_equal(vdu_blk_spec_set_backend(&spec, "memory", &err), 0);
	assert_string_equal(spec.backend, "memory");
	assert_string_equal(spec.path, "");
	assert_int_equal(vdu_blk_spec_set_backend(&spec, "null", NULL), 0);
	assert_string_equal(spec.backend, "null");

	memset(long_path + 5, 'x', sizeof(spec.path));
	assert_int_equal(vdu_blk_spec_set_backend(&spec, long_path, &err),
			 -EINVAL);
	assert_non_null(strstr(err.text, "4096 bytes: at most 4095"));
	long_path[5 + sizeof(spec.path) - 1] = '\0';
	assert_int_equal(vdu_blk_spec_set_backend(&spec, long_path, &err), 0);
	assert_int_equal(strlen(spec.path), 4095);
}

static const struct vdu_blk_spec have = {
	.size_of = sizeof(have), .name = "blk0", .size_bytes = 1 << 30,
	.backend = "file", .path = "/a", .serial = "blk0", .n_queues = 1,
	.queue_size = 256, .block_size = 512, .discard = VDU_DISCARD_AUTO,
};

static void test_diff(void **state)
{
	struct vdu_blk_spec want = { 0 };
	char text[400];

	(void)state;
	/* What is not asked for cannot differ. */
	assert_int_equal(vdu_blk_spec_diff(&want, &have, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	want = have;
	assert_int_equal(vdu_blk_spec_diff(&want, &have, text, sizeof(text)), 0);

	want.size_bytes = 2147483648;
	assert_int_equal(vdu_blk_spec_diff(&want, &have, text, sizeof(text)), 1);
	assert_string_equal(text, "size 1073741824 instead of 2147483648");
	strcpy(want.name, "blk1");
	strcpy(want.backend, "memory");
	strcpy(want.path, "/b");
	strcpy(want.serial, "S");
	want.n_queues = 2;
	want.queue_size = 128;
	want.block_size = 4096;
	want.read_only = 1;
	want.discard = VDU_DISCARD_OFF;
	want.affinity = VDU_AFFINITY_AUTO;
	assert_int_equal(vdu_blk_spec_diff(&want, &have, text, sizeof(text)),
			 11);
	assert_string_equal(text,
		"name blk0 instead of blk1, "
		"size 1073741824 instead of 2147483648, "
		"backend file instead of memory, path /a instead of /b, "
		"serial blk0 instead of S, queues 1 instead of 2, "
		"queue size 256 instead of 128, block size 512 instead of 4096, "
		"access read-write instead of read-only, "
		"discard auto instead of off, affinity none instead of auto");
}

/* The count is right however small the room for the text is. */
static void test_diff_cut(void **state)
{
	struct vdu_blk_spec want = have;
	char full[400];

	(void)state;
	want.n_queues = 2;
	want.queue_size = 128;
	vdu_blk_spec_diff(&want, &have, full, sizeof(full));
	for (size_t size = 0; size <= strlen(full) + 1; size++) {
		char *text = malloc(size ? size : 1);

		assert_non_null(text);
		text[0] = 'x';
		assert_int_equal(vdu_blk_spec_diff(&want, &have, text, size), 2);
		if (size == 0) {
			assert_int_equal(text[0], 'x');
		} else {
			assert_int_equal(strlen(text), size - 1);
			assert_memory_equal(text, full, size - 1);
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_size, reset),
		cmocka_unit_test_setup(test_numbers, reset),
		cmocka_unit_test_setup(test_strings, reset),
		cmocka_unit_test_setup(test_backend, reset),
		cmocka_unit_test_setup(test_discard, reset),
		cmocka_unit_test_setup(test_affinity, reset),
		cmocka_unit_test_setup(test_set_backend, reset),
		cmocka_unit_test_setup(test_diff, reset),
		cmocka_unit_test_setup(test_diff_cut, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
