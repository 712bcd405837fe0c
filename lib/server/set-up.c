// SPDX-License-Identifier: LGPL-2.1-or-later
/* All that a server opens before it serves. */
#include <pthread.h>
#include <signal.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "lib/kernel/device.h"
#include "lib/server/client.h"
#include "lib/server/launch.h"
#include "lib/server/sandbox.h"
#include "lib/server/server.h"
#include "lib/server/take-over.h"
#include "lib/util/lock.h"

/* For a predecessor that was killed: about two seconds. */
#define BUSY_TRIES 110

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

static int open_backend(struct vdu__server *server, const char *name,
			struct vdu_error *err)
{
	uint64_t wanted = server->file.spec.size_bytes;
	int fd = vdu__inherited(VDU_INHERITED_BACKEND), r = 0;

	/* It is claimed: only who has it can share it. */
	if (server->successor && strcmp(server->file.spec.backend, "null")) {
		vdu__closep(&fd);
		r = vdu__take_backend(server->ctx, name, &fd, err);
	}
	if (r == 0)
		r = vdu__backend_open(server->ctx, &server->file.spec, fd,
				      &server->backend, err);
	if (r < 0)
		return r;
	if (server->backend.ops->serve)
		server->backend.ops->serve(&server->backend);
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
	if (server->file.spec.affinity == VDU_AFFINITY_AUTO)
		server->affinity = vdu__affinity_open(
			server->ctx, server->file.spec.name, n);
	if (server->backend.fd < 0 || server->backend.memory)
		return 0;
	for (unsigned int i = 0; i < n; i++) {
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
					spec->poll_percent,
					server->device_fd, server->ack_fd,
					&server->backend, server->iotlb);

		server->n_queues = i + 1;
		while (r == 0 && atomic_load(&queue->init_result) == 1) {
			r = vdu__wait_fd(server->ctx, server->ack_fd, POLLIN,
					 -1);
			vdu__drain_fd(server->ack_fd);
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
	unsigned int try = 0;

	for (;;) {
		int fd = vdu__device_open(server->ctx, name, err);

		if (fd != -EBUSY || try == BUSY_TRIES ||
		    vdu__pause(server->ctx, &try) < 0)
			return fd;
	}
}

/* The device, and the socket of who served it. */
static int take_over(struct vdu__server *server, int connection,
		     struct vdu_error *err)
{
	struct vdu__legacy legacy;
	int r = vdu__take_over(server->ctx, connection, &legacy, err);

	if (r < 0)
		return r;
	server->device_fd = legacy.device_fd;
	server->listen_fd = legacy.listen_fd;
	server->stopped_ns = legacy.stopped_ns;
	return 0;
}

/*
 * A driver that has written to memory which is gone must not find zeroes there:
 * a file system would be lost that a reset could still save elsewhere.
 */
static int refuse_amnesia(const struct vdu__server *server,
			  struct vdu_error *err)
{
	if (!server->backend.fresh || !vdu__server_driver_runs(server))
		return 0;
	return vdu__fail(err, VDU_STAGE_BACKEND, -ENODATA,
			 "the memory that its driver uses went with its last server");
}

/* All that must be there before the device is ours. */
static int prepare(struct vdu__server *server, const char *name,
		   struct vdu_error *err)
{
	int r = vdu__spec_load(server->ctx, name, &server->file, err);

	/* A successor gets the claim when the server before it has ended. */
	if (r == 0 && !server->successor)
		r = vdu__claim_server(server->ctx, name, &server->lock_fd, err);
	if (r == 0)
		r = open_fds(server, err);
	if (r == 0)
		r = open_backend(server, name, err);
	if (r == 0)
		r = make_queues(server, err);
	if (r < 0)
		return r;
	server->features = vdu__blk_features(&server->file.spec,
					     &server->file.abilities);
	vdu__blk_config(&server->file.spec, &server->file.abilities,
			server->config);
	return 0;
}

static int get_device(struct vdu__server *server, const char *name,
		      struct vdu_error *err)
{
	server->device_fd = open_device(server, name, err);
	if (server->device_fd < 0)
		return server->device_fd;
	server->listen_fd = vdu__socket_listen(server->ctx, name, err);
	if (server->listen_fd < 0)
		return server->listen_fd;
	return refuse_amnesia(server, err);
}

/* A successor takes the device last: nobody serves it from then on. */
int vdu__server_set_up(struct vdu__server *server, const char *name,
		       struct vdu_error *err)
{
	const struct vdu_blk_spec *spec = &server->file.spec;
	CLEANUP_CLOSE int connection = -EBADF;
	int r = prepare(server, name, err);

	if (r == 0 && server->successor)
		r = connection = vdu__client_connect(server->ctx, name, err);
	else if (r == 0)
		r = get_device(server, name, err);
	if (r >= 0)
		r = vdu__inflight_open(server->ctx, name, spec->n_queues,
				       spec->queue_size, spec->packed,
				       &server->inflight, err);
	/* Capabilities belong to threads: give them up before there are more. */
	if (r == 0)
		r = vdu__sandbox_enter(server->ctx, name,
				       server->affinity != NULL, err);
	if (r == 0 && server->successor)
		r = take_over(server, connection, err);
	if (r < 0)
		return r;
	server->iotlb = vdu__iotlb_new(server->device_fd);
	if (!server->iotlb)
		return vdu__fail(err, VDU_STAGE_SERVER, -ENOMEM,
				 "out of memory");
	r = vdu__iotlb_guard(server->iotlb);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_SERVER, r,
				 "cannot guard the driver's memory");
	vdu__cache_begin(server);
	return start_threads(server, err);
}
