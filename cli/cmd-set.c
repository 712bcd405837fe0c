// SPDX-License-Identifier: GPL-2.0-or-later
/* set: change a live device. The library knows the keys. */
#include <vduse/manage.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/operands.h"

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	const char *name = cli->operands[0];
	const char *problem = operand_problem(name);
	struct vdu_error err = { 0 };

	(void)options;
	if (problem)
		return message_usage(cli, "name '%s' %s", name, problem);
	if (vdu_set(cli->ctx, name, cli->operands + 1, cli->n_operands - 1,
		    &err))
		return message_error(cli, name, &err);
	(void)json_object_array_add(results, result_row(name, NULL));
	return results_print(cli, results, NULL);
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_OURS, false, false },
	{ "KEY=VALUE", NULL, "such as on-death=queue or on-death=fail=30",
	  COMPLETE_SETTING, false, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_set = {
	.name = "set",
	.group = "Devices",
	.summary = "Change a live device",
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
