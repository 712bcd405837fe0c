// SPDX-License-Identifier: GPL-2.0-or-later
/* stats: the counters of a device, a row per virtqueue. */
#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *reply = NULL;
	const char *name = cli->operands[0];
	const char *problem = operand_problem(name);
	struct vdu_error err = { 0 };
	struct section section = { &kind_stats, NULL };

	(void)options;
	if (problem)
		return message_usage(cli, "name '%s' %s", name, problem);
	err.code = device_ask(cli, name, "GetStats", &reply, &err);
	if (!err.code)
		err.code = device_rows(reply, "queues", &section.rows, &err);
	if (err.code)
		return message_error(cli, name, &err);
	return output_sections(cli, name, &section, 1);
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_SERVED, false, false },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_stats, NULL };

const struct command cmd_stats = {
	.name = "stats",
	.group = "Inspect",
	.summary = "Show counters and latency of each virtqueue",
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
