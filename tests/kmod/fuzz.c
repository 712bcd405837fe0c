// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fuzzer of the kernel module: starts the roles, kills some of them at odd
 * moments, starts them again, counts, and takes everything away at the end.
 * The calls of a role follow from the seed; who comes first does not. Whether
 * all went well is in the kernel's log, and in the exit status: 0 clean,
 * 2 something cannot be ended, 3 an essential call never succeeded, 1 usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "fuzz.h"

#define N_SLOTS ((int)(sizeof(slots) / sizeof(slots[0])))
#define SETTLE_MS 120000
#define MAX_LIFE_MS 60000

const char *const chaos_names[] = { "fz0", "fz1", "fz2", "fz3" };
const char *const disk_names[] = { "fzd0", "fzd1" };
struct shared *shared;
int eventfds[FUZZ_EVENTFDS];
int controls[2];
bool use_hotplug, use_faults, use_coverage;
unsigned int n_threads = 4;

/*
 * A process in a role. It lives for so many calls, not for a time: machines
 * differ much in speed. One that waits for a driver's first steps is killed
 * only where the device is of the first sort.
 */
static struct slot {
	void (*role)(struct rng *rng, int arg);
	int arg;
	uint32_t life;		/* calls on average until SIGKILL; 0: never */
	pid_t pid;
	unsigned long last_call;
	uint64_t deadline;	/* in any case, in ms */
	uint64_t starts;
} slots[] = {
	{ role_threads, 0, 8000 },
	{ role_server, 0, 500 },
	{ role_server, 1, 2000 },
	{ role_server, 2, 6000 },
	{ role_bus, 0, 100 },
	{ role_bus, 1, 40 },
	{ role_vhost, 0, 500 },
	{ role_vhost, 1, 150 },
	{ role_disk_io, 0, 200 },
	{ role_disk_io, 1, 1000 },
	{ role_disk_manager, 0, 0 },
	{ role_disk_manager, 1, 0 },
	{ role_hotplug, 0, 0 },
	{ role_disk_server, 0, 600 },
	{ role_disk_server, 1, 4000 },
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void on_fault(int signal)
{
	(void)signal;
	_exit(5);
}

static void set_signals(void)
{
	struct sigaction wake = { .sa_handler = on_signal };
	struct sigaction fault = { .sa_handler = on_fault };

	sigaction(SIGUSR1, &wake, NULL);
	/* A server whose memory a driver took away. */
	sigaction(SIGBUS, &fault, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void start_slot(struct slot *slot, uint64_t seed)
{
	struct rng rng = { seed ^ (uint64_t)(slot - slots + 1) << 48 ^
			   ++slot->starts << 24 };
	unsigned int number = (unsigned int)(slot - slots);

	shared->progress[number] = 0;
	slot->last_call = 1 + below(&rng, 2 * slot->life);
	slot->deadline = slot->life ? now_ms() + MAX_LIFE_MS : UINT64_MAX;
	slot->pid = fork();
	if (slot->pid)
		return;
	my_slot = number;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	calls_init();
	coverage_start();
	slot->role(&rng, slot->arg);
	_exit(0);
}

/* Which stage a role lives through: a disk's server outlives its users. */
static bool wanted(const struct slot *slot)
{
	if (slot->role == role_hotplug && !use_hotplug)
		return false;
	if (slot->role == role_disk_server)
		return !shared->away[slot->arg];
	return shared->stage == STAGE_RUN;
}

static bool due(const struct slot *slot)
{
	if (slot->pid <= 0 || slot->deadline == UINT64_MAX)
		return false;
	return now_ms() > slot->deadline ||
	       shared->progress[slot - slots] > slot->last_call;
}

static bool tend_slots(uint64_t seed)
{
	bool alive = false;
	struct slot *slot;

	for (slot = slots; slot < slots + N_SLOTS; slot++) {
		if (due(slot)) {
			note(K_KILL, kill(slot->pid, SIGKILL));
			slot->deadline = UINT64_MAX;
		}
		if (slot->pid > 0 && waitpid(slot->pid, NULL, WNOHANG) ==
		    slot->pid)
			slot->pid = 0;
		if (slot->pid <= 0 && wanted(slot))
			start_slot(slot, seed);
		alive |= slot->pid > 0;
	}
	return alive;
}

/* All know that it is time; who stays is killed, who stays then is stuck. */
static int end_slots(uint64_t seed)
{
	uint64_t start = now_ms();
	bool killed = false;
	int ret = 0;

	shared->stage = STAGE_DRAIN;
	for (struct slot *slot = slots; slot < slots + N_SLOTS; slot++)
		if (slot->life && slot->role != role_disk_server)
			slot->deadline = start + 3000;
	while (tend_slots(seed) && now_ms() - start < SETTLE_MS) {
		if (shared->away[0] && shared->away[1] && !killed) {
			killed = true;
			for (int i = N_SLOTS - FUZZ_DISKS; i < N_SLOTS; i++)
				slots[i].deadline = 0;
		}
		nap(20);
	}
	for (struct slot *slot = slots; slot < slots + N_SLOTS; slot++)
		if (slot->pid > 0) {
			printf("fuzz: process %d (%d) does not end\n",
			       (int)(slot - slots), slot->pid);
			show_task(slot->pid);
			ret = 2;
		}
	return ret;
}

/* The faults that threads ask for themselves come without a word. */
static void set_up_faults(void)
{
	static const char *const knobs[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	char path[96];

	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/verbose",
			 knobs[i]);
		write_text(path, "0");
		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/%s/ignore-gfp-wait", knobs[i]);
		write_text(path, "N");
	}
}

static int set_up(void)
{
	struct rlimit limit = { 64 << 20, 64 << 20 };
	uint64_t version = 1, sector;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || locks_init())
		return -1;
	for (int i = 0; i < FUZZ_DISKS; i++)
		for (sector = 0; sector < DISK_SIZE / 512; sector++)
			memcpy(&shared->disk[i][sector * 512], &sector, 8);
	for (int i = 0; i < FUZZ_EVENTFDS; i++)
		eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (int i = 0; i < 2; i++)
		controls[i] = open("/dev/vduse/control", O_RDWR | O_CLOEXEC);
	if (controls[0] < 0 || controls[1] < 0)
		return -1;
	note(K_VERSION, ioctl(controls[1], VDUSE_SET_API_VERSION, &version));
	ext_init();
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (use_faults)
		set_up_faults();
	write_text("/sys/bus/vdpa/drivers_autoprobe", "0");
	errno = -bus_init();
	return errno ? -1 : 0;
}

static void print_counts(uint64_t seed, unsigned int seconds)
{
	unsigned long total = 0, calls;

	for (int i = 0; i < KINDS; i++) {
		calls = shared->count[i].calls;
		total += calls;
		printf("%-16s %9lu calls %9lu succeeded\n", kind_name(i), calls,
		       (unsigned long)shared->count[i].good);
	}
	if (use_coverage)
		printf("%lu places of the module's code\n", coverage_count());
	printf("%lu calls, seed %llu, %u seconds\n", total,
	       (unsigned long long)seed, seconds);
}

static int check_kinds(const enum kind *kinds, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n; i++)
		if (!shared->count[kinds[i]].good) {
			printf("fuzz: never succeeded: %s\n",
			       kind_name(kinds[i]));
			ret = 3;
		}
	return ret;
}

/* A run that reaches nothing finds nothing. */
static int check_reach(void)
{
	static const enum kind extensions[] = {
		K_SETUP, K_INSTANCE, K_INFO, K_ABORT, K_EXT_GET_CONFIG,
		K_EXT_SET_CONFIG, K_NEEDS_RESET, K_EXT_STATUS, K_EXT_ATTR,
		K_CONFIG_WRITE,
	};
	static const enum kind essential[] = {
		K_CREATE, K_ATTACH, K_DRIVER_OK, K_VHOST_OPEN, K_VHOST_RUNNING,
		K_ANSWER, K_IRQ, K_MAP, K_TOUCH, K_REG_UMEM, K_DISK_IO,
		K_VHOST_IOTLB,
	};
	int ret = check_kinds(essential,
			      sizeof(essential) / sizeof(essential[0]));

	if (use_ext && check_kinds(extensions, sizeof(extensions) /
				   sizeof(extensions[0])))
		ret = 3;
	return ret;
}

static int run(uint64_t seed, unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * 1000ULL;
	int ret, cleaned;

	while (now_ms() < end) {
		tend_slots(seed);
		nap(20);
	}
	ret = end_slots(seed);
	cleaned = clean_up();
	write_text("/sys/bus/vdpa/drivers_autoprobe", "1");
	write_text("/sys/devices/system/cpu/cpu1/online", "1");
	print_counts(seed, seconds);
	if (shared->corrupt) {
		printf("fuzz: a disk gave back what was never written\n");
		ret = 2;
	}
	if (!ret)
		ret = cleaned;
	return ret || seconds < 20 ? ret : check_reach();
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "hotplug", no_argument, NULL, 'h' },
		{ "faults", no_argument, NULL, 'f' },
		{ "coverage", no_argument, NULL, 'c' },
		{ 0 },
	};
	unsigned int seconds = 30;
	uint64_t seed = 1;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (opt) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			n_threads = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 'h':
			use_hotplug = true;
			break;
		case 'f':
			use_faults = true;
			break;
		case 'c':
			use_coverage = true;
			break;
		default:
			seconds = 0;
		}
	if (!seconds || !n_threads || n_threads > 64 || optind < argc) {
		fprintf(stderr, "usage: kmod-fuzz [--seed N] [--seconds S] [--threads 1-64] [--hotplug] [--faults] [--coverage]\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %llu\n", (unsigned long long)seed);
	set_signals();
	if (set_up()) {
		fprintf(stderr, "kmod-fuzz: %m\n");
		return 1;
	}
	return run(seed, seconds);
}
