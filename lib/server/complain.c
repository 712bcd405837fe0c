// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a driver does wrong, in the log. It can do so as often as it likes, and
 * the log is a file in memory: a few lines an hour must do.
 */
#include <stdio.h>

#include "lib/server/server.h"

#define HOUR_NS (3600 * UINT64_C(1000000000))

void vdu__server_complain(struct vdu__server *server, const char *fmt, ...)
{
	uint64_t now = vdu__now_ns();
	char text[500];
	va_list ap;

	if (!server->complaints || now - server->complaints_ns > HOUR_NS) {
		server->complaints = 0;
		server->complaints_ns = now;
	}
	if (server->complaints == VDU_COMPLAINTS_MAX)
		return;
	server->complaints++;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vdu__log(server->ctx, 4, "%s%s", text,
		 server->complaints < VDU_COMPLAINTS_MAX ? "" :
		 "; the driver is not complained of any more for an hour");
}
