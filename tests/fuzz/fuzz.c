// SPDX-License-Identifier: GPL-2.0-or-later
/* A directory for targets that need files. */
#include "tests/fuzz/fuzz.h"

#include <limits.h>
#include <unistd.h>

static char dir[PATH_MAX];
static pid_t owner;

static void remove_dir(void)
{
	char command[PATH_MAX + 16];

	/* libFuzzer's children are not the owner. */
	if (getpid() != owner)
		return;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		(void)fprintf(stderr, "%s is left behind\n", dir);
}

const char *fuzz_dir(void)
{
	if (!owner) {
		const char *parent = getenv("TMPDIR");

		(void)snprintf(dir, sizeof(dir), "%s/vdusectl-fuzz-XXXXXX",
			       parent ? parent : "/dev/shm");
		CHECK(mkdtemp(dir));
		owner = getpid();
		CHECK(atexit(remove_dir) == 0);
	}
	return dir;
}
