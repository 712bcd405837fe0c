// SPDX-License-Identifier: GPL-2.0-or-later
/* What the server counts, and the spec file that it lives by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/kernel/spec-file.h"
#include "lib/server/stats.h"
#include "lib/util/fs.h"

static void percentiles_bound_what_was_measured(void **state)
{
	struct vdu__stats *stats = calloc(1, sizeof(*stats));

	(void)state;
	assert_int_equal(vdu__stats_percentile(stats, 50), 0);
	for (uint64_t us = 1; us <= 1000; us++)
		vdu__stats_latency(stats, us, 1);
	/* Buckets are a quarter of a power of two wide. */
	assert_in_range(vdu__stats_percentile(stats, 50), 500, 640);
	assert_in_range(vdu__stats_percentile(stats, 99), 990, 1000);
	assert_int_equal(vdu__stats_percentile(stats, 100), 1000);
	vdu__stats_latency(stats, 3, 100000);
	assert_int_equal(vdu__stats_percentile(stats, 50), 3);
	assert_int_equal(vdu__counted(&stats->max_us), 1000);
	vdu__stats_latency(stats, UINT64_MAX, 1);
	assert_int_equal(vdu__stats_percentile(stats, 100), UINT64_MAX >> 31);
	free(stats);
}

struct fixture {
	struct vdu_ctx *ctx;
	char root[64], path[128];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&f->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(f->ctx, f->root), 0);
	(void)snprintf(f->path, sizeof(f->path), "%s" VDU_RUN_DIR "/d",
		       f->root);
	assert_int_equal(vdu__mkdir_p(f->path, 0700), 0);
	(void)strcat(f->path, "/spec.json");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	vdu_ctx_free(f->ctx);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static const struct vdu__spec_file example = {
	.spec = {
		.size_of = sizeof(struct vdu_blk_spec),
		.name = "d",
		.size_bytes = UINT64_C(1) << 62,
		.backend = "file",
		.path = "/a \"quoted\" path\n with \xc3\xa4",
		.serial = "s",
		.n_queues = 64, .queue_size = 1024, .block_size = 4096,
		.read_only = 1, .discard = VDU_DISCARD_OFF, .image_owned = 1,
	},
	.abilities = { .discard = true, .write_zeroes = true,
		       .discard_granularity = UINT32_MAX, .optimal_io = 7 },
};

static void spec_survives_the_file(void **state)
{
	struct fixture *f = *state;
	struct vdu__spec_file file;
	struct vdu_error err = { 0 };

	assert_int_equal(vdu__spec_save(f->ctx, &example, &err), 0);
	memset(&file, 0xff, sizeof(file));
	assert_int_equal(vdu__spec_load(f->ctx, "d", &file, &err), 0);
	assert_string_equal(file.spec.path, example.spec.path);
	assert_int_equal(file.spec.size_bytes, example.spec.size_bytes);
	assert_memory_equal(&file.abilities, &example.abilities,
			    sizeof(file.abilities));
	assert_memory_equal(&file.spec, &example.spec, sizeof(file.spec));
}

static void damaged_specs_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "null", "{}", "{\"version\":2}",
		"{\"version\":1,\"name\":\"d\"}",
	};
	struct fixture *f = *state;
	struct vdu__spec_file file;
	struct vdu_error err = { 0 };
	char text[8192], *name;
	ssize_t n;

	assert_int_equal(vdu__spec_load(f->ctx, "none", &file, &err), -ENOENT);
	assert_int_equal(vdu__spec_load(f->ctx, "../d", &file, &err), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(vdu__replace_file(f->path, bad[i],
						   strlen(bad[i])), 0);
		assert_int_equal(vdu__spec_load(f->ctx, "d", &file, &err),
				 -EBADMSG);
		assert_non_null(strstr(err.text, "damaged"));
	}
	/* Another device's spec, and every cut of a good one. */
	assert_int_equal(vdu__spec_save(f->ctx, &example, &err), 0);
	n = vdu__read_file(f->path, text, sizeof(text));
	assert_true(n > 0);
	name = strstr(text, "\"d\"");
	assert_non_null(name);
	for (size_t cut = 0; cut + 1 < (size_t)n; cut += 7) {
		assert_int_equal(vdu__replace_file(f->path, text, cut), 0);
		assert_int_equal(vdu__spec_load(f->ctx, "d", &file, &err),
				 -EBADMSG);
	}
	name[1] = 'e';
	assert_int_equal(vdu__replace_file(f->path, text, (size_t)n), 0);
	assert_int_equal(vdu__spec_load(f->ctx, "d", &file, &err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_bound_what_was_measured),
		cmocka_unit_test_setup_teardown(spec_survives_the_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(damaged_specs_are_refused,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
