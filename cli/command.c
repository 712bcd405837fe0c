// SPDX-License-Identifier: GPL-2.0-or-later
/* The two tables that everything else reads: commands and global options. */
#include "cli/command.h"

#include <string.h>

#define G(member) offsetof(struct globals, member)

static const char *const color_choices[] = { "auto", "always", "never", NULL };

const struct option_row global_options[] = {
	{ "help", 0, 0, OPTION_FLAG, 0, G(manual), NULL,
	  "show the manual page (-h: this text)", NULL, 0, 0 },
	{ "usage", 'h', 0, OPTION_FLAG, 0, G(usage), NULL,
	  "show how to use the command", NULL, 0, 0 },
	{ "version", 'V', 0, OPTION_FLAG, 0, G(version), NULL,
	  "show the version", NULL, 0, 0 },
	{ "verbose", 'v', 0, OPTION_COUNT, 0, G(verbose), NULL,
	  "tell the steps; twice: the library's as well", NULL, 0, 0 },
	{ "quiet", 'q', 0, OPTION_FLAG, 0, G(quiet), NULL,
	  "no names or nodes of what was changed, no hints", NULL, 0, 0 },
	{ "json", 0, 'f', OPTION_FLAG, 0, G(json), NULL,
	  "print JSON, errors too", NULL, 0, 0 },
	{ "raw", 0, 'f', OPTION_FLAG, 0, G(raw), NULL,
	  "print words separated by one blank", NULL, 0, 0 },
	{ "pairs", 0, 'f', OPTION_FLAG, 0, G(pairs), NULL,
	  "print KEY=\"value\" pairs", NULL, 0, 0 },
	{ "output", 'o', 0, OPTION_TEXT, COMPLETE_COLUMNS, G(columns), "COLS",
	  "columns to print; +COLS adds to the default", NULL, 0, 0 },
	{ "list-columns", 0, 0, OPTION_FLAG, 0, G(list_columns), NULL,
	  "show the columns that there are", NULL, 0, 0 },
	{ "noheadings", 'n', 0, OPTION_FLAG, 0, G(noheadings), NULL,
	  "leave out the heading", NULL, 0, 0 },
	{ "bytes", 'b', 0, OPTION_FLAG, 0, G(bytes), NULL,
	  "print sizes in bytes", NULL, 0, 0 },
	{ "timeout", 0, 0, OPTION_DURATION, 0, G(timeout_ms), "DURATION",
	  "limit for the whole command, such as 10s", NULL, 1, 0 },
	{ "no-hints", 0, 0, OPTION_FLAG, 0, G(no_hints), NULL,
	  "no advice after an error", NULL, 0, 0 },
	{ "color", 0, 0, OPTION_CHOICE, 0, G(color), NULL,
	  "when to use colour", color_choices, 0, 0 },
	{ 0 }
};

const struct command *const commands[] = {
	&cmd_create, &cmd_destroy, &cmd_set, &cmd_restore,
	&cmd_bind, &cmd_unbind,
	&cmd_list, &cmd_show, &cmd_dump, &cmd_stats, &cmd_bench, &cmd_monitor,
	&cmd_start, &cmd_stop, &cmd_restart, &cmd_abort, &cmd_serve, &cmd_doctor,
	&cmd_help, &cmd_version,
	&cmd_complete, &cmd_commands, &cmd_fields,
	NULL,
};

const struct command *command_by_name(const char *name)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

const struct object_kind *command_kind(const struct command *command,
				       const char *word, bool flag)
{
	size_t i;

	if (!command->kinds)
		return NULL;
	if (command->kind_by_operand && word)
		for (i = 0; command->arguments->choices[i]; i++)
			if (!strcmp(command->arguments->choices[i], word))
				return command->kinds[i];
	if (command->kind_by_flag && flag)
		return command->kinds[1];
	return command->kinds[0];
}
