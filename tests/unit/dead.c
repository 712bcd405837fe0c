// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Force for dead servers only: whose server answers a Ping is not ended. The
 * server is a process that has the claim; who answers for it is a thread here.
 */
#include "tests/unit/supervised.h"

#include <pthread.h>
#include <sys/un.h>

#include "lib/bus/bus.h"

static void *answer(void *arg)
{
	static const char reply[] = "{\"parameters\":{}}";
	int listener = *(int *)arg, fd;
	char question[512];

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (recv(fd, question, sizeof(question), 0) > 0)
			(void)send(fd, reply, sizeof(reply), MSG_NOSIGNAL);
		(void)close(fd);
	}
	return NULL;
}

static int listen_at(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path),
		       "%s/run/vdusectl/d/control.sock", f->root);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* Bound, as far as anybody can see, and served. */
static void be_bound(struct fixture *f)
{
	char path[200];

	tell(f, "/sys/class/vduse/d/dev", "250:7\n");
	(void)snprintf(path, sizeof(path), "%s/sys/class/vduse/d/d/virtio0",
		       f->root);
	assert_int_equal(vdu__mkdir_p(path, 0755), 0);
	tell(f, "/sys/class/vduse/d/d/driver_override", "");
	(void)snprintf(path, sizeof(path), "%s/sys/class/vduse/d/d/driver",
		       f->root);
	assert_int_equal(symlink("../../../../bus/vdpa/drivers/virtio_vdpa",
				 path), 0);
	start(f);
}

static int take_away(struct fixture *f)
{
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	return vdu_destroy(f->ctx, "d", VDU_DESTROY_FORCE_DEAD |
			   VDU_DESTROY_KEEP_IMAGE | VDU_DESTROY_KEEP_RECORD,
			   NULL);
}

/* Nothing can be unbound in a made-up tree: the device stays in each case. */
static void one_that_answers_is_not_forced(void **state)
{
	struct fixture *f = *state;
	int listener = listen_at(f);
	pthread_t thread;
	pid_t served;

	assert_int_equal(pthread_create(&thread, NULL, answer, &listener), 0);
	be_bound(f);
	served = server(f);
	assert_true(take_away(f) < 0);
	assert_int_equal(server(f), served);
	assert_int_not_equal(supervisor(f), 0);
	assert_int_equal(shutdown(listener, SHUT_RDWR), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)close(listener);
}

static void one_that_is_stuck_is_forced(void **state)
{
	struct fixture *f = *state;
	int listener = listen_at(f);

	be_bound(f);
	assert_true(take_away(f) < 0);
	assert_int_equal(server(f), 0);
	assert_int_equal(supervisor(f), 0);
	(void)close(listener);
}

static void one_that_had_no_time_to_answer_is_not_forced(void **state)
{
	struct fixture *f = *state;
	int listener = listen_at(f);
	pid_t served;

	be_bound(f);
	served = server(f);
	vdu_ctx_set_timeout(f->ctx, 100);
	assert_int_equal(vdu_destroy(f->ctx, "d", VDU_DESTROY_FORCE_DEAD, NULL),
			 -ETIMEDOUT);
	vdu_ctx_set_timeout(f->ctx, DEADLINE_MS);
	vdu_ctx_cancel(f->ctx);
	assert_int_equal(vdu_destroy(f->ctx, "d", VDU_DESTROY_FORCE_DEAD, NULL),
			 -EINTR);
	assert_int_equal(server(f), served);
	(void)close(listener);
}

int main(int argc, char **argv)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(one_that_answers_is_not_forced),
		T(one_that_is_stuck_is_forced),
		T(one_that_had_no_time_to_answer_is_not_forced),
	};

	if (argc > 2 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
