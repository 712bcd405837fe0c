// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of backends. */
#include "lib/backend/backend.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct vdu__backend_ops *const backends[] = {
	&vdu__backend_file,
	&vdu__backend_memory,
	&vdu__backend_null,
};

int vdu__backend_open(struct vdu_ctx *ctx, const struct vdu_blk_spec *spec,
		      int fd, struct vdu__backend *ret, struct vdu_error *err)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (strcmp(backends[i]->name, spec->backend))
			continue;
		*ret = (struct vdu__backend){
			.ops = backends[i],
			.fd = fd,
			.read_only = spec->read_only,
		};
		r = backends[i]->open(ctx, ret, spec, err);
		if (r < 0)
			vdu__closep(&ret->fd);
		return r;
	}
	vdu__closep(&fd);
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "unknown backend '%s'", spec->backend);
}

void vdu__backend_close(struct vdu__backend *backend)
{
	if (backend->ops)
		backend->ops->close(backend);
	backend->ops = NULL;
}

int vdu__backend_reopen(const struct vdu__backend *backend)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", backend->fd);
	fd = open(path, (backend->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct io_uring_sqe *vdu__get_sqe(struct io_uring *uring)
{
	struct io_uring_sqe *sqe;

	/* Submitting frees the whole queue: this turns once at most. */
	while (!(sqe = io_uring_get_sqe(uring)))
		(void)io_uring_submit(uring);
	return sqe;
}
