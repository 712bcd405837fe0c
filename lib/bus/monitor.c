// SPDX-License-Identifier: LGPL-2.1-or-later
/* The event stream for users: uevents that have to do with VDUSE devices. */
#include <poll.h>
#include <string.h>

#include "lib/bus/bus.h"
#include "lib/bus/uevent.h"

struct vdu_monitor {
	struct vdu_ctx *ctx;
	struct mnl_socket *nl;
};

PUBLIC int vdu_monitor_new(struct vdu_ctx *ctx, struct vdu_monitor **ret,
			   struct vdu_error *err)
{
	struct vdu_monitor *monitor = calloc(1, sizeof(*monitor));
	int r;

	if (!monitor)
		return vdu__fail(err, VDU_STAGE_STATE, -ENOMEM,
				 "no memory for the monitor");
	r = vdu__uevent_open(&monitor->nl);
	if (r < 0) {
		free(monitor);
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot listen to kernel uevents: %s",
				 strerror(-r));
	}
	monitor->ctx = ctx;
	*ret = monitor;
	return 0;
}

PUBLIC struct vdu_monitor *vdu_monitor_free(struct vdu_monitor *monitor)
{
	if (monitor) {
		vdu__uevent_close(monitor->nl);
		free(monitor);
	}
	return NULL;
}

/* Of what the kernel announces below a device, what an admin knows by name. */
static bool is_wanted(const struct vdu_event *event)
{
	static const char *const subsystems[] = {
		"vduse", "vdpa", "virtio", "block", "net", "vhost-vdpa",
	};

	if (!event->device[0])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(subsystems); i++)
		if (!strcmp(event->subsystem, subsystems[i]))
			return true;
	return false;
}

PUBLIC int vdu_monitor_next(struct vdu_monitor *monitor, struct vdu_event *ret,
			    struct vdu_error *err)
{
	struct vdu_ctx *ctx = monitor->ctx;
	size_t size = ret->size_of;
	struct vdu_event event;
	int r;

	for (;;) {
		r = vdu__uevent_receive(monitor->nl, &event);
		if (r == 0 && is_wanted(&event))
			break;
		if (r == -ENOBUFS)
			vdu__log(ctx, 4, "monitor: events were lost");
		if (r == 0 || r == -ENOBUFS)
			continue;
		if (r != -EAGAIN)
			return vdu__fail(err, VDU_STAGE_STATE, r,
					 "cannot read kernel uevents: %s",
					 strerror(-r));
		r = vdu__wait_fd(ctx, vdu__uevent_fd(monitor->nl), POLLIN, -1);
		if (r < 0)
			return vdu__fail(err, VDU_STAGE_CANCEL, r,
					 "no event came: %s",
					 r == -EINTR ? "interrupted" :
						       "the time is up");
	}
	event.size_of = size;
	memcpy(ret, &event, MIN(size, sizeof(event)));
	return 0;
}
