// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When a write is done, by what administrator and driver say; what a driver may
 * write; and the messages that our module adds. The kernel's answers come from
 * the test, and data threads do what they are told when the test says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "tests/unit/fixture.h"

#define BIT(n) (UINT64_C(1) << (n))
#define PLAIN BIT(VIRTIO_F_VERSION_1)
#define FLUSH BIT(VIRTIO_BLK_F_FLUSH)
#define WCE BIT(VIRTIO_BLK_F_CONFIG_WCE)
#define RUNNING 0xf

static struct {
	uint64_t features;
	uint8_t wce;
	unsigned int writes, interrupts;
	int answer_error;	/* of write(2) on the device */
} kernel;

static struct {
	bool obeys;		/* at once, or when the test says so */
	unsigned int starts;
} thread;

static struct fixture *current;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct vduse_ext_config *config;
	va_list args;
	void *arg;

	assert_int_equal(fd, current->server.device_fd);
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case VDUSE_DEV_GET_FEATURES:
		*(uint64_t *)arg = kernel.features;
		return 0;
	case VDUSE_EXT_SET_CONFIG:
		config = arg;
		assert_int_equal(config->offset, VDU_BLK_CONFIG_WCE);
		assert_int_equal(config->length, 1);
		kernel.wce = *(uint8_t *)(uintptr_t)config->buffer;
		kernel.writes++;
		kernel.interrupts += config->flags == VDUSE_EXT_INTERRUPT;
		return 0;
	default:
		errno = ENOTTY;
		return -1;
	}
}

ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	if (fd != current->server.device_fd || !kernel.answer_error)
		return __real_write(fd, buf, n);
	errno = kernel.answer_error;
	return -1;
}

void __wrap_vdu__queue_start(struct vdu__queue *queue,
			     const struct vdu__queue_setup *setup);
void __wrap_vdu__queue_start(struct vdu__queue *queue,
			     const struct vdu__queue_setup *setup)
{
	(void)setup;
	thread.starts++;
	atomic_store(&queue->idle, false);
}

static void obey(struct fixture *f)
{
	atomic_store(&f->queue.mode_done, f->queue.mode_seq);
}

void __wrap_vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
				unsigned int seq);
void __wrap_vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
				unsigned int seq)
{
	queue->want_through = write_through;
	queue->mode_seq = seq;
	if (thread.obeys)
		obey(current);
}

static void make_spec(struct vdu__server *server)
{
	server->file.spec = (struct vdu_blk_spec){
		.size_of = sizeof(server->file.spec), .name = "d",
		.size_bytes = 1 << 20, .n_queues = 1, .queue_size = 16,
		.block_size = 512, .writeback_control = 1,
	};
	server->features = vdu__blk_features(&server->file.spec,
					     &server->file.abilities);
	vdu__blk_config(&server->file.spec, &server->file.abilities,
			server->config);
}

static int set_up(void **state)
{
	struct fixture *f = new_fixture();
	struct vdu__server *server = &f->server;

	make_spec(server);
	memset(&kernel, 0, sizeof(kernel));
	memset(&thread, 0, sizeof(thread));
	kernel.features = PLAIN | FLUSH | WCE;
	kernel.wce = server->config[VDU_BLK_CONFIG_WCE];
	thread.obeys = true;
	current = f;
	*state = f;
	return 0;
}

/* --- the kernel's part ---------------------------------------------------- */

#define NOT_YET (-1)

/* What was answered, or NOT_YET. */
static int answer(struct fixture *f)
{
	struct vduse_dev_response response;
	ssize_t n = read(f->kernel, &response, sizeof(response));

	if (n < 0)
		return NOT_YET;
	assert_int_equal(n, sizeof(response));
	assert_int_equal(response.request_id, 7);
	return (int)response.result;
}

static int ask(struct fixture *f, struct vduse_dev_request *request)
{
	request->request_id = 7;
	assert_int_equal(write(f->kernel, request, sizeof(*request)),
			 sizeof(*request));
	vdu__server_message(&f->server);
	return answer(f);
}

static int ask_type(struct fixture *f, uint32_t type)
{
	struct vduse_dev_request request = { .type = type };

	return ask(f, &request);
}

static int set_status(struct fixture *f, uint8_t status)
{
	struct vduse_dev_request request = {
		.type = VDUSE_SET_STATUS, .s.status = status,
	};

	return ask(f, &request);
}

static int write_config(struct fixture *f, uint32_t offset, uint32_t length,
			uint8_t value)
{
	struct vduse_dev_request request = {
		.type = VDUSE_EXT_MSG_CONFIG_WRITE,
	};
	struct vduse_ext_config_write body = {
		.offset = offset, .length = length, .data = { value },
	};

	memcpy(request.padding, &body, sizeof(body));
	/* It stands there already. */
	if (offset == VDU_BLK_CONFIG_WCE)
		kernel.wce = value;
	return ask(f, &request);
}

static int write_wce(struct fixture *f, uint8_t value)
{
	return write_config(f, VDU_BLK_CONFIG_WCE, 1, value);
}

static void begin(struct fixture *f, uint64_t features)
{
	kernel.features = features;
	assert_int_equal(set_status(f, 0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(f, 0xb), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(f, RUNNING), VDUSE_REQ_RESULT_OK);
}

static void assert_mode(struct fixture *f, bool through, uint8_t wce)
{
	assert_int_equal(f->queue.want_through, through);
	assert_int_equal(f->server.cache.through, through);
	assert_int_equal(f->server.config[VDU_BLK_CONFIG_WCE], wce);
	assert_int_equal(kernel.wce, wce);
}

/* --- tests ---------------------------------------------------------------- */

static void who_cannot_flush_gets_write_through(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH);
	assert_mode(f, false, 1);
	begin(f, PLAIN);
	assert_mode(f, true, 1);
	/* And is told so, if it can read it. */
	begin(f, PLAIN | WCE);
	assert_mode(f, true, 0);
	assert_int_equal(write_wce(f, 1), VDUSE_REQ_RESULT_FAILED);
	assert_mode(f, true, 0);
	begin(f, PLAIN | FLUSH | WCE);
	assert_mode(f, false, 1);
}

static void the_driver_chooses(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	assert_mode(f, false, 1);
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_OK);
	assert_mode(f, true, 0);
	assert_int_equal(write_wce(f, 1), VDUSE_REQ_RESULT_OK);
	assert_mode(f, false, 1);
	/* For itself, not for the next one. */
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(f, 0), VDUSE_REQ_RESULT_OK);
	assert_mode(f, false, 1);
	assert_int_equal(kernel.interrupts, 0);
}

static void the_answer_waits_for_the_flush(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	thread.obeys = false;
	assert_int_equal(write_wce(f, 0), NOT_YET);
	vdu__server_news(&f->server);
	assert_int_equal(answer(f), NOT_YET);
	/* Queues that become ready meanwhile do begin. */
	assert_true(vdu__server_may_start(&f->server));
	obey(f);
	vdu__server_news(&f->server);
	assert_int_equal(answer(f), VDUSE_REQ_RESULT_OK);
	assert_mode(f, true, 0);
}

static void what_cannot_be_flushed_is_not_safe(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	thread.obeys = false;
	assert_int_equal(write_wce(f, 0), NOT_YET);
	atomic_store(&f->queue.mode_result, -EIO);
	obey(f);
	vdu__server_news(&f->server);
	assert_int_equal(answer(f), VDUSE_REQ_RESULT_FAILED);
	assert_mode(f, false, 1);
	/* The kernel tells it once; it stays so until the driver begins anew. */
	thread.obeys = true;
	atomic_store(&f->queue.mode_result, 0);
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_FAILED);
	begin(f, PLAIN | FLUSH | WCE);
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_OK);
}

static void other_writes_are_refused(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	assert_int_equal(write_wce(f, 2), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(write_wce(f, 0xff), VDUSE_REQ_RESULT_FAILED);
	assert_mode(f, false, 1);
	assert_int_equal(write_config(f, VDU_BLK_CONFIG_WCE - 1, 1, 0),
			 VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(write_config(f, VDU_BLK_CONFIG_WCE + 1, 1, 0),
			 VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(write_config(f, 0, 0, 0), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(write_config(f, UINT32_MAX, UINT32_MAX, 0),
			 VDUSE_REQ_RESULT_FAILED);
	for (uint32_t length = 0; length < 4; length++)
		if (length != 1)
			assert_int_equal(write_config(f, VDU_BLK_CONFIG_WCE,
						      length, 1),
					 VDUSE_REQ_RESULT_FAILED);
	/* Who has not accepted the feature may not either. */
	begin(f, PLAIN | FLUSH);
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_FAILED);
	assert_mode(f, false, 1);
	/* Nor on a device that does not offer it. */
	f->server.file.spec.writeback_control = 0;
	f->server.driver_features |= WCE;
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_FAILED);
	assert_false(f->queue.want_through);
}

static void the_administrator_chooses(void **state)
{
	struct fixture *f = *state;

	f->server.file.spec.writeback_control = 0;
	begin(f, PLAIN | FLUSH);
	vdu__cache_set(&f->server, VDU_CACHE_WRITETHROUGH);
	assert_true(f->queue.want_through);
	/* Who flushes anyway loses nothing by the way back. */
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_false(f->queue.want_through);
	/* Whatever it is, the kernel's bytes are not touched. */
	assert_int_equal(kernel.writes, 0);
	/* It lasts. */
	vdu__cache_set(&f->server, VDU_CACHE_WRITETHROUGH);
	begin(f, PLAIN | FLUSH);
	assert_true(f->queue.want_through);
	/* Who cannot flush is not to lose anything, whoever wants it. */
	begin(f, PLAIN);
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_true(f->queue.want_through);
}

static void a_driver_that_believes_it_is_not_deceived(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	vdu__cache_set(&f->server, VDU_CACHE_WRITETHROUGH);
	assert_mode(f, true, 0);
	assert_int_equal(kernel.interrupts, 1);
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_mode(f, true, 0);
	/* Until it asks for it itself, */
	assert_int_equal(write_wce(f, 1), VDUSE_REQ_RESULT_OK);
	assert_mode(f, false, 1);
	/* or is reset. */
	vdu__cache_set(&f->server, VDU_CACHE_WRITETHROUGH);
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_mode(f, true, 0);
	begin(f, PLAIN | FLUSH | WCE);
	assert_mode(f, false, 1);
	/* One that has not accepted it reads nothing there. */
	begin(f, PLAIN | FLUSH);
	vdu__cache_set(&f->server, VDU_CACHE_WRITETHROUGH);
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_mode(f, false, 1);
}

static void write_through_by_both_ends_with_both(void **state)
{
	struct fixture *f = *state;

	f->server.file.spec.cache = VDU_CACHE_WRITETHROUGH;
	begin(f, PLAIN | FLUSH | WCE);
	assert_mode(f, true, 0);
	/* The driver flushes from now on; the administrator does not rely on it. */
	assert_int_equal(write_wce(f, 1), VDUSE_REQ_RESULT_OK);
	assert_mode(f, true, 1);
	vdu__cache_set(&f->server, VDU_CACHE_WRITEBACK);
	assert_mode(f, false, 1);
}

static void suspended_queues_stand_still(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	f->queue.idle = false;
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_SUSPEND), NOT_YET);
	f->queue.idle = true;
	vdu__server_news(&f->server);
	assert_int_equal(answer(f), VDUSE_REQ_RESULT_OK);
	assert_true(f->server.suspended);
	assert_true(vdu__inflight_suspended(f->server.inflight));
	assert_false(vdu__server_may_start(&f->server));
	/* Its cache mode can change all the same. */
	assert_int_equal(write_wce(f, 0), VDUSE_REQ_RESULT_OK);
	assert_true(f->queue.want_through);
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_RESUME),
			 VDUSE_REQ_RESULT_OK);
	assert_true(vdu__server_may_start(&f->server));
	assert_false(vdu__inflight_suspended(f->server.inflight));
	/* Twice is once; a reset ends it, too. */
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_RESUME),
			 VDUSE_REQ_RESULT_OK);
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_SUSPEND),
			 VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(f, 0), VDUSE_REQ_RESULT_OK);
	assert_false(f->server.suspended);
	assert_false(vdu__inflight_suspended(f->server.inflight));
}

/* Who asked has given up: for the kernel it never was. */
static void late_answers_change_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	kernel.answer_error = ENOENT;
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_SUSPEND), NOT_YET);
	assert_false(f->server.suspended);
	assert_false(vdu__inflight_suspended(f->server.inflight));
	kernel.answer_error = 0;
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_SUSPEND),
			 VDUSE_REQ_RESULT_OK);
	kernel.answer_error = ENOENT;
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_RESUME), NOT_YET);
	assert_true(f->server.suspended);
	assert_true(vdu__inflight_suspended(f->server.inflight));
	kernel.answer_error = 0;
	assert_int_equal(set_status(f, 0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(set_status(f, 0xb), VDUSE_REQ_RESULT_OK);
	kernel.answer_error = ENOENT;
	assert_int_equal(set_status(f, RUNNING), NOT_YET);
	assert_int_equal(f->server.status, 0xb);
	assert_false(f->server.leave);
}

static void who_is_cut_off_ends(void **state)
{
	struct fixture *f = *state;

	begin(f, PLAIN | FLUSH | WCE);
	kernel.answer_error = ENOTCONN;
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_CONFIG_CLEARED), NOT_YET);
	assert_true(f->server.cut_off && f->server.leave);
	assert_false(f->server.broken);
}

static void only_what_the_kernel_gives_up_is_broken(void **state)
{
	struct fixture *f = *state;

	/* Our module does not: it has only lost this server. */
	f->server.recovers = true;
	vdu__server_broken(&f->server, "test");
	assert_true(f->server.cut_off && !f->server.broken);
	f->server.cut_off = f->server.leave = f->server.recovers = false;
	vdu__server_broken(&f->server, "test");
	assert_true(f->server.broken && !f->server.leave);
}

static void what_needs_no_answer_gets_one(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_CONFIG_CLEARED),
			 VDUSE_REQ_RESULT_OK);
	assert_int_equal(ask_type(f, VDUSE_EXT_MSG_QUEUE_READY),
			 VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(ask_type(f, 0x80000004), VDUSE_REQ_RESULT_FAILED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_cannot_flush_gets_write_through),
		T(the_driver_chooses),
		T(the_answer_waits_for_the_flush),
		T(what_cannot_be_flushed_is_not_safe),
		T(other_writes_are_refused),
		T(the_administrator_chooses),
		T(a_driver_that_believes_it_is_not_deceived),
		T(write_through_by_both_ends_with_both),
		T(suspended_queues_stand_still),
		T(late_answers_change_nothing),
		T(who_is_cut_off_ends),
		T(only_what_the_kernel_gives_up_is_broken),
		T(what_needs_no_answer_gets_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
