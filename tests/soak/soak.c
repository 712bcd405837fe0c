// SPDX-License-Identifier: GPL-2.0-or-later
/* What the soak's programs share. */
#include "tests/soak/soak.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GONE_MS 60000

static uint64_t chance = 1;

uint64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void sleep_us(uint64_t us)
{
	const struct timespec time = {
		.tv_sec = (time_t)(us / 1000000),
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	(void)nanosleep(&time, NULL);
}

void soak_seed(uint64_t seed)
{
	chance = seed * 2654435769u + 1;
}

unsigned int roll(unsigned int n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned int)((chance >> 20) % n);
}

void give_up(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(2);
}

/* "vdusectl serve NAME", with no option between. */
static bool serves(const char *pid, const char *name)
{
	char path[300], line[300] = "", want[200];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!line[i])
			line[i] = ' ';
	(void)snprintf(want, sizeof(want), "vdusectl serve %s", name);
	return !strcmp(line, want);
}

pid_t server_of(const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t pid = 0;

	while (proc && !pid && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    serves(entry->d_name, name))
			pid = (pid_t)atoi(entry->d_name);
	if (proc)
		(void)closedir(proc);
	return pid;
}

pid_t next_server(const char *name, pid_t old, unsigned int ms)
{
	uint64_t end = now_us() + ms * UINT64_C(1000);
	pid_t pid;

	while ((pid = server_of(name)) == 0 || pid == old) {
		if (now_us() > end)
			return 0;
		sleep_us(2000);
	}
	return pid;
}

pid_t start_program(const char *const argv[])
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO,
					       "/dev/null", O_WRONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO,
					       STDERR_FILENO);
	r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv,
			 environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r ? -1 : pid;
}

static bool ended(int pidfd, unsigned int ms)
{
	struct pollfd fd = { .fd = pidfd, .events = POLLIN };

	return poll(&fd, 1, (int)ms) == 1;
}

int wait_program(pid_t pid, unsigned int ms)
{
	int pidfd = pidfd_open(pid, 0), status = 0;

	if (pidfd < 0 || !ended(pidfd, ms)) {
		(void)close(pidfd);
		return 128;
	}
	(void)close(pidfd);
	if (waitpid(pid, &status, 0) != pid)
		return 128;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

void kill_and_wait(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);

	/* Gone already. */
	if (pidfd < 0)
		return;
	(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	if (!ended(pidfd, GONE_MS))
		give_up("server %d does not die", (int)pid);
	(void)close(pidfd);
	(void)waitpid(pid, NULL, WNOHANG);
}
