// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queues of a rescue server, with rings and mappings that a driver and a
 * dead server may have left in any state, and that go on changing: a turn ends,
 * and nothing outside the mapped memory is touched.
 *
 * Under test: lib/server/rescue-queue.c lib/ring/outstanding.c
 */
#include <linux/virtio_ids.h>

#include "lib/server/rescue-queue.h"
#include "tests/fuzz/kernel.h"

static struct fuzz in;

static void step(struct vdu__rescue *rescue)
{
	switch (fuzz_u8(&in) % 6) {
	case 0:
		(void)vdu__rescue_turn(rescue);
		break;
	case 1:
		vdu__rescue_start_queues(rescue);
		break;
	case 2:
		vdu__rescue_stop_queues(rescue);
		break;
	default:
		kernel_scribble();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t types[] = { VIRTIO_ID_BLOCK, VIRTIO_ID_NET, 0 };
	struct vdu__rescue_queue queues[SERVER_QUEUES] = { 0 };
	struct vdu__server *server;
	struct vdu__rescue rescue;
	uint8_t how;
	int fd;

	in = (struct fuzz){ data, size };
	server = server_new();
	fd = kernel_open(server, &in);
	(void)vdu__iotlb_guard(server->iotlb);
	how = fuzz_u8(&in);
	rescue = (struct vdu__rescue){
		.ctx = server->ctx, .name = "d",
		.type = types[how % 3], .left = how & 4, .driver_ok = true,
		.device_fd = server->device_fd, .kick_fd = -EBADF,
		.features = fuzz_u64(&in),
		.iotlb = server->iotlb, .mem = { .translate = vdu__iotlb_translate, .opaque = server->iotlb },
		.inflight = how & 8 ? server->inflight : NULL,
		.log_size = SERVER_QUEUE_SIZE,
		.n_queues = SERVER_QUEUES, .queues = queues,
	};
	for (unsigned int i = 0; i < SERVER_QUEUES; i++)
		queues[i].index = i;
	for (uint8_t n = how >> 4; n; n--)
		kernel_scribble();
	while (in.left)
		step(&rescue);
	(void)vdu__rescue_turn(&rescue);
	(void)close(fd);
	vdu__iotlb_unguard(server->iotlb);
	server_free(server);
	return 0;
}
