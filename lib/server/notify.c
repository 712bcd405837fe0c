// SPDX-License-Identifier: LGPL-2.1-or-later
/* The sd_notify(3) protocol, sender's side. */
#include "lib/server/notify.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static void notify(const char *text)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = -EBADF;
	size_t len;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Nobody listens any more: that is the listener's business. */
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL,
		      (struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

void vdu__notify_ready(void)
{
	notify("READY=1");
}

void vdu__notify_stopping(void)
{
	notify("STOPPING=1");
}

void vdu__notify_failed(const struct vdu_error *err)
{
	char text[sizeof(err->text) + 100];

	(void)snprintf(text, sizeof(text),
		       "ERRNO=%d\nX_VDUSECTL_STAGE=%d\nSTATUS=%s", -err->code,
		       err->stage, err->text);
	notify(text);
}
