// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's messages in any order, with any answer to what the server asks
 * the kernel meanwhile: each message that was taken is answered once, no ring
 * outside the mapped memory is started, and none twice.
 *
 * Under test: lib/server/messages.c lib/server/cache.c lib/server/running.c lib/server/resume.c
 */
#include <linux/virtio_blk.h>
#include <sys/socket.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "tests/fuzz/kernel.h"

static struct fuzz in;
static struct vdu__server *server;
static int kernel_fd;
static uint32_t next_id, unanswered;

/* Offset, length, flags and data that are right more often than by chance. */
static void fill_write(struct vduse_dev_request *request)
{
	struct vduse_ext_config_write body = { .generation = next_id };
	uint8_t how = fuzz_u8(&in);

	body.offset = how & 0x80 ? fuzz_u32(&in) : VDU_BLK_CONFIG_WCE;
	body.length = how & 0x40 ? fuzz_u32(&in) : 1;
	body.flags = how & 0x20 ? VDUSE_EXT_M_POSTED : 0;
	body.data[0] = how & 0x10 ? fuzz_u8(&in) : how & 1;
	memcpy(request->padding, &body, sizeof(body));
}

static void fill_extension(struct vduse_dev_request *request, uint8_t which)
{
	static const uint32_t types[] = {
		3, VDUSE_EXT_MSG_CONFIG_WRITE, VDUSE_EXT_MSG_CONFIG_CLEARED,
		VDUSE_EXT_MSG_SUSPEND, VDUSE_EXT_MSG_RESUME,
		VDUSE_EXT_MSG_QUEUE_READY,
	};

	request->type = types[which % ARRAY_SIZE(types)];
	if (request->type == VDUSE_EXT_MSG_CONFIG_WRITE)
		fill_write(request);
}

static void send_message(void)
{
	static const uint8_t statuses[] = { 0, 1, 3, 0xb, 0xf, 7, 0x8f };
	struct vduse_dev_request request = { .request_id = ++next_id };
	uint8_t how = fuzz_u8(&in);
	size_t len = sizeof(request);

	request.type = how % 4;
	if (how > 250)
		request.type = fuzz_u32(&in);
	if (request.type == VDUSE_SET_STATUS)
		request.s.status = how & 0x80 ? fuzz_u8(&in) :
				   statuses[fuzz_u8(&in) % sizeof(statuses)];
	else
		request.vq_state.index = how & 0x80 ? fuzz_u32(&in) :
						      fuzz_u8(&in) % 4;
	if (request.type == 3)
		fill_extension(&request, (uint8_t)request.vq_state.index);
	if (how == 250)
		len = fuzz_u8(&in) % sizeof(request);
	(void)send(kernel_fd, &request, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* As the loop does when the device is readable. */
static void take_message(void)
{
	uint64_t before = vdu__counted(&server->messages);

	if (server->then != VDU_THEN_NOTHING || server->broken)
		return;
	CHECK(unanswered == 0);
	/* Before it is answered. */
	unanswered = 1;
	vdu__server_message(server);
	if (vdu__counted(&server->messages) == before)
		unanswered = 0;
}

/* The driver believes in it from now on. */
static void check_write(void)
{
	struct vduse_ext_config_write body;

	memcpy(&body, server->pending.padding, sizeof(body));
	CHECK(body.offset == VDU_BLK_CONFIG_WCE && body.length == 1);
	CHECK(body.data[0] <= 1 &&
	      body.data[0] == server->config[VDU_BLK_CONFIG_WCE]);
	CHECK(server->file.spec.writeback_control &&
	      server->driver_features >> VIRTIO_BLK_F_CONFIG_WCE & 1);
	for (unsigned int i = 0; i < SERVER_QUEUES; i++) {
		const struct vdu__queue *queue = &server->queues[i];

		CHECK(body.data[0] || queue->want_through);
		CHECK(atomic_load(&queue->mode_done) == queue->mode_seq);
		CHECK(body.data[0] || !atomic_load(&queue->mode_result));
	}
}

/* Nothing runs from now on. */
static void check_suspended(void)
{
	CHECK(server->suspended && vdu__queues_idle(server));
	CHECK(atomic_load(&server->iotlb->n) == 0);
	CHECK(vdu__inflight_suspended(server->inflight));
}

static void take_replies(void)
{
	struct vduse_dev_response response;
	ssize_t n;

	while ((n = recv(kernel_fd, &response, sizeof(response),
			 MSG_DONTWAIT)) > 0) {
		CHECK(n == (ssize_t)sizeof(response) && unanswered == 1);
		CHECK(response.request_id == server->pending.request_id);
		CHECK(response.result <= VDUSE_REQ_RESULT_FAILED);
		CHECK(server->pending.type != VDUSE_GET_VQ_STATE ||
		      response.result != VDUSE_REQ_RESULT_OK ||
		      response.vq_state.index < SERVER_QUEUES);
		if (response.result == VDUSE_REQ_RESULT_OK &&
		    server->pending.type == VDUSE_EXT_MSG_CONFIG_WRITE)
			check_write();
		if (response.result == VDUSE_REQ_RESULT_OK &&
		    server->pending.type == VDUSE_EXT_MSG_SUSPEND)
			check_suspended();
		unanswered = 0;
	}
	/* Only what waits for the queues may still be without an answer. */
	if (server->then == VDU_THEN_NOTHING && !server->leave)
		CHECK(unanswered == 0);
}

static void step(void)
{
	uint8_t what = fuzz_u8(&in), i = (what >> 4) % SERVER_QUEUES;

	switch (what % 8) {
	case 0:
	case 1:
		send_message();
		break;
	case 2:
	case 3:
		take_message();
		break;
	case 4:
		server_obey(server, i, what >= 0xf0);
		vdu__server_news(server);
		break;
	case 5:
		if (!atomic_load(&server->queues[i].idle))
			break;
		atomic_store(&server->queues[i].kicked_idle, true);
		vdu__server_news(server);
		break;
	case 6:
		vdu__server_tick(server);
		break;
	case 7:
		if (what == 0xff)
			vdu__server_leave(server);
		else if (what >= 0xe0)
			vdu__cache_set(server, i & 1);
		break;
	}
	take_replies();
}

static void set_up(bool ours)
{
	server = server_new();
	kernel_is_ours = ours;
	if (ours)
		server_control_cache(server);
	kernel_fd = kernel_open(server, &in);
	/* The memory may end before its mapping does. */
	(void)vdu__iotlb_guard(server->iotlb);
	next_id = unanswered = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how;

	in = (struct fuzz){ data, size };
	how = fuzz_u8(&in);
	set_up(how & 8);
	if (how & 2)
		server_lose_log();
	for (uint8_t n = how >> 4; how & 4 && n; n--)
		kernel_scribble();
	if (how & 1 && vdu__server_resume(server, NULL) < 0)
		server->leave = true;
	while (in.left && !server->leave)
		step();
	/* When the data threads have obeyed, nothing is left without answer. */
	for (unsigned int i = 0; i < SERVER_QUEUES; i++)
		server_obey(server, i, false);
	vdu__server_news(server);
	take_replies();
	CHECK(server->leave || server->then == VDU_THEN_NOTHING);
	(void)close(kernel_fd);
	vdu__iotlb_unguard(server->iotlb);
	server_free(server);
	return 0;
}
