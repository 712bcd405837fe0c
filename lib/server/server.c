// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The server of one device: setting up, the control thread's loop, going down.
 */
#include "lib/server/server.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <vduse/manage.h>

#include "lib/kernel/device.h"
#include "lib/server/notify.h"
#include "lib/server/sandbox.h"
#include "lib/util/lock.h"

/* For a predecessor that was killed: two seconds. */
#define BUSY_TRIES 100
#define BUSY_WAIT_MS 20

enum { FD_DEVICE, FD_SIGNAL, FD_LISTEN, FD_ACK, FD_TIMER, FD_WATCHDOG,
       FD_CONNECTIONS };

static void drain_fd(int fd)
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
	bool listen_to_kernel = server->then == VDU_THEN_NOTHING &&
				!server->broken;

	fds[FD_DEVICE] = (struct pollfd){
		.fd = listen_to_kernel ? server->device_fd : -1,
		.events = POLLIN,
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
				  conn->ping_seq ? 0 : POLLIN,
		};
	}
}

static void turn(struct vdu__server *server, const struct pollfd *fds)
{
	if (fds[FD_ACK].revents) {
		drain_fd(server->ack_fd);
		vdu__server_news(server);
		vdu__socket_pongs(server);
		vdu__watchdog_pongs(server);
	}
	if (fds[FD_DEVICE].revents & (POLLERR | POLLNVAL))
		vdu__server_broken(server, "a message was not answered in time");
	else if (fds[FD_DEVICE].revents &&
		 server->then == VDU_THEN_NOTHING)
		vdu__server_message(server);
	if (fds[FD_TIMER].revents) {
		drain_fd(server->timer_fd);
		vdu__server_tick(server);
	}
	if (fds[FD_WATCHDOG].revents) {
		drain_fd(server->watchdog_fd);
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

/* --- setting up -------------------------------------------------------- */

static int open_fds(struct vdu__server *server, struct vdu_error *err)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	/* Before the data threads start: they inherit the mask. */
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	server->ack_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server->timer_fd = timerfd_create(CLOCK_MONOTONIC,
					  TFD_CLOEXEC | TFD_NONBLOCK);
	if (server->signal_fd < 0 || server->ack_fd < 0 ||
	    server->timer_fd < 0 || vdu__watchdog_open(server) < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, -errno,
				 "cannot make its file descriptors: %s",
				 strerror(errno));
	return 0;
}

static int check_backend(struct vdu__server *server, struct vdu_error *err)
{
	uint64_t wanted = server->file.spec.size_bytes;

	/* Refused for the device: not to be done on the side, either. */
	if (server->file.spec.discard == VDU_DISCARD_OFF)
		server->backend.abilities.discard = false;
	if (server->backend.size_bytes >= wanted)
		return 0;
	return vdu__fail(err, VDU_STAGE_BACKEND, -EIO,
			 "%s has shrunk: %llu bytes, the device has %llu",
			 server->file.spec.path,
			 (unsigned long long)server->backend.size_bytes,
			 (unsigned long long)wanted);
}

/* What the data threads need and may not open from within the sandbox. */
static int make_queues(struct vdu__server *server, struct vdu_error *err)
{
	const unsigned int n = server->file.spec.n_queues;

	server->queues = calloc(n, sizeof(*server->queues));
	server->started = calloc(n, sizeof(*server->started));
	if (!server->queues || !server->started)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	for (unsigned int i = 0; i < n; i++)
		server->queues[i].backend_fd = -EBADF;
	for (unsigned int i = 0; i < n && server->backend.fd >= 0; i++) {
		int fd = vdu__backend_reopen(&server->backend);

		if (fd < 0)
			return vdu__fail(err, VDU_STAGE_BACKEND, fd,
					 "cannot open %s for queue %u: %s",
					 server->file.spec.path, i,
					 strerror(-fd));
		server->queues[i].backend_fd = fd;
	}
	return 0;
}

/* Start the data threads and wait until each is ready or one has failed. */
static int start_threads(struct vdu__server *server, struct vdu_error *err)
{
	const struct vdu_blk_spec *spec = &server->file.spec;

	for (unsigned int i = 0; i < spec->n_queues; i++) {
		struct vdu__queue *queue = &server->queues[i];
		int r = vdu__queue_init(queue, i, spec->queue_size,
					server->device_fd, server->ack_fd,
					&server->backend, server->iotlb);

		server->n_queues = i + 1;
		while (r == 0 && atomic_load(&queue->init_result) == 1) {
			r = vdu__wait_fd(server->ctx, server->ack_fd, POLLIN,
					 -1);
			drain_fd(server->ack_fd);
			r = MIN(r, 0);
		}
		if (r == 0)
			r = atomic_load(&queue->init_result);
		if (r < 0)
			return vdu__fail(err, VDU_STAGE_SERVER, r,
					 "cannot start the thread of queue %u: %s",
					 i, strerror(-r));
	}
	return 0;
}

/*
 * The lock of a server that was killed is free a moment before its device is:
 * the kernel lets go of the one at once and of the other last.
 */
static int open_device(struct vdu__server *server, const char *name,
		       struct vdu_error *err)
{
	for (unsigned int i = 0;; i++) {
		int fd = vdu__device_open(server->ctx, name, err);

		if (fd != -EBUSY || i == BUSY_TRIES ||
		    vdu__wait_fd(server->ctx, -1, 0, BUSY_WAIT_MS) < 0)
			return fd;
	}
}

static int set_up(struct vdu__server *server, const char *name,
		  struct vdu_error *err)
{
	int r;

	r = vdu__spec_load(server->ctx, name, &server->file, err);
	if (r == 0)
		r = vdu__claim_server(server->ctx, name, &server->lock_fd, err);
	if (r == 0)
		r = open_fds(server, err);
	if (r == 0)
		r = vdu__backend_open(server->ctx, &server->file.spec,
				      &server->backend, err);
	if (r == 0)
		r = check_backend(server, err);
	if (r == 0)
		r = make_queues(server, err);
	if (r < 0)
		return r;
	server->features = vdu__blk_features(&server->file.spec,
					     &server->file.abilities);
	vdu__blk_config(&server->file.spec, &server->file.abilities,
			server->config);
	server->device_fd = open_device(server, name, err);
	if (server->device_fd < 0)
		return server->device_fd;
	server->iotlb = vdu__iotlb_new(server->device_fd);
	if (!server->iotlb)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	vdu__iotlb_guard(server->iotlb);
	r = vdu__inflight_open(server->ctx, name, server->file.spec.n_queues,
			       server->file.spec.queue_size, &server->inflight,
			       err);
	if (r < 0)
		return r;
	server->listen_fd = vdu__socket_listen(server->ctx, name, err);
	if (server->listen_fd < 0)
		return server->listen_fd;
	/* Capabilities belong to threads: give them up before there are more. */
	r = vdu__sandbox_enter(server->ctx, name, err);
	return r < 0 ? r : start_threads(server, err);
}

/* --- going down -------------------------------------------------------- */

/* What was acknowledged without FLUSH still deserves to survive the stop. */
static void flush_backend(struct vdu__server *server)
{
	if (server->backend.fd >= 0 && !server->backend.read_only &&
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
	for (size_t i = 0; i < VDU_CONNECTIONS_MAX; i++)
		vdu__socket_close(&server->connections[i]);
	vdu__inflight_close(server->inflight);
	vdu__iotlb_guard(NULL);
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

PUBLIC int vdu_serve(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	struct vdu__server *server = new_server(ctx);
	struct vdu_error own = { 0 };
	int r;

	if (!server)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	r = set_up(server, name, &own);
	if (r == 0) {
		vdu__server_resume(server);
		vdu__notify_ready();
		vdu__log(ctx, 6, "serving %s, %u queue(s)", name,
			 server->n_queues);
		r = loop(server);
		if (r == 0)
			vdu__notify_stopping();
	} else {
		vdu__notify_failed(&own);
	}
	tear_down(server);
	if (r < 0 && err)
		*err = own;
	return r;
}
