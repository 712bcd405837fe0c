// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kill the server of a device again and again while others do I/O to it: at
 * any moment, right after a kick, in the middle of a burst, in the middle of
 * its start. Meanwhile one block is written and read back, one request at a
 * time, with a look at the clock.
 *
 * usage: soak-kill NAME KILLS SEED start|wait LOAD_PID [NODE OFFSET]
 *
 * start: this program starts the next server; wait: somebody else does.
 * Ends early, with status 1, when the process LOAD_PID ends.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/soak/soak.h"

#define BLOCK 4096
#define START_MS 60000
#define PROGRESS_US 120000000u

static struct {
	const char *name, *node;
	off_t offset;
	bool starts_it;
	pid_t load;
	atomic_bool stop;
	atomic_ullong begun, done;	/* probes */
	_Atomic uint64_t longest_us, errors;
} soak;

/* --- the probe --------------------------------------------------------- */

static void probe(int fd, uint64_t *block, uint64_t n)
{
	bool write = n % 2 == 0;
	uint64_t began = now_us(), took;
	ssize_t r;

	if (write)
		for (unsigned int i = 0; i < BLOCK / 8; i++)
			block[i] = n + i;
	else
		memset(block, 0, BLOCK);
	atomic_fetch_add(&soak.begun, 1);
	r = write ? pwrite(fd, block, BLOCK, soak.offset) :
		    pread(fd, block, BLOCK, soak.offset);
	took = now_us() - began;
	atomic_fetch_add(&soak.done, 1);
	if (took > soak.longest_us)
		soak.longest_us = took;
	if (r != BLOCK)
		soak.errors++;
	for (unsigned int i = 0; !write && i < BLOCK / 8; i++)
		if (block[i] != n - 1 + i) {
			soak.errors++;
			break;
		}
}

static void *prober(void *unused)
{
	int fd = open(soak.node, O_RDWR | O_DIRECT | O_CLOEXEC);
	void *block;

	(void)unused;
	if (fd < 0 || posix_memalign(&block, BLOCK, BLOCK))
		give_up("cannot open %s", soak.node);
	for (uint64_t n = 0; !soak.stop; n++)
		probe(fd, block, n);
	free(block);
	(void)close(fd);
	return NULL;
}

/* A request that was begun after this call is answered. */
static void wait_for_progress(void)
{
	uint64_t want = soak.done + 2, end = now_us() + PROGRESS_US;

	while (soak.node && soak.done < want) {
		if (now_us() > end)
			give_up("no request is answered any more");
		sleep_us(1000);
	}
}

/* --- when -------------------------------------------------------------- */

static void after_a_kick(void)
{
	uint64_t begun = soak.begun, end = now_us() + 500000, then;

	while (soak.begun == begun && now_us() < end)
		;
	then = now_us() + roll(400);
	while (now_us() < then)
		;
}

static unsigned int in_flight(void)
{
	const char *disk = strrchr(soak.node, '/') + 1;
	unsigned int reads = 0, writes = 0;
	char path[80];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/sys/block/%s/inflight", disk);
	file = fopen(path, "re");
	if (file && fscanf(file, "%u %u", &reads, &writes) != 2)
		reads = writes = 0;
	if (file)
		(void)fclose(file);
	return reads + writes;
}

static void in_a_burst(void)
{
	uint64_t end = now_us() + 300000;

	while (in_flight() < 64 && now_us() < end)
		;
}

static void choose_moment(void)
{
	unsigned int dice = roll(4);

	if (soak.node && dice == 0)
		after_a_kick();
	else if (soak.node && dice == 1)
		in_a_burst();
	else
		sleep_us(roll(100000));
}

/* --- the next server --------------------------------------------------- */

static pid_t begin_start(void)
{
	const char *const argv[] = { "vdusectl", "start", soak.name, NULL };
	pid_t pid = soak.starts_it ? start_program(argv) : 0;

	if (pid < 0)
		give_up("cannot run vdusectl");
	return pid;
}

/* 1: the start was hit, too; 0: it goes on by itself. */
static int hit_the_start(pid_t old)
{
	pid_t pid;

	if (roll(8))
		return 0;
	pid = next_server(soak.name, old, START_MS);
	if (!pid)
		give_up("no next server");
	sleep_us(roll(60000));
	kill_and_wait(pid);
	return 1;
}

/* Returns how many servers had to die until one lives. */
static unsigned int bring_back(pid_t old)
{
	unsigned int hits = 0;
	pid_t starter;
	int status = 0, hit;

	do {
		starter = begin_start();
		hit = hit_the_start(old);
		hits += (unsigned int)hit;
		status = starter ? wait_program(starter, START_MS) : 0;
	} while (starter && hit);
	if (status)
		give_up("vdusectl start: exit status %d", status);
	if (!next_server(soak.name, old, START_MS))
		give_up("no next server");
	return hits;
}

static unsigned int kill_one(void)
{
	pid_t pid = next_server(soak.name, 0, START_MS);

	if (!pid)
		give_up("no server");
	choose_moment();
	kill_and_wait(pid);
	return 1 + bring_back(pid);
}

int main(int argc, char **argv)
{
	unsigned int kills = 0, shown = 0, wanted;
	pthread_t thread;
	bool alive = true;

	if (argc != 6 && argc != 8)
		give_up("usage: soak-kill NAME KILLS SEED start|wait LOAD_PID [NODE OFFSET]");
	soak.name = argv[1];
	wanted = (unsigned int)atoi(argv[2]);
	soak_seed(strtoull(argv[3], NULL, 0));
	soak.starts_it = !strcmp(argv[4], "start");
	soak.load = (pid_t)atoi(argv[5]);
	if (argc == 8) {
		soak.node = argv[6];
		soak.offset = (off_t)strtoull(argv[7], NULL, 0);
		if (pthread_create(&thread, NULL, prober, NULL))
			give_up("no thread");
	}
	while (kills < wanted && alive) {
		wait_for_progress();
		kills += kill_one();
		alive = kill(soak.load, 0) == 0;
		if (kills >= shown + 50)
			(void)fprintf(stderr, "# %u kills\n", shown = kills);
	}
	wait_for_progress();
	soak.stop = true;
	if (soak.node)
		(void)pthread_join(thread, NULL);
	printf("kills: %u\n", kills);
	if (soak.node)
		printf("probes: %llu\nprobe errors: %llu\nlongest pause: %llu ms\n",
		       (unsigned long long)soak.done,
		       (unsigned long long)soak.errors,
		       (unsigned long long)soak.longest_us / 1000);
	return !alive || soak.errors;
}
