// SPDX-License-Identifier: GPL-2.0-or-later
/* start, stop: the server of a device only; the device stays. */
#include <vduse/manage.h>

#include "cli/command.h"
#include "cli/operands.h"

struct job {
	int (*call)(struct vdu_ctx *ctx, const char *name,
		    struct vdu_error *err);
	struct json_object *results;
};

static int one(struct cli *cli, const char *name, void *data,
	       struct vdu_error *err)
{
	const struct job *job = data;
	int r = job->call(cli->ctx, name, err);

	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

static int each(struct cli *cli, struct job job)
{
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	int code;

	job.results = results;
	code = operands_each(cli, cli->operands, cli->n_operands, one, &job);
	return exit_merge((enum exit_code)code,
			  (enum exit_code)results_print(cli, results, NULL));
}

static int run_start(struct cli *cli, const void *options)
{
	(void)options;
	return each(cli, (struct job){ .call = vdu_start });
}

static int run_stop(struct cli *cli, const void *options)
{
	(void)options;
	return each(cli, (struct job){ .call = vdu_stop });
}

static const struct argument start_arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_UNSERVED, false, true },
	{ 0 }
};
static const struct argument stop_arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_SERVED, false, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_start = {
	.name = "start",
	.group = "System",
	.summary = "Start the server of a device whose server is gone",
	.arguments = start_arguments,
	.kinds = kinds,
	.run = run_start,
};

const struct command cmd_stop = {
	.name = "stop",
	.group = "System",
	.summary = "Stop the server of a device; the device stays",
	.arguments = stop_arguments,
	.kinds = kinds,
	.run = run_stop,
};
