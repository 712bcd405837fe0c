// SPDX-License-Identifier: GPL-2.0-or-later
/* The supervisor: what it brings back, how often, and when it does not. */
#include "tests/unit/supervised.h"

/* --- tests -------------------------------------------------------------- */

static void started_and_stopped(void **state)
{
	struct fixture *f = *state;
	pid_t first, above;

	start(f);
	first = server(f);
	above = supervisor(f);
	assert_int_not_equal(first, above);
	start(f);
	assert_int_equal(server(f), first);
	assert_int_equal(supervisor(f), above);
	stop(f);
	assert_false(vdu__exists(f->ctx, VDU_RUN_DIR "/d/" VDU_NOTIFY_SERVER));
	assert_false(vdu__exists(f->ctx, VDU_RUN_DIR "/d/" VDU_NOTIFY_START));
	stop(f);
	start(f);
	assert_int_equal(record(f).restarts, 0);
	stop(f);
}

static void killed_comes_back(void **state)
{
	struct fixture *f = *state;
	pid_t above;

	/* Inherited by the supervisor: it must not matter there. */
	(void)signal(SIGCHLD, SIG_IGN);
	start(f);
	(void)signal(SIGCHLD, SIG_DFL);
	above = supervisor(f);
	assert_string_equal(record(f).last_exit, "");
	for (unsigned int i = 1; i <= 3; i++) {
		(void)replace(f, SIGKILL);
		assert_int_equal(record(f).restarts, i);
		assert_string_equal(record(f).last_exit, "killed by signal 9");
	}
	(void)replace(f, SIGALRM);
	assert_string_equal(record(f).last_exit, "killed by signal 14");
	assert_int_equal(supervisor(f), above);
	stop(f);
	/* The count outlives the supervisor. */
	start(f);
	assert_int_equal(record(f).restarts, 4);
	stop(f);
}

static void silent_is_replaced(void **state)
{
	struct fixture *f = *state;

	tell(f, "/sys/class/vduse/d/msg_timeout", "1\n");
	start(f);
	assert_int_equal(record(f).limit_ms, 666);
	(void)replace(f, SIGSTOP);
	assert_string_equal(record(f).last_exit,
			    "showed no sign of life: killed");
	tell(f, "/sys/class/vduse/d/msg_timeout", "0\n");
	(void)replace(f, SIGKILL);
	assert_int_equal(record(f).limit_ms, 20000);
	stop(f);
}

static void ended_as_asked_stays_ended(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(kill(server(f), SIGTERM), 0);
	WAIT_FOR(!supervisor(f));
	assert_int_equal(server(f), 0);
	assert_int_equal(record(f).restarts, 0);
}

static void first_failure_ends_it(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };

	tell(f, "/mode", "refuse");
	assert_int_equal(vdu_start(f->ctx, "d", &err), -ENOSPC);
	assert_int_equal(err.stage, VDU_STAGE_BACKEND);
	assert_string_equal(err.text, "told to refuse");
	assert_int_equal(supervisor(f), 0);
	assert_int_equal(server(f), 0);
	assert_int_equal(vdu_ctx_set_server_program(f->ctx, "/dev/null"), 0);
	assert_int_equal(vdu_start(f->ctx, "d", &err), -EIO);
	assert_int_equal(supervisor(f), 0);
}

static void later_failures_are_tried_again(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t above;

	start(f);
	above = supervisor(f);
	tell(f, "/mode", "refuse");
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(record(f).restarts >= 3);
	assert_string_equal(record(f).last_exit,
			    "could not start: told to refuse");
	/* Who asks is told why, and it goes on trying. */
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	assert_int_equal(vdu_start(f->ctx, "d", &err), -ENOSPC);
	assert_string_equal(err.text, "told to refuse");
	assert_int_equal(supervisor(f), above);
	tell(f, "/mode", "serve");
	start(f);
	assert_int_equal(supervisor(f), above);
	tell(f, "/mode", "die");
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(!strcmp(record(f).last_exit, "ended with status 3"));
	tell(f, "/mode", "serve");
	WAIT_FOR(server(f));
	stop(f);
}

static void gone_device_ends_it(void **state)
{
	struct fixture *f = *state;
	char path[100];

	start(f);
	(void)snprintf(path, sizeof(path), "%s/run/vdusectl/d/spec.json",
		       f->root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
}

static void orphan_is_adopted(void **state)
{
	struct fixture *f = *state;
	pid_t old;

	tell(f, "/sys/class/vduse/d/msg_timeout", "1\n");
	start(f);
	old = server(f);
	assert_int_equal(kill(supervisor(f), SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
	assert_int_equal(server(f), old);
	start(f);
	/* Its signs of life have found the new one: longer than the limit. */
	(void)poll(NULL, 0, 1000);
	assert_int_equal(server(f), old);
	(void)replace(f, SIGSTOP);
	assert_int_equal(record(f).restarts, 1);
	assert_int_equal(kill(supervisor(f), SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
	start(f);
	(void)replace(f, SIGKILL);
	assert_string_equal(record(f).last_exit, "ended");
	assert_int_equal(kill(supervisor(f), SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
	start(f);
	assert_int_equal(kill(server(f), SIGTERM), 0);
	WAIT_FOR(!supervisor(f));
	assert_int_equal(server(f), 0);
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

static void serving_by_hand_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(be_server(f->ctx, "d"));
	}
	WAIT_FOR(server(f) == pid);
	assert_int_equal(vdu_start(f->ctx, "d", &err), 0);
	assert_int_equal(supervisor(f), 0);
	assert_int_equal(vdu_supervise(f->ctx, "d", &err), -EBUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	WAIT_FOR(!server(f));
}

static void there_is_one_supervisor(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };

	start(f);
	assert_int_equal(vdu_supervise(f->ctx, "d", &err), -EBUSY);
	assert_non_null(strstr(err.text, "supervised already"));
	(void)replace(f, SIGKILL);
	stop(f);
	assert_int_equal(vdu_supervise(f->ctx, "none", &err), -ENOENT);
}

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

static void stopped_supervisor_can_be_ended(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(kill(supervisor(f), SIGSTOP), 0);
	stop(f);
}

static void requests_fail_when_the_time_is_up(void **state)
{
	struct fixture *f = *state;
	pid_t rescue, above;

	start(f);
	above = supervisor(f);
	set(f, "on-death=fail=0");
	tell(f, "/mode", "refuse");
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(server(f) && record(f).failing);
	rescue = server(f);
	/* One that dies is replaced, with the next try of the real one. */
	assert_int_equal(kill(rescue, SIGKILL), 0);
	WAIT_FOR(server(f) && server(f) != rescue && record(f).failing);
	/* The policy counts at once. */
	set(f, "on-death=queue");
	WAIT_FOR(!server(f) && !record(f).failing);
	set(f, "on-death=fail=0");
	WAIT_FOR(server(f) && record(f).failing);
	/* One that dies as soon as it serves is none. */
	tell(f, "/mode", "die");
	WAIT_FOR(!strcmp(record(f).last_exit, "ended with status 3") &&
		 server(f) && record(f).failing);
	/* A new supervisor knows it for what it is. */
	assert_int_equal(kill(above, SIGKILL), 0);
	WAIT_FOR(!supervisor(f));
	tell(f, "/mode", "serve");
	start(f);
	WAIT_FOR(server(f) && !record(f).failing);
	stop(f);
}

static void stop_ends_a_rescue(void **state)
{
	struct fixture *f = *state;

	start(f);
	set(f, "on-death=fail=0");
	tell(f, "/mode", "refuse");
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(server(f) && record(f).failing);
	stop(f);
}

static void settings_are_checked_before_any_counts(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "on-death=fail=7", "on-death=no" };
	static const char *const none[] = { "on-death" };
	static const char *const other[] = { "on-deat=queue" };
	struct vdu_blk_spec spec = { .size_of = sizeof(spec) };
	struct vdu_error err = { 0 };

	assert_string_equal(vdu_set_key(0), "on-death");
	assert_int_equal(vdu_set(f->ctx, "d", bad, 2, &err), -EINVAL);
	assert_int_equal(err.stage, VDU_STAGE_USAGE);
	assert_int_equal(vdu_set(f->ctx, "d", none, 1, &err), -EINVAL);
	assert_int_equal(vdu_set(f->ctx, "d", other, 1, &err), -EINVAL);
	assert_int_equal(vdu_blk_spec_load(f->ctx, "d", &spec, &err), 0);
	assert_int_equal(spec.on_death, VDU_ON_DEATH_QUEUE);
	assert_int_equal(vdu_set(f->ctx, "d", bad, 1, &err), 0);
	assert_int_equal(vdu_blk_spec_load(f->ctx, "d", &spec, &err), 0);
	assert_int_equal(spec.on_death, VDU_ON_DEATH_FAIL);
	assert_int_equal(spec.fail_seconds, 7);
	assert_int_equal(vdu_set(f->ctx, "none", bad, 1, &err), -ENOENT);
	assert_int_equal(err.stage, VDU_STAGE_LOOKUP);
}

/* What systemd hears: READY, and signs of life also while nobody serves. */
static void speaks_upstream(void **state)
{
	struct fixture *f = *state;
	struct vdu__news news;
	char path[PATH_MAX];
	unsigned int signs = 0;
	int fd = vdu__notify_listen(f->ctx, "d", "up", path, NULL);
	pid_t pid;

	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)setenv("NOTIFY_SOCKET", path, 1);
		(void)setenv("WATCHDOG_USEC", "200000", 1);
		(void)unsetenv("WATCHDOG_PID");
		_exit(vdu_supervise(f->ctx, "d", NULL) < 0);
	}
	memset(&news, 0, sizeof(news));
	WAIT_FOR(vdu__notify_take(fd, &news) && news.ready);
	assert_int_equal(news.pid, pid);
	tell(f, "/mode", "refuse");
	assert_int_equal(kill(server(f), SIGKILL), 0);
	WAIT_FOR(!server(f) && record(f).restarts >= 2);
	while (signs < 5) {
		WAIT_FOR(vdu__notify_take(fd, &news));
		assert_int_equal(news.pid, pid);
		signs += news.watchdog;
	}
	assert_int_equal(kill(pid, SIGTERM), 0);
	WAIT_FOR(vdu__notify_take(fd, &news) && news.stopping);
	WAIT_FOR(!supervisor(f));
	(void)close(fd);
}

static void record_is_read_as_written(void **state)
{
	struct fixture *f = *state;
	struct vdu__record out = {
		7, 4711, true, 333, 2, 4321, "could not start: a b"
	};
	struct vdu__record in;

	vdu__record_load(f->ctx, "d", &in);
	assert_int_equal(in.restarts, 0);
	assert_int_equal(vdu__record_save(f->ctx, "d", &out), 0);
	vdu__record_load(f->ctx, "d", &in);
	assert_int_equal(in.restarts, 7);
	assert_int_equal(in.server, 4711);
	assert_true(in.failing);
	assert_int_equal(in.limit_ms, 333);
	assert_int_equal(in.handovers, 2);
	assert_int_equal(in.pause_us, 4321);
	assert_string_equal(in.last_exit, out.last_exit);
	out.last_exit[0] = '\0';
	assert_int_equal(vdu__record_save(f->ctx, "d", &out), 0);
	assert_string_equal(record(f).last_exit, "");
	tell(f, "/run/vdusectl/d/supervisor", "restarts many\n");
	vdu__record_load(f->ctx, "d", &in);
	assert_int_equal(in.server, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		T(record_is_read_as_written),
		T(settings_are_checked_before_any_counts),
		T(started_and_stopped),
		T(killed_comes_back),
		T(silent_is_replaced),
		T(ended_as_asked_stays_ended),
		T(first_failure_ends_it),
		T(later_failures_are_tried_again),
		T(gone_device_ends_it),
		T(orphan_is_adopted),
		T(loss_of_both_is_a_crash),
		T(serving_by_hand_is_left_alone),
		T(there_is_one_supervisor),
		T(second_signal_kills),
		T(interrupted_is_not_late),
		T(start_waits_for_a_stop),
		T(stopped_supervisor_can_be_ended),
		T(requests_fail_when_the_time_is_up),
		T(stop_ends_a_rescue),
		T(speaks_upstream),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
