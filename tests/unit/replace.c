// SPDX-License-Identifier: GPL-2.0-or-later
/* The supervisor: a new server in the place of the one that runs. */
#include "tests/unit/supervised.h"

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
	assert_int_equal(restart(f, &err), 0);
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
		T(orphan_gets_a_supervisor_first),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
