// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text from files and command lines: a spec.json is refused, or what it says
 * can be a device and is the same once it is written and read again; numbers
 * and names are taken as they stand or not at all.
 *
 * Under test: lib/kernel/spec-file.c lib/util/parse.c lib/blk/spec.c
 */
#include <fcntl.h>

#include <vduse/parse.h>

#include "lib/kernel/spec-file.h"
#include "lib/util/fs.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX 20000

static struct vdu_ctx *ctx;
static char path[PATH_MAX];

static void set_up(void)
{
	CHECK(vdu_ctx_new(&ctx) == 0);
	CHECK(vdu_ctx_set_root(ctx, fuzz_dir()) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d") == 0);
	CHECK(vdu__mkdir_p(path, 0700) == 0);
	CHECK(vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/d/spec.json") ==
	      0);
}

static void fuzz_spec(const uint8_t *data, size_t size)
{
	struct vdu__spec_file file, again;
	struct vdu_error err = { 0 };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	CHECK(write(fd, data, size) == (ssize_t)size && close(fd) == 0);
	r = vdu__spec_load(ctx, "d", &file, &err);
	if (r < 0) {
		CHECK(err.code == r && err.text[0]);
		return;
	}
	/* What a server divides and allocates by. */
	CHECK(!strcmp(file.spec.name, "d"));
	CHECK(vdu_blk_spec_validate(&file.spec, NULL) == 0);
	CHECK(file.spec.n_queues > 0 && file.spec.queue_size > 0);
	CHECK(file.spec.size_bytes > 0 && file.spec.block_size > 0);
	CHECK(vdu__spec_save(ctx, &file, NULL) == 0);
	CHECK(vdu__spec_load(ctx, "d", &again, NULL) == 0);
	CHECK(vdu_blk_spec_diff(&file.spec, &again.spec, NULL, 0) == 0);
	CHECK(file.spec.size_bytes == again.spec.size_bytes);
}

static void fuzz_numbers(const char *text)
{
	char shown[32];
	uint64_t value = 1, ms, digits = strtoull(text, NULL, 10);
	bool flag;

	if (vdu_parse_size(text, &value) == 0) {
		CHECK(text[0] >= '0' && text[0] <= '9');
		/* A whole number of units, which did not wrap. */
		CHECK(!digits || strchr(text, '.') || value % digits == 0);
		(void)snprintf(shown, sizeof(shown), "%llu",
			       (unsigned long long)value);
		CHECK(vdu_parse_size(shown, &ms) == 0 && ms == value);
	}
	if (vdu_parse_duration(text, &ms) == 0)
		CHECK(ms < UINT64_MAX || !strcmp(text, "infinity"));
	if (vdu_parse_uint(text, 5, 500, &value) == 0)
		CHECK(value >= 5 && value <= 500);
	(void)vdu_parse_bool(text, &flag);
}

static void fuzz_names(const char *text)
{
	struct vdu_blk_spec spec = { .size_of = sizeof(spec) };
	struct vdu_error err = { 0 };

	if (!vdu_name_problem(text)) {
		CHECK(strlen(text) <= VDU_NAME_MAX);
		CHECK(vdu__is_component(text));
	}
	if (vdu_blk_spec_set_backend(&spec, text, &err) == 0)
		CHECK(spec.backend[0] && strlen(spec.path) < strlen(text) + 1);
	else
		CHECK(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];

	if (!ctx)
		set_up();
	if (size == 0 || size > TEXT_MAX)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == '{')
		fuzz_spec(data, size);
	else if (data[0] == 'n')
		fuzz_names(text);
	else
		fuzz_numbers(text);
	return 0;
}
