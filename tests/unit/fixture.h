// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server without threads, for tests of its control thread: one queue that has
 * stopped, and a socket that stands for the device. For one program at a time.
 */
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/server/server.h"
#include "lib/util/fs.h"

struct fixture {
	struct vdu__server server;
	struct vdu__queue queue;
	struct started started;
	char root[64];
	int kernel;
};

static struct fixture *new_fixture(void)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vdu__server *server = &f->server;
	char path[128];
	int fds[2];

	strcpy(f->root, "/tmp/vdusectl-unit-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(vdu_ctx_new(&server->ctx), 0);
	assert_int_equal(vdu_ctx_set_root(server->ctx, f->root), 0);
	(void)snprintf(path, sizeof(path), "%s" VDU_RUN_DIR "/d", f->root);
	assert_int_equal(vdu__mkdir_p(path, 0700), 0);
	assert_int_equal(vdu__inflight_open(server->ctx, "d", 1, 16,
					    false, &server->inflight, NULL), 0);
	vdu__inflight_begin(server->inflight);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				    fds), 0);
	f->kernel = fds[0];
	server->device_fd = fds[1];
	server->timer_fd = -1;
	server->iotlb = vdu__iotlb_new(server->device_fd);
	server->queues = &f->queue;
	server->started = &f->started;
	server->n_queues = 1;
	/* A queue that has stopped, as far as it was told to. */
	f->queue.idle = true;
	f->queue.cmd_fd = -1;
	return f;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	vdu__inflight_close(f->server.inflight);
	vdu__iotlb_free(f->server.iotlb);
	vdu_ctx_free(f->server.ctx);
	(void)close(f->kernel);
	(void)close(f->server.device_fd);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}
