// SPDX-License-Identifier: LGPL-2.1-or-later
/* Kernel uevents: the socket and the parser. */
#pragma once

#include <stddef.h>

#include <vduse/inspect.h>

struct mnl_socket;

/*
 * Parse one uevent ("ACTION@DEVPATH", then KEY=VALUE strings, each ended by a
 * NUL) as it came from the socket; nothing in it is trusted. Fields that do
 * not fit are cut. device is set for devpaths of VDUSE devices. Pure.
 * 0, or -EBADMSG if it is not a uevent of the kernel.
 */
int vdu__uevent_parse(const char *buf, size_t len, struct vdu_event *ret);

/* Subscribe; events from now on are kept for us. 0 or -errno. */
int vdu__uevent_open(struct mnl_socket **ret);
struct mnl_socket *vdu__uevent_close(struct mnl_socket *nl);
int vdu__uevent_fd(const struct mnl_socket *nl);

/*
 * Take the next event that is waiting. 0, -EAGAIN when there is none (left),
 * -ENOBUFS when some were lost.
 */
int vdu__uevent_receive(struct mnl_socket *nl, struct vdu_event *ret);
