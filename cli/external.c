// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands that others add: `vdusectl foo` runs vdusectl-foo from PATH. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"

/* Names only, so that nothing but a program in PATH can be meant. */
static bool plausible(const char *name)
{
	return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-_")];
}

static bool find_in_path(const char *name, char *buf, size_t size)
{
	const char *path = getenv("PATH");

	for (path = path ? path : ""; *path; path += strspn(path, ":")) {
		int len = (int)strcspn(path, ":");
		int n = snprintf(buf, size, "%.*s/vdusectl-%s", len, path,
				 name);

		/* Relative directories in PATH are a trap for root. */
		if (*path == '/' && n > 0 && (size_t)n < size &&
		    !access(buf, X_OK))
			return true;
		path += len;
	}
	return false;
}

/* Returns only if there is no such program (0) or it cannot be run. */
int external_run(struct cli *cli, char **argv)
{
	char program[PATH_MAX], self[PATH_MAX];
	ssize_t len;

	if (!plausible(argv[0]) ||
	    !find_in_path(argv[0], program, sizeof(program)))
		return 0;
	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len > 0) {
		self[len] = '\0';
		(void)setenv("VDUSECTL", self, 1);
	}
	if (cli->globals.json)
		(void)setenv("VDUSECTL_JSON", "1", 1);
	(void)execv(program, argv);
	(void)message_fail(cli, NULL, VDU_STAGE_NONE, -errno,
			   "cannot run %s: %s", program, strerror(errno));
	return errno == ENOENT ? EXIT_EXTERNAL_MISSING : EXIT_EXTERNAL_DENIED;
}
