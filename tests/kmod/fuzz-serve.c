// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Servers of the first sort of devices: good, lazy, wrong or silent ones.
 */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"
#include "ring.h"

#define N_RINGS 2

enum manner { GOOD, LAZY, REFUSE, TWICE, MUTE, MANNERS };

struct server {
	int fd;
	enum manner manner;
	struct ring rings[N_RINGS];
};

/* Requests get nothing: a network driver counts short packets. */
static uint32_t empty_request(struct ring *ring, uint16_t head, void *data)
{
	(void)ring;
	(void)head;
	(void)data;
	return 0;
}

static void start_rings(struct server *server)
{
	for (uint32_t i = 0; i < N_RINGS; i++)
		note(K_RING, ring_start(server->fd, i, &server->rings[i]));
}

static void stop_rings(struct server *server)
{
	for (uint32_t i = 0; i < N_RINGS; i++)
		ring_stop(&server->rings[i]);
}

static void serve_rings(struct server *server)
{
	int n;

	for (uint32_t i = 0; i < N_RINGS; i++) {
		if (!server->rings[i].num)
			continue;
		n = ring_serve(server->fd, &server->rings[i], empty_request,
			       NULL);
		if (n)
			note(K_IRQ, n < 0 ? -1 : 0);
	}
}

static void answer(struct rng *rng, struct server *server,
		   const struct vduse_dev_request *req)
{
	struct vduse_dev_response resp = { .request_id = req->request_id };

	if (server->manner == REFUSE && chance(rng, 50))
		resp.result = VDUSE_REQ_RESULT_FAILED;
	if (server->manner == LAZY)
		nap(below(rng, 100));
	if (req->type == VDUSE_GET_VQ_STATE)
		resp.vq_state.split.avail_index = (uint16_t)draw(rng);
	note(K_ANSWER, write(server->fd, &resp, sizeof(resp)));
	if (server->manner == TWICE)
		note(K_BAD_ANSWER, write(server->fd, &resp, sizeof(resp)));

	/* A driver is told to reset the rings before they go. */
	if (req->type == VDUSE_SET_STATUS && req->s.status == 0)
		stop_rings(server);
	else if (req->type == VDUSE_SET_STATUS && req->s.status & 4 &&
		 !resp.result)
		start_rings(server);
	else if (req->type == VDUSE_UPDATE_IOTLB)
		stop_rings(server);
}

/* Read one message, perhaps answer it. */
static bool serve_message(struct rng *rng, struct server *server)
{
	struct vduse_dev_request req;

	if (note(K_READ, read(server->fd, &req, sizeof(req))) != sizeof(req))
		return false;
	if (server->manner == MUTE && chance(rng, 50))
		return true;
	answer(rng, server, &req);
	return true;
}

/*
 * Returns false when the device is broken: only a new one helps. One that cut
 * its server off does for the next one.
 */
static bool serve(struct rng *rng, struct server *server, unsigned int steps)
{
	struct pollfd poller = { .fd = server->fd, .events = POLLIN };

	while (steps-- && running()) {
		note(K_POLL, poll(&poller, 1, (int)below(rng, 20)));
		if (poller.revents & POLLERR)
			return poller.revents & POLLHUP;
		while (serve_message(rng, server))
			;
		serve_rings(server);
		if (chance(rng, 20))
			call_device(rng, server->fd, server->manner == GOOD);
		else if (chance(rng, 20))
			call_umem(rng, server->fd);
	}
	return true;
}

void role_server(struct rng *rng, int chaos)
{
	while (running()) {
		struct rng own = fork_rng(rng);
		int device = chance(&own, 80) ? chaos :
			     (int)below(&own, FUZZ_CHAOS);
		const char *name = chaos_names[device];
		struct server server = {
			.manner = chance(&own, 80) ? GOOD : below(&own, MANNERS),
		};
		bool good;

		make_chaos(&own, name, true);
		server.fd = open_node(name, O_NONBLOCK);
		if (server.fd < 0) {
			nap(1 + below(&own, 20));
			continue;
		}
		setup_queues(server.fd);
		/* After a server that was killed: what it had not answered. */
		start_rings(&server);
		good = serve(&own, &server, below(&own, 1000));
		stop_rings(&server);
		if (!good)
			take_away(&own, device, true);
		note(K_CLOSE, close(server.fd));
		if (!good || chance(&own, 10))
			destroy(name);
	}
}

void role_rescue(struct rng *rng, int chaos)
{
	struct server server = { .manner = GOOD };
	struct pollfd poller = { .events = POLLIN };

	while (shared->stage != STAGE_END) {
		server.fd = open_node(chaos_names[chaos], O_NONBLOCK);
		poller.fd = server.fd;
		poller.revents = 0;
		while (server.fd >= 0 && shared->stage != STAGE_END &&
		       !(poller.revents & POLLERR)) {
			poll(&poller, 1, 20);
			while (serve_message(rng, &server))
				;
		}
		if (server.fd >= 0)
			close(server.fd);
		nap(20);
	}
}
