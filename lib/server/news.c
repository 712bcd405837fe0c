// SPDX-License-Identifier: LGPL-2.1-or-later
/* The sd_notify(3) protocol, receiver's side. */
#include "lib/server/news.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/server/notify.h"

int vdu__notify_listen(struct vdu_ctx *ctx, const char *name, const char *file,
		       char path[static PATH_MAX], struct vdu_error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC |
				      SOCK_NONBLOCK, 0);
	static const int on = 1;
	int r;

	r = vdu__path(ctx, addr.sun_path, sizeof(addr.sun_path),
		      VDU_RUN_DIR "/%s/%s", name, file);
	if (r < 0 || fd < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r < 0 ? r : -errno,
				 "cannot make a socket to hear from its server");
	(void)unlink(addr.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot bind %s: %s", addr.sun_path,
				 strerror(errno));
	(void)snprintf(path, PATH_MAX, "%s", addr.sun_path);
	return TAKE_FD(fd);
}

static void read_line(const char *line, struct vdu__news *news)
{
	struct vdu_error *failure = &news->failure;
	uint64_t number;
	int value;

	news->ready |= !strcmp(line, "READY=1");
	news->watchdog |= !strcmp(line, "WATCHDOG=1");
	news->stopping |= !strcmp(line, "STOPPING=1");
	news->handed_over |= !strcmp(line, VDU_NOTIFY_HANDED_OVER);
	if (sscanf(line, VDU_NOTIFY_PAUSE "=%" SCNu64, &number) == 1)
		news->pause_us = number;
	if (sscanf(line, "ERRNO=%d", &value) == 1 && value > 0)
		failure->code = -value;
	if (sscanf(line, "X_VDUSECTL_STAGE=%d", &value) == 1 && value > 0 &&
	    value < VDU_STAGE_MAX)
		failure->stage = value;
	if (!strncmp(line, "STATUS=", 7))
		(void)snprintf(failure->text, sizeof(failure->text), "%s",
			       line + 7);
}

static pid_t sender(struct msghdr *message)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	struct ucred who;

	if (!part || part->cmsg_level != SOL_SOCKET ||
	    part->cmsg_type != SCM_CREDENTIALS ||
	    part->cmsg_len < CMSG_LEN(sizeof(who)))
		return 0;
	memcpy(&who, CMSG_DATA(part), sizeof(who));
	return who.pid;
}

bool vdu__notify_take(int fd, struct vdu__news *ret)
{
	char text[1024], control[CMSG_SPACE(sizeof(struct ucred))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	char *line, *rest = text;

	if (n < 0)
		return false;
	text[n] = '\0';
	*ret = (struct vdu__news){
		.pid = sender(&message),
		.failure = { .stage = VDU_STAGE_SERVER,
			     .text = "it did not say why" },
	};
	while ((line = strsep(&rest, "\n")))
		read_line(line, ret);
	return true;
}
