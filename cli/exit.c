// SPDX-License-Identifier: GPL-2.0-or-later
/* Exit codes: from (stage, errno) to a number that scripts can rely on. */
#include "cli/exit.h"

#include <errno.h>
#include <stddef.h>

static const char *const meanings[] = {
	[EXIT_OK] = "success, or already so where that was allowed",
	[EXIT_FAILED] = "the operation failed",
	[EXIT_USAGE] = "usage: bad option, argument, size or name",
	[EXIT_NOT_FOUND] = "no such device",
	[EXIT_EXISTS] = "already exists",
	[EXIT_BUSY] = "busy, in use",
	[EXIT_PERMISSION] = "permission denied",
	[EXIT_UNAVAILABLE] = "not available here: module or kernel feature",
	[EXIT_TIMEOUT] = "timed out",
	[EXIT_MIXED] = "several operands failed for different reasons",
	[EXIT_EXTERNAL_DENIED] = "an external command could not be run",
	[EXIT_EXTERNAL_MISSING] = "an external command vanished",
};

const char *exit_meaning(int code)
{
	if (code < 0 || (size_t)code >= sizeof(meanings) / sizeof(*meanings))
		return NULL;
	return meanings[code];
}

static enum exit_code from_errno(int stage, int code)
{
	switch (code) {
	case 0:
		return EXIT_OK;
	case ENOENT:
		/* Elsewhere it is a file or a server that is missing. */
		return stage == VDU_STAGE_BACKEND || stage == VDU_STAGE_SERVER ?
			EXIT_FAILED : EXIT_NOT_FOUND;
	case EEXIST:
		return EXIT_EXISTS;
	case EBUSY:
		return EXIT_BUSY;
	case EPERM:
	case EACCES:
		return EXIT_PERMISSION;
	case ENODEV:
	case ENXIO:
	case ENOSYS:
	case EOPNOTSUPP:
		return EXIT_UNAVAILABLE;
	case ETIMEDOUT:
		return EXIT_TIMEOUT;
	default:
		return EXIT_FAILED;
	}
}

enum exit_code exit_from_error(const struct vdu_error *err)
{
	if (!err->code)
		return EXIT_OK;
	if (err->stage == VDU_STAGE_USAGE)
		return EXIT_USAGE;
	if (err->stage == VDU_STAGE_MODULE && err->code != -EPERM &&
	    err->code != -EACCES && err->code != -ETIMEDOUT)
		return EXIT_UNAVAILABLE;
	return from_errno(err->stage, -err->code);
}

enum exit_code exit_merge(enum exit_code so_far, enum exit_code next)
{
	if (so_far == EXIT_OK || so_far == next)
		return next;
	return next == EXIT_OK ? so_far : EXIT_MIXED;
}
