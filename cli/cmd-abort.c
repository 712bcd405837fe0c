// SPDX-License-Identifier: GPL-2.0-or-later
/* abort: end what waits on a device, at once; our module. */
#include <vduse/module.h>

#include "cli/command.h"
#include "cli/operands.h"

static int one(struct cli *cli, const char *name, void *data,
	       struct vdu_error *err)
{
	struct json_object *results = data;
	int r = vdu_abort(cli->ctx, name, err);

	if (!r)
		(void)json_object_array_add(results, result_row(name, NULL));
	return r;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	int code;

	(void)options;
	code = operands_each(cli, cli->operands, cli->n_operands, one, results);
	return exit_merge((enum exit_code)code,
			  (enum exit_code)results_print(cli, results, NULL));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_DEVICE, false, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_abort = {
	.name = "abort",
	.group = "System",
	.summary = "End what waits on a device, and cut its server off",
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
