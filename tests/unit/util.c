// SPDX-License-Identifier: GPL-2.0-or-later
/* Watched children, undo, locks, files: what transactions stand on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/util/child.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"
#include "lib/util/undo.h"

struct fixture {
	struct vdu_ctx *ctx;
	char root[64];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&f->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(f->ctx, f->root), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	vdu_ctx_free(f->ctx);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* --- watched children -------------------------------------------------- */

static int double_it(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	int *n = data;

	(void)ctx;
	*n *= 2;
	if (*n > 100)
		return vdu__fail(err, VDU_STAGE_BIND, -ERANGE, "%d is a lot",
				 *n);
	return 7;
}

static void child_brings_back_result_data_and_error(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	int n = 21;

	assert_int_equal(vdu__in_child(f->ctx, "x", double_it, &n, sizeof(n),
				       &err), 7);
	assert_int_equal(n, 42);
	assert_int_equal(err.code, 0);
	n = 70;
	assert_int_equal(vdu__in_child(f->ctx, "x", double_it, &n, sizeof(n),
				       &err), -ERANGE);
	assert_int_equal(n, 140);
	assert_int_equal(err.stage, VDU_STAGE_BIND);
	assert_string_equal(err.text, "140 is a lot");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int hang(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	(void)ctx;
	(void)err;
	*(int *)data = 1;
	(void)pause();
	return 0;
}

static int die(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	(void)ctx;
	(void)data;
	(void)err;
	(void)raise(SIGKILL);
	return 0;
}

static void child_that_hangs_or_dies_is_left_behind(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	int n = 0;

	vdu_ctx_set_timeout(f->ctx, 50);
	assert_int_equal(vdu__in_child(f->ctx, "hanging", hang, &n, sizeof(n),
				       &err), -ETIMEDOUT);
	assert_int_equal(n, 0);
	assert_non_null(strstr(err.text, "hanging"));

	vdu_ctx_set_timeout(f->ctx, 10000);
	assert_int_equal(vdu__in_child(f->ctx, "dying", die, &n, sizeof(n),
				       &err), -EIO);

	vdu_ctx_cancel(f->ctx);
	assert_int_equal(vdu__in_child(f->ctx, "late", hang, &n, sizeof(n),
				       &err), -EINTR);
	vdu_ctx_reset_cancel(f->ctx);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int count_fds(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	int *n = data;

	(void)ctx;
	(void)err;
	for (int fd = 0; fd < 1024; fd++)
		*n += fcntl(fd, F_GETFD) >= 0;
	return 0;
}

static void child_has_no_descriptor_of_its_parent(void **state)
{
	struct fixture *f = *state;
	int open_fd = open("/dev/null", O_RDONLY), n = 0;

	assert_int_equal(vdu__in_child(f->ctx, "x", count_fds, &n, sizeof(n),
				       NULL), 0);
	/* Its way back, and the context's cancel fd. */
	assert_int_equal(n, 2);
	(void)close(open_fd);
}

static void run_gives_the_exit_status(void **state)
{
	struct fixture *f = *state;
	const char *const good[] = { "true", NULL };
	const char *const bad[] = { "sh", "-c", "exit 42", NULL };
	const char *const killed[] = { "sh", "-c", "kill -9 $$", NULL };
	const char *const none[] = { "/nonexistent/program", NULL };
	const char *const slow[] = { "sleep", "100", NULL };

	assert_int_equal(vdu__run(f->ctx, good), 0);
	assert_int_equal(vdu__run(f->ctx, bad), 42);
	assert_int_equal(vdu__run(f->ctx, killed), 137);
	assert_int_equal(vdu__run(f->ctx, none), 127);
	vdu_ctx_set_timeout(f->ctx, 50);
	assert_int_equal(vdu__run(f->ctx, slow), -ETIMEDOUT);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* --- undo -------------------------------------------------------------- */

static void note(struct vdu_ctx *ctx, void *arg)
{
	char *text = *(char **)arg;

	/* Undoing has time of its own and is not cancelled. */
	vdu_ctx_cancel(ctx);
	assert_int_equal(vdu__check_cancel(ctx, "x", NULL), 0);
	assert_int_equal(vdu__wait_fd(ctx, -1, 0, 1), 0);
	assert_true(vdu__remaining_ms(ctx, -1) > 0);
	text[strlen(text)] = ((char *)arg)[sizeof(char *)];
}

struct step {
	char *text;
	char letter;
};

static void undo_runs_newest_first_even_when_cancelled(void **state)
{
	struct fixture *f = *state;
	char text[8] = "";
	struct step a = { text, 'a' }, b = { text, 'b' };
	struct vdu__undo undo = { .ctx = f->ctx };

	vdu__undo_push(&undo, note, &a);
	vdu__undo_push(&undo, note, &b);
	vdu_ctx_set_timeout(f->ctx, 1);
	vdu_ctx_cancel(f->ctx);
	vdu__undo_run(&undo);
	assert_string_equal(text, "ba");
	assert_true(vdu_ctx_cancelled(f->ctx));
	vdu__undo_run(&undo);
	assert_string_equal(text, "ba");
	vdu__undo_push(&undo, note, &a);
	vdu__undo_disarm(&undo);
	vdu__undo_run(&undo);
	assert_string_equal(text, "ba");
}

/* --- locks ------------------------------------------------------------- */

static void make_device_dir(struct fixture *f, const char *name)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/%s", f->root,
		       name);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	(void)strcat(path, "/lock");
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
}

static int try_lock(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	int fd = -1;

	(void)data;
	vdu_ctx_set_timeout(ctx, 30);
	return vdu__lock_device(ctx, "d", &fd, err);
}

static int who_serves(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	int fd = -1;

	*(pid_t *)data = vdu__server_pid(ctx, "d");
	return vdu__claim_server(ctx, "d", &fd, err);
}

static void locks_exclude_other_processes(void **state)
{
	struct fixture *f = *state;
	struct vdu_error err = { 0 };
	int lock = -1, claim = -1;
	pid_t pid = -1;

	assert_int_equal(vdu__lock_device(f->ctx, "d", &lock, &err), -ENOENT);
	assert_int_equal(vdu__lock_device(f->ctx, "..", &lock, &err), -ENOENT);
	make_device_dir(f, "d");
	assert_int_equal(vdu__lock_device(f->ctx, "d", &lock, &err), 0);
	assert_int_equal(vdu__in_child(f->ctx, "x", try_lock, &pid,
				       sizeof(pid), &err), -ETIMEDOUT);
	(void)close(lock);
	assert_int_equal(vdu__in_child(f->ctx, "x", try_lock, &pid,
				       sizeof(pid), &err), 0);

	assert_int_equal(vdu__claim_server(f->ctx, "d", &claim, &err), 0);
	assert_int_equal(vdu__in_child(f->ctx, "x", who_serves, &pid,
				       sizeof(pid), &err), -EBUSY);
	assert_int_equal(pid, getpid());
	(void)close(claim);
	assert_int_equal(vdu__in_child(f->ctx, "x", who_serves, &pid,
				       sizeof(pid), &err), 0);
	assert_int_equal(pid, 0);
}

/* --- files ------------------------------------------------------------- */

static void files_are_replaced_at_once(void **state)
{
	struct fixture *f = *state;
	char path[100], buf[16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/f", f->root);
	assert_int_equal(vdu__replace_file(path, "one\n", 4), 0);
	assert_int_equal(vdu__replace_file(path, "two\n", 4), 0);
	assert_int_equal(vdu__read_file(path, buf, sizeof(buf)), 3);
	assert_string_equal(buf, "two");
	assert_int_equal(vdu__read_file(path, buf, 4), -EFBIG);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(vdu__remove_dir(f->root), 0);
	assert_int_equal(access(f->root, F_OK), -1);
	assert_int_equal(mkdir(f->root, 0700), 0);
	assert_int_equal(vdu__replace_file("/nonexistent/x", "", 0), -ENOENT);
	assert_false(vdu__is_component(".."));
	assert_false(vdu__is_component(""));
	assert_false(vdu__is_component("a/b"));
	assert_true(vdu__is_component("a!b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
		T(child_brings_back_result_data_and_error),
		T(child_that_hangs_or_dies_is_left_behind),
		T(child_has_no_descriptor_of_its_parent),
		T(run_gives_the_exit_status),
		T(undo_runs_newest_first_even_when_cancelled),
		T(locks_exclude_other_processes),
		T(files_are_replaced_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
