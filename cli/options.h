// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options as tables. One row says everything about an option: both its
 * spellings, its value, its help, what completes it. The parser, `-h`,
 * completion and `__commands` read the same rows.
 *
 * Strict on purpose: long options are never abbreviated (a script that relies
 * on an abbreviation breaks when an option is added), may stand anywhere, and
 * `--` ends them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli;

enum option_kind {
	OPTION_FLAG,		/* bool */
	OPTION_COUNT,		/* unsigned int, one more each time */
	OPTION_TEXT,		/* const char * */
	OPTION_CHOICE,		/* const char *, one of choices */
	OPTION_SIZE,		/* uint64_t, bytes */
	OPTION_UINT,		/* uint64_t */
	OPTION_DURATION,	/* uint64_t, milliseconds */
};

/* What completes a word: see cli/complete.c. */
enum complete {
	COMPLETE_NOTHING,
	COMPLETE_DEVICE,	/* any device */
	COMPLETE_UNBOUND,	/* not bound to a driver */
	COMPLETE_BOUND,
	COMPLETE_SERVED,	/* of ours, with a server */
	COMPLETE_UNSERVED,	/* of ours, without */
	COMPLETE_OURS,
	COMPLETE_RECORD,	/* with a record in /etc; --reverse: of ours */
	COMPLETE_BACKEND,
	COMPLETE_ON_DEATH,
	COMPLETE_SETTING,	/* KEY=VALUE of `set` */
	COMPLETE_COLUMNS,
	COMPLETE_COMMAND,
};

struct option_row {
	const char *name;	/* without the dashes; NULL ends the table */
	char letter;		/* 0: none */
	char group;		/* options of one group exclude each other */
	enum option_kind kind;
	enum complete complete;
	size_t offset;		/* of the value in the struct being filled */
	const char *argument;	/* "SIZE"; NULL where choices say it */
	const char *help;
	const char *const *choices;	/* NULL-terminated; of an OPTION_UINT:
					   words that may stand for a number */
	uint64_t min;		/* smallest number accepted */
	uint64_t max;		/* largest; 0: no limit */
};

/* What such a word is stored as, by its index: max must be below. */
#define OPTION_WORD(index) (UINT64_MAX - (index))

/* Rows and the struct that they fill. */
struct option_set {
	const struct option_row *rows;
	void *values;
};

/* The words still to be parsed, and where operands go. */
struct words {
	char **argv;
	size_t n, next;
	const char **operands;	/* room for n */
	size_t n_operands;
	bool stop_at_operand;
};

bool option_takes_value(const struct option_row *row);
const struct option_row *option_by_name(const struct option_row *rows,
					const char *name, size_t len);
const struct option_row *option_by_letter(const struct option_row *rows,
					  char letter);

/*
 * Parse words with n_sets tables. Returns EXIT_OK, or EXIT_USAGE after having
 * said what is wrong.
 */
int options_parse(struct cli *cli, const struct option_set *sets,
		  size_t n_sets, struct words *words);
