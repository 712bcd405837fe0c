// SPDX-License-Identifier: GPL-2.0-or-later
/* Which silence of a data thread is a sign of life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/server/server.h"

struct fixture {
	struct vdu__server server;
	struct vdu__queue queue;
	int listener;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(addr);
	char path[sizeof(addr.sun_path)];

	assert_non_null(f);
	f->server.queues = &f->queue;
	f->server.n_queues = 1;
	f->queue.cmd_fd = eventfd(0, EFD_CLOEXEC);
	(void)pthread_mutex_init(&f->queue.lock, NULL);
	f->listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(f->listener >= 0);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path),
		       "/tmp/watchdog-%d", (int)getpid());
	(void)unlink(addr.sun_path);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&addr, len), 0);
	(void)snprintf(path, sizeof(path), "%s", addr.sun_path);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(getenv("NOTIFY_SOCKET"));
	(void)close(f->listener);
	(void)close(f->queue.cmd_fd);
	free(f);
	return 0;
}

static bool sign_of_life(const struct fixture *f)
{
	char text[64] = "";

	return recv(f->listener, text, sizeof(text) - 1, 0) > 0 &&
	       strcmp(text, "WATCHDOG=1") == 0;
}

static void test_answer(void **state)
{
	struct fixture *f = *state;

	vdu__watchdog_tick(&f->server);
	vdu__watchdog_pongs(&f->server);
	assert_false(sign_of_life(f));
	atomic_store(&f->queue.pong, f->queue.want_ping);
	vdu__watchdog_pongs(&f->server);
	assert_true(sign_of_life(f));
}

/* A thread that hangs is dead, one that the medium holds is not. */
static void test_silence(void **state)
{
	struct fixture *f = *state;

	vdu__watchdog_tick(&f->server);
	vdu__watchdog_tick(&f->server);
	assert_false(sign_of_life(f));
	atomic_store(&f->queue.paces.waiting, true);
	vdu__watchdog_tick(&f->server);
	assert_true(sign_of_life(f));
	atomic_store(&f->queue.paces.waiting, false);
	vdu__watchdog_tick(&f->server);
	assert_false(sign_of_life(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
