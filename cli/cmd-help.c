// SPDX-License-Identifier: GPL-2.0-or-later
/* help: a manual page on a terminal, else what -h says; JSON for programs. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/message.h"

static int run(struct cli *cli, const void *options)
{
	const struct command *command = NULL;

	(void)options;
	if (cli->globals.json)
		return cmd_commands.run(cli, NULL);
	if (cli->n_operands) {
		command = command_by_name(cli->operands[0]);
		if (!command)
			return message_usage(cli, "unknown command '%s'",
					     cli->operands[0]);
	}
	if (help_manual(command))
		return EXIT_OK;
	if (command)
		help_usage(command);
	else
		help_overview();
	return EXIT_OK;
}

static const struct argument arguments[] = {
	{ "COMMAND", NULL, "the command to explain", COMPLETE_COMMAND, true, false },
	{ 0 }
};

const struct command cmd_help = {
	.name = "help",
	.group = "Help",
	.summary = "Explain vdusectl or a command",
	.flags = COMMAND_NO_CONTEXT,
	.arguments = arguments,
	.run = run,
};
