// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Giving a device to a successor, without a gap: take-over.c is the other side.
 * The queues drain, then the successor gets the open device, and the control
 * socket. Nothing else: its driver, rings and log are found as after a crash.
 */
#include <stdio.h>
#include <string.h>

#include "lib/server/server.h"

void vdu__handover_share(struct vdu__server *server,
			 struct vdu__connection *conn)
{
	if (vdu__socket_reply_fds(conn, "{\"parameters\":{}}",
				  &server->backend.fd, 1) < 0)
		vdu__socket_close(conn);
}

void vdu__handover_ask(struct vdu__server *server, struct vdu__connection *conn)
{
	conn->heir = true;
	vdu__handover_go(server);
}

static struct vdu__connection *find_heir(struct vdu__server *server)
{
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		if (server->connections[i].heir)
			return &server->connections[i];
	return NULL;
}

/*
 * The successor has hung up. The queues that are idle go on, the others when
 * they have become idle, which is news: as if they were kicked just then.
 */
static void give_up(struct vdu__server *server)
{
	vdu__log(server->ctx, 4, "the successor has hung up; going on");
	server->then = VDU_THEN_NOTHING;
	for (unsigned int i = 0; i < server->n_queues; i++)
		atomic_store(&server->queues[i].kicked_idle, true);
	vdu__queues_go_on(server);
}

void vdu__handover_go(struct vdu__server *server)
{
	const bool asked = find_heir(server);

	if (server->then == VDU_THEN_HAND_OVER && !asked)
		give_up(server);
	if (server->then != VDU_THEN_NOTHING || server->leave || !asked)
		return;
	vdu__log(server->ctx, 6, "handing over: draining");
	server->stopped_ns = vdu__now_ns();
	vdu__server_hand_over(server);
}

void vdu__handover_finish(struct vdu__server *server)
{
	const int fds[] = { server->device_fd, server->listen_fd };
	struct vdu__connection *heir = find_heir(server);
	char text[64];
	int r = -EPIPE;

	(void)snprintf(text, sizeof(text), "{\"parameters\":{\"stopped_ns\":%llu}}",
		       (unsigned long long)server->stopped_ns);
	if (heir) {
		heir->heir = false;
		r = vdu__socket_reply_fds(heir, text, fds, ARRAY_SIZE(fds));
	}
	if (r == 0) {
		server->handed_over = true;
		server->leave = true;
		return;
	}
	vdu__log(server->ctx, 4, "the successor is gone: %s; going on",
		 strerror(-r));
	if (heir)
		vdu__socket_close(heir);
	vdu__queues_go_on(server);
}
