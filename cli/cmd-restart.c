// SPDX-License-Identifier: GPL-2.0-or-later
/* restart: a new server in the place of the one that runs. */
#include <vduse/manage.h>

#include "cli/command.h"
#include "cli/operands.h"
#include "cli/output.h"

static int one(struct cli *cli, const char *name, void *data,
	       struct vdu_error *err)
{
	struct json_object *row;
	uint64_t pause_us;
	int r = vdu_restart(cli->ctx, name, &pause_us, err);

	if (r)
		return r;
	row = json_object_new_object();
	row_text(row, "name", name);
	if (pause_us)
		row_uint(row, "pause_us", pause_us);
	(void)json_object_array_add(data, row);
	return 0;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_restarts, rows };
	int code;

	(void)options;
	code = operands_each(cli, cli->operands, cli->n_operands, one, rows);
	return exit_merge((enum exit_code)code, (enum exit_code)
			  output_sections(cli, NULL, &section, 1));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_OURS, false, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_restarts, NULL };

const struct command cmd_restart = {
	.name = "restart",
	.group = "System",
	.summary = "Replace the server of a device while it is in use",
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
