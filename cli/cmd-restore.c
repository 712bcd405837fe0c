// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: bring persistent devices back; --reverse: as before a shutdown. */
#include <stdio.h>
#include <string.h>

#include <vduse/persist.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"

struct options {
	bool reverse, dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "reverse", 0, 0, OPTION_FLAG, 0, O(reverse), NULL,
	  "take devices away, as before a shutdown; records and images stay",
	  NULL, 0, 0 },
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "check, print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

struct job {
	const struct options *options;
	struct json_object *results;
};

/* Each device gets the whole time: a slow one must not cost the others. */
static void restart_clock(struct cli *cli)
{
	uint64_t ms = cli->globals.timeout_ms;

	vdu_ctx_set_timeout(cli->ctx, ms == UINT64_MAX ? 0 :
			    ms ? ms : DEFAULT_TIMEOUT_MS);
}

static int bring_back(struct cli *cli, const char *name, void *data,
		      struct vdu_error *err)
{
	const struct job *job = data;
	CLEANUP_LIST struct vdu_list *list = NULL;
	bool dry = job->options->dry_run, there;
	char node[VDU_NODE_MAX];
	int r;

	restart_clock(cli);
	message_step(cli, "restoring %s", name);
	there = !vdu_list_new_one(cli->ctx, name, &list, NULL);
	r = vdu_restore(cli->ctx, name, dry ? VDU_RESTORE_DRY_RUN : 0, node,
			err);
	if (r)
		return r;
	if (dry)
		(void)printf(there ? "%s is there\n" : "would restore %s\n",
			     name);
	else
		(void)json_object_array_add(job->results,
					    result_row(name, node));
	return 0;
}

static int take_away(struct cli *cli, const char *name, void *data,
		     struct vdu_error *err)
{
	const struct job *job = data;
	CLEANUP_LIST struct vdu_list *list = NULL;
	int r;

	restart_clock(cli);
	r = vdu_list_new_one(cli->ctx, name, &list, err);
	if (r)
		return r;
	if (job->options->dry_run) {
		(void)printf("would take %s away\n", name);
		return 0;
	}
	message_step(cli, "taking %s away", name);
	/* What still waits for its server would keep the driver. */
	if (!strcmp(vdu_dev_state(vdu_list_first(list)), "stalled"))
		r = vdu_start(cli->ctx, name, err);
	if (!r)
		r = vdu_destroy(cli->ctx, name, VDU_DESTROY_KEEP_IMAGE |
				VDU_DESTROY_KEEP_RECORD, err);
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

/* All devices of ours, in the form of vdu_persist_list(). */
static int our_names(struct cli *cli, struct vdu_list **ret_list,
		     char ***ret_names, struct vdu_error *err)
{
	struct vdu_dev *dev;
	size_t n = 0;
	int r = vdu_list_new(cli->ctx, ret_list, err);

	if (r)
		return r;
	for (dev = vdu_list_first(*ret_list); dev;
	     dev = vdu_list_next(*ret_list, dev))
		n++;
	*ret_names = calloc(n + 1, sizeof(char *));
	if (!*ret_names)
		return err->code = -ENOMEM;
	n = 0;
	for (dev = vdu_list_first(*ret_list); dev;
	     dev = vdu_list_next(*ret_list, dev))
		if (device_is_ours(dev))
			(*ret_names)[n++] = (char *)vdu_dev_name(dev);
	return 0;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_LIST struct vdu_list *list = NULL;
	CLEANUP_FREE char **all = NULL;
	struct job job = { o, results };
	const char *const *names = cli->operands;
	size_t n = cli->n_operands;
	struct vdu_error err = { 0 };
	int code;

	if (!n) {
		if (o->reverse ? our_names(cli, &list, &all, &err) :
				 vdu_persist_list(cli->ctx, &all, &err))
			return message_error(cli, NULL, &err);
		names = (const char *const *)all;
		while (names[n])
			n++;
	}
	code = operands_each(cli, names, n, o->reverse ? take_away : bring_back,
			     &job);
	if (o->dry_run)
		return code;
	return exit_merge((enum exit_code)code,
			  (enum exit_code)results_print(cli, results,
					o->reverse ? NULL : "name"));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device (default: all that are persistent)",
	  COMPLETE_RECORD, true, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_restore = {
	.name = "restore",
	.group = "Devices",
	.summary = "Bring persistent devices back, bound as before",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
