// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How to add a command, say `frob`:
 *
 *  1. cli/cmd-frob.c: its options as a table of struct option_row, its
 *     operands as a table of struct argument, a handler
 *         static int run(struct cli *cli, const void *options)
 *     that returns an exit code, and at the end the row
 *         const struct command cmd_frob = { .name = "frob", ... };
 *     cmd-list.c is the smallest complete example.
 *  2. A declaration below and a pointer in commands[] in cli/command.c; the
 *     order there is the order of the help.
 *  3. If it prints objects: a struct object_kind in cli/fields.c.
 *  4. man/vdusectl-frob.8.scd, and a bats test for its effect.
 *
 * Parsing, `-h`, "did you mean", completion, `__commands` and the generic
 * tests pick the rest up from the row. A handler gets operands that are
 * already counted and options that are already checked; it reports failures
 * with message_error(), prints its answer with cli/output.h, at the end and
 * only once everything is known, and never exits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vduse/ctx.h>
#include <vduse/error.h>

#include "cli/exit.h"
#include "cli/options.h"
#include "cli/output.h"

/* An operand. */
struct argument {
	const char *label;	/* "NAME"; NULL ends the table */
	const char *const *choices;	/* NULL: any word */
	const char *help;
	enum complete complete;
	bool optional;
	bool many;		/* only the last one */
};

enum command_flag {
	COMMAND_HIDDEN = 1 << 0,	/* not in help and completion */
	COMMAND_NO_CONTEXT = 1 << 1,	/* needs no library context */
	COMMAND_NO_LIMIT = 1 << 2,	/* runs for ever unless --timeout */
	COMMAND_OWN_SIGNALS = 1 << 3,	/* the library handles SIGTERM */
	COMMAND_WORDS = 1 << 4,		/* every word is an operand, as it is */
};

struct command {
	const char *name;
	const char *group;	/* heading in the help */
	const char *summary;
	unsigned int flags;
	const struct option_row *options;	/* NULL: none */
	size_t options_size;	/* of the struct that options fill */
	const struct argument *arguments;	/* NULL: none */
	/* What it prints, NULL-terminated. -o is for the first one. */
	const struct object_kind *const *kinds;
	/* Or for kinds[i] if the first operand is choice i of its argument. */
	bool kind_by_operand;
	/* Or for kinds[1] with the flag that stands first in options. */
	bool kind_by_flag;
	int (*run)(struct cli *cli, const void *options);
};

/* Options that every command has. */
struct globals {
	bool usage, manual, version;
	unsigned int verbose;
	bool quiet, json, raw, pairs, list_columns, noheadings, bytes;
	bool no_hints;
	const char *columns;
	const char *color;
	uint64_t timeout_ms;	/* 0: not given */
};

/* One run of the program. */
struct cli {
	struct globals globals;
	const struct command *command;	/* NULL until it is known */
	struct vdu_ctx *ctx;
	const char **operands;
	size_t n_operands;
	const struct object_kind *kind;	/* the one that -o is for, or NULL */
	struct columns columns;		/* of kind */
	bool color_out, color_err;
};

extern const struct option_row global_options[];
extern const struct command *const commands[];	/* NULL-terminated */
const struct command *command_by_name(const char *name);

/*
 * The kind that -o is for when the first operand is word (NULL: none yet) and
 * the first flag is given or not.
 */
const struct object_kind *command_kind(const struct command *command,
				       const char *word, bool flag);

/* Default limit of a command, and for what undoes a failed one. */
#define DEFAULT_TIMEOUT_MS 30000

/* Give the next step its full time, unless --timeout limits the whole. */
void cli_restart_clock(struct cli *cli, uint64_t ms);

/*
 * All is done that was asked for, and only the answer is left to print: a
 * signal that came too late to stop it, or comes now, no longer counts.
 */
void cli_done(void);

/* cli/help.c */
void help_usage(const struct command *command);
void help_overview(void);
int help_manual(const struct command *command);

/* cli/suggest.c: the word of n that text may have meant, or NULL. */
const char *suggest(const char *text, const char *const *words, size_t n);

/* cli/external.c: run vdusectl-FOO; returns 0 if there is none. */
int external_run(struct cli *cli, char **argv);

extern const struct command cmd_bench, cmd_create, cmd_destroy, cmd_bind, cmd_unbind,
	cmd_list, cmd_show, cmd_dump, cmd_stats, cmd_monitor, cmd_doctor,
	cmd_abort, cmd_restart, cmd_restore, cmd_serve, cmd_start, cmd_stop, cmd_help, cmd_version,
	cmd_complete, cmd_commands, cmd_fields, cmd_set;
