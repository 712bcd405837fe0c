// SPDX-License-Identifier: GPL-2.0-or-later
/* monitor: a line for each event that has to do with VDUSE. */
#include <errno.h>
#include <stdio.h>

#include <vduse/inspect.h>

#include "cli/command.h"
#include "cli/message.h"

struct options {
	uint64_t count;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "count", 'c', 0, OPTION_UINT, 0, O(count), "N",
	  "end after N events", NULL, 1, 0 },
	{ 0 }
};

static inline void monitor_freep(struct vdu_monitor **monitor)
{
	(void)vdu_monitor_free(*monitor);
}

static struct json_object *event_row(const struct vdu_event *event)
{
	struct json_object *row = json_object_new_object();

	row_uint(row, "seqnum", event->seqnum);
	row_text(row, "action", event->action);
	row_text(row, "subsystem", event->subsystem);
	row_text(row, "device", event->device);
	row_text(row, "node", event->devnode);
	row_text(row, "driver", event->driver);
	row_text(row, "devpath", event->devpath);
	return row;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	CLEANUP(monitor_freep) struct vdu_monitor *monitor = NULL;
	struct vdu_error err = { 0 };
	uint64_t seen = 0;

	if (vdu_monitor_new(cli->ctx, &monitor, &err))
		return message_error(cli, NULL, &err);
	output_stream_heading(cli);
	while ((!o->count || seen < o->count) && !ferror(stdout)) {
		struct vdu_event event = { .size_of = sizeof(event) };
		CLEANUP_JSON struct json_object *row = NULL;
		int r = vdu_monitor_next(monitor, &event, &err);

		/* Listening for as long as was asked is a success. */
		if (r == -ETIMEDOUT && !o->count)
			return EXIT_OK;
		if (r == -EINTR)
			return EXIT_FAILED;
		if (r)
			return message_fail(cli, NULL, err.stage, r, "%s",
					    err.text);
		row = event_row(&event);
		output_stream_row(cli, row);
		seen++;
	}
	return EXIT_OK;
}

static const struct object_kind *const kinds[] = { &kind_events, NULL };

const struct command cmd_monitor = {
	.name = "monitor",
	.group = "Inspect",
	.summary = "Print events of VDUSE devices as they happen",
	.flags = COMMAND_NO_LIMIT,
	.options = rows,
	.options_size = sizeof(struct options),
	.kinds = kinds,
	.run = run,
};
