// SPDX-License-Identifier: GPL-2.0-or-later
/* The exit codes: documented in vdusectl(8), listed by `vdusectl __commands`. */
#pragma once

#include <vduse/error.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_EXISTS = 4,
	EXIT_BUSY = 5,
	EXIT_PERMISSION = 6,
	EXIT_UNAVAILABLE = 7,
	EXIT_TIMEOUT = 8,
	EXIT_MIXED = 9,
	EXIT_EXTERNAL_DENIED = 126,
	EXIT_EXTERNAL_MISSING = 127,
};

/* The one mapping from what the library reports to an exit code. */
enum exit_code exit_from_error(const struct vdu_error *err);

/* What code means, in a few words; NULL if it is none of ours. */
const char *exit_meaning(int code);

/* One code for several operands: the common one, or EXIT_MIXED. */
enum exit_code exit_merge(enum exit_code so_far, enum exit_code next);
