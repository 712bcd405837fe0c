// SPDX-License-Identifier: GPL-2.0-or-later
/* Text to numbers and names: what is taken and, above all, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vduse/parse.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define UNTOUCHED 0x5a5a5a5a5a5a5a5aULL

struct number_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check(const struct number_case *cases, size_t n,
		  int (*parse)(const char *, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = UNTOUCHED;
		uint64_t want = cases[i].result ? UNTOUCHED : cases[i].value;
		int r = parse(cases[i].text, &value);

		if (r != cases[i].result || value != want)
			fail_msg("'%s': %d, %llu", cases[i].text, r,
				 (unsigned long long)value);
	}
}

static void test_size(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "512", 0, 512 },
		{ "007", 0, 7 },
		{ "1K", 0, 1024 },
		{ "1k", 0, 1024 },
		{ "1KiB", 0, 1024 },
		{ "1KB", 0, 1000 },
		{ "10M", 0, 10ULL << 20 },
		{ "10G", 0, 10ULL << 30 },
		{ "10GiB", 0, 10ULL << 30 },
		{ "10GB", 0, 10000000000 },
		{ "2T", 0, 2ULL << 40 },
		{ "2PB", 0, 2000000000000000 },
		{ "15E", 0, 15ULL << 60 },
		{ "1.5G", 0, 3ULL << 29 },
		{ "0.5K", 0, 512 },
		{ "1.25KB", 0, 1250 },
		{ "1.0", 0, 1 },
		{ "0.000000000000000001EB", 0, 1 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "17179869183.5G", 0, UINT64_MAX - (1ULL << 29) + 1 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999999", -ERANGE, 0 },
		{ "17179869184G", -ERANGE, 0 },
		{ "17179869216G", -ERANGE, 0 },
		{ "16E", -ERANGE, 0 },
		{ "18.5EB", -ERANGE, 0 },
		{ "1.000000000000000000K", 0, 1024 },
		{ "1.0000000000000000000K", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "-5", -EINVAL, 0 },
		{ "+5", -EINVAL, 0 },
		{ " 5", -EINVAL, 0 },
		{ "5 ", -EINVAL, 0 },
		{ "5\n", -EINVAL, 0 },
		{ "5 G", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "10X", -EINVAL, 0 },
		{ "10Gi", -EINVAL, 0 },
		{ "10GIB", -EINVAL, 0 },
		{ "10GiBx", -EINVAL, 0 },
		{ "10GG", -EINVAL, 0 },
		{ "10B", -EINVAL, 0 },
		{ "10iB", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ ".5G", -EINVAL, 0 },
		{ "1.G", -EINVAL, 0 },
		{ "1.-5G", -EINVAL, 0 },
		{ "1,5G", -EINVAL, 0 },
		{ "1.5.5G", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.0001K", -EINVAL, 0 },
		{ "1.2345KB", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 },
	};

	(void)state;
	check(cases, N(cases), vdu_parse_size);
}

static void test_duration(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "30", 0, 30000 },
		{ "30s", 0, 30000 },
		{ "500ms", 0, 500 },
		{ "2min", 0, 120000 },
		{ "infinity", 0, UINT64_MAX },
		{ "18446744073709551614ms", 0, UINT64_MAX - 1 },
		{ "18446744073709551615ms", -ERANGE, 0 },
		{ "18446744073709551616ms", -ERANGE, 0 },
		{ "18446744073709552s", -ERANGE, 0 },
		{ "307445734561826min", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1m", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "Infinity", -EINVAL, 0 },
		{ "infinity ", -EINVAL, 0 },
		{ "5infinity", -EINVAL, 0 },
	};

	(void)state;
	check(cases, N(cases), vdu_parse_duration);
}

static int parse_10_to_20(const char *text, uint64_t *ret)
{
	return vdu_parse_uint(text, 10, 20, ret);
}

static int parse_any(const char *text, uint64_t *ret)
{
	return vdu_parse_uint(text, 0, UINT64_MAX, ret);
}

static void test_uint(void **state)
{
	static const struct number_case small[] = {
		{ "10", 0, 10 },	  { "20", 0, 20 },
		{ "015", 0, 15 },	  { "9", -ERANGE, 0 },
		{ "21", -ERANGE, 0 },	  { "4294967306", -ERANGE, 0 },
		{ "18446744073709551626", -ERANGE, 0 },
		{ "", -EINVAL, 0 },	  { "-15", -EINVAL, 0 },
		{ "15 ", -EINVAL, 0 },	  { " 15", -EINVAL, 0 },
		{ "0xf", -EINVAL, 0 },	  { "15K", -EINVAL, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 },
	};
	static const struct number_case any[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "36893488147419103232", -ERANGE, 0 },
	};

	(void)state;
	check(small, N(small), parse_10_to_20);
	check(any, N(any), parse_any);
}

static void test_bool(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	static const char *const bad[] = {
		"", "y", "YES", "yes ", " no", "2", "00", "-1", "enable",
	};
	bool value;

	(void)state;
	for (size_t i = 0; i < N(yes); i++) {
		value = false;
		assert_int_equal(vdu_parse_bool(yes[i], &value), 0);
		assert_true(value);
		assert_int_equal(vdu_parse_bool(no[i], &value), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(vdu_parse_bool(bad[i], &value), -EINVAL);
}

#define TEN "0123456789"

static void test_name(void **state)
{
	static const char *const good[] = {
		"a", "0", "blk0", "disk-1", "A_b.c-d", "vq", "vqa", "vq0a",
		"vq-0", "avq0", "Control", "control1", "locks", "powers",
		TEN TEN TEN TEN TEN TEN "0123",
	};
	static const struct {
		const char *name, *problem;
	} bad[] = {
		{ "", "empty" },
		{ ".", "begin" },
		{ "..", "begin" },
		{ "-f", "begin" },
		{ "_a", "begin" },
		{ " a", "begin" },
		{ "/etc", "begin" },
		{ "\xc3\xa4", "begin" },
		{ "a/b", "only" },
		{ "a b", "only" },
		{ "a!b", "only" },
		{ "a\n", "only" },
		{ "a\xc3\xa4", "only" },
		{ "a%s", "only" },
		{ TEN TEN TEN TEN TEN TEN "01234", "64" },
		{ "control", "reserved" },
		{ "power", "reserved" },
		{ "uevent", "reserved" },
		{ "dev", "reserved" },
		{ "msg_timeout", "reserved" },
		{ "bounce_size", "reserved" },
		{ "subsystem", "reserved" },
		{ "lock", "reserved" },
		{ "vq0", "reserved" },
		{ "vq65534", "reserved" },
		{ "vq00000000000000000001", "reserved" },
	};

	(void)state;
	for (size_t i = 0; i < N(good); i++)
		if (vdu_name_problem(good[i]))
			fail_msg("'%s' is refused", good[i]);
	for (size_t i = 0; i < N(bad); i++) {
		const char *problem = vdu_name_problem(bad[i].name);

		if (!problem || !strstr(problem, bad[i].problem))
			fail_msg("'%s': %s", bad[i].name,
				 problem ? problem : "is taken");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_uint),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
