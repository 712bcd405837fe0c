// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of a run: everything must go, or the kernel holds what it must not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"

#define PATIENCE_MS 120000

static void show_file(int pid, const char *what)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n > 0)
		printf("%s: %.*s\n", path, (int)n, text);
	if (fd >= 0)
		close(fd);
}

void show_task(int pid)
{
	show_file(pid, "stat");
	show_file(pid, "stack");
}

/* In a child: it is what may wait for ever. */
static void remove_devices(void)
{
	int left;

	for (int i = 0; i < FUZZ_CHAOS; i++)
		bus_detach(chaos_names[i]);
	for (int i = 0; i < FUZZ_DISKS; i++)
		bus_detach(disk_names[i]);
	/* From now on nobody answers, and nobody has a node open. */
	shared->stage = STAGE_END;
	do {
		left = 0;
		for (int i = 0; i < FUZZ_CHAOS; i++)
			left += destroy(chaos_names[i]) && errno != EINVAL;
		for (int i = 0; i < FUZZ_DISKS; i++)
			left += destroy(disk_names[i]) && errno != EINVAL;
		nap(50);
	} while (left);
}

static bool wait_for(pid_t pid, unsigned int ms)
{
	for (unsigned int waited = 0; waited < ms; waited += 50) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		nap(50);
	}
	return false;
}

int clean_up(void)
{
	struct rng rng = { 0 };
	pid_t rescuers[FUZZ_CHAOS], cleaner;
	bool clean;

	for (int i = 0; i < FUZZ_CHAOS; i++) {
		rescuers[i] = fork();
		if (!rescuers[i]) {
			role_rescue(&rng, i);
			_exit(0);
		}
	}
	cleaner = fork();
	if (!cleaner) {
		remove_devices();
		_exit(0);
	}
	clean = wait_for(cleaner, PATIENCE_MS);
	if (!clean) {
		printf("fuzz: devices cannot be removed\n");
		show_task(cleaner);
	}
	shared->stage = STAGE_END;
	for (int i = 0; i < FUZZ_CHAOS; i++)
		if (!wait_for(rescuers[i], 30000)) {
			printf("fuzz: a server does not end\n");
			show_task(rescuers[i]);
			clean = false;
		}
	return clean ? 0 : 2;
}
