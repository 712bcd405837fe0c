// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor: what this host can and cannot do, and what mends it. */
#include <stdio.h>
#include <string.h>

#include <vduse/inspect.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/text.h"

struct options {
	bool repair, dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row option_rows[] = {
	{ "repair", 0, 0, OPTION_FLAG, 0, O(repair), NULL,
	  "first clear what nothing needs any more", NULL, 0, 0 },
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "with --repair: print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

static const char *const words[] = {
	[VDU_CHECK_OK] = "ok",
	[VDU_CHECK_WARN] = "warn",
	[VDU_CHECK_FAIL] = "fail",
};

static struct json_object *check_row(unsigned int number,
				     const struct vdu_check *check)
{
	struct json_object *row = json_object_new_object();

	row_int(row, "number", number);
	row_text(row, "status", words[check->status]);
	row_text(row, "check", check->name);
	row_text(row, "detail", check->detail);
	row_text(row, "remedy", check->remedy);
	return row;
}

static void print_check(struct cli *cli, unsigned int number,
			const struct vdu_check *check)
{
	static const char *const colors[] = {
		[VDU_CHECK_OK] = "\033[32m",
		[VDU_CHECK_WARN] = "\033[33m",
		[VDU_CHECK_FAIL] = "\033[31m",
	};
	CLEANUP_FREE char *detail = text_escape(check->detail, TEXT_LINE);
	CLEANUP_FREE char *remedy = text_escape(check->remedy, TEXT_LINE);
	bool color = cli->color_out;

	(void)printf("%2u %s%-4s%s %-20s %s\n", number,
		     color ? colors[check->status] : "", words[check->status],
		     color ? "\033[0m" : "", check->name, detail ? detail : "");
	if (remedy && *remedy)
		(void)printf("%8s%-20s -> %s\n", "", "", remedy);
}

struct repair {
	struct cli *cli;
	bool dry_run;
	enum exit_code code;
};

/* What it was, as an object of "removed". */
static const char *orphan_word(int kind)
{
	switch (kind) {
	case VDU_ORPHAN_DEVICE:
		return "the device";
	case VDU_ORPHAN_ATTACHED:
		return "from the vDPA bus";
	case VDU_ORPHAN_FILES:
		return "the run directory of";
	case VDU_ORPHAN_PROCESS:
		return "the server without a device of";
	case VDU_ORPHAN_IMAGE:
		return "the empty image of";
	default:
		return "the hold on";
	}
}

static void tell_repair(void *data, const struct vdu_orphan *orphan,
			const struct vdu_error *err)
{
	struct repair *repair = data;

	/* Each gets its time. */
	cli_restart_clock(repair->cli, DEFAULT_TIMEOUT_MS);
	if (err)
		repair->code = exit_merge(repair->code, (enum exit_code)
			message_error(repair->cli, orphan->name, err));
	else
		message_note(repair->cli, "%s %s %s",
			     repair->dry_run ? "would remove" : "removed",
			     orphan_word(orphan->kind), orphan->name);
}

static int repair_all(struct cli *cli, bool dry_run)
{
	struct repair repair = { cli, dry_run, EXIT_OK };
	struct vdu_error err = { 0 };

	if (vdu_doctor_repair(cli->ctx, dry_run ? VDU_REPAIR_DRY_RUN : 0,
			      tell_repair, &repair, &err) < 0)
		return message_error(cli, NULL, &err);
	return repair.code;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_checks, rows };
	struct vdu_check check = { .size_of = sizeof(check) };
	unsigned int i;
	int repaired = EXIT_OK, code = EXIT_OK;

	if (o->dry_run && !o->repair)
		return message_usage(cli, "--dry-run is for --repair");
	if (o->repair)
		repaired = repair_all(cli, o->dry_run);
	for (i = 0; !vdu_doctor_check(cli->ctx, i, &check); i++) {
		if (check.status < 0 || (size_t)check.status >= ARRAY_SIZE(words))
			check.status = VDU_CHECK_FAIL;
		if (check.status == VDU_CHECK_FAIL)
			code = EXIT_UNAVAILABLE;
		if (!output_for_programs(cli))
			print_check(cli, i + 1, &check);
		(void)json_object_array_add(rows, check_row(i + 1, &check));
		check = (struct vdu_check){ .size_of = sizeof(check) };
	}
	if (output_for_programs(cli))
		(void)output_sections(cli, NULL, &section, 1);
	return exit_merge((enum exit_code)repaired, (enum exit_code)code);
}

static const struct object_kind *const kinds[] = { &kind_checks, NULL };

const struct command cmd_doctor = {
	.name = "doctor",
	.group = "System",
	.summary = "Say what this host can and cannot do, and what mends it",
	.options = option_rows,
	.options_size = sizeof(struct options),
	.kinds = kinds,
	.run = run,
};
