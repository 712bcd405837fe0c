// SPDX-License-Identifier: LGPL-2.1-or-later
/* Asking a server of ours, from the management side: one call a connection. */
#include "lib/server/client.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vduse/manage.h>

#include "lib/util/fs.h"

#define REPLY_MAX (16U << 20)

static int no_server(struct vdu_error *err)
{
	return vdu__fail(err, VDU_STAGE_SERVER, -ENOENT, "no server runs");
}

int vdu__client_connect(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = -EBADF;
	int r;

	if (!vdu__is_component(name))
		return no_server(err);
	r = vdu__path(ctx, addr.sun_path, sizeof(addr.sun_path),
		      VDU_RUN_DIR "/%s/control.sock", name);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r, "name too long");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno, "socket: %s",
				 strerror(errno));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return no_server(err);
		return vdu__fail(err, VDU_STAGE_SERVER,
				 errno == EAGAIN ? -EBUSY : -errno,
				 "cannot connect to its server: %s",
				 strerror(errno));
	}
	return TAKE_FD(fd);
}

static int wait_for(struct vdu_ctx *ctx, int fd, short events,
		    struct vdu_error *err)
{
	int r = vdu__wait_fd(ctx, fd, events, -1);

	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r, "its server %s",
				 r == -EINTR ? "was not waited for: interrupted" :
					       "did not answer in time");
	return 0;
}

static int send_all(struct vdu_ctx *ctx, int fd, const char *text, size_t len,
		    struct vdu_error *err)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n >= 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return vdu__fail(err, VDU_STAGE_SERVER, -errno,
					 "its server hung up: %s",
					 strerror(errno));
		n = wait_for(ctx, fd, POLLOUT, err);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

/* What a reply brings besides its text; what nobody takes is closed. */
struct files {
	int fds[VDU_FDS_MAX];
	unsigned int n;
};

static void close_files(struct files *files)
{
	for (unsigned int i = 0; i < files->n; i++)
		(void)close(files->fds[i]);
	files->n = 0;
}

static void take_files(struct msghdr *message, struct files *files)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		size_t n = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET ||
		    part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(int),
			       sizeof(fd));
			if (files->n < VDU_FDS_MAX)
				files->fds[files->n++] = fd;
			else
				(void)close(fd);
		}
	}
}

static ssize_t receive_some(int fd, char *buf, size_t size, struct files *files)
{
	char control[CMSG_SPACE(VDU_FDS_MAX * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { buf, size };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

	if (n > 0)
		take_files(&message, files);
	return n;
}

/* Until the NUL; *ret is the caller's. */
static int receive(struct vdu_ctx *ctx, int fd, char **ret, struct files *files,
		   struct vdu_error *err)
{
	CLEANUP_FREE char *buf = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (len == size) {
			char *bigger;

			size = size ? size * 2 : 4096;
			bigger = size <= REPLY_MAX ? realloc(buf, size) : NULL;
			if (!bigger)
				return vdu__fail(err, VDU_STAGE_SERVER, -EMSGSIZE,
						 "its server's reply is too long");
			buf = bigger;
		}
		n = receive_some(fd, buf + len, size - len, files);
		if (n > 0) {
			len += (size_t)n;
			if (memchr(buf + len - n, '\0', (size_t)n))
				break;
			continue;
		}
		/* Reset: it has not even read the call. */
		if (n == 0 || errno == ECONNRESET)
			return vdu__fail(err, VDU_STAGE_SERVER, -EPIPE,
					 "its server hung up");
		if (errno != EAGAIN && errno != EINTR)
			return vdu__fail(err, VDU_STAGE_SERVER, -errno,
					 "cannot read its server's reply: %s",
					 strerror(errno));
		n = wait_for(ctx, fd, POLLIN, err);
		if (n < 0)
			return (int)n;
	}
	*ret = TAKE_PTR(buf);
	return 0;
}

static int unpack(const char *text, char **ret_reply, struct vdu_error *err)
{
	json_object *root = json_tokener_parse(text), *error = NULL;
	json_object *parameters = NULL;
	bool failed = json_object_object_get_ex(root, "error", &error);
	bool told = json_object_object_get_ex(root, "parameters", &parameters);
	const char *reply = "{}";
	int r = 0;

	if (!json_object_is_type(root, json_type_object) ||
	    (failed && !json_object_is_type(error, json_type_string)) ||
	    (told && !json_object_is_type(parameters, json_type_object)))
		r = vdu__fail(err, VDU_STAGE_SERVER, -EPROTO,
			      "its server's reply makes no sense");
	else if (failed)
		r = vdu__fail(err, VDU_STAGE_SERVER, -EOPNOTSUPP,
			      "its server answered: %s",
			      json_object_get_string(error));
	else if (told)
		reply = json_object_to_json_string(parameters);
	if (r == 0 && ret_reply) {
		*ret_reply = strdup(reply);
		if (!*ret_reply)
			r = vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				      "out of memory");
	}
	json_object_put(root);
	return r;
}

static int call(struct vdu_ctx *ctx, int fd, const char *method,
		const char *params, char **ret_reply, struct files *files,
		struct vdu_error *err)
{
	CLEANUP_FREE char *question = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	r = asprintf(&question, "{\"method\":\"%s%s\",\"parameters\":%s}",
		     strchr(method, '.') ? "" : "org.vdusectl.Device.", method,
		     params ? params : "{}");
	if (r < 0) {
		question = NULL;
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	}
	r = send_all(ctx, fd, question, (size_t)r + 1, err);
	if (r == 0)
		r = receive(ctx, fd, &text, files, err);
	return r < 0 ? r : unpack(text, ret_reply, err);
}

PUBLIC int vdu_call(struct vdu_ctx *ctx, const char *name, const char *method,
		    const char *params, char **ret_reply,
		    struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = vdu__client_connect(ctx, name, err);
	struct files files = { .n = 0 };
	int r;

	if (fd < 0)
		return fd;
	r = call(ctx, fd, method, params, ret_reply, &files, err);
	close_files(&files);
	return r;
}

int vdu__call_fds(struct vdu_ctx *ctx, int fd, const char *method,
		  char **ret_reply, int *ret_fds, unsigned int n_fds,
		  struct vdu_error *err)
{
	CLEANUP_FREE char *reply = NULL;
	struct files files = { .n = 0 };
	int r = call(ctx, fd, method, NULL, &reply, &files, err);

	if (r == 0 && files.n != n_fds)
		r = vdu__fail(err, VDU_STAGE_SERVER, -EPROTO,
			      "its server's reply came with %u open files",
			      files.n);
	if (r < 0) {
		close_files(&files);
		return r;
	}
	memcpy(ret_fds, files.fds, n_fds * sizeof(*ret_fds));
	if (ret_reply)
		*ret_reply = TAKE_PTR(reply);
	return 0;
}

int vdu__server_ping(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	int r = vdu_call(ctx, name, "Ping", NULL, NULL, err);

	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "nobody serves it");
	return r;
}
