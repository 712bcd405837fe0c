// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device in a made-up tree, and servers of it that do as the file /mode there
 * says: the test program is also what its supervisors run,
 * `PROGRAM serve [--supervise|--rescue|--take-over] NAME`. These servers hand over
 * at SIGHUP.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <vduse/manage.h>

#include "lib/kernel/spec-file.h"
#include "lib/server/client.h"
#include "lib/server/launch.h"
#include "lib/server/news.h"
#include "lib/server/notify.h"
#include "lib/server/record.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

#define DEADLINE_MS 20000
#define ROOT_VARIABLE "VDUSECTL_ROOT"

/* --- the servers -------------------------------------------------------- */

static volatile sig_atomic_t ended, handed_over;

static inline void on_term(int number)
{
	(void)number;
	ended = 1;
}

static inline void on_hup(int number)
{
	handed_over = 1;
	on_term(number);
}

static inline bool told(struct vdu_ctx *ctx, const char *word)
{
	char mode[32] = "";

	return vdu__read_at(ctx, mode, sizeof(mode), "/mode") >= 0 &&
	       !strcmp(mode, word);
}

static inline int refuse(void)
{
	struct vdu_error err;

	(void)vdu__fail(&err, VDU_STAGE_BACKEND, -ENOSPC, "told to refuse");
	vdu__notify_failed(&err);
	return 1;
}

/* Signs of life until it is to end, and then has nothing more to flush. */
static inline void live(struct vdu_ctx *ctx)
{
	uint64_t every_ms = vdu__notify_watchdog_ns() / 2000000;

	(void)signal(SIGHUP, on_hup);
	while (!ended) {
		(void)poll(NULL, 0, every_ms ? (int)every_ms : -1);
		vdu__notify_watchdog();
	}
	if (handed_over)
		vdu__notify_handed_over();
	else
		vdu__notify_stopping();
	while (told(ctx, "drain"))
		(void)poll(NULL, 0, 5);
}

static inline int be_server(struct vdu_ctx *ctx, const char *name)
{
	int fd;

	if (told(ctx, "refuse") || told(ctx, "crash"))
		return refuse();
	(void)signal(SIGTERM, told(ctx, "stubborn") ? SIG_IGN : on_term);
	if (vdu__claim_server(ctx, name, &fd, NULL) < 0)
		return 2;
	vdu__notify_ready();
	if (told(ctx, "die"))
		return 3;
	live(ctx);
	return 0;
}

#define PAUSE_US 1234

static inline int be_successor(struct vdu_ctx *ctx, const char *name)
{
	pid_t before = vdu__server_pid(ctx, name);
	int fd;

	if (told(ctx, "refuse"))
		return refuse();
	(void)signal(SIGTERM, on_term);
	/* What the one before it has in flight never ends. */
	while (told(ctx, "drain") && !ended)
		(void)poll(NULL, 0, 5);
	if (ended || !before || kill(before, SIGHUP) < 0)
		return 2;
	if (told(ctx, "die"))
		return 3;
	while (vdu__claim_server(ctx, name, &fd, NULL) < 0)
		(void)poll(NULL, 0, 5);
	vdu__notify_ready_after(PAUSE_US);
	if (told(ctx, "crash"))
		(void)raise(SIGKILL);
	live(ctx);
	return 0;
}

static inline int be_rescue(struct vdu_ctx *ctx, const char *name)
{
	int fd;

	(void)signal(SIGTERM, on_term);
	if (told(ctx, "refuse-all"))
		return refuse();
	if (vdu__claim_server(ctx, name, &fd, NULL) < 0)
		return 2;
	vdu__notify_ready();
	while (!ended)
		(void)poll(NULL, 0, 100);
	return 0;
}

static inline int serve(int argc, char **argv)
{
	const char *name = argv[argc - 1];
	struct vdu_ctx *ctx;
	int r;

	if (vdu_ctx_new(&ctx) < 0 ||
	    vdu_ctx_set_root(ctx, getenv(ROOT_VARIABLE)) < 0)
		return 4;
	if (!strcmp(argv[2], "--supervise"))
		r = vdu_supervise(ctx, name, NULL) < 0;
	else if (!strcmp(argv[2], "--take-over"))
		r = be_successor(ctx, name);
	else if (!strcmp(argv[2], "--rescue"))
		r = be_rescue(ctx, name);
	else
		r = be_server(ctx, name);
	vdu_ctx_free(ctx);
	return r;
}

/* --- around ------------------------------------------------------------- */

struct fixture {
	struct vdu_ctx *ctx;
	char root[64];
};

static inline void tell(struct fixture *f, const char *path, const char *text)
{
	char whole[PATH_MAX];

	(void)snprintf(whole, sizeof(whole), "%s%s", f->root, path);
	assert_int_equal(vdu__replace_file(whole, text, strlen(text)), 0);
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vdu__spec_file file = {
		.spec = {
			.size_of = sizeof(file.spec), .name = "d",
			.size_bytes = 1 << 20, .backend = "null",
			.n_queues = 1, .queue_size = 4, .block_size = 512,
		},
	};
	char path[100];

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&f->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(f->ctx, f->root), 0);
	assert_int_equal(setenv(ROOT_VARIABLE, f->root, 1), 0);
	(void)snprintf(path, sizeof(path), "%s/run/vdusectl/d", f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/sys/class/vduse/d", f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	tell(f, "/run/vdusectl/d/lock", "");
	tell(f, "/sys/class/vduse/d/msg_timeout", "30\n");
	tell(f, "/mode", "serve");
	assert_int_equal(vdu__spec_save(f->ctx, &file, NULL), 0);
	*state = f;
	return 0;
}

/* Whoever a failed test has left is killed. */
static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	pid_t pids[] = { vdu__supervisor_pid(f->ctx, "d"),
			 vdu__server_pid(f->ctx, "d") };
	char command[100];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		if (pids[i])
			(void)kill(pids[i], SIGKILL);
	vdu_ctx_free(f->ctx);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static inline pid_t server(struct fixture *f)
{
	return vdu__server_pid(f->ctx, "d");
}

static inline pid_t supervisor(struct fixture *f)
{
	return vdu__supervisor_pid(f->ctx, "d");
}

static inline struct vdu__record record(struct fixture *f)
{
	struct vdu__record ret;

	vdu__record_load(f->ctx, "d", &ret);
	return ret;
}

#define WAIT_FOR(condition) do { \
	uint64_t end_ = vdu__now_ns() + DEADLINE_MS * UINT64_C(1000000); \
	while (!(condition)) { \
		if (vdu__now_ns() > end_) \
			fail_msg("never came: %s", #condition); \
		(void)poll(NULL, 0, 5); \
		while (waitpid(-1, NULL, WNOHANG) > 0) \
			; \
	} \
} while (0)

static inline void start(struct fixture *f)
{
	struct vdu_error err = { 0 };

	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	if (vdu_start(f->ctx, "d", &err) < 0)
		fail_msg("start: %s", err.text);
	assert_int_not_equal(server(f), 0);
	assert_int_not_equal(supervisor(f), 0);
}

static inline void stop(struct fixture *f)
{
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	assert_int_equal(vdu_stop(f->ctx, "d", NULL), 0);
	assert_int_equal(supervisor(f), 0);
	assert_int_equal(server(f), 0);
}

/* Kill the server, or stop it; the pid of the one that comes instead. */
static inline pid_t replace(struct fixture *f, int number)
{
	pid_t old = server(f);

	assert_int_equal(kill(old, number), 0);
	WAIT_FOR(server(f) && server(f) != old && !record(f).failing &&
		 record(f).server == server(f));
	return server(f);
}

static inline void set(struct fixture *f, const char *text)
{
	assert_int_equal(vdu_set(f->ctx, "d", &text, 1, NULL), 0);
}
