// SPDX-License-Identifier: LGPL-2.1-or-later
/* Taking a device from the server that runs: handover.c is the other side. */
#include "lib/server/take-over.h"

#include <json-c/json.h>

#include "lib/server/client.h"

int vdu__take_backend(struct vdu_ctx *ctx, const char *name, int *ret_fd,
		      struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = vdu__client_connect(ctx, name, err);

	if (fd < 0)
		return fd;
	return vdu__call_fds(ctx, fd, "ShareBackend", NULL, ret_fd, 1, err);
}

int vdu__take_over(struct vdu_ctx *ctx, int fd, struct vdu__legacy *ret,
		   struct vdu_error *err)
{
	CLEANUP_FREE char *reply = NULL;
	json_object *root, *value;
	int fds[2];
	int r;

	r = vdu__call_fds(ctx, fd, "HandOver", &reply, fds, ARRAY_SIZE(fds),
			  err);
	if (r < 0)
		return r;
	*ret = (struct vdu__legacy){ .device_fd = fds[0], .listen_fd = fds[1] };
	/* Only for who wants to know: it has let go, so we must go on. */
	root = json_tokener_parse(reply);
	if (json_object_object_get_ex(root, "stopped_ns", &value))
		ret->stopped_ns = json_object_get_uint64(value);
	json_object_put(root);
	return 0;
}
