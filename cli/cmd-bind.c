// SPDX-License-Identifier: GPL-2.0-or-later
/* bind: attach devices and give them to a driver; prints their nodes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/driver.h"
#include "cli/message.h"
#include "cli/operands.h"

struct options {
	bool rebind, wait, no_wait, dry_run;
};

const char *const driver_names[] = { "virtio", "vhost", NULL };

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "rebind", 0, 0, OPTION_FLAG, 0, O(rebind), NULL,
	  "take it from another driver first", NULL, 0, 0 },
	{ "wait", 0, 'w', OPTION_FLAG, 0, O(wait), NULL,
	  "wait until the node is usable (default)", NULL, 0, 0 },
	{ "no-wait", 0, 'w', OPTION_FLAG, 0, O(no_wait), NULL,
	  "do not wait for the node", NULL, 0, 0 },
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

struct job {
	const struct options *options;
	enum vdu_driver driver;
	const char *driver_name;
	struct json_object *results;
};

enum vdu_driver driver_by_name(const char *name)
{
	return strcmp(name, "vhost") ? VDU_DRIVER_VIRTIO : VDU_DRIVER_VHOST;
}

static int plan(struct cli *cli, const char *name, const struct job *job,
		struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	int r = vdu_list_new_one(cli->ctx, name, &list, err);
	const char *now;

	if (r)
		return r;
	now = vdu_dev_driver(vdu_list_first(list));
	if (!strcmp(now, job->driver_name)) {
		(void)printf("%s is bound to %s already\n", name, now);
		return 0;
	}
	if (*now && !job->options->rebind) {
		*err = (struct vdu_error){ -EBUSY, VDU_STAGE_BIND, "" };
		(void)snprintf(err->text, sizeof(err->text),
			       "is bound to %s", now);
		return -EBUSY;
	}
	if (*now)
		(void)printf("would unbind %s from %s\n", name, now);
	if (vdu_dev_attached(vdu_list_first(list)) != 1)
		(void)printf("would attach %s to the vDPA bus\n", name);
	(void)printf("would bind %s to %s%s\n", name, job->driver_name,
		     job->options->no_wait ? "" : " and wait for its node");
	return 0;
}

static int bind_one(struct cli *cli, const char *name, void *data,
		    struct vdu_error *err)
{
	const struct job *job = data;
	char node[VDU_NODE_MAX] = "";
	int r;

	if (job->options->dry_run)
		return plan(cli, name, job, err);
	r = vdu_bind(cli->ctx, name, job->driver,
		     (job->options->rebind ? VDU_BIND_REBIND : 0) |
		     (job->options->no_wait ? VDU_BIND_NO_WAIT : 0), node, err);
	if (!r)
		(void)json_object_array_add(job->results,
					    result_row(name, node));
	return r;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *results = json_object_new_array();
	CLEANUP_FREE char *understood = NULL;
	struct job job = { options, driver_by_name(cli->operands[0]),
			   cli->operands[0], results };
	const char *const *names = cli->operands + 1;
	size_t n = cli->n_operands - 1;
	int code;

	if (!n) {
		code = operand_understood(cli, device_is_unbound, "unbound",
					  &understood);
		if (code)
			return code;
		names = (const char *const *)&understood;
		n = 1;
	}
	code = operands_each(cli, names, n, bind_one, &job);
	if (job.options->dry_run)
		return code;
	return exit_merge((enum exit_code)code,
		(enum exit_code)results_print(cli, results, "node"));
}

static const struct argument arguments[] = {
	{ "DRIVER", driver_names, "virtio: a node on this host; vhost: a node for a VM",
	  COMPLETE_NOTHING, false, false },
	{ "NAME", NULL, "the device; may be left out if exactly one is unbound",
	  COMPLETE_UNBOUND, true, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_bind = {
	.name = "bind",
	.group = "Attach",
	.summary = "Give a device to a driver and print its node",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
