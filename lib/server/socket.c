// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The control socket: connections and Varlink framing (JSON objects ended by
 * NUL). Callers are not trusted: few connections, short messages, and nobody
 * is waited for.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/server/client.h"
#include "lib/server/server.h"

#define CALL_MAX 65536		/* bytes, one call */
#define REPLIES_MAX (8U << 20)	/* bytes, not yet read by the caller */

int vdu__socket_listen(struct vdu_ctx *ctx, const char *name,
		       struct vdu_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
				      SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	r = vdu__path(ctx, addr.sun_path, sizeof(addr.sun_path),
		      VDU_RUN_DIR "/%s/control.sock", name);
	if (r < 0 || fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r < 0 ? r : -errno,
				 "cannot make the control socket");
	/* We hold the server's lock: a socket there is a dead server's. */
	(void)unlink(addr.sun_path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r == 0 && listen(fd, VDU_CONNECTIONS_MAX) < 0)
		r = -errno;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 "cannot listen on %s: %s", addr.sun_path,
				 strerror(-r));
	return TAKE_FD(fd);
}

void vdu__socket_close(struct vdu__connection *conn)
{
	vdu__closep(&conn->fd);
	free(conn->in);
	free(conn->out);
	*conn = (struct vdu__connection){ .fd = -EBADF };
}

void vdu__socket_accept(struct vdu__server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct vdu__connection *conn = NULL;

	if (fd < 0)
		return;
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		if (server->connections[i].fd < 0)
			conn = &server->connections[i];
	if (!conn) {
		(void)close(fd);
		return;
	}
	*conn = (struct vdu__connection){ .fd = fd };
}

static void send_out(struct vdu__connection *conn)
{
	while (conn->out_done < conn->out_len) {
		ssize_t n = send(conn->fd, conn->out + conn->out_done,
				 conn->out_len - conn->out_done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				vdu__socket_close(conn);
			return;
		}
		conn->out_done += (size_t)n;
	}
	conn->out_len = 0;
	conn->out_done = 0;
	free(TAKE_PTR(conn->out));
	if (conn->closing)
		vdu__socket_close(conn);
}

void vdu__socket_reply(struct vdu__connection *conn, const char *text)
{
	size_t len = strlen(text) + 1;
	char *out;

	if (conn->out_len + len > REPLIES_MAX) {
		vdu__socket_close(conn);
		return;
	}
	out = realloc(conn->out, conn->out_len + len);
	if (!out) {
		vdu__socket_close(conn);
		return;
	}
	memcpy(out + conn->out_len, text, len);
	conn->out = out;
	conn->out_len += len;
	send_out(conn);
}

/* At once and in one piece: the kernel keeps the files with the first byte. */
int vdu__socket_reply_fds(struct vdu__connection *conn, const char *text,
			  const int *fds, unsigned int n_fds)
{
	char control[CMSG_SPACE(VDU_FDS_MAX * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = { 0 };
	struct iovec iov = { (char *)(uintptr_t)text, strlen(text) + 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = CMSG_SPACE(n_fds * sizeof(int)),
	};
	struct cmsghdr *part = CMSG_FIRSTHDR(&message);
	ssize_t n;

	/* Replies come in the order of calls. */
	if (conn->out_len || n_fds > VDU_FDS_MAX)
		return -EBUSY;
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(part), fds, n_fds * sizeof(int));
	n = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
	return n < 0 ? -errno : (size_t)n == iov.iov_len ? 0 : -EMSGSIZE;
}

/* Whole calls in the buffer, one after the other; the rest stays. */
static void take_calls(struct vdu__server *server,
		       struct vdu__connection *conn)
{
	for (;;) {
		char *end = conn->in_len ?
			    memchr(conn->in, '\0', conn->in_len) : NULL;
		size_t len;

		/* Replies come in the order of calls: these hold the next. */
		if (!end || conn->ping_seq || conn->heir || conn->sets_cache)
			return;
		len = (size_t)(end - conn->in) + 1;
		vdu__method_call(server, conn, conn->in);
		if (conn->fd < 0)
			return;
		conn->in_len -= len;
		memmove(conn->in, conn->in + len, conn->in_len);
	}
}

static void receive(struct vdu__server *server, struct vdu__connection *conn)
{
	ssize_t n;

	if (!conn->in)
		conn->in = malloc(CALL_MAX);
	if (!conn->in || conn->in_len == CALL_MAX) {
		vdu__socket_close(conn);
		return;
	}
	n = recv(conn->fd, conn->in + conn->in_len, CALL_MAX - conn->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		vdu__socket_close(conn);
		return;
	}
	conn->in_len += (size_t)n;
	take_calls(server, conn);
}

void vdu__socket_serve(struct vdu__server *server,
		       struct vdu__connection *conn, short revents)
{
	if (revents & POLLOUT)
		send_out(conn);
	else if (revents)
		receive(server, conn);
}

void vdu__socket_pongs(struct vdu__server *server)
{
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++) {
		struct vdu__connection *conn = &server->connections[i];

		if (conn->fd < 0 || !conn->ping_seq ||
		    !vdu__server_ponged(server, conn->ping_seq))
			continue;
		conn->ping_seq = 0;
		vdu__method_pong(server, conn);
		if (conn->fd >= 0)
			take_calls(server, conn);
	}
}

void vdu__socket_cache(struct vdu__server *server)
{
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++) {
		struct vdu__connection *conn = &server->connections[i];

		if (conn->fd < 0 || !conn->sets_cache ||
		    !vdu__cache_settled(server))
			continue;
		conn->sets_cache = false;
		vdu__method_set(server, conn);
		if (conn->fd >= 0)
			take_calls(server, conn);
	}
}
