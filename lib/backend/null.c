// SPDX-License-Identifier: LGPL-2.1-or-later
/* The null backend: reads zeroes, forgets writes. For measuring the rest. */
#include <string.h>

#include "lib/backend/backend.h"

static int null_open(struct vdu_ctx *ctx, struct vdu__backend *backend,
		     const struct vdu_blk_spec *spec, struct vdu_error *err)
{
	(void)ctx;
	(void)err;
	backend->size_bytes = spec->size_bytes;
	backend->abilities.discard = true;
	backend->abilities.write_zeroes = true;
	return 0;
}

static void null_close(struct vdu__backend *backend)
{
	(void)backend;
}

static int null_submit(struct vdu__backend *backend, struct vdu__io *io,
		       struct io_uring *uring)
{
	(void)backend;
	(void)uring;
	if (io->op != VDU_IO_READ)
		return 0;
	for (unsigned int i = 0; i < io->n_iov; i++)
		memset(io->iov[i].iov_base, 0, io->iov[i].iov_len);
	return 0;
}

const struct vdu__backend_ops vdu__backend_null = {
	.name = "null",
	.open = null_open,
	.close = null_close,
	.submit = null_submit,
};
