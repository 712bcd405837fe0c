// SPDX-License-Identifier: GPL-2.0-or-later
/* Usage texts, all generated from the tables, and manual pages. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/command.h"

#define HELP_COLUMN 29
#define WIDTH 79

extern char **environ;

/* text from column `column` on, wrapped, with the first line begun. */
static void put_wrapped(const char *text, int column)
{
	int at = column;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (at > column && at + 1 + len > WIDTH) {
			(void)printf("\n%*s", column, "");
			at = column;
		}
		at += printf("%s%.*s", at > column ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	(void)putchar('\n');
}

static void put_value(char *buf, size_t size, const struct option_row *row)
{
	size_t i, used = 0;

	buf[0] = '\0';
	if (!option_takes_value(row))
		return;
	if (!row->choices) {
		(void)snprintf(buf, size, " %s", row->argument);
		return;
	}
	if (row->argument)
		used = (size_t)snprintf(buf, size, " %s", row->argument);
	for (i = 0; row->choices[i] && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%c%s",
					 used ? '|' : ' ', row->choices[i]);
}

static void put_option(const struct option_row *row)
{
	char value[60], left[100];
	int n;

	put_value(value, sizeof(value), row);
	if (row->letter)
		n = snprintf(left, sizeof(left), " -%c, --%s%s", row->letter,
			     row->name, value);
	else
		n = snprintf(left, sizeof(left), "     --%s%s", row->name,
			     value);
	if (n < HELP_COLUMN - 1)
		(void)printf("%-*s", HELP_COLUMN, left);
	else
		(void)printf("%s\n%*s", left, HELP_COLUMN, "");
	put_wrapped(row->help, HELP_COLUMN);
}

static void put_options(const char *title, const struct option_row *rows)
{
	if (!rows)
		return;
	(void)printf("\n%s:\n", title);
	for (; rows->name; rows++)
		put_option(rows);
}

static void put_argument(const struct argument *argument)
{
	size_t i;

	(void)fputs(argument->optional ? " [" : " ", stdout);
	if (!argument->choices)
		(void)fputs(argument->label, stdout);
	for (i = 0; argument->choices && argument->choices[i]; i++)
		(void)printf("%s%s", i ? "|" : "", argument->choices[i]);
	(void)printf("%s%s", argument->many ? "..." : "",
		     argument->optional ? "]" : "");
}

static void put_columns(const struct object_kind *kind, const char *word)
{
	char line[2000] = "", name[COLUMN_NAME_MAX];
	size_t i, used = 0;

	for (i = 0; i < kind->n_fields && used < sizeof(line); i++)
		used += (size_t)snprintf(line + used, sizeof(line) - used,
					 "%s%s", i ? " " : "",
					 column_name(&kind->fields[i], name));
	(void)printf("\nColumns%s%s:\n ", word ? " of " : "", word ? word : "");
	put_wrapped(line, 1);
}

void help_usage(const struct command *command)
{
	const struct argument *argument = command->arguments;
	size_t i;

	(void)printf("Usage: vdusectl %s%s", command->name,
		     command->options ? " [OPTIONS]" : "");
	for (; argument && argument->label; argument++)
		put_argument(argument);
	(void)printf("\n\n%s.\n", command->summary);
	argument = command->arguments;
	if (argument)
		(void)puts("\nOperands:");
	for (; argument && argument->label; argument++) {
		(void)printf(" %-*s", HELP_COLUMN - 1, argument->label);
		put_wrapped(argument->help, HELP_COLUMN);
	}
	put_options("Options", command->options);
	put_options("Global options", global_options);
	if (!command->kind_by_operand && command->kinds)
		put_columns(command->kinds[0], NULL);
	for (i = 0; command->kind_by_operand &&
	     command->arguments->choices[i]; i++)
		put_columns(command->kinds[i], command->arguments->choices[i]);
}

void help_overview(void)
{
	const char *group = "";
	size_t i;
	int code;

	(void)puts("Usage: vdusectl [OPTIONS] COMMAND [OPTIONS] [OPERANDS]\n\n"
		   "Create and manage VDUSE block devices.");
	for (i = 0; commands[i]; i++) {
		if (commands[i]->flags & COMMAND_HIDDEN)
			continue;
		if (strcmp(group, commands[i]->group))
			(void)printf("\n%s:\n", commands[i]->group);
		group = commands[i]->group;
		(void)printf(" %-12s", commands[i]->name);
		put_wrapped(commands[i]->summary, 13);
	}
	put_options("Options", global_options);
	(void)puts("\nExit codes:");
	for (code = 0; code <= EXIT_MIXED; code++)
		(void)printf(" %-3d%s\n", code, exit_meaning(code));
	(void)puts("\n'vdusectl COMMAND -h' tells more about a command.");
}

/* Is there a page? man -w finds it without showing it. */
static bool page_exists(char *page)
{
	char man[] = "man", where[] = "-w";
	char *argv[] = { man, where, page, NULL };
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions))
		return false;
	if (posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
					     "/dev/null", 1, 0) ||
	    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO,
					     STDERR_FILENO) ||
	    posix_spawnp(&pid, man, &actions, NULL, argv, environ))
		pid = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* Becomes man(1) if that can show the page on a terminal; else returns 0. */
int help_manual(const struct command *command)
{
	char page[64];

	if (!isatty(STDOUT_FILENO))
		return 0;
	(void)snprintf(page, sizeof(page), "vdusectl%s%s", command ? "-" : "",
		       command ? command->name : "");
	if (page_exists(page))
		(void)execlp("man", "man", page, NULL);
	return 0;
}
