// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that takes over a running driver: where each queue begins, with the
 * log of the one before it and without, and when it does not begin at all. The
 * kernel's answers come from the test, and so does the start of data threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/vduse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/server/server.h"
#include "lib/util/fs.h"

#define NUM 8
#define FEATURES (UINT64_C(1) << 32)
/* Where the ring's parts are, as addresses and in memory. */
#define AVAIL 0x1000
#define USED 0x2000
#define BYTES 0x3000

static struct {
	bool mapped, ready;
	bool tells;		/* ours: status and configuration space */
	uint8_t status, wce;
	uint64_t features;
	int memory_fd;
} kernel;

static struct {
	unsigned int starts;
	struct vdu__queue_setup setup;
} thread;

static int no_such_call(void)
{
	errno = ENOTTY;
	return -1;
}

static int tell(unsigned long request, void *arg)
{
	struct vduse_ext_config *config = arg;

	if (request == VDUSE_EXT_GET_STATUS) {
		*(uint8_t *)arg = kernel.status;
		return 0;
	}
	assert_int_equal(config->offset, VDU_BLK_CONFIG_WCE);
	assert_int_equal(config->length, 1);
	if (request == VDUSE_EXT_GET_CONFIG)
		*(uint8_t *)(uintptr_t)config->buffer = kernel.wce;
	else
		kernel.wce = *(uint8_t *)(uintptr_t)config->buffer;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct vduse_iotlb_entry *entry;
	struct vduse_vq_info *info;
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case VDUSE_VQ_GET_INFO:
		info = arg;
		info->num = NUM;
		info->desc_addr = 0;
		info->driver_addr = AVAIL;
		info->device_addr = USED;
		info->split.avail_index = 3;
		info->ready = kernel.ready;
		return 0;
	case VDUSE_IOTLB_GET_FD:
		entry = arg;
		if (!kernel.mapped) {
			errno = EINVAL;
			return -1;
		}
		entry->start = entry->offset = 0;
		entry->last = BYTES - 1;
		entry->perm = VDUSE_ACCESS_RW;
		return dup(kernel.memory_fd);
	case VDUSE_DEV_GET_FEATURES:
		*(uint64_t *)arg = kernel.features;
		return 0;
	case VDUSE_EXT_GET_STATUS:
	case VDUSE_EXT_GET_CONFIG:
	case VDUSE_EXT_SET_CONFIG:
		return kernel.tells ? tell(request, arg) : no_such_call();
	default:
		return 0;
	}
}

void __wrap_vdu__queue_start(struct vdu__queue *queue,
			     const struct vdu__queue_setup *setup);
void __wrap_vdu__queue_start(struct vdu__queue *queue,
			     const struct vdu__queue_setup *setup)
{
	thread.starts++;
	thread.setup = *setup;
	atomic_store(&queue->idle, false);
}

void __wrap_vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
				unsigned int seq);
void __wrap_vdu__queue_set_mode(struct vdu__queue *queue, bool write_through,
				unsigned int seq)
{
	queue->want_through = write_through;
	atomic_store(&queue->mode_done, seq);
}

struct fixture {
	struct vdu__server server;
	struct vdu__queue queue;
	struct started started;
	struct vdu_error err;
	char root[64];
	uint8_t *memory;
	int kernel;
};

static void put16(struct fixture *f, size_t at, uint16_t value)
{
	memcpy(f->memory + at, &value, sizeof(value));
}

/* The driver has made head available, as entry number i. */
static void offer(struct fixture *f, uint16_t i, uint16_t head)
{
	put16(f, AVAIL + 4 + (i % NUM) * 2, head);
	put16(f, AVAIL + 2, i + 1);
}

static void answer(struct fixture *f, uint16_t i, uint16_t head)
{
	put16(f, USED + 4 + (i % NUM) * 8, head);
	put16(f, USED + 2, i + 1);
}

/* Another server, with what is in the file and in the kernel. */
static void next_server(struct fixture *f)
{
	struct vdu__server *server = &f->server;

	vdu__inflight_close(server->inflight);
	vdu__iotlb_free(server->iotlb);
	assert_int_equal(vdu__inflight_open(server->ctx, "d", 1, NUM,
					    false, &server->inflight, NULL), 0);
	server->iotlb = vdu__iotlb_new(server->device_fd);
	server->file.spec.n_queues = server->n_queues = 1;
	server->file.spec.queue_size = NUM;
	server->queues = &f->queue;
	server->started = &f->started;
	server->features = FEATURES;
	server->status = 0;
	server->successor = false;
	f->started = (struct started){ 0 };
	f->queue = (struct vdu__queue){ .idle = true, .max_size = NUM };
	memset(&thread, 0, sizeof(thread));
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[128];
	int fds[2];

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&f->server.ctx), 0);
	assert_int_equal(vdu_ctx_set_root(f->server.ctx, f->root), 0);
	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d", f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	memset(&kernel, 0, sizeof(kernel));
	kernel.memory_fd = memfd_create("ring", MFD_CLOEXEC);
	assert_int_equal(ftruncate(kernel.memory_fd, BYTES), 0);
	f->memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 kernel.memory_fd, 0);
	kernel.mapped = kernel.ready = true;
	kernel.features = FEATURES;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				    fds), 0);
	f->server.device_fd = fds[0];
	f->kernel = fds[1];
	f->server.timer_fd = -1;
	next_server(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	vdu__inflight_close(f->server.inflight);
	vdu__iotlb_free(f->server.iotlb);
	vdu_ctx_free(f->server.ctx);
	(void)munmap(f->memory, BYTES);
	(void)close(kernel.memory_fd);
	(void)close(f->server.device_fd);
	(void)close(f->kernel);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct vdu__inflight_queue *log_of(struct fixture *f)
{
	return vdu__inflight_queue(f->server.inflight, 0);
}

/* A server that was killed: heads 0 to 3 answered, of 4 and 5 one. */
static void leave_log(struct fixture *f, uint16_t in_flight)
{
	struct vdu__ring ring = { .num = NUM, .used_idx = 5 };

	for (uint16_t i = 0; i < 6; i++)
		offer(f, i, i);
	for (uint16_t i = 0; i < 4; i++)
		answer(f, i, i);
	answer(f, 4, in_flight == 4 ? 5 : 4);
	vdu__inflight_begin(f->server.inflight);
	vdu__inflight_driver(f->server.inflight, FEATURES);
	vdu__inflight_reset(log_of(f), &ring);
	vdu__inflight_take(log_of(f), &ring, in_flight);
	next_server(f);
}

static int resume(struct fixture *f)
{
	return vdu__server_resume(&f->server, &f->err);
}

static void assert_goes_on(struct fixture *f, int in_flight)
{
	struct vdu__ring ring = { .num = NUM };
	uint64_t at = 0;

	assert_int_equal(thread.starts, 1);
	assert_int_equal(thread.setup.next_avail, 5);
	assert_true(thread.setup.recover);
	assert_int_equal(vdu__inflight_next(log_of(f), &ring, &at), in_flight);
	if (in_flight >= 0)
		assert_int_equal(vdu__inflight_next(log_of(f), &ring, &at), -1);
}

static void what_was_in_flight_is_known_from_the_log(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 4);
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 4);
}

/* The kernel was just changing the mappings when the server was killed. */
static void a_ring_that_comes_back_later_goes_on_too(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 4);
	kernel.mapped = false;
	assert_int_equal(resume(f), 0);
	assert_int_equal(thread.starts, 0);
	kernel.mapped = true;
	vdu__server_tick(&f->server);
	assert_goes_on(f, 4);
}

static void a_driver_that_was_reset_begins_where_it_says(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 4);
	kernel.ready = false;
	assert_int_equal(resume(f), 0);
	kernel.ready = true;
	vdu__queues_start(&f->server);
	assert_int_equal(thread.starts, 1);
	assert_int_equal(thread.setup.next_avail, 3);
	assert_false(thread.setup.recover);
}

/* The kernel's queue is ready for a moment more: it waits for the answer. */
static void a_look_that_comes_with_a_reset_starts_nothing(void **state)
{
	struct fixture *f = *state;
	struct vduse_dev_request reset = { .type = VDUSE_SET_STATUS };

	f->server.status = VIRTIO_CONFIG_S_DRIVER_OK;
	vdu__server_tick(&f->server);
	assert_int_equal(thread.starts, 1);
	atomic_store(&f->queue.idle, true);
	assert_int_equal(write(f->kernel, &reset, sizeof(reset)),
			 sizeof(reset));
	vdu__server_message(&f->server);
	vdu__server_tick(&f->server);
	assert_int_equal(thread.starts, 1);
}

static void lose_log(struct fixture *f)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d/inflight",
		       f->root);
	assert_int_equal(truncate(path, 10), 0);
	next_server(f);
}

static void without_a_log_the_rings_tell(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 5);
	lose_log(f);
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 5);
	/* Answered out of order: that one head is missing is certain, too. */
	leave_log(f, 4);
	lose_log(f);
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 4);
}

static void what_cannot_be_told_is_not_guessed(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 5);
	kernel.mapped = false;
	for (int i = 0; i < 2; i++) {
		lose_log(f);
		assert_int_equal(resume(f), -ENODATA);
		assert_int_equal(thread.starts, 0);
		assert_non_null(strstr(f->err.text, "in-flight log is lost"));
		/* Nor is it tomorrow: nothing looks like an empty log now. */
		f->err.code = 0;
	}
	kernel.mapped = true;
	next_server(f);
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 5);
}

/* It answers what it took, and the log is its own. */
static void who_is_given_the_device_needs_no_log(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 5);
	lose_log(f);
	f->server.successor = true;
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, -1);
}

static void features_that_it_lacks_keep_it_from_serving(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 4);
	kernel.features |= 1;
	assert_int_equal(resume(f), -EOPNOTSUPP);
	assert_int_equal(thread.starts, 0);
	kernel.features &= ~UINT64_C(1);
	next_server(f);
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 4);
}

static uint16_t asked_for_state(struct fixture *f)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };
	struct vduse_dev_response response;

	assert_int_equal(write(f->kernel, &request, sizeof(request)),
			 sizeof(request));
	vdu__server_message(&f->server);
	assert_int_equal(read(f->kernel, &response, sizeof(response)),
			 sizeof(response));
	assert_int_equal(response.result, VDUSE_REQ_RESULT_OK);
	return response.vq_state.split.avail_index;
}

static void a_queue_that_has_not_run_is_where_it_was_put(void **state)
{
	struct fixture *f = *state;

	f->queue.last_avail = 7;
	vdu__inflight_begin(f->server.inflight);
	assert_int_equal(asked_for_state(f), 3);
	/* Or where the server before has left it. */
	leave_log(f, 4);
	kernel.mapped = false;
	assert_int_equal(resume(f), 0);
	assert_int_equal(asked_for_state(f), 5);
}

/* The module tells more than whether queues are ready. */
static void the_status_of_the_kernel_counts(void **state)
{
	struct fixture *f = *state;

	kernel.tells = true;
	/* Its queues are ready, but it has not said DRIVER_OK. */
	leave_log(f, 4);
	kernel.status = 0xb;
	assert_int_equal(resume(f), 0);
	assert_int_equal(thread.starts, 0);
	assert_int_equal(f->server.status, 0xb);
	assert_int_equal(f->server.driver_features, FEATURES);
	/* It has, and needs a reset, which it may not know of. */
	leave_log(f, 4);
	kernel.status = 0x4f;
	assert_int_equal(resume(f), 0);
	assert_goes_on(f, 4);
	assert_int_equal(f->server.status, 0x4f);
	assert_true(f->server.recovers);
}

static void who_stands_still_goes_on_doing_so(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_EXT_MSG_RESUME };
	struct fixture *f = *state;

	leave_log(f, 4);
	vdu__inflight_suspend(f->server.inflight, true);
	next_server(f);
	assert_int_equal(resume(f), 0);
	assert_int_equal(thread.starts, 0);
	vdu__server_tick(&f->server);
	assert_int_equal(thread.starts, 0);
	assert_int_equal(asked_for_state(f), 5);
	assert_int_equal(write(f->kernel, &request, sizeof(request)),
			 sizeof(request));
	vdu__server_message(&f->server);
	assert_goes_on(f, 4);
	assert_false(vdu__inflight_suspended(f->server.inflight));
}

/* Of another driver, whose end no server has seen. */
static void another_driver_does_not_stand_still(void **state)
{
	struct fixture *f = *state;

	leave_log(f, 4);
	vdu__inflight_driver(f->server.inflight, FEATURES | 2);
	vdu__inflight_suspend(f->server.inflight, true);
	next_server(f);
	assert_int_equal(resume(f), 0);
	assert_int_equal(thread.starts, 1);
}

static void the_cache_mode_is_read_back(void **state)
{
	const uint64_t cache = UINT64_C(1) << VIRTIO_BLK_F_FLUSH |
			       UINT64_C(1) << VIRTIO_BLK_F_CONFIG_WCE;
	struct fixture *f = *state;

	kernel.tells = true;
	kernel.status = 0xf;
	kernel.features = FEATURES | cache;
	f->server.file.spec.writeback_control = 1;
	for (uint8_t byte = 0; byte < 2; byte++) {
		leave_log(f, 4);
		f->server.features = FEATURES | cache;
		kernel.wce = byte;
		f->server.cache = (struct vdu__cache){ 0 };
		vdu__cache_begin(&f->server);
		assert_int_equal(resume(f), 0);
		assert_int_equal(f->queue.want_through, !byte);
		assert_int_equal(kernel.wce, byte);
	}
	/* Without a driver it is what the administrator wants. */
	leave_log(f, 4);
	kernel.status = 0;
	kernel.wce = 0;
	vdu__cache_begin(&f->server);
	assert_int_equal(resume(f), 0);
	assert_int_equal(kernel.wce, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_was_in_flight_is_known_from_the_log),
		T(a_ring_that_comes_back_later_goes_on_too),
		T(a_driver_that_was_reset_begins_where_it_says),
		T(a_look_that_comes_with_a_reset_starts_nothing),
		T(without_a_log_the_rings_tell),
		T(what_cannot_be_told_is_not_guessed),
		T(who_is_given_the_device_needs_no_log),
		T(features_that_it_lacks_keep_it_from_serving),
		T(a_queue_that_has_not_run_is_where_it_was_put),
		T(the_status_of_the_kernel_counts),
		T(who_stands_still_goes_on_doing_so),
		T(another_driver_does_not_stand_still),
		T(the_cache_mode_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
