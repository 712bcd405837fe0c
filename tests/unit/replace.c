// SPDX-License-Identifier: GPL-2.0-or-later
/* The supervisor: a new server in the place of the one that runs. */
#include "tests/unit/supervised.h"

#include <sys/un.h>

static int restart(struct fixture *f, struct vdu_error *err)
{
	uint64_t pause_us = 1;
	int r;

	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	r = vdu_restart(f->ctx, "d", &pause_us, err);
	assert_int_equal(pause_us, r == 0 && record(f).handovers ? PAUSE_US : 0);
	return r;
}

static void replaced_and_supervised(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t above, before;

	start(f);
	above = supervisor(f);
	for (unsigned int i = 1; i <= 3; i++) {
		before = server(f);
		if (restart(f, &err) < 0)
			fail_msg("restart: %s", err.text);
		assert_int_not_equal(server(f), before);
		assert_int_equal(record(f).server, server(f));
		assert_int_equal(record(f).handovers, i);
		assert_int_equal(supervisor(f), above);
	}
	assert_int_equal(record(f).restarts, 0);
	/* By the supervisor that has replaced itself, too. */
	(void)replace(f, SIGKILL);
	assert_int_equal(record(f).restarts, 1);
	assert_int_equal(record(f).handovers, 3);
	stop(f);
}

static void failure_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t above, before;
	int r;

	start(f);
	above = supervisor(f);
	before = server(f);
	tell(f, "/mode", "refuse");
	assert_int_equal(restart(f, &err), -ENOSPC);
	assert_string_equal(err.text, "told to refuse");
	assert_int_equal(server(f), before);
	assert_int_equal(supervisor(f), above);
	assert_int_equal(record(f).handovers, 0);
	tell(f, "/mode", "serve");
	/* It still shows life and is still seen to die. */
	(void)replace(f, SIGKILL);
	/* Its supervisor may not have heard yet that the new one is ready. */
	WAIT_FOR((r = restart(f, &err)) != -EAGAIN);
	assert_int_equal(r, 0);
	stop(f);
}

static void death_of_the_successor_is_a_crash(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t before;

	start(f);
	before = server(f);
	tell(f, "/mode", "die");
	assert_true(restart(f, &err) < 0);
	tell(f, "/mode", "serve");
	WAIT_FOR(server(f) && server(f) != before &&
		 record(f).server == server(f));
	assert_true(record(f).restarts >= 1);
	assert_int_equal(record(f).handovers, 0);
	stop(f);
}

/* While the supervisor becomes another program, which does not see that. */
static void death_amid_the_renewal_is_a_crash(void **state)
{
	struct fixture *f = *state;
	char command[100];
	pid_t above;

	start(f);
	set(f, "on-death=fail=0");
	above = supervisor(f);
	tell(f, "/mode", "crash");
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	(void)vdu_restart(f->ctx, "d", &(uint64_t){ 0 }, NULL);
	WAIT_FOR(server(f) && record(f).failing);
	assert_int_equal(supervisor(f), above);
	assert_int_equal(record(f).handovers, 1);
	assert_true(record(f).restarts >= 1);
	assert_string_equal(record(f).last_exit,
			    "could not start: told to refuse");
	/* No child of its is a zombie. */
	(void)snprintf(command, sizeof(command),
		       "! grep -qs ') Z %d ' /proc/[0-9]*/stat", above);
	assert_int_equal(system(command), 0);
	tell(f, "/mode", "serve");
	start(f);
	WAIT_FOR(server(f) && !record(f).failing);
	stop(f);
}

static void death_of_the_old_one_is_a_crash(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t before;

	start(f);
	before = server(f);
	/* It cannot hand over; its successor cannot claim. */
	assert_int_equal(kill(before, SIGSTOP), 0);
	vdu_ctx_set_timeout(f->ctx, 300);
	assert_int_equal(vdu_restart(f->ctx, "d", &(uint64_t){ 0 }, &err),
			 -ETIMEDOUT);
	assert_int_equal(kill(before, SIGKILL), 0);
	WAIT_FOR(server(f) && server(f) != before &&
		 record(f).server == server(f));
	stop(f);
}

/* Neither is brought back, and the one that drains is waited for. */
static void stop_ends_both(void **state)
{
	struct fixture *f = *state;
	pid_t above, before;

	tell(f, "/mode", "drain");
	start(f);
	above = supervisor(f);
	before = server(f);
	vdu_ctx_set_timeout(f->ctx, 300);
	assert_int_equal(vdu_restart(f->ctx, "d", &(uint64_t){ 0 }, NULL),
			 -ETIMEDOUT);
	vdu_ctx_set_timeout(f->ctx, 500);
	assert_int_equal(vdu_stop(f->ctx, "d", NULL), -ETIMEDOUT);
	assert_int_equal(supervisor(f), above);
	assert_int_equal(server(f), before);
	tell(f, "/mode", "serve");
	WAIT_FOR(!supervisor(f));
	assert_int_equal(server(f), 0);
	assert_int_equal(record(f).restarts, 0);
	assert_int_equal(record(f).handovers, 0);
}

static void nobody_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };

	assert_int_equal(restart(f, &err), 0);
	assert_int_equal(record(f).handovers, 0);
	assert_int_not_equal(server(f), 0);
	stop(f);
	assert_int_equal(vdu_restart(f->ctx, "none", &(uint64_t){ 0 }, &err),
			 -ENOENT);
	tell(f, "/run/vdusectl/d/broken", "");
	assert_int_equal(vdu_restart(f->ctx, "d", &(uint64_t){ 0 }, &err),
			 -EPERM);
}

/* A server that never gives its memory away: it listens, and that is all. */
static int deaf_memory(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct vdu__spec_file file;

	assert_int_equal(vdu__spec_load(f->ctx, "d", &file, NULL), 0);
	(void)snprintf(file.spec.backend, sizeof(file.spec.backend), "memory");
	assert_int_equal(vdu__spec_save(f->ctx, &file, NULL), 0);
	assert_int_equal(vdu__path(f->ctx, addr.sun_path, sizeof(addr.sun_path),
				   VDU_RUN_DIR "/d/control.sock"), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 100), 0);
	return fd;
}

static void memory_is_not_waited_for_long(void **state)
{
	struct fixture *f = *state;
	int fd = deaf_memory(f);
	pid_t above, before;

	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS / 2);
	assert_int_equal(vdu_start(f->ctx, "d", NULL), 0);
	above = supervisor(f);
	before = server(f);
	/* A supervisor that dies while it waits for that loses no server. */
	if (fork() == 0) {
		while (!server(f) || server(f) == before)
			(void)poll(NULL, 0, 5);
		(void)poll(NULL, 0, 500);
		_exit(kill(above, SIGKILL));
	}
	assert_int_equal(vdu_restart(f->ctx, "d", &(uint64_t){ 0 }, NULL), -EIO);
	WAIT_FOR(!supervisor(f));
	before = server(f);
	start(f);
	assert_int_equal(server(f), before);
	assert_int_equal(record(f).handovers, 1);
	stop(f);
	(void)close(fd);
}

static void orphan_gets_a_supervisor_first(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t before;

	start(f);
	before = server(f);
	assert_int_equal(kill(supervisor(f), SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
	assert_int_equal(restart(f, &err), 0);
	assert_int_not_equal(server(f), before);
	assert_int_not_equal(supervisor(f), 0);
	assert_int_equal(record(f).handovers, 1);
	stop(f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		T(replaced_and_supervised),
		T(failure_changes_nothing),
		T(death_of_the_successor_is_a_crash),
		T(death_amid_the_renewal_is_a_crash),
		T(death_of_the_old_one_is_a_crash),
		T(stop_ends_both),
		T(nobody_is_replaced),
		T(memory_is_not_waited_for_long),
		T(orphan_gets_a_supervisor_first),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
