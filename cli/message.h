// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything on stderr: errors, hints, steps. Nothing else prints there. */
#pragma once

#include <stdbool.h>

#include <vduse/error.h>

#include "lib/util/macro.h"

struct cli;

/*
 * "vdusectl: COMMAND SUBJECT: TEXT" and a hint, or the same as a JSON object;
 * subject may be NULL. Returns the exit code that belongs to the error.
 */
int message_error(struct cli *cli, const char *subject,
		  const struct vdu_error *err);

/* An error made here; code is a negative errno. Returns its exit code. */
int message_fail(struct cli *cli, const char *subject, enum vdu_stage stage,
		 int code, const char *fmt, ...) PRINTF(5, 6);

/* A wrong command line: one line and where to look. Returns EXIT_USAGE. */
int message_usage(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);

/* A line for people that is neither answer nor error; not with -q. */
void message_note(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);

/* A step, shown with -v. */
void message_step(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);

/* Library messages on stderr; see vdu_log_fn. */
void message_log(void *data, int level, const char *text);

/* Decide on colour from --color, the terminal and NO_COLOR. */
void message_choose_color(struct cli *cli);

/* cli/hints.c: what to do about an error, "{}" standing for the device. */
const char *hint_for(const char *command, const struct vdu_error *err);
