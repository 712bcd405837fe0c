// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asking a server that answers with any bytes, in any pieces, or hangs up: the
 * caller gets an object or an error with a text.
 *
 * Under test: lib/server/client.c
 */
#include <errno.h>
#include <json-c/json.h>
#include <sys/socket.h>

#include <vduse/manage.h>

#include "lib/util/ctx.h"
#include "tests/fuzz/fuzz.h"

/* The linker puts these in the place of connect(2) and recv(2). */
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);

static struct fuzz in;
static int server_fd = -1;

/* To a server whose reply is in the socket already. */
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int fds[2];

	(void)addr;
	(void)len;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			 fds) == 0);
	CHECK(dup2(fds[0], fd) == fd && close(fds[0]) == 0);
	server_fd = fds[1];
	if (in.left)
		CHECK(send(server_fd, in.at, in.left, 0) == (ssize_t)in.left);
	(void)shutdown(server_fd, SHUT_WR);
	return 0;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	static unsigned int n;
	/* Pieces of 1, 2, 3, ... bytes, and again. */
	size_t piece = ++n % 7 ? n % 7 : 4096;

	return __real_recv(fd, buf, piece < len ? piece : len, flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vdu_ctx *ctx;
	struct vdu_error err = { 0 };
	char *reply = NULL;
	json_object *root;
	int r;

	/* More would not fit into the socket. */
	if (size > 65536)
		return 0;
	if (!ctx)
		CHECK(vdu_ctx_new(&ctx) == 0);
	in = (struct fuzz){ data, size };
	r = vdu_call(ctx, "d", "GetStatus", NULL, &reply, &err);
	if (server_fd >= 0)
		CHECK(close(server_fd) == 0);
	server_fd = -1;
	if (r == 0) {
		root = json_tokener_parse(reply);
		CHECK(json_object_is_type(root, json_type_object));
		json_object_put(root);
		free(reply);
		return 0;
	}
	CHECK(!reply && err.code == r && err.text[0]);
	if (r == -EOPNOTSUPP) {
		/* It was told by name; and it has an end, or it were none. */
		root = json_tokener_parse((const char *)data);
		CHECK(json_object_is_type(json_object_object_get(root, "error"),
					  json_type_string));
		json_object_put(root);
	}
	return 0;
}
