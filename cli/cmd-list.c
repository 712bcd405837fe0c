// SPDX-License-Identifier: GPL-2.0-or-later
/* list: one line per device. The smallest complete command: read it first. */
#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"

static int run(struct cli *cli, const void *options)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_devices, rows };
	struct vdu_error err = { 0 };
	struct vdu_dev *dev;

	(void)options;
	if (vdu_list_new(cli->ctx, &list, &err))
		return message_error(cli, NULL, &err);
	for (dev = vdu_list_first(list); dev; dev = vdu_list_next(list, dev))
		(void)json_object_array_add(rows, device_row(dev));
	return output_sections(cli, NULL, &section, 1);
}

static const struct object_kind *const kinds[] = { &kind_devices, NULL };

const struct command cmd_list = {
	.name = "list",
	.group = "Inspect",
	.summary = "List the VDUSE devices of this host, foreign ones too",
	.kinds = kinds,
	.run = run,
};
