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
	bool reverse, force, dry_run;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "reverse", 0, 0, OPTION_FLAG, 0, O(reverse), NULL,
	  "take devices away, as before a shutdown; records and images stay",
	  NULL, 0, 0 },
	{ "force", 0, 0, OPTION_FLAG, 0, O(force), NULL,
	  "with --reverse: I/O gets errors where the server is dead or stuck",
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

static void print_steps(const char *name, unsigned int steps)
{
	if (!steps || steps & VDU_RESTORE_MADE) {
		(void)printf(steps ? "would restore %s\n" : "%s is there\n",
			     name);
		return;
	}
	if (steps & VDU_RESTORE_STARTED)
		(void)printf("would start the server of %s\n", name);
	if (steps & VDU_RESTORE_BOUND)
		(void)printf("would bind %s\n", name);
}

static int bring_back(struct cli *cli, const char *name, void *data,
		      struct vdu_error *err)
{
	const struct job *job = data;
	bool dry = job->options->dry_run;
	char node[VDU_NODE_MAX];
	unsigned int steps;
	int r;

	restart_clock(cli);
	message_step(cli, "restoring %s", name);
	r = vdu_restore(cli->ctx, name, dry ? VDU_RESTORE_DRY_RUN : 0, node,
			&steps, err);
	if (r)
		return r;
	if (dry)
		print_steps(name, steps);
	else
		(void)json_object_array_add(job->results,
					    result_row(name, node));
	return 0;
}

static int take_away(struct cli *cli, const char *name, void *data,
		     struct vdu_error *err)
{
	const struct job *job = data;
	const struct options *o = job->options;
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct vdu_dev *dev;
	int r;

	restart_clock(cli);
	r = vdu_list_new_one(cli->ctx, name, &list, err);
	/* It has gone since the list was made. */
	if (r == -ENOENT && !cli->n_operands)
		return 0;
	if (r)
		return r;
	if (o->dry_run) {
		(void)printf("would take %s away\n", name);
		return 0;
	}
	message_step(cli, "taking %s away", name);
	dev = vdu_list_first(list);
	/* What still waits for its server would keep the driver. */
	if (device_is_ours(dev) && !strcmp(vdu_dev_state(dev), "stalled")) {
		r = vdu_start(cli->ctx, name, o->force ? NULL : err);
		if (o->force)
			restart_clock(cli);
	}
	if (!r || o->force)
		r = vdu_destroy(cli->ctx, name, VDU_DESTROY_KEEP_IMAGE |
				VDU_DESTROY_KEEP_RECORD |
				(o->force ? VDU_DESTROY_FORCE_DEAD : 0), err);
	if (r == -ENOENT && !cli->n_operands && err->stage == VDU_STAGE_LOOKUP)
		return 0;
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, NULL));
	return r;
}

/* The records, as operand_all() has devices. */
static int record_all(struct cli *cli, char ***ret, size_t *ret_n)
{
	struct vdu_error err = { 0 };

	if (vdu_persist_list(cli->ctx, ret, &err))
		return message_error(cli, NULL, &err);
	for (*ret_n = 0; (*ret)[*ret_n]; ++*ret_n)
		;
	return EXIT_OK;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_FREE char **all = NULL;
	struct job job = { o, results };
	const char *const *names = cli->operands;
	size_t n = cli->n_operands;
	int code = EXIT_OK;

	if (o->force && !o->reverse)
		return message_usage(cli, "--force is for --reverse");
	if (!n) {
		code = o->reverse ? operand_all(cli, o->force ?
						device_is_ours_or_dead :
						device_is_ours, &all, &n) :
				    record_all(cli, &all, &n);
		names = (const char *const *)all;
	}
	if (code)
		return code;
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
