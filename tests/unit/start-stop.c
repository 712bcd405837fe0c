// SPDX-License-Identifier: GPL-2.0-or-later
/* The supervisor: what ends it, what waits for that, and who comes after it. */
#include "tests/unit/supervised.h"

static void second_signal_kills(void **state)
{
	struct fixture *f = *state;
	pid_t above;

	tell(f, "/mode", "stubborn");
	start(f);
	above = supervisor(f);
	vdu_ctx_set_timeout(f->ctx, 200);
	assert_int_equal(vdu_stop(f->ctx, "d", NULL), -ETIMEDOUT);
	assert_int_equal(supervisor(f), above);
	assert_int_not_equal(server(f), 0);
	stop(f);
}

static void stopped_supervisor_can_be_ended(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(kill(supervisor(f), SIGSTOP), 0);
	stop(f);
}

/* Whoever was interrupted is not told that it took too long. */
static void interrupted_is_not_late(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	int lock;

	tell(f, "/mode", "drain");
	start(f);
	assert_int_equal(vdu__lock_device(f->ctx, "d", &lock, NULL), 0);
	vdu_ctx_cancel(f->ctx);
	assert_int_equal(vdu_stop(f->ctx, "d", &err), -EINTR);
	assert_string_equal(err.text, "interrupted before the device was locked");
	(void)close(lock);
	assert_int_equal(vdu_stop(f->ctx, "d", &err), -EINTR);
	assert_string_equal(err.text,
			    "interrupted before its server had stopped");
	tell(f, "/mode", "serve");
	WAIT_FOR(!supervisor(f));
}

/* Who is on its way out does not count as serving. */
static void start_waits_for_a_stop(void **state)
{
	struct fixture *f = *state;
	pid_t above, before;

	tell(f, "/mode", "drain");
	start(f);
	above = supervisor(f);
	before = server(f);
	vdu_ctx_set_timeout(f->ctx, 300);
	assert_int_equal(vdu_stop(f->ctx, "d", NULL), -ETIMEDOUT);
	vdu_ctx_set_timeout(f->ctx, 300);
	assert_int_equal(vdu_start(f->ctx, "d", NULL), -ETIMEDOUT);
	assert_int_equal(server(f), before);
	if (fork() == 0) {
		(void)poll(NULL, 0, 300);
		tell(f, "/mode", "serve");
		_exit(0);
	}
	start(f);
	assert_int_not_equal(supervisor(f), above);
	assert_int_not_equal(server(f), before);
	/* Likewise, if it was told by somebody else. */
	above = supervisor(f);
	tell(f, "/mode", "drain");
	assert_int_equal(kill(server(f), SIGTERM), 0);
	(void)poll(NULL, 0, 100);
	vdu_ctx_set_timeout(f->ctx, 300);
	assert_int_equal(vdu_start(f->ctx, "d", NULL), -ETIMEDOUT);
	tell(f, "/mode", "serve");
	start(f);
	WAIT_FOR(supervisor(f) && supervisor(f) != above);
	stop(f);
}

static void kill_both(struct fixture *f)
{
	pid_t above = supervisor(f);

	assert_int_equal(kill(above, SIGSTOP), 0);
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(!server(f));
	assert_int_equal(kill(above, SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
}

/* What systemd does: the supervisor goes on where the one before it was. */
static void loss_of_both_is_a_crash(void **state)
{
	struct fixture *f = *state;
	struct vdu__news news = { .ready = false };
	struct vdu_error err = { 0 };
	char path[PATH_MAX];
	int fd = vdu__notify_listen(f->ctx, "d", "up", path, NULL);
	pid_t pid;

	assert_true(fd >= 0);
	start(f);
	kill_both(f);
	tell(f, "/mode", "refuse");
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setenv("NOTIFY_SOCKET", path, 1);
		_exit(vdu_supervise(f->ctx, "d", NULL) < 0);
	}
	WAIT_FOR(record(f).restarts >= 2);
	assert_int_equal(supervisor(f), pid);
	WAIT_FOR(vdu__notify_take(fd, &news) && news.ready);
	tell(f, "/mode", "serve");
	WAIT_FOR(server(f));
	/* But who starts it by hand is told that it does not start. */
	WAIT_FOR(record(f).server == server(f));
	kill_both(f);
	tell(f, "/mode", "refuse");
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	assert_int_equal(vdu_start(f->ctx, "d", &err), -ENOSPC);
	assert_int_equal(supervisor(f), 0);
	(void)close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		T(second_signal_kills),
		T(stopped_supervisor_can_be_ended),
		T(interrupted_is_not_late),
		T(start_waits_for_a_stop),
		T(loss_of_both_is_a_crash),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
