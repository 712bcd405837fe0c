// SPDX-License-Identifier: GPL-2.0-or-later
/* doctor: what this host can and cannot do, and what mends it. */
#include <stdio.h>
#include <string.h>

#include <vduse/inspect.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/text.h"

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

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_checks, rows };
	struct vdu_check check = { .size_of = sizeof(check) };
	unsigned int i;
	int code = EXIT_OK;

	(void)options;
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
	return code;
}

static const struct object_kind *const kinds[] = { &kind_checks, NULL };

const struct command cmd_doctor = {
	.name = "doctor",
	.group = "System",
	.summary = "Say what this host can and cannot do, and what mends it",
	.kinds = kinds,
	.run = run,
};
