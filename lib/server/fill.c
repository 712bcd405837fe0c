// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/server/fill.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kmod/uapi/linux/vduse_ext.h"
#include "lib/server/queue.h"

#define PIECES 64

/* What the module counts in: a piece begins with one. */
#define UNIT 4096U

/*
 * Pieces for the first of the buffers, as many as there is room for; *bytes is
 * what they have together.
 */
static unsigned int collect(const struct vdu__span *hot,
			    const struct iovec *iov, unsigned int n_iov,
			    const char *from, struct vduse_ext_piece *pieces,
			    uint64_t *bytes)
{
	unsigned int n;

	*bytes = 0;
	for (n = 0; n < MIN(n_iov, PIECES); n++) {
		uint64_t at = (uint64_t)((uint8_t *)iov[n].iov_base - hot->va);
		uint64_t iova = hot->start + at;

		if (at >= hot->bytes || iov[n].iov_len > hot->bytes - at ||
		    iova % UNIT)
			break;
		pieces[n] = (struct vduse_ext_piece){
			.iova = iova,
			.from = (uintptr_t)(from + *bytes),
			.len = iov[n].iov_len,
		};
		*bytes += iov[n].iov_len;
	}
	return n;
}

uint64_t vdu__queue_fill(void *opaque, const struct iovec *iov,
			 unsigned int n_iov, const char *from)
{
	struct vdu__queue *queue = opaque;
	struct vduse_ext_piece pieces[PIECES];
	struct vduse_ext_fill args;
	uint64_t done = 0, bytes;

	while (n_iov) {
		args = (struct vduse_ext_fill){ .pieces = (uintptr_t)pieces };
		args.n = collect(&queue->mem.hot, iov, n_iov, from + done,
				 pieces, &bytes);
		if (!args.n)
			break;
		if (ioctl(queue->device_fd, VDUSE_EXT_FILL_BUFFERS, &args) < 0) {
			/* Another module, or a device made without it. */
			if (errno == ENOTTY)
				queue->paces.fill = NULL;
			break;
		}
		done += args.done;
		if (args.done < bytes)
			break;
		iov += args.n;
		n_iov -= args.n;
	}
	return done;
}
