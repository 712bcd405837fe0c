// SPDX-License-Identifier: GPL-2.0-or-later
/* version: of the program and of the library in it. */
#include <stdio.h>

#include "cli/command.h"

static struct json_object *program(const char *name, const char *version)
{
	struct json_object *row = json_object_new_object();

	row_text(row, "name", name);
	row_text(row, "version", version);
	return row;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_programs, rows };

	(void)options;
	if (!output_for_programs(cli)) {
		(void)printf("vdusectl %s\n", VDU_VERSION);
		return EXIT_OK;
	}
	(void)json_object_array_add(rows, program("vdusectl", VDU_VERSION));
	(void)json_object_array_add(rows, program("libvduse", vdu_version()));
	return output_sections(cli, NULL, &section, 1);
}

static const struct object_kind *const kinds[] = { &kind_programs, NULL };

const struct command cmd_version = {
	.name = "version",
	.group = "Help",
	.summary = "Show the version",
	.flags = COMMAND_NO_CONTEXT,
	.kinds = kinds,
	.run = run,
};
