// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Signs of life, for whoever supervises the server: twice in each interval of
 * $WATCHDOG_USEC, and only after each data thread has answered a ping that was
 * sent in this half. The control thread proves itself by sending them.
 */
#include <sys/timerfd.h>

#include "lib/server/notify.h"
#include "lib/server/server.h"

unsigned int vdu__server_ping_queues(struct vdu__server *server)
{
	/* 0 is "no ping". */
	if (!++server->ping_seq)
		server->ping_seq++;
	for (unsigned int i = 0; i < server->n_queues; i++)
		vdu__queue_ping(&server->queues[i], server->ping_seq);
	return server->ping_seq;
}

bool vdu__server_ponged(const struct vdu__server *server, unsigned int seq)
{
	for (unsigned int i = 0; i < server->n_queues; i++)
		if ((int)(atomic_load(&server->queues[i].pong) - seq) < 0)
			return false;
	return true;
}

int vdu__watchdog_open(struct vdu__server *server)
{
	const uint64_t ns = vdu__notify_watchdog_ns() / 2;
	const struct timespec half = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};
	const struct itimerspec when = { half, half };

	server->watchdog_fd = timerfd_create(CLOCK_MONOTONIC,
					     TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->watchdog_fd < 0 ||
	    timerfd_settime(server->watchdog_fd, 0, &when, NULL) < 0)
		return -errno;
	return 0;
}

/*
 * A thread that does not answer is in the kernel, for the medium. That may take
 * any time, and another server would not get it sooner.
 */
static bool only_backend_waits(const struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++) {
		const struct vdu__queue *queue = &server->queues[i];

		if ((int)(atomic_load(&queue->pong) - server->watchdog_seq) < 0 &&
		    !atomic_load(&queue->paces.waiting))
			return false;
	}
	return true;
}

void vdu__watchdog_tick(struct vdu__server *server)
{
	/* An old ping is waited for: a new one would hide its age. */
	if (!server->watchdog_seq)
		server->watchdog_seq = vdu__server_ping_queues(server);
	else if (only_backend_waits(server))
		vdu__notify_watchdog();
}

void vdu__watchdog_pongs(struct vdu__server *server)
{
	if (!server->watchdog_seq ||
	    !vdu__server_ponged(server, server->watchdog_seq))
		return;
	server->watchdog_seq = 0;
	vdu__notify_watchdog();
}
