// SPDX-License-Identifier: GPL-2.0-or-later
/* dump vq: virtqueues and requests in flight. dump config: cli/dump-config.c. */
#include "cli/dump.h"

#include <string.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"

struct options {
	bool hex;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "hex", 0, 0, OPTION_FLAG, 0, O(hex), NULL,
	  "config: print the bytes alone, in hex", NULL, 0, 0 },
	{ 0 }
};

static const char *const subjects[] = { "vq", "config", NULL };

/* The requests of all queues in one list, each with its queue's number. */
static int collect_requests(struct json_object *queues,
			    struct json_object *requests,
			    struct vdu_error *err)
{
	size_t i, j;

	for (i = 0; i < json_object_array_length(queues); i++) {
		struct json_object *queue = json_object_array_get_idx(queues, i);
		struct json_object *list;
		int r = device_rows(queue, "requests", &list, err);

		if (r)
			return r;
		for (j = 0; j < json_object_array_length(list); j++) {
			struct json_object *request =
				json_object_array_get_idx(list, j);

			(void)json_object_object_add(request, "queue",
				json_object_get(json_object_object_get(queue,
								"index")));
			(void)json_object_array_add(requests,
						    json_object_get(request));
		}
	}
	return 0;
}

static int ask_server(struct cli *cli, const char *name,
		      struct json_object **reply, struct json_object **queues,
		      struct json_object *requests, struct vdu_error *err)
{
	int r = device_ask(cli, name, "GetQueues", reply, err);

	if (!r)
		r = device_rows(*reply, "queues", queues, err);
	return r ? r : collect_requests(*queues, requests, err);
}

static int dump_vq(struct cli *cli, const char *name)
{
	CLEANUP_JSON struct json_object *queues = json_object_new_array();
	CLEANUP_JSON struct json_object *requests = json_object_new_array();
	CLEANUP_JSON struct json_object *reply = NULL;
	struct section sections[] = {
		{ &kind_queues, queues }, { &kind_requests, requests },
	};
	struct vdu_error err = { 0 };
	int r;

	err.code = ask_server(cli, name, &reply, &sections[0].rows, requests,
			      &err);
	if (err.code && !dump_needs_module(err.code, &err))
		return message_error(cli, name, &err);
	r = dump_module_queues(cli, name, sections[0].rows);
	if (err.code && r)
		return message_error(cli, name, &err);
	if (err.code)
		message_note(cli, "%s: the kernel tells only a part; what is unknown is '-'",
			     name);
	return output_sections(cli, name, sections, ARRAY_SIZE(sections));
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	const char *name = cli->operands[1];
	const char *problem = operand_problem(name);

	if (problem)
		return message_usage(cli, "name '%s' %s", name, problem);
	if (!strcmp(cli->operands[0], "config"))
		return dump_config(cli, name, o->hex);
	if (o->hex)
		return message_usage(cli, "--hex goes with 'dump config'");
	return dump_vq(cli, name);
}

static const struct argument arguments[] = {
	{ "WHAT", subjects, "vq: virtqueues and requests in flight; config: features and configuration space",
	  COMPLETE_NOTHING, false, false },
	{ "NAME", NULL, "the device", COMPLETE_DEVICE, false, false },
	{ 0 }
};
static const struct object_kind *const kinds[] = {
	&kind_queues, &kind_config, &kind_requests, &kind_features, NULL,
};

const struct command cmd_dump = {
	.name = "dump",
	.group = "Inspect",
	.summary = "Show virtqueues or the configuration space, decoded and raw",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.kind_by_operand = true,
	.run = run,
};
