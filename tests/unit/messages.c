// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control thread's answers to status messages that no kernel sends in
 * order: a socket stands for the device, whose ioctls all fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/virtio_config.h>

#include "tests/unit/fixture.h"

#define RUNNING (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
		 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static int set_up(void **state)
{
	*state = new_fixture();
	return 0;
}

/* The server's answer to a status: its result. */
static uint32_t send_status(struct fixture *f, uint8_t status)
{
	struct vduse_dev_request request = {
		.type = VDUSE_SET_STATUS, .request_id = 7, .s.status = status,
	};
	struct vduse_dev_response response;

	assert_int_equal(write(f->kernel, &request, sizeof(request)),
			 sizeof(request));
	vdu__server_message(&f->server);
	assert_int_equal(read(f->kernel, &response, sizeof(response)),
			 sizeof(response));
	assert_int_equal(response.request_id, 7);
	return response.result;
}

static void run_as_if_resumed(struct fixture *f)
{
	f->server.status = RUNNING;
	f->server.driver_features = 1;
	f->started.running = true;
	f->started.num = 16;
	vdu__inflight_driver(f->server.inflight, 1);
	atomic_store(vdu__inflight_lost(f->server.inflight), EIO);
}

static void assert_forgotten(const struct fixture *f)
{
	assert_false(f->started.running);
	assert_int_equal(f->started.num, 0);
	assert_int_equal(f->server.driver_features, 0);
	assert_int_equal(vdu__counted(&f->server.resets), 1);
	assert_int_equal(atomic_load(vdu__inflight_lost(f->server.inflight)),
			 0);
}

static void a_reset_forgets_the_driver(void **state)
{
	struct fixture *f = *state;

	run_as_if_resumed(f);
	assert_int_equal(send_status(f, 0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(f->server.status, 0);
	assert_forgotten(f);
}

static void a_driver_that_begins_again_has_been_reset(void **state)
{
	struct fixture *f = *state;

	run_as_if_resumed(f);
	assert_int_equal(send_status(f, VIRTIO_CONFIG_S_ACKNOWLEDGE),
			 VDUSE_REQ_RESULT_OK);
	assert_int_equal(f->server.status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	assert_forgotten(f);
	/* One that fails has not. */
	run_as_if_resumed(f);
	assert_int_equal(send_status(f, RUNNING | VIRTIO_CONFIG_S_FAILED),
			 VDUSE_REQ_RESULT_OK);
	assert_true(f->started.running);
}

/* Its queue has a request in flight; then the successor hangs up. */
static void a_handover_that_nobody_waits_for_is_none(void **state)
{
	struct fixture *f = *state;
	struct vdu__connection *conn = &f->server.connections[3];

	run_as_if_resumed(f);
	f->queue.idle = false;
	f->queue.cmd_fd = -1;
	conn->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	vdu__handover_ask(&f->server, conn);
	vdu__handover_go(&f->server);
	assert_int_equal(f->server.then, VDU_THEN_HAND_OVER);
	vdu__socket_close(conn);
	vdu__handover_go(&f->server);
	assert_int_equal(f->server.then, VDU_THEN_NOTHING);
	/* It will go on, but it is not idle yet. */
	assert_false(f->started.running);
	vdu__server_news(&f->server);
	assert_true(atomic_load(&f->queue.kicked_idle));
	f->queue.idle = true;
	vdu__server_news(&f->server);
	assert_false(atomic_load(&f->queue.kicked_idle));
	/* Who is about to end does not begin anew. */
	conn->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	f->queue.idle = false;
	vdu__handover_ask(&f->server, conn);
	vdu__server_leave(&f->server);
	vdu__socket_close(conn);
	vdu__handover_go(&f->server);
	assert_int_equal(f->server.then, VDU_THEN_LEAVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reset_forgets_the_driver,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_driver_that_begins_again_has_been_reset, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_handover_that_nobody_waits_for_is_none, set_up,
			tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
