// SPDX-License-Identifier: LGPL-2.1-or-later
/* Errors of the backend: trouble.h says what becomes of them. */
#include "lib/server/trouble.h"

#include <stdio.h>
#include <string.h>

#include <vduse/virtio.h>

#include "lib/server/server.h"

/* A disk that is gone fails every request: one line of the log in this time. */
#define LOG_INTERVAL_NS (10 * UINT64_C(1000000000))

/*
 * One word, so that nobody reads half of it. Of a sector behind 128 PiB the low
 * part is shown.
 */
#define ERRNO_SHIFT 48
#define TYPE_SHIFT 60
#define ERRNO_MASK 0xfffU
#define SECTOR_MASK ((UINT64_C(1) << ERRNO_SHIFT) - 1)

void vdu__trouble_note(struct vdu__queue *queue, enum vdu__io_op op,
		       uint64_t sector, int r)
{
	static const uint64_t one = 1;

	atomic_store(&queue->stats.last_error,
		     (sector & SECTOR_MASK) |
		     (uint64_t)((unsigned int)-r & ERRNO_MASK) << ERRNO_SHIFT |
		     (uint64_t)op << TYPE_SHIFT);
	vdu__count(&queue->stats.backend_errors, 1);
	/* Full: the control thread is awake. */
	if (write(queue->ack_fd, &one, sizeof(one)) < 0)
		return;
}

static void describe(struct vdu__trouble *trouble, unsigned int index,
		     uint64_t error)
{
	static const char *const ops[] = {
		[VDU_IO_READ] = "read",
		[VDU_IO_WRITE] = "write",
		[VDU_IO_FLUSH] = "flush",
		[VDU_IO_DISCARD] = "discard",
		[VDU_IO_WRITE_ZEROES] = "write-zeroes",
	};
	unsigned int op = error >> TYPE_SHIFT;
	char where[40] = "";

	if (op != VDU_IO_FLUSH)
		(void)snprintf(where, sizeof(where), " at sector %llu",
			       (unsigned long long)(error & SECTOR_MASK));
	(void)snprintf(trouble->last, sizeof(trouble->last),
		       "%s%s, queue %u: %s",
		       op < ARRAY_SIZE(ops) ? ops[op] : "request", where, index,
		       strerror((int)(error >> ERRNO_SHIFT & ERRNO_MASK)));
}

void vdu__trouble_look(struct vdu__server *server)
{
	struct vdu__trouble *trouble = &server->trouble;
	uint64_t now;

	for (unsigned int i = 0; i < server->n_queues; i++) {
		struct vdu__queue *queue = &server->queues[i];
		uint64_t n = vdu__counted(&queue->stats.backend_errors);

		if (n == queue->errors_seen)
			continue;
		trouble->seen += n - queue->errors_seen;
		queue->errors_seen = n;
		describe(trouble, i, atomic_load(&queue->stats.last_error));
	}
	now = vdu__now_ns();
	if (trouble->seen == trouble->logged ||
	    (trouble->logged && now - trouble->logged_ns < LOG_INTERVAL_NS))
		return;
	vdu__log(server->ctx, 3, "the backend fails: %s (%llu so far)",
		 trouble->last, (unsigned long long)trouble->seen);
	trouble->logged = trouble->seen;
	trouble->logged_ns = now;
}
