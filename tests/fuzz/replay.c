// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A main for fuzz targets without libFuzzer: run the files of directories,
 * and say in TAP that nothing happened. A finding ends the process, with its input
 * named.
 */
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char path[4096];

/* For the sanitizers: end by SIGABRT, so that the input can be named. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static void name_input(int sig)
{
	static const char text[] = "the input was ";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)!write(STDERR_FILENO, path, strlen(path));
	(void)!write(STDERR_FILENO, "\n", 1);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static bool run(void)
{
	static uint8_t data[1 << 20];
	FILE *file = fopen(path, "rb");
	uint8_t *exact;
	size_t n;

	if (!file)
		return false;
	n = fread(data, 1, sizeof(data), file);
	(void)fclose(file);
	/* Of the right size, so that a look behind its end is seen. */
	exact = malloc(n ? n : 1);
	if (!exact)
		return false;
	memcpy(exact, data, n);
	(void)LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return true;
}

/* False if there was nothing to run, or a file could not be read. */
static bool replay(int number, const char *name)
{
	unsigned int n = 0, unread = 0;
	DIR *dir = opendir(name);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", name,
			       entry->d_name);
		unread += !run();
		n++;
	}
	if (dir)
		(void)closedir(dir);
	(void)printf("%sok %d - fuzz: %u inputs of %s\n",
		     n && !unread ? "" : "not ", number, n, name);
	return n && !unread;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	(void)signal(SIGABRT, name_input);
	(void)printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		good = replay(i, argv[i]) && good;
	return !good;
}
