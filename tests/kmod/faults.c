// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fault sweep of the VDUSE module: each operation is repeated, the first time
 * with its first allocation or copy failing, then with its second, until none
 * is left to fail. A failed one must say why, must not have happened, and must
 * succeed at once when it is tried again.
 *
 * usage: kmod-faults control|device|bus|vhost|ext	sweep the operations of
 *						a group
 *	  kmod-faults arm PERCENT | disarm	allocations of the module fail
 *						at random
 *
 * Needs a kernel with CONFIG_FAULT_INJECTION. FAULTS_STEP=1: no point is left
 * out of the operations that have very many. FAULTS_EXT=1: the device has
 * extensions, as it always has in the group of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"
#include "probe.h"

static const struct group *const groups[] = {
	&control_group, &device_group, &bus_group, &vhost_group, &ext_group,
};

/* The kernel's countdown to the fault of this thread. */
static int countdown_fd = -1;
static bool armed;
static bool hit;
static bool failed;
static const char *now;

static void complain(unsigned int nth, const char *what)
{
	printf("FAILED: %s, fault %u: %s\n", now, nth, what);
	fflush(stdout);
	failed = true;
}

void must(bool good, const char *what)
{
	if (good)
		return;
	printf("FAILED: %s: %s (%m)\n", now ? now : "set-up", what);
	exit(1);
}

static void arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	armed = true;
	hit = false;
	must(write(countdown_fd, text, (size_t)len) == len, "fail-nth");
}

/* To read and to end the countdown are copies, too: they may be what fails. */
void disarm(void)
{
	int error = errno;
	char text[16] = "";

	if (!armed)
		return;
	hit = pread(countdown_fd, text, sizeof(text) - 1, 0) > 0 &&
	      !strtoul(text, NULL, 10);
	must(write(countdown_fd, "0", 1) == 1 ||
	     write(countdown_fd, "0", 1) == 1, "fail-nth");
	armed = false;
	errno = error;
}

static bool allowed(const struct op *op, int error)
{
	for (const int *may = op->errors; *may; may++)
		if (error == *may)
			return true;
	return false;
}

static void judge_failure(const struct op *op, unsigned int nth, int ret)
{
	if (!hit)
		complain(nth, "fails without a fault");
	if (!allowed(op, -ret))
		complain(nth, strerrorname_np(-ret));
	if (op->done && op->done())
		complain(nth, "has happened although it failed");
	if (op->mend)
		op->mend();
	ret = op->run();
	if (ret) {
		complain(nth, "does not work afterwards:");
		complain(nth, strerrorname_np(-ret));
		exit(1);
	}
}

/* The first descriptor that is free tells of those that leak. */
static int free_descriptor(void)
{
	int fd = dup(countdown_fd);

	close(fd);
	return fd;
}

static void sweep(const struct op *op)
{
	unsigned int step = op->step ? op->step : 1, nth, faults = 0, errors = 0;
	const char *wanted = getenv("FAULTS_STEP");
	int ret, descriptor;

	now = op->name;
	if (wanted)
		step = (unsigned int)atoi(wanted);
	if (op->setup)
		op->setup();
	knobs_only_ours(op->ours);
	descriptor = free_descriptor();
	for (nth = 1, hit = true; hit; nth += step) {
		arm(nth);
		ret = op->run();
		disarm();
		faults += hit;
		errors += ret < 0;
		if (ret < 0)
			judge_failure(op, nth, ret);
		else if (op->done && !op->done())
			complain(nth, "has not happened");
		if (op->undo)
			op->undo();
		if (free_descriptor() != descriptor) {
			complain(nth, "leaves a descriptor open");
			descriptor = free_descriptor();
		}
	}
	if (op->teardown)
		op->teardown();
	printf("%s: %u faults%s, %u failed it\n", op->name, faults,
	       step > 1 ? " (a sample)" : "", errors);
	fflush(stdout);
}

static int random_faults(const char *percent)
{
	knobs_set_up();
	knobs_only_ours(atoi(percent) > 0);
	knobs_probability(percent);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "arm"))
		return random_faults(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "disarm"))
		return random_faults("0");

	knobs_set_up();
	countdown_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (countdown_fd < 0)
		fatal("/proc/thread-self/fail-nth");
	control();
	fault_extended = getenv("FAULTS_EXT") ||
			 (argc > 1 && !strcmp(argv[1], ext_group.name));
	/* The program's own pages are not what shall be missing. */
	mlockall(MCL_CURRENT);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (argc < 2 || strcmp(argv[1], groups[i]->name))
			continue;
		for (size_t op = 0; op < groups[i]->count; op++)
			if (argc < 3 || !strcmp(argv[2], groups[i]->ops[op].name))
				sweep(&groups[i]->ops[op]);
		return failed;
	}
	fputs("usage: kmod-faults control|device|bus|vhost|ext [OPERATION]\n"
	      "       kmod-faults arm PERCENT | disarm\n", stderr);
	return 2;
}
