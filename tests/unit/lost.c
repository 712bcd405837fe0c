// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a driver is told of writes that the backend has lost: a sync that failed
 * fails those after it on every queue; an error of one write alone does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/server/queue.h"

#define NUM 16

struct fixture {
	_Atomic uint32_t lost;
	struct vdu__backend backend;
	struct vdu__iotlb iotlb;
	struct one_queue {
		struct vdu__queue queue;
		_Alignas(16) uint8_t desc[NUM * 16];
		_Alignas(16) uint8_t avail[4 + NUM * 2 + 2];
		_Alignas(16) uint8_t used[4 + NUM * 8 + 2];
	} queues[2];
};

static int give_result(struct vdu__backend *backend, struct vdu__io *io,
		       int res, struct io_uring *uring)
{
	(void)backend;
	(void)io;
	(void)uring;
	return res;
}

static const struct vdu__backend_ops ops = { .complete = give_result };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->backend.ops = &ops;
	for (unsigned int i = 0; i < 2; i++) {
		struct one_queue *one = &f->queues[i];

		one->queue.backend = &f->backend;
		one->queue.iotlb = &f->iotlb;
		one->queue.lost = &f->lost;
		one->queue.ack_fd = -1;
		assert_int_equal(vdu__ring_init(&one->queue.ring,
						&one->queue.mem, NUM,
						one->desc, one->avail,
						one->used, 0, false, false),
				 0);
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* The status that the driver gets when the backend says res. */
static uint8_t status_of(struct fixture *f, unsigned int queue,
			 enum vdu__io_op op, bool durable, int res)
{
	uint8_t status = 0xff;
	struct vdu__slot slot = {
		.io = { .op = op, .durable = durable },
		.req.status = &status,
	};

	vdu__request_complete(&f->queues[queue].queue, &slot, res);
	f->queues[queue].queue.free_slots = NULL;
	return status;
}

static void a_failed_flush_fails_those_after_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(status_of(f, 0, VDU_IO_FLUSH, false, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(status_of(f, 0, VDU_IO_FLUSH, false, -ENOSPC),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 0, VDU_IO_FLUSH, false, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 1, VDU_IO_FLUSH, false, 0),
			 VIRTIO_BLK_S_IOERR);
	/* What promises nothing about the past goes on. */
	assert_int_equal(status_of(f, 1, VDU_IO_WRITE, false, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(status_of(f, 1, VDU_IO_READ, false, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(vdu__counted(
			 &f->queues[0].queue.stats.backend_errors), 2);
	assert_int_equal(vdu__counted(
			 &f->queues[1].queue.stats.backend_errors), 1);
}

static void without_flush_durable_writes_tell(void **state)
{
	struct fixture *f = *state;

	/* No room is this write's own affair. */
	assert_int_equal(status_of(f, 0, VDU_IO_WRITE, true, -ENOSPC),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 0, VDU_IO_WRITE, true, 0),
			 VIRTIO_BLK_S_OK);
	assert_int_equal(status_of(f, 0, VDU_IO_WRITE, true, -EIO),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 1, VDU_IO_WRITE, true, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 1, VDU_IO_WRITE_ZEROES, true, 0),
			 VIRTIO_BLK_S_IOERR);
}

static void a_failed_read_or_write_is_alone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(status_of(f, 0, VDU_IO_READ, false, -EIO),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 0, VDU_IO_WRITE, false, -EIO),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(status_of(f, 0, VDU_IO_FLUSH, false, 0),
			 VIRTIO_BLK_S_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_failed_flush_fails_those_after_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_flush_durable_writes_tell, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_failed_read_or_write_is_alone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
