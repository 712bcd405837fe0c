// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * When a write is done: with the backend (write-back), or on the medium
 * (write-through). Three have a say:
 *
 *   the administrator   `create --cache`, `set cache=`: spec.cache
 *   the driver          FLUSH negotiated or not; with CONFIG_WCE the byte
 *                       "writeback" of the configuration space (virtio 1.2,
 *                       5.2.5), which the kernel keeps
 *   both at once        write-through if any of them wants it
 *
 * To write-through is possible at any time. The other way is not while a driver
 * has reason to believe that it need not flush: it has read a 0 in that byte,
 * and Linux looks at it only when it is bound, or writes it. Then write-back
 * waits until the driver writes a 1, or is reset: at a reset the byte becomes
 * what the administrator wants.
 *
 * The data threads are told by a number of the mode, and say when they are
 * there: what was done before is on the medium then.
 */
#include <linux/virtio_blk.h>
#include <string.h>

#include "lib/blk/cache.h"
#include "lib/kernel/device.h"
#include "lib/server/server.h"

static bool negotiated(const struct vdu__server *server, unsigned int feature)
{
	return server->driver_features >> feature & 1;
}

static uint8_t *wce(struct vdu__server *server)
{
	return &server->config[VDU_BLK_CONFIG_WCE];
}

static bool wants_through(const struct vdu__server *server)
{
	return server->file.spec.cache == VDU_CACHE_WRITETHROUGH;
}

bool vdu__cache_through(const struct vdu__server *server)
{
	/* No driver: nothing has been negotiated. */
	if (wants_through(server) || !server->driver_features)
		return wants_through(server);
	if (!negotiated(server, VIRTIO_BLK_F_FLUSH))
		return true;
	return negotiated(server, VIRTIO_BLK_F_CONFIG_WCE) &&
	       !server->config[VDU_BLK_CONFIG_WCE];
}

/* The kernel's byte, for whoever reads it next; tell: the driver is to. */
static void put_byte(struct vdu__server *server, uint8_t value, bool tell)
{
	int r;

	*wce(server) = value;
	if (!server->file.spec.writeback_control)
		return;
	r = vdu__device_set_config_byte(server->device_fd, VDU_BLK_CONFIG_WCE,
					value, tell);
	if (r < 0 && r != -ENOTCONN)
		vdu__log(server->ctx, 4,
			 "cannot write the cache mode to the configuration space: %s",
			 strerror(-r));
}

void vdu__cache_apply(struct vdu__server *server)
{
	struct vdu__cache *cache = &server->cache;
	bool through = vdu__cache_through(server);

	if (through == cache->through)
		return;
	cache->through = through;
	cache->seq++;
	vdu__debug(server->ctx, "cache: %s", vdu__cache_text(through));
	for (unsigned int i = 0; i < server->n_queues; i++)
		vdu__queue_set_mode(&server->queues[i], through, cache->seq);
}

bool vdu__cache_settled(const struct vdu__server *server)
{
	for (unsigned int i = 0; i < server->n_queues; i++)
		if (atomic_load(&server->queues[i].mode_done) !=
		    server->cache.seq)
			return false;
	return true;
}

int vdu__cache_result(struct vdu__server *server)
{
	_Atomic uint32_t *lost = vdu__inflight_lost(server->inflight);

	if (!server->cache.through)
		return 0;
	for (unsigned int i = 0; i < server->n_queues; i++) {
		int r = atomic_load(&server->queues[i].mode_result);

		/* The kernel tells it once: it stays so, as for a flush. */
		if (r < 0)
			atomic_store(lost, (uint32_t)-r);
	}
	return -(int)atomic_load(lost);
}

/* --- the driver's say ---------------------------------------------------- */

void vdu__cache_begin(struct vdu__server *server)
{
	uint8_t byte;

	if (!server->file.spec.writeback_control)
		return;
	/* What a driver wrote under a server before us, it believes in. */
	if (vdu__device_config_byte(server->device_fd, VDU_BLK_CONFIG_WCE,
				    &byte) == 0)
		*wce(server) = byte;
}

void vdu__cache_reset(struct vdu__server *server)
{
	const uint8_t byte = vdu__blk_wce(&server->file.spec);

	if (server->file.spec.writeback_control && *wce(server) != byte)
		put_byte(server, byte, false);
	vdu__cache_apply(server);
}

void vdu__cache_negotiated(struct vdu__server *server)
{
	/* virtio 1.2, 5.2.5.2: who cannot flush is told that he need not. */
	if (negotiated(server, VIRTIO_BLK_F_CONFIG_WCE) &&
	    !negotiated(server, VIRTIO_BLK_F_FLUSH) && *wce(server))
		put_byte(server, 0, false);
	vdu__cache_apply(server);
}

bool vdu__cache_written(struct vdu__server *server, uint8_t value)
{
	if (!negotiated(server, VIRTIO_BLK_F_CONFIG_WCE) || value > 1 ||
	    (value && !negotiated(server, VIRTIO_BLK_F_FLUSH))) {
		/* Nobody puts back what nobody waits for. */
		put_byte(server, *wce(server), false);
		return false;
	}
	*wce(server) = value;
	vdu__cache_apply(server);
	return true;
}

void vdu__cache_refuse_write(struct vdu__server *server)
{
	put_byte(server, 1, false);
	vdu__cache_apply(server);
}

/* --- the administrator's say ---------------------------------------------- */

void vdu__cache_set(struct vdu__server *server, int cache)
{
	uint8_t byte;

	server->file.spec.cache = cache;
	byte = vdu__blk_wce(&server->file.spec);
	/* Not to 1 under a driver that may have seen the 0. */
	if (byte != *wce(server) &&
	    (!byte || !negotiated(server, VIRTIO_BLK_F_CONFIG_WCE)))
		put_byte(server, byte, true);
	vdu__cache_apply(server);
}
