// SPDX-License-Identifier: GPL-2.0-or-later
/* destroy: unbind, stop the server, remove the device and its files. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vduse/persist.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/operands.h"

struct options {
	bool if_exists, keep_image, force, all, dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "if-exists", 0, 0, OPTION_FLAG, 0, O(if_exists), NULL,
	  "accept that there is no such device", NULL, 0, 0 },
	{ "keep-image", 0, 0, OPTION_FLAG, 0, O(keep_image), NULL,
	  "leave the image that create made by default", NULL, 0, 0 },
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

static bool print_record(struct cli *cli, const char *name)
{
	CLEANUP_FREE char **names = NULL;
	size_t i;

	if (vdu_persist_list(cli->ctx, &names, NULL))
		return false;
	for (i = 0; names[i]; i++)
		if (!strcmp(names[i], name)) {
			(void)printf("would remove /etc/vdusectl/devices/%s.json\n",
				     name);
			return true;
		}
	return false;
}

static int plan(struct cli *cli, const char *name, const struct options *o,
		struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct vdu_blk_spec spec = { .size_of = sizeof(spec) };
	int r = vdu_list_new_one(cli->ctx, name, &list, err);
	struct vdu_dev *dev;

	if (r)
		return r == -ENOENT && print_record(cli, name) ? 0 : r;
	dev = vdu_list_first(list);
	if (vdu_dev_driver(dev)[0])
		(void)printf("would unbind %s from %s\n", name,
			     vdu_dev_driver(dev));
	if (vdu_dev_pid(dev) > 0)
		(void)printf("would %s its server, pid %d\n",
			     o->force ? "end" : "stop",
			     (int)vdu_dev_pid(dev));
	(void)printf("would destroy %s\n", name);
	if (!o->keep_image &&
	    !vdu_blk_spec_load(cli->ctx, name, &spec, NULL) &&
	    spec.image_owned)
		(void)printf("would remove the image of %s\n", name);
	if (vdu_dev_persist(dev))
		(void)print_record(cli, name);
	return 0;
}

static int destroy_one(struct cli *cli, const char *name, void *data,
		       struct vdu_error *err)
{
	const struct job *job = data;
	const struct options *o = job->options;
	int r;

	if (o->dry_run)
		r = plan(cli, name, o, err);
	else
		r = vdu_destroy(cli->ctx, name,
				(o->keep_image ? VDU_DESTROY_KEEP_IMAGE : 0) |
				(o->force ? VDU_DESTROY_FORCE : 0), err);
	/* Only a missing device, not a missing file on the way. */
	if (r == -ENOENT && (o->if_exists || o->all) &&
	    err->stage == VDU_STAGE_LOOKUP)
		return 0;
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_FREE char **all = NULL;
	struct job job = { o, results };
	const char *const *names = cli->operands;
	size_t n = cli->n_operands;
	int code = operand_or_all(cli, o->all, true);

	if (!code && o->all) {
		code = operand_all(cli, o->force ? device_is_ours_or_dead :
						   device_is_ours,
				   &all, &n);
		names = (const char *const *)all;
	}
	if (code)
		return code;
	code = operands_each(cli, names, n, destroy_one, &job);
	if (o->dry_run)
		return code;
	return exit_merge((enum exit_code)code,
			  (enum exit_code)results_print(cli, results, NULL));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_DEVICE, true, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_destroy = {
	.name = "destroy",
	.group = "Devices",
	.summary = "Unbind a device, stop its server, remove it and its files",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
