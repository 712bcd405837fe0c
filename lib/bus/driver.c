// SPDX-License-Identifier: LGPL-2.1-or-later
/* Binding and unbinding through sysfs, in watched children. */
#include "lib/bus/driver.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/bus/sysfs.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

#define SYS_DRIVER "/sys/bus/vdpa/drivers/%s"

const char *vdu__driver_name(enum vdu_driver driver)
{
	switch (driver) {
	case VDU_DRIVER_VIRTIO:
		return "virtio_vdpa";
	case VDU_DRIVER_VHOST:
		return "vhost_vdpa";
	case VDU_DRIVER_NONE:
	case VDU_DRIVER_OTHER:
		break;
	}
	return NULL;
}

int vdu__driver_override(const struct vdu_ctx *ctx, const char *name,
			 const char *driver, char *ret_old, size_t size)
{
	char old[64];

	if (ret_old) {
		ssize_t n = vdu__read_at(ctx, old, sizeof(old),
					 VDU__SYS_VDPA "/driver_override",
					 name, name);

		if (n < 0)
			return (int)n;
		(void)snprintf(ret_old, size, "%s",
			       strcmp(old, "(null)") ? old : "");
	}
	/* An empty write is none at all; a bare newline clears it. */
	return vdu__write_at(ctx, driver[0] ? driver : "\n",
			     VDU__SYS_VDPA "/driver_override", name, name);
}

struct request {
	char name[256];
	char driver[32];
	char block[PATH_MAX];		/* "": not a disk */
};

static int bind_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	const struct request *request = data;
	int r = vdu__write_at(ctx, request->name, SYS_DRIVER "/bind",
			      request->driver);

	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_MODULE, -ENODEV,
				 "the driver %s is not loaded", request->driver);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BIND, r,
				 "the driver %s did not take '%s': %s",
				 request->driver, request->name, strerror(-r));
	return 0;
}

int vdu__driver_bind(struct vdu_ctx *ctx, const char *name, const char *driver,
		     struct vdu_error *err)
{
	struct request request = { 0 };
	char what[128];

	(void)snprintf(request.name, sizeof(request.name), "%s", name);
	(void)snprintf(request.driver, sizeof(request.driver), "%s", driver);
	(void)snprintf(what, sizeof(what), "binding '%s' to %s", name, driver);
	return vdu__in_child(ctx, what, bind_child, &request, sizeof(request),
			     err);
}

static int unbind_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	const struct request *request = data;
	CLEANUP_CLOSE int fd = -EBADF;
	int r;

	if (request->block[0])
		fd = open(request->block,
			  O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (request->block[0] && fd < 0 && errno == EBUSY)
		return vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY,
				 "'%s' is in use", request->name);
	/* Removing a disk does not wait for those who have it open. */
	r = vdu__write_at(ctx, request->name, SYS_DRIVER "/unbind",
			  request->driver);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_UNBIND, r,
				 "the driver %s did not let go of '%s': %s",
				 request->driver, request->name, strerror(-r));
	return 0;
}

int vdu__driver_unbind(struct vdu_ctx *ctx, const char *name,
		       const struct vdu__binding *binding,
		       struct vdu_error *err)
{
	struct request request = { 0 };
	char what[128];

	(void)snprintf(request.name, sizeof(request.name), "%s", name);
	(void)snprintf(request.driver, sizeof(request.driver), "%s",
		       binding->driver_name);
	if (binding->block[0])
		(void)vdu__path(ctx, request.block, sizeof(request.block), "%s",
				binding->node);
	(void)snprintf(what, sizeof(what), "unbinding '%s' from %s", name,
		       binding->driver_name);
	return vdu__in_child(ctx, what, unbind_child, &request, sizeof(request),
			     err);
}
