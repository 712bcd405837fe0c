// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vdusectl: global options, the command, its options and operands, the
 * handler; then whether the answer really left, and the signal that ended it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/message.h"

/* A handler can reach nothing else. */
static struct vdu_ctx *signal_ctx;
static volatile sig_atomic_t signal_caught;

static void on_signal(int number)
{
	signal_caught = number;
	vdu_ctx_cancel(signal_ctx);
}

static const int ending_signals[] = { SIGINT, SIGTERM };

/* A signal that the parent had us ignore stays ignored: nohup(1), `&`. */
static void catch_signals(struct vdu_ctx *ctx)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	size_t i;

	signal_ctx = ctx;
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_SIZE(ending_signals); i++)
		if (!sigaction(ending_signals[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			(void)sigaction(ending_signals[i], &action, NULL);
}

static void release_signals(void)
{
	struct sigaction old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ending_signals); i++)
		if (!sigaction(ending_signals[i], NULL, &old) &&
		    old.sa_handler == on_signal)
			(void)signal(ending_signals[i], SIG_DFL);
}

/* The shell is to see a death by signal, not an exit code that looks so. */
static void die_of_signal(int number)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)raise(number);
}

void cli_done(void)
{
	sigset_t set;
	size_t i;

	(void)sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(ending_signals); i++)
		(void)sigaddset(&set, ending_signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signal_caught = 0;
}

void cli_restart_clock(struct cli *cli, uint64_t ms)
{
	if (!cli->globals.timeout_ms)
		vdu_ctx_set_timeout(cli->ctx, ms);
}

static int open_context(struct cli *cli)
{
	const char *root = secure_getenv("VDUSECTL_ROOT");
	const uint64_t ms = cli->globals.timeout_ms;
	const bool no_limit = cli->command->flags & COMMAND_NO_LIMIT;
	int r = vdu_ctx_new(&cli->ctx);

	if (!r && root)
		r = vdu_ctx_set_root(cli->ctx, root);
	if (r)
		return message_fail(cli, NULL, VDU_STAGE_NONE, r,
				    "cannot begin: %s", strerror(-r));
	vdu_ctx_set_log(cli->ctx, message_log, cli,
			(int)MIN(4 + cli->globals.verbose * 2, 7u));
	if (ms || no_limit)
		vdu_ctx_set_timeout(cli->ctx, ms == UINT64_MAX ? 0 : ms);
	if (!(cli->command->flags & COMMAND_OWN_SIGNALS))
		catch_signals(cli->ctx);
	return EXIT_OK;
}

static int list_columns(struct cli *cli)
{
	const struct object_kind *kind = cli->kind;
	char name[COLUMN_NAME_MAX];
	size_t i;

	for (i = 0; i < kind->n_fields; i++)
		(void)printf("%-20s %s\n", column_name(&kind->fields[i], name),
			     kind->fields[i].help);
	return EXIT_OK;
}

static int check_choice(struct cli *cli, const struct argument *argument,
			const char *word)
{
	char list[200] = "";
	size_t i, used = 0;

	for (i = 0; argument->choices && argument->choices[i]; i++) {
		if (!strcmp(argument->choices[i], word))
			return EXIT_OK;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 i ? ", " : "",
						 argument->choices[i]);
	}
	if (!argument->choices)
		return EXIT_OK;
	return message_usage(cli, "'%s' is not one of %s", word, list);
}

/* Are the operands as many, and as the table of arguments says? */
static int check_operands(struct cli *cli)
{
	const struct argument *argument = cli->command->arguments;
	bool enough = false;
	size_t i;
	int r;

	if (cli->command->flags & COMMAND_WORDS)
		return EXIT_OK;
	for (i = 0; i < cli->n_operands; i++) {
		if (!argument || !argument->label)
			return message_usage(cli, "'%s' is one operand too many",
					     cli->operands[i]);
		r = check_choice(cli, argument, cli->operands[i]);
		if (r)
			return r;
		enough = argument->many;
		if (!argument->many)
			argument++;
	}
	if (argument && argument->label && !argument->optional && !enough)
		return message_usage(cli, "%s is missing", argument->label);
	return EXIT_OK;
}

static bool first_flag(const struct command *command, const void *options)
{
	return command->kind_by_flag &&
	       *(const bool *)((const char *)options +
			       command->options[0].offset);
}

static int run_command(struct cli *cli, const void *options)
{
	const struct globals *g = &cli->globals;
	const struct command *command = cli->command;
	int r;

	if (g->usage || g->manual) {
		if (g->usage || !help_manual(command))
			help_usage(command);
		return EXIT_OK;
	}
	if (g->version)
		return cmd_version.run(cli, NULL);
	cli->kind = command_kind(command, cli->n_operands ?
				 cli->operands[0] : NULL,
				 first_flag(command, options));
	if ((g->columns || g->list_columns) && !cli->kind)
		return message_usage(cli, "it prints no columns");
	if (g->list_columns)
		return list_columns(cli);
	r = check_operands(cli);
	if (!r && cli->kind)
		r = columns_choose(cli, cli->kind, g->columns, &cli->columns);
	if (!r && !(command->flags & COMMAND_NO_CONTEXT))
		r = open_context(cli);
	return r ? r : command->run(cli, options);
}

/* What follows the command: its options mixed with the global ones. */
static int parse_and_run(struct cli *cli, struct words *words)
{
	const struct command *command = cli->command;
	CLEANUP_FREE void *options = calloc(1, command->options_size + 1);
	const struct option_set sets[] = {
		{ command->options, options },
		{ global_options, &cli->globals },
	};
	int r = EXIT_OK;

	if (!options)
		return message_fail(cli, NULL, VDU_STAGE_NONE, -ENOMEM,
				    "out of memory");
	words->stop_at_operand = false;
	if (command->flags & COMMAND_WORDS)
		while (words->next < words->n)
			words->operands[words->n_operands++] =
				words->argv[words->next++];
	else
		r = options_parse(cli, sets, ARRAY_SIZE(sets), words);
	if (r)
		return r;
	cli->operands = words->operands;
	cli->n_operands = words->n_operands;
	message_choose_color(cli);
	return run_command(cli, options);
}

static int unknown_command(struct cli *cli, const char *word)
{
	const char *names[64];
	const char *best;
	size_t i, n = 0;

	for (i = 0; commands[i] && n < ARRAY_SIZE(names); i++)
		if (!(commands[i]->flags & COMMAND_HIDDEN))
			names[n++] = commands[i]->name;
	best = suggest(word, names, n);
	return message_usage(cli, best ? "unknown command '%s': did you mean '%s'?" :
			     "unknown command '%s'", word, best);
}

static int no_command(struct cli *cli)
{
	if (cli->globals.usage || cli->globals.manual) {
		if (cli->globals.usage || !help_manual(NULL))
			help_overview();
		return EXIT_OK;
	}
	if (cli->globals.version) {
		cli->command = &cmd_version;
		return run_command(cli, NULL);
	}
	return message_usage(cli, "a command is missing");
}

static int dispatch(struct cli *cli, struct words *words)
{
	const struct option_set set = { global_options, &cli->globals };
	const char *word;
	int r;

	words->stop_at_operand = true;
	r = options_parse(cli, &set, 1, words);
	if (r)
		return r;
	if (words->next == words->n)
		return no_command(cli);
	word = words->argv[words->next++];
	cli->command = command_by_name(word);
	if (cli->command)
		return parse_and_run(cli, words);
	r = external_run(cli, words->argv + words->next - 1);
	return r ? r : unknown_command(cli, word);
}

/* An answer that did not reach the disk is a failure, whatever was done. */
static int close_stdout(struct cli *cli, int code)
{
	bool failed = ferror(stdout);
	bool something = failed || __fpending(stdout);
	const char *why = NULL;

	/* EBADF: started without a stdout, which matters only to an answer. */
	if (fclose(stdout) && (something || errno != EBADF)) {
		failed = true;
		why = strerror(errno);
	}
	if (!failed || code)
		return code;
	return message_fail(cli, NULL, VDU_STAGE_NONE, -EIO,
			    "cannot write the answer%s%s", why ? ": " : "",
			    why ? why : "");
}

/* Errors are JSON wherever --json stands, also behind what is wrong. */
static bool json_asked(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	CLEANUP_FREE const char **operands = calloc((size_t)argc + 1,
						    sizeof(*operands));
	struct cli cli = { 0 };
	struct words words = { .argv = argv + 1, .operands = operands };
	int code;

	(void)signal(SIGPIPE, SIG_DFL);
	if (!operands)
		return EXIT_FAILED;
	words.n = argc > 0 ? (size_t)argc - 1 : 0;
	cli.globals.json = json_asked(argc, argv);
	code = close_stdout(&cli, dispatch(&cli, &words));
	release_signals();
	cli.ctx = vdu_ctx_free(cli.ctx);
	if (signal_caught)
		die_of_signal(signal_caught);
	return code;
}
