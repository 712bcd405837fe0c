// SPDX-License-Identifier: LGPL-2.1-or-later
/* The sd_notify(3) protocol, sender's side. */
#include "lib/server/notify.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vduse/parse.h>

static void send_to(const char *path, const char *text, int flags)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	CLEANUP_CLOSE int fd = -EBADF;
	size_t len;

	if (path[0] != '/' && path[0] != '@')
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
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL | flags,
		      (struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void send_up(const char *text, int flags)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");

	if (path)
		send_to(path, text, flags);
}

/* A listener that is stopped must not stop us as well. */
void vdu__notify_at(const char *path, const char *text)
{
	send_to(path, text, MSG_DONTWAIT);
}

void vdu__notify(const char *text)
{
	send_up(text, MSG_DONTWAIT);
}

/* Whoever started us waits for this and for the next. */
void vdu__notify_ready(void)
{
	send_up("READY=1", 0);
}

void vdu__notify_ready_after(uint64_t pause_us)
{
	char text[80];

	(void)snprintf(text, sizeof(text),
		       VDU_NOTIFY_PAUSE "=%" PRIu64 "\nREADY=1", pause_us);
	send_up(text, 0);
}

void vdu__notify_stopping(void)
{
	vdu__notify("STOPPING=1");
}

void vdu__notify_handed_over(void)
{
	vdu__notify(VDU_NOTIFY_HANDED_OVER "\nSTOPPING=1");
}

void vdu__notify_watchdog(void)
{
	vdu__notify("WATCHDOG=1");
}

void vdu__notify_failed_text(const struct vdu_error *err,
			     char text[static VDU_NOTIFY_FAILED_MAX])
{
	(void)snprintf(text, VDU_NOTIFY_FAILED_MAX,
		       "ERRNO=%d\nX_VDUSECTL_STAGE=%d\nSTATUS=%s", -err->code,
		       err->stage, err->text);
}

void vdu__notify_failed(const struct vdu_error *err)
{
	char text[VDU_NOTIFY_FAILED_MAX];

	vdu__notify_failed_text(err, text);
	send_up(text, 0);
}

static bool is_our_pid(const char *text)
{
	uint64_t value;

	return vdu_parse_uint(text, 1, INT32_MAX, &value) == 0 &&
	       value == (uint64_t)getpid();
}

/* A time of at least a millisecond, for us: sd_watchdog_enabled(3). */
uint64_t vdu__notify_watchdog_ns(void)
{
	const char *usec = secure_getenv("WATCHDOG_USEC");
	const char *pid = secure_getenv("WATCHDOG_PID");
	uint64_t value;

	if (pid && !is_our_pid(pid))
		return 0;
	if (!usec || vdu_parse_uint(usec, 1000, UINT64_MAX / 1000, &value) < 0)
		return 0;
	return value * 1000;
}
