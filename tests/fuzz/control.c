// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The control socket: any bytes in any pieces, from a caller who may not read
 * his replies or hang up. What comes back is whole JSON objects, one for each
 * call at most, and nothing is kept without bound.
 *
 * Under test: lib/server/socket.c lib/server/methods.c
 */
#include <json-c/json.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/fuzz/server.h"

#define CALL_LIMIT 65536
#define REPLY_LIMIT (9U << 20)

static struct fuzz in;
static struct vdu__server *server;
static struct vdu__connection *conn;
static int caller_fd;
static unsigned int n_calls, n_replies;
static char reply[1 << 20];
static size_t reply_len;

static void check_reply(void)
{
	json_object *root = json_tokener_parse(reply), *value;

	CHECK(json_object_is_type(root, json_type_object));
	CHECK(json_object_object_get_ex(root, "parameters", &value));
	CHECK(json_object_is_type(value, json_type_object));
	json_object_put(root);
	CHECK(++n_replies <= n_calls);
}

static void read_replies(void)
{
	char piece[4096];
	ssize_t n;

	while ((n = recv(caller_fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			CHECK(reply_len < sizeof(reply));
			reply[reply_len++] = piece[i];
			if (piece[i] != '\0')
				continue;
			check_reply();
			reply_len = 0;
		}
}

static void send_bytes(const uint8_t *bytes, size_t len)
{
	ssize_t n = send(caller_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	for (ssize_t i = 0; i < n; i++)
		n_calls += bytes[i] == '\0';
}

static void send_call(void)
{
	static const char *const methods[] = {
		"org.vdusectl.Device.Ping", "org.vdusectl.Device.GetStatus",
		"org.vdusectl.Device.GetConfig",
		"org.vdusectl.Device.GetQueues",
		"org.vdusectl.Device.GetStats", "org.vdusectl.Device.Stop",
		"org.varlink.service.GetInfo",
		"org.varlink.service.GetInterfaceDescription",
		"org.vdusectl.Device.None",
		"org.vdusectl.Device.Set\",\"parameters\":{\"cache\":\"writethrough\"},\"x\":\"",
		"org.vdusectl.Device.Set\",\"parameters\":{\"cache\":\"writeback\"},\"x\":\"",
		"org.vdusectl.Device.Set\",\"parameters\":{\"cache\":7},\"x\":\"",
	};
	char text[128];
	int len = snprintf(text, sizeof(text), "{\"method\":\"%s\"}",
			   methods[fuzz_u8(&in) % ARRAY_SIZE(methods)]);

	send_bytes((const uint8_t *)text, (size_t)len + 1);
}

/* More than a call may have, with no end. */
static void send_much(void)
{
	static uint8_t spaces[16384];

	memset(spaces, ' ', sizeof(spaces));
	send_bytes(spaces, sizeof(spaces));
}

/* As the loop does, with what it listens to. */
static void serve(void)
{
	struct pollfd fd = {
		.fd = conn->fd,
		.events = conn->out_len ? POLLOUT :
			  conn->ping_seq || conn->sets_cache ? 0 : POLLIN,
	};

	if (conn->fd < 0 || poll(&fd, 1, 0) <= 0)
		return;
	vdu__socket_serve(server, conn, fd.revents);
	CHECK(conn->in_len <= CALL_LIMIT && conn->out_len <= REPLY_LIMIT);
	CHECK(conn->out_done <= conn->out_len);
}

static void step(void)
{
	uint8_t what = fuzz_u8(&in);
	const uint8_t *bytes;
	size_t len;

	switch (what % 8) {
	case 0:
	case 1:
		len = fuzz_u8(&in);
		bytes = fuzz_view(&in, &len);
		send_bytes(bytes, len);
		break;
	case 2:
		send_call();
		break;
	case 3:
	case 4:
		serve();
		break;
	case 5:
		read_replies();
		break;
	case 6:
		server_obey(server, (what >> 4) % SERVER_QUEUES, false);
		vdu__server_news(server);
		vdu__socket_pongs(server);
		vdu__socket_cache(server);
		break;
	case 7:
		if (what > 0xe0)
			(void)shutdown(caller_fd, what & 8 ? SHUT_WR : SHUT_RD);
		else
			send_much();
		break;
	}
}

/* Rings to dump, whose bytes nobody checked. */
static void set_up(void)
{
	static uint8_t avail[64], used[128];
	int fds[2], small = 4096;

	server = server_new();
	server->iotlb = vdu__iotlb_new(-EBADF);
	fuzz_bytes(&in, avail, 8);
	server->started[0] = (struct started){
		.num = SERVER_QUEUE_SIZE, .avail_ptr = avail, .used_ptr = used,
	};
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			 fds) == 0);
	/* Little room, so that replies wait. */
	CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small,
			 sizeof(small)) == 0);
	conn = &server->connections[0];
	conn->fd = fds[0];
	caller_fd = fds[1];
	n_calls = n_replies = 0;
	reply_len = 0;
}

/* A caller with nothing outstanding gets his answer at once. */
static void ask(void)
{
	static const uint8_t call[] = "{\"method\":\"org.varlink.service.GetInfo\"}";

	send_bytes(call, sizeof(call));
	serve();
	read_replies();
	CHECK(n_replies == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	in = (struct fuzz){ data, size };
	set_up();
	ask();
	while (in.left)
		step();
	/* A caller who reads on and hangs up is soon forgotten. */
	(void)shutdown(caller_fd, SHUT_WR);
	for (unsigned int i = 0; conn->fd >= 0; i++) {
		CHECK(i < 100000);
		for (unsigned int q = 0; q < SERVER_QUEUES; q++)
			server_obey(server, q, false);
		vdu__socket_pongs(server);
		vdu__socket_cache(server);
		serve();
		read_replies();
	}
	(void)close(caller_fd);
	server_free(server);
	return 0;
}
