// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resets, rebinds and switches of a device with I/O in flight, while its server
 * answers, is stopped for a while, or is killed and started again.
 *
 * usage: soak-reset NAME RESETS SEED start|wait
 *
 * NAME is bound to virtio_vdpa, and is so at the end.
 */
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/soak/reset.h"
#include "tests/soak/soak.h"

#define BUS "/sys/bus/vdpa"
#define STEP_SECONDS 180
#define START_MS 60000
#define NODE_US 60000000u

enum driver { VIRTIO, VHOST };
static const char *const drivers[] = { "virtio_vdpa", "vhost_vdpa" };
static const char *const node_dirs[] = { "virtio*/block", "" };

static struct {
	const char *name;
	bool starts_it;
	unsigned int rebinds, switches, vhost_resets, stops, kills, errors;
} soak;

/* --- the bus ----------------------------------------------------------- */

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		soak.errors++;
	}
	(void)close(fd);
}

static void unbind(enum driver driver)
{
	char path[120];

	(void)snprintf(path, sizeof(path), BUS "/drivers/%s/unbind",
		       drivers[driver]);
	put_text(path, soak.name);
}

static void bind_to(enum driver driver)
{
	char path[200];

	(void)snprintf(path, sizeof(path), BUS "/devices/%s/driver_override",
		       soak.name);
	put_text(path, drivers[driver]);
	(void)snprintf(path, sizeof(path), BUS "/drivers/%s/bind",
		       drivers[driver]);
	put_text(path, soak.name);
}

static void find_node(enum driver driver, char node[static 64])
{
	uint64_t end = now_us() + NODE_US;
	char pattern[200];
	glob_t found;

	(void)snprintf(pattern, sizeof(pattern), BUS "/devices/%s/%s%s",
		       soak.name, node_dirs[driver],
		       driver == VIRTIO ? "/vd*" : "vhost-vdpa-*");
	for (;;) {
		if (glob(pattern, 0, NULL, &found) == 0)
			break;
		if (now_us() > end)
			give_up("no node of %s", drivers[driver]);
		sleep_us(1000);
	}
	(void)snprintf(node, 64, "/dev/%.50s",
		       strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	while (access(node, F_OK) < 0 && now_us() < end)
		sleep_us(1000);
}

/* --- steps, and what happens to the server meanwhile ------------------- */

struct step {
	void (*run)(enum driver driver);
	enum driver driver;
};

static void *run_step(void *arg)
{
	const struct step *step = arg;

	step->run(step->driver);
	return NULL;
}

static void restart_server(pid_t old)
{
	const char *const argv[] = { "vdusectl", "start", soak.name, NULL };
	pid_t starter = soak.starts_it ? start_program(argv) : 0;
	int status;

	if (starter) {
		status = wait_program(starter, START_MS);
		if (status)
			give_up("vdusectl start: exit status %d", status);
	}
	if (!next_server(soak.name, old, START_MS))
		give_up("no next server");
}

/* The step may need the server, and does not end before that is back. */
static void do_step(void (*run)(enum driver driver), enum driver driver)
{
	struct step step = { run, driver };
	pid_t pid = server_of(soak.name);
	unsigned int dice = roll(6);
	pthread_t thread;

	(void)alarm(STEP_SECONDS);
	if (dice == 0 && kill(pid, SIGSTOP) == 0)
		soak.stops++;
	if (dice == 1)
		kill_and_wait(pid);
	if (pthread_create(&thread, NULL, run_step, &step))
		give_up("no thread");
	if (dice < 3)
		sleep_us(roll(60000));
	if (dice == 0)
		(void)kill(pid, SIGCONT);
	/* With a message of the kernel in its hands, perhaps. */
	if (dice == 2)
		kill_and_wait(pid);
	if (dice == 1 || dice == 2) {
		restart_server(pid);
		soak.kills++;
	}
	(void)pthread_join(thread, NULL);
}

static void take_away(void)
{
	/* Requests are in flight: eight threads send one after the other. */
	sleep_us(roll(30000));
	io_may_fail();
	do_step(unbind, VIRTIO);
	io_wait_closed();
}

static void give_back(void)
{
	char node[64];

	do_step(bind_to, VIRTIO);
	find_node(VIRTIO, node);
	io_let(node);
}

static void one_round(void)
{
	char node[64];
	unsigned int n = 1 + roll(6);

	take_away();
	if (roll(3)) {
		soak.rebinds++;
	} else {
		do_step(bind_to, VHOST);
		find_node(VHOST, node);
		(void)alarm(STEP_SECONDS);
		soak.errors += vhost_session(node, n);
		do_step(unbind, VHOST);
		soak.vhost_resets += n;
		soak.switches += 2;
	}
	give_back();
}

static void on_alarm(int sig)
{
	static const char text[] = "soak-reset: a step hangs\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) > 0)
		_exit(3);
	_exit(3);
}

static void print_counts(void)
{
	struct io_counts io = io_counts();

	printf("resets: %u rebinds, %u switches of the driver, %u by a VMM\n",
	       soak.rebinds, soak.switches, soak.vhost_resets);
	printf("server: %u times stopped, %u times killed\n", soak.stops,
	       soak.kills);
	printf("requests: %llu, cut off by their disk's end: %llu\n",
	       (unsigned long long)io.requests, (unsigned long long)io.cut_off);
	printf("longest request: %llu ms\nerrors: %llu\n",
	       (unsigned long long)io.longest_us / 1000,
	       (unsigned long long)(io.errors + soak.errors));
}

int main(int argc, char **argv)
{
	unsigned int wanted, shown = 0, n;
	char node[64];

	if (argc != 5)
		give_up("usage: soak-reset NAME RESETS SEED start|wait");
	soak.name = argv[1];
	wanted = (unsigned int)atoi(argv[2]);
	soak_seed(strtoull(argv[3], NULL, 0));
	soak.starts_it = !strcmp(argv[4], "start");
	(void)signal(SIGALRM, on_alarm);
	find_node(VIRTIO, node);
	io_let(node);
	io_start(strtoull(argv[3], NULL, 0));
	do {
		one_round();
		n = soak.rebinds + soak.switches + soak.vhost_resets;
		if (n >= shown + 50)
			(void)fprintf(stderr, "# %u resets\n", shown = n);
	} while (n < wanted && !soak.errors && !io_counts().errors);
	/* Each thread reads what it has, once more. */
	sleep_us(500000);
	io_stop();
	print_counts();
	return n < wanted || soak.errors || io_counts().errors;
}
