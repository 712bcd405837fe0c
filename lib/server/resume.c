// SPDX-License-Identifier: LGPL-2.1-or-later
/* Serving a driver that began under a server before us. */
#include <linux/virtio_config.h>
#include <stdlib.h>

#include "lib/ring/outstanding.h"
#include "lib/server/server.h"

bool vdu__server_driver_runs(const struct vdu__server *server)
{
	struct vdu__vq_info info;
	uint8_t status;

	if (vdu__device_status(server->device_fd, &status) == 0)
		return status & VIRTIO_CONFIG_S_DRIVER_OK;
	/* The stock module does not tell that, but which queues are ready. */
	for (unsigned int i = 0; i < server->file.spec.n_queues; i++)
		if (vdu__device_vq_info(server->device_fd, i, &info) == 0 &&
		    info.ready)
			return true;
	return false;
}

/* --- without a log ------------------------------------------------------ */

/* What is in flight in a queue, of which there is no log. */
struct found {
	uint16_t num, used_idx;
	unsigned int n;
	uint16_t *heads;
};

/* Answered in order, or by what the rings still hold: only if that is certain. */
static int find(struct vdu__server *server, unsigned int index,
		struct found *found)
{
	struct vdu__queue_setup setup;
	struct vdu__ring_view view;
	struct vdu__vq_info info = { 0 };
	unsigned int certain = 0;
	int n;

	if (!vdu__queue_find(server, index, &info, &setup))
		return info.ready ? -ENODATA : 0;
	/* Its answers stand where requests stood. */
	if (setup.packed)
		return -ENODATA;
	found->heads = calloc(setup.num, sizeof(*found->heads));
	if (!found->heads)
		return -ENOMEM;
	vdu__ring_look(setup.num, setup.avail, setup.used, &view);
	n = vdu__ring_outstanding(setup.num, setup.avail, view.avail_idx,
				  setup.used, view.used_idx, found->heads,
				  &certain);
	if (n == -ENOMEM)
		return n;
	if (n < 0 || (unsigned int)n != certain ||
	    certain != (uint16_t)(view.avail_idx - view.used_idx))
		return -ENODATA;
	found->num = setup.num;
	found->used_idx = view.used_idx;
	found->n = certain;
	return 0;
}

static int fail_to_find(unsigned int index, int r, struct vdu_error *err)
{
	if (r == -ENODATA)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "its in-flight log is lost, and the ring of queue %u does not tell which requests are unanswered",
				 index);
	return vdu__fail(err, VDU_STAGE_SERVER, r, "out of memory");
}

/*
 * Doing a request again that was answered could undo a later write, and one
 * that is forgotten hangs its driver: better no server than one that guesses.
 */
static int make_log(struct vdu__server *server, struct vdu_error *err)
{
	const unsigned int n = server->file.spec.n_queues;
	struct found *found = calloc(n, sizeof(*found));
	int r = found ? 0 : fail_to_find(0, -ENOMEM, err);

	for (unsigned int i = 0; r == 0 && i < n; i++) {
		r = find(server, i, &found[i]);
		if (r < 0)
			r = fail_to_find(i, r, err);
	}
	if (r == 0) {
		vdu__log(server->ctx, 4,
			 "its in-flight log is lost; what was in flight is known from the rings");
		vdu__inflight_begin(server->inflight);
		vdu__inflight_driver(server->inflight,
				     server->driver_features);
	}
	for (unsigned int i = 0; found && i < n; i++) {
		if (r == 0 && found[i].num)
			vdu__inflight_found(vdu__inflight_queue(server->inflight, i),
					    found[i].num, found[i].used_idx,
					    found[i].heads, found[i].n);
		free(found[i].heads);
	}
	free(found);
	return r;
}

/* --- with the driver ---------------------------------------------------- */

/* Ready queues imply this, where the kernel does not tell. */
#define RUNNING (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
		 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* There is no driver, or one that has not begun. */
static int resume_none(struct vdu__server *server, uint8_t status)
{
	/* Whoever had it has been reset behind our back. */
	vdu__inflight_begin(server->inflight);
	server->status = status;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		vdu__cache_reset(server);
	else
		(void)vdu__server_features_ok(server);
	return 0;
}

int vdu__server_resume(struct vdu__server *server, struct vdu_error *err)
{
	bool fits = vdu__inflight_fits(server->inflight);
	uint8_t status = 0;
	int r = 0;

	server->recovers = vdu__device_status(server->device_fd, &status) == 0;
	if (!vdu__server_driver_runs(server))
		return resume_none(server, status);
	if (!vdu__server_features_ok(server))
		return vdu__fail(err, VDU_STAGE_SERVER, -EOPNOTSUPP,
				 "its driver uses features that this server does not have: 0x%llx",
				 (unsigned long long)(server->driver_features &
						      ~server->features));
	/* Only the log tells where a packed ring stands. */
	if (vdu__server_packed(server))
		fits = fits && vdu__inflight_is_of(server->inflight,
						   server->driver_features);
	/* A server that hands over has answered all that it took. */
	if (!fits && server->successor && !vdu__server_packed(server))
		vdu__inflight_begin(server->inflight);
	else if (!fits)
		r = make_log(server, err);
	if (r < 0)
		return r;
	server->status = server->recovers ? status : RUNNING;
	server->suspended = vdu__inflight_is_of(server->inflight,
						server->driver_features) &&
			    vdu__inflight_suspended(server->inflight);
	if (server->suspended)
		vdu__cache_apply(server);
	else
		vdu__queues_resume(server);
	return 0;
}
