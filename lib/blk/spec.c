// SPDX-License-Identifier: LGPL-2.1-or-later
/* The rules of a block device's spec, without a look at the system. */
#include <vduse/spec.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vduse/parse.h>

#include "lib/blk/cache.h"
#include "lib/blk/on-death.h"
#include "lib/util/error.h"
#include "lib/util/macro.h"

#define BLOCK_SIZE_MIN 512
#define BLOCK_SIZE_MAX 4096

static const char *const discard_names[] = {
	[VDU_DISCARD_AUTO] = "auto",
	[VDU_DISCARD_ON] = "on",
	[VDU_DISCARD_OFF] = "off",
};

static const char *const backend_names[] = { "file", "memory", "null" };

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

PUBLIC int vdu_blk_spec_set_backend(struct vdu_blk_spec *spec, const char *text,
				    struct vdu_error *err)
{
	const char *path = "";

	if (strncmp(text, "file:", 5) == 0) {
		path = text + 5;
		if (*path == '\0')
			return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				"backend '%s' lacks the path: file:PATH", text);
		if (strlen(path) >= sizeof(spec->path))
			return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				"the path of backend 'file' has %zu bytes: at most %zu are possible",
				strlen(path), sizeof(spec->path) - 1);
		text = "file";
	} else if (strcmp(text, "memory") != 0 && strcmp(text, "null") != 0) {
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"backend '%s' is unknown: it is file:PATH, memory or null",
			text);
	}
	(void)snprintf(spec->backend, sizeof(spec->backend), "%s", text);
	(void)snprintf(spec->path, sizeof(spec->path), "%s", path);
	return 0;
}

static int check_name(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	const char *problem;

	if (!is_terminated(spec->name, sizeof(spec->name)))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"the name is longer than %d bytes", VDU_NAME_MAX);
	if (spec->name[0] == '\0')
		return 0;
	problem = vdu_name_problem(spec->name);
	if (problem)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL, "name '%s' %s",
				 spec->name, problem);
	return 0;
}

static int check_serial(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	if (!is_terminated(spec->serial, sizeof(spec->serial)))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"the serial is longer than %d bytes", VDU_SERIAL_MAX);
	for (const char *p = spec->serial; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				"the serial holds the byte 0x%02x: only printable ASCII is possible",
				(unsigned char)*p);
	return 0;
}

static int check_backend(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	const char *backend = spec->backend[0] ? spec->backend : "file";
	bool known = false;

	if (!is_terminated(spec->backend, sizeof(spec->backend)) ||
	    !is_terminated(spec->path, sizeof(spec->path)))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				 "the backend or its path is too long");
	for (size_t i = 0; i < ARRAY_SIZE(backend_names); i++)
		known |= strcmp(backend, backend_names[i]) == 0;
	if (!known)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"backend '%s' is unknown: it is file, memory or null",
			backend);
	if (spec->path[0] && strcmp(backend, "file") != 0)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"backend '%s' has no path, but '%s' is given", backend,
			spec->path);
	if (!spec->path[0] && spec->size_bytes == 0)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"a size is needed: backend '%s' without a path has none of its own",
			backend);
	return 0;
}

static int check_queues(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	uint32_t size = spec->queue_size;

	if (spec->n_queues > VDU_QUEUES_MAX)
		return vdu__fail(err, VDU_STAGE_USAGE, -ERANGE,
			"%" PRIu32 " queues are too many: at most %d are possible",
			spec->n_queues, VDU_QUEUES_MAX);
	if (spec->poll_percent > 100)
		return vdu__fail(err, VDU_STAGE_USAGE, -ERANGE,
			"%" PRIu32 " percent of a processor are too many: at most 100 are possible",
			spec->poll_percent);
	if (size == 0)
		return 0;
	if (size < VDU_QUEUE_SIZE_MIN || size > VDU_QUEUE_SIZE_MAX)
		return vdu__fail(err, VDU_STAGE_USAGE, -ERANGE,
			"queue size %" PRIu32 " is out of range: it is %d to %d",
			size, VDU_QUEUE_SIZE_MIN, VDU_QUEUE_SIZE_MAX);
	if (!is_power_of_two(size))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"queue size %" PRIu32 " is not a power of two", size);
	return 0;
}

static int check_block_size(uint32_t size, struct vdu_error *err)
{
	if (size < BLOCK_SIZE_MIN || size > BLOCK_SIZE_MAX ||
	    !is_power_of_two(size))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"block size %" PRIu32 " is not possible: it is 512, 1024, 2048 or 4096",
			size);
	return 0;
}

static int check_size(uint64_t size, uint32_t block, struct vdu_error *err)
{
	uint64_t below = size - size % block, above;
	uint64_t max = INT64_MAX - INT64_MAX % block;

	if (size > INT64_MAX)
		return vdu__fail(err, VDU_STAGE_USAGE, -ERANGE,
			"size %" PRIu64 " is too large: at most %" PRIu64 " bytes are possible",
			size, max);
	if (below == size)
		return 0;
	above = below + block;
	if (below == 0 || above > max)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"size %" PRIu64 " is not a multiple of %" PRIu32 ": the nearest is %" PRIu64,
			size, block, below ? below : above);
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
		"size %" PRIu64 " is not a multiple of %" PRIu32 ": the nearest are %" PRIu64 " and %" PRIu64,
		size, block, below, above);
}

static int check_discard(const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	if (spec->discard < 0 ||
	    (size_t)spec->discard >= ARRAY_SIZE(discard_names))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"discard %d is unknown: it is auto, on or off",
			spec->discard);
	if (spec->discard == VDU_DISCARD_ON && spec->read_only)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"discard cannot be on: the device is read-only");
	return 0;
}

static int check_affinity(int affinity, struct vdu_error *err)
{
	if (affinity == VDU_AFFINITY_NONE || affinity == VDU_AFFINITY_AUTO)
		return 0;
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "affinity %d is unknown: it is none or auto",
			 affinity);
}

PUBLIC int vdu_blk_spec_validate(const struct vdu_blk_spec *spec,
				 struct vdu_error *err)
{
	uint32_t block = spec->block_size ? spec->block_size : BLOCK_SIZE_MIN;
	int r;

	if (spec->size_of != sizeof(*spec))
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			"the spec is of another version of the library: size_of is %zu, not %zu",
			spec->size_of, sizeof(*spec));
	r = check_name(spec, err);
	if (r == 0)
		r = check_serial(spec, err);
	if (r == 0)
		r = check_backend(spec, err);
	if (r == 0)
		r = check_queues(spec, err);
	if (r == 0)
		r = check_block_size(block, err);
	if (r == 0)
		r = check_size(spec->size_bytes, block, err);
	if (r == 0)
		r = check_discard(spec, err);
	if (r == 0)
		r = vdu__on_death_check(spec, err);
	if (r == 0)
		r = vdu__cache_check(spec, err);
	if (r == 0)
		r = check_affinity(spec->affinity, err);
	return r;
}

/* Differences as they are found: a text that may be cut, and their number. */
struct diff {
	char *text;
	size_t size, used;
	int n;
};

static void PRINTF(2, 3) append(struct diff *diff, const char *fmt, ...)
{
	size_t room = diff->size - diff->used;
	va_list ap;
	int len;

	if (room == 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(diff->text + diff->used, room, fmt, ap);
	va_end(ap);
	if (len > 0)
		diff->used += MIN((size_t)len, room - 1);
}

static void diff_text(struct diff *diff, const char *what, const char *want,
		      const char *have)
{
	if (*want == '\0' || strcmp(want, have) == 0)
		return;
	append(diff, "%s%s %s instead of %s", diff->n++ ? ", " : "", what,
	       *have ? have : "none", want);
}

static void diff_number(struct diff *diff, const char *what, uint64_t want,
			uint64_t have)
{
	if (want == 0 || want == have)
		return;
	append(diff, "%s%s %" PRIu64 " instead of %" PRIu64,
	       diff->n++ ? ", " : "", what, have, want);
}

static const char *discard_name(int discard)
{
	if (discard < 0 || (size_t)discard >= ARRAY_SIZE(discard_names))
		return "unknown";
	return discard_names[discard];
}

static void diff_on_death(struct diff *diff, const struct vdu_blk_spec *want,
			  const struct vdu_blk_spec *have)
{
	char want_text[VDU_ON_DEATH_TEXT_MAX], have_text[VDU_ON_DEATH_TEXT_MAX];

	if (want->on_death == VDU_ON_DEATH_QUEUE)
		return;
	vdu__on_death_text(want, want_text);
	vdu__on_death_text(have, have_text);
	diff_text(diff, "on-death", want_text, have_text);
}

PUBLIC int vdu_blk_spec_diff(const struct vdu_blk_spec *want,
			     const struct vdu_blk_spec *have,
			     char *text, size_t text_size)
{
	struct diff diff = { .text = text, .size = text_size };

	if (text_size > 0)
		*text = '\0';
	diff_text(&diff, "name", want->name, have->name);
	diff_number(&diff, "size", want->size_bytes, have->size_bytes);
	diff_text(&diff, "backend", want->backend, have->backend);
	diff_text(&diff, "path", want->path, have->path);
	diff_text(&diff, "serial", want->serial, have->serial);
	diff_number(&diff, "queues", want->n_queues, have->n_queues);
	diff_number(&diff, "queue size", want->queue_size, have->queue_size);
	diff_number(&diff, "poll", want->poll_percent, have->poll_percent);
	diff_number(&diff, "block size", want->block_size, have->block_size);
	if (want->read_only && !have->read_only)
		diff_text(&diff, "access", "read-only", "read-write");
	if (want->discard != VDU_DISCARD_AUTO)
		diff_text(&diff, "discard", discard_name(want->discard),
			  discard_name(have->discard));
	diff_on_death(&diff, want, have);
	if (want->cache != VDU_CACHE_WRITEBACK)
		diff_text(&diff, "cache", vdu__cache_text(want->cache),
			  vdu__cache_text(have->cache));
	if (want->writeback_control && !have->writeback_control)
		diff_text(&diff, "writeback control", "on", "off");
	if (want->packed && !have->packed)
		diff_text(&diff, "ring", "packed", "split");
	if (want->affinity && !have->affinity)
		diff_text(&diff, "affinity", "auto", "none");
	return diff.n;
}
