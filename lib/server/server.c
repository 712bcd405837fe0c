// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The server of one device: the control thread's loop, from READY to the end.
 */
#include "lib/server/server.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include <vduse/manage.h>

#include "lib/server/notify.h"
#include "lib/util/lock.h"

/* For one that has handed over, to end. */
#define CLAIM_TRIES 5000
#define CLAIM_WAIT_MS 2

enum { FD_DEVICE, FD_SIGNAL, FD_LISTEN, FD_ACK, FD_TIMER, FD_WATCHDOG,
       FD_CONNECTIONS };

void vdu__drain_fd(int fd)
{
	uint64_t count;

	/* Not readable: somebody was faster. */
	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

static void on_signal(struct vdu__server *server)
{
	struct signalfd_siginfo info;

	if (read(server->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	/*
	 * The second one means it: what is in flight stays unanswered. But a
	 * supervisor passes on what somebody may have sent to us both.
	 */
	server->signals += info.ssi_code != SI_QUEUE;
	if (server->signals > 1) {
		server->leave = true;
		return;
	}
	if (server->then == VDU_THEN_LEAVE)
		return;
	vdu__log(server->ctx, 6, "signal %u: draining", info.ssi_signo);
	vdu__server_leave(server);
}

static void fill_fds(struct vdu__server *server, struct pollfd *fds)
{
	/* One message at a time: the next waits in the kernel. */
	const bool next = server->then == VDU_THEN_NOTHING;

	/* That it is over is heard at any time, but once. */
	fds[FD_DEVICE] = (struct pollfd){
		.fd = server->broken ? -1 : server->device_fd,
		.events = next ? POLLIN : 0,
	};
	fds[FD_SIGNAL] = (struct pollfd){ server->signal_fd, POLLIN, 0 };
	fds[FD_LISTEN] = (struct pollfd){ server->listen_fd, POLLIN, 0 };
	fds[FD_ACK] = (struct pollfd){ server->ack_fd, POLLIN, 0 };
	fds[FD_TIMER] = (struct pollfd){ server->timer_fd, POLLIN, 0 };
	fds[FD_WATCHDOG] = (struct pollfd){ server->watchdog_fd, POLLIN, 0 };
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++) {
		struct vdu__connection *conn = &server->connections[i];

		fds[FD_CONNECTIONS + i] = (struct pollfd){
			.fd = conn->fd < 0 ? -1 : conn->fd,
			/* Who does not read his replies is not read either. */
			.events = conn->out_len ? POLLOUT :
				  conn->ping_seq || conn->sets_cache ? 0 :
				  POLLIN,
		};
	}
}

static void turn(struct vdu__server *server, const struct pollfd *fds)
{
	/* First: what the data threads say of it then is not the driver's fault. */
	if (fds[FD_DEVICE].revents & POLLHUP) {
		vdu__server_cut_off(server);
		return;
	}
	if (fds[FD_ACK].revents) {
		vdu__drain_fd(server->ack_fd);
		vdu__server_news(server);
		vdu__socket_pongs(server);
		vdu__socket_cache(server);
		vdu__watchdog_pongs(server);
	}
	if (fds[FD_DEVICE].revents & (POLLERR | POLLNVAL))
		vdu__server_broken(server, "a message was not answered in time");
	else if (fds[FD_DEVICE].revents &&
		 server->then == VDU_THEN_NOTHING)
		vdu__server_message(server);
	if (fds[FD_TIMER].revents) {
		vdu__drain_fd(server->timer_fd);
		vdu__server_tick(server);
	}
	if (fds[FD_WATCHDOG].revents) {
		vdu__drain_fd(server->watchdog_fd);
		vdu__watchdog_tick(server);
	}
	if (fds[FD_SIGNAL].revents)
		on_signal(server);
	if (fds[FD_LISTEN].revents)
		vdu__socket_accept(server);
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		if (fds[FD_CONNECTIONS + i].revents)
			vdu__socket_serve(server, &server->connections[i],
					  fds[FD_CONNECTIONS + i].revents);
	vdu__handover_go(server);
}

static int loop(struct vdu__server *server)
{
	struct pollfd fds[FD_CONNECTIONS + VDU_CONNECTIONS_MAX];

	while (!server->leave) {
		fill_fds(server, fds);
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		turn(server, fds);
	}
	return 0;
}

/* --- serving -------------------------------------------------------------- */

/* A successor serves already while it waits for the claim. */
static int claim(struct vdu__server *server, const char *name,
		 struct vdu_error *err)
{
	for (unsigned int i = 0;; i++) {
		int r = vdu__claim_server(server->ctx, name, &server->lock_fd,
					  err);

		if (r != -EBUSY || i == CLAIM_TRIES ||
		    vdu__wait_fd(server->ctx, -1, 0, CLAIM_WAIT_MS) < 0)
			return r;
	}
}

/* Take the driver as it is, and tell whoever waits for us. */
static int begin(struct vdu__server *server, const char *name,
		 struct vdu_error *err)
{
	uint64_t pause_us;
	int r;

	r = vdu__server_resume(server, err);
	if (r < 0)
		return r;
	if (!server->successor) {
		vdu__notify_ready();
		return 0;
	}
	pause_us = (vdu__now_ns() - server->stopped_ns) / 1000;
	r = claim(server, name, err);
	if (r < 0)
		return r;
	vdu__log(server->ctx, 6, "taken over after a pause of %.3f ms",
		 (double)pause_us / 1000);
	vdu__notify_ready_after(pause_us);
	return 0;
}

/* --- going down -------------------------------------------------------- */

/* What was acknowledged without FLUSH still deserves to survive the stop. */
static void flush_backend(struct vdu__server *server)
{
	/* A successor does so at its end. */
	if (!server->handed_over && !server->cut_off && server->backend.fd >= 0 && !server->backend.read_only &&
	    fdatasync(server->backend.fd) < 0)
		vdu__log(server->ctx, 3, "cannot flush the backend: %s",
			 strerror(errno));
}

static void tear_down(struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++)
		vdu__queue_exit(&server->queues[i]);
	/* Those that never had a thread. */
	for (unsigned int i = server->n_queues;
	     server->queues && i < server->file.spec.n_queues; i++)
		vdu__closep(&server->queues[i].backend_fd);
	free(server->queues);
	free(server->started);
	vdu__affinity_close(server->affinity);
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		vdu__socket_close(&server->connections[i]);
	vdu__inflight_close(server->inflight);
	vdu__iotlb_unguard(server->iotlb);
	vdu__iotlb_free(server->iotlb);
	vdu__closep(&server->device_fd);
	flush_backend(server);
	vdu__backend_close(&server->backend);
	vdu__closep(&server->listen_fd);
	vdu__closep(&server->signal_fd);
	vdu__closep(&server->ack_fd);
	vdu__closep(&server->timer_fd);
	vdu__closep(&server->watchdog_fd);
	/* Last: who sees the lock free may start the next server. */
	vdu__closep(&server->lock_fd);
	free(server);
}

static struct vdu__server *new_server(struct vdu_ctx *ctx)
{
	struct vdu__server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->ctx = ctx;
	server->started_ns = vdu__now_ns();
	server->lock_fd = server->device_fd = server->signal_fd = -EBADF;
	server->listen_fd = server->ack_fd = server->timer_fd = -EBADF;
	server->watchdog_fd = -EBADF;
	server->backend.fd = -EBADF;
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		server->connections[i].fd = -EBADF;
	return server;
}

static int serve(struct vdu_ctx *ctx, const char *name, bool successor,
		 struct vdu_error *err)
{
	struct vdu__server *server = new_server(ctx);
	struct vdu_error own = { 0 };
	int r;

	if (!server)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	server->successor = successor;
	r = vdu__server_set_up(server, name, &own);
	if (r == 0)
		r = begin(server, name, &own);
	if (r == 0) {
		vdu__log(ctx, 6, "serving %s, %u queue(s)", name,
			 server->n_queues);
		r = loop(server);
		if (r == 0 && server->cut_off)
			r = vdu__fail(&own, VDU_STAGE_DEVICE, -ENOTCONN,
				      "cut off from the device");
		else if (r == 0 && server->handed_over)
			vdu__notify_handed_over();
		else if (r == 0)
			vdu__notify_stopping();
	} else {
		vdu__notify_failed(&own);
	}
	tear_down(server);
	if (r < 0 && err)
		*err = own;
	return r;
}

PUBLIC int vdu_serve(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	return serve(ctx, name, false, err);
}

PUBLIC int vdu_take_over(struct vdu_ctx *ctx, const char *name,
			 struct vdu_error *err)
{
	return serve(ctx, name, true, err);
}
