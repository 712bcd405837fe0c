// SPDX-License-Identifier: GPL-2.0-or-later
/* unbind: take devices from their driver and off the vDPA bus. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vduse/manage.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/operands.h"

struct options {
	bool force, all, dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "force", 0, 0, OPTION_FLAG, 0, O(force), NULL,
	  "whoever serves or uses it: end the server, I/O gets errors", NULL,
	  0, 0 },
	{ "all", 0, 0, OPTION_FLAG, 0, O(all), NULL,
	  "all of ours; with --force, others that nobody serves, too", NULL,
	  0, 0 },
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

struct job {
	const struct options *options;
	struct json_object *results;
};

static int plan(struct cli *cli, const char *name, const struct options *o,
		struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	int r = vdu_list_new_one(cli->ctx, name, &list, err);
	struct vdu_dev *dev;

	if (r)
		return r;
	dev = vdu_list_first(list);
	if (o->force && vdu_dev_attached(dev) == 1 && vdu_dev_pid(dev) > 0)
		(void)printf("would end its server, pid %d\n",
			     (int)vdu_dev_pid(dev));
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
	const struct options *o = job->options;
	int r;

	if (o->dry_run)
		return plan(cli, name, o, err);
	r = vdu_unbind(cli->ctx, name, o->force ? VDU_UNBIND_FORCE : 0, err);
	/* It has gone since the list was made. */
	if (r == -ENOENT && o->all && err->stage == VDU_STAGE_LOOKUP)
		return 0;
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

static bool is_ours(struct vdu_dev *dev)
{
	return device_is_bound(dev) && device_is_ours(dev);
}

static bool is_ours_or_dead(struct vdu_dev *dev)
{
	return device_is_bound(dev) && device_is_ours_or_dead(dev);
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_FREE char *understood = NULL;
	CLEANUP_FREE char **all = NULL;
	struct job job = { o, results };
	const char *const *names = cli->operands;
	size_t n = cli->n_operands;
	int code = operand_or_all(cli, o->all, false);

	if (!code && o->all) {
		code = operand_all(cli, o->force ? is_ours_or_dead : is_ours,
				   &all, &n);
		names = (const char *const *)all;
	} else if (!code && !n) {
		code = operand_understood(cli, device_is_bound, "bound",
					  &understood);
		names = (const char *const *)&understood;
		n = 1;
	}
	if (code)
		return code;
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
