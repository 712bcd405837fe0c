// SPDX-License-Identifier: GPL-2.0-or-later
/* unbind: take devices from their driver and off the vDPA bus. */
#include <stdio.h>

#include <vduse/manage.h>

#include "cli/command.h"
#include "cli/operands.h"

struct options {
	bool dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

struct job {
	bool dry_run;
	struct json_object *results;
};

static int plan(struct cli *cli, const char *name, struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	int r = vdu_list_new_one(cli->ctx, name, &list, err);
	struct vdu_dev *dev;

	if (r)
		return r;
	dev = vdu_list_first(list);
	if (vdu_dev_driver(dev)[0])
		(void)printf("would unbind %s from %s\n", name,
			     vdu_dev_driver(dev));
	if (vdu_dev_attached(dev) == 1)
		(void)printf("would detach %s from the vDPA bus\n", name);
	return 0;
}

static int unbind_one(struct cli *cli, const char *name, void *data,
		      struct vdu_error *err)
{
	const struct job *job = data;
	int r;

	if (job->dry_run)
		return plan(cli, name, err);
	r = vdu_unbind(cli->ctx, name, err);
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_FREE char *understood = NULL;
	struct job job = { o->dry_run, results };
	const char *const *names = cli->operands;
	size_t n = cli->n_operands;
	int code;

	if (!n) {
		code = operand_understood(cli, device_is_bound, "bound",
					  &understood);
		if (code)
			return code;
		names = (const char *const *)&understood;
		n = 1;
	}
	code = operands_each(cli, names, n, unbind_one, &job);
	if (o->dry_run)
		return code;
	return exit_merge((enum exit_code)code,
			  (enum exit_code)results_print(cli, results, NULL));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device; may be left out if exactly one is bound",
	  COMPLETE_BOUND, true, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_unbind = {
	.name = "unbind",
	.group = "Attach",
	.summary = "Take a device from its driver and off the vDPA bus",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
