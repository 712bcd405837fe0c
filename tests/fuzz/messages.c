// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's messages in any order, with any answer to what the server asks
 * the kernel meanwhile: each message that was taken is answered once, no ring
 * outside the mapped memory is started, and none twice.
 *
 * Under test: lib/server/messages.c lib/server/running.c lib/server/resume.c
 */
#include <sys/socket.h>

#include "tests/fuzz/kernel.h"

static struct fuzz in;
static struct vdu__server *server;
static int kernel_fd;
static uint32_t next_id, unanswered;

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
		break;
	}
	take_replies();
}

static void set_up(void)
{
	server = server_new();
	kernel_fd = kernel_open(server, &in);
	/* The memory may end before its mapping does. */
	vdu__iotlb_guard(server->iotlb);
	next_id = unanswered = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how;

	in = (struct fuzz){ data, size };
	set_up();
	how = fuzz_u8(&in);
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
	vdu__iotlb_guard(NULL);
	server_free(server);
	return 0;
}
