// SPDX-License-Identifier: GPL-2.0-or-later
/* The processors of a queue: as sysfs has them, and within what is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/server/affinity.h"

#define CPUS_MAX (VDU_CPU_SETS * CPU_SETSIZE)

static int count(const struct vdu__cpus *cpus)
{
	return CPU_COUNT_S(sizeof(*cpus), cpus->sets);
}

static bool has(const struct vdu__cpus *cpus, unsigned int cpu)
{
	return CPU_ISSET_S(cpu, sizeof(*cpus), cpus->sets);
}

static struct vdu__cpus parsed(const char *text)
{
	struct vdu__cpus cpus;

	assert_int_equal(vdu__cpus_parse(text, &cpus), 0);
	return cpus;
}

static void test_masks(void **state)
{
	struct vdu__cpus cpus = parsed("f");

	(void)state;
	assert_int_equal(count(&cpus), 4);
	assert_true(has(&cpus, 0) && has(&cpus, 3) && !has(&cpus, 4));
	cpus = parsed("A0");
	assert_int_equal(count(&cpus), 2);
	assert_true(has(&cpus, 5) && has(&cpus, 7));
	/* The first group is the uppermost, and may be cut. */
	cpus = parsed("1,00000000,80000001");
	assert_int_equal(count(&cpus), 3);
	assert_true(has(&cpus, 0) && has(&cpus, 31) && has(&cpus, 64));
	cpus = parsed("00000000,00000000");
	assert_int_equal(count(&cpus), 0);
}

/* As many as there can be, and one group more. */
static void test_many(void **state)
{
	char text[CPUS_MAX / 32 * 9 + 16] = "80000000";
	struct vdu__cpus cpus;

	(void)state;
	for (int i = 1; i < CPUS_MAX / 32; i++)
		(void)strcat(text, ",00000000");
	cpus = parsed(text);
	assert_int_equal(count(&cpus), 1);
	assert_true(has(&cpus, CPUS_MAX - 1));
	(void)strcat(text, ",00000000");
	assert_int_equal(vdu__cpus_parse(text, &cpus), -EINVAL);
}

static void test_no_masks(void **state)
{
	static const char *const texts[] = {
		"", ",", "f,", "f,f", ",0000000f,", "0-3", "0x3", "f g", " f",
		"f\n", "1,000000000", "ff,ffff",
	};
	struct vdu__cpus cpus;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(vdu__cpus_parse(texts[i], &cpus), -EINVAL);
}

static void test_within(void **state)
{
	struct vdu__cpus allowed = parsed("3c"), cpus = parsed("f");

	(void)state;
	vdu__cpus_within(&cpus, &allowed);
	assert_int_equal(count(&cpus), 2);
	assert_true(has(&cpus, 2) && has(&cpus, 3));
	/* A thread must run somewhere. */
	cpus = parsed("3");
	vdu__cpus_within(&cpus, &allowed);
	assert_true(CPU_EQUAL_S(sizeof(cpus), cpus.sets, allowed.sets));
	cpus = parsed("0");
	vdu__cpus_within(&cpus, &allowed);
	assert_true(CPU_EQUAL_S(sizeof(cpus), cpus.sets, allowed.sets));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_no_masks),
		cmocka_unit_test(test_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
