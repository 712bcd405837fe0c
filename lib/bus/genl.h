// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The generic netlink family "vdpa". Every function here can block in the
 * kernel for as long as any other user of the family does (genl_mutex), in a
 * state that no signal ends: call them in vdu__in_child() only.
 */
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/bus/extack.h"
#include "lib/util/ctx.h"

struct vdu__genl {
	struct nl_sock *sock;
	int family;
	struct vdu__extack ack;		/* of the last request */
	bool done;
	void (*reply)(struct nlattr *const attrs[], void *data);
	void *reply_data;
};

/* -ENODEV with VDU_STAGE_MODULE: no such family in this network namespace. */
int vdu__genl_open(struct vdu__genl *genl, struct vdu_error *err);
void vdu__genl_close(struct vdu__genl *genl);

/* A request of the family; NULL when memory is out. */
struct nl_msg *vdu__genl_msg(const struct vdu__genl *genl, uint8_t command);

/*
 * Send the request (frees it) and wait for the end of its reply; reply(attrs,
 * data) is called for each message, attrs indexed up to VDU__VDPA_ATTR_MAX.
 * 0 or the kernel's errno, its words then in genl->ack.text.
 */
int vdu__genl_request(struct vdu__genl *genl, struct nl_msg *msg,
		      void (*reply)(struct nlattr *const attrs[], void *data),
		      void *data);

/* "; the kernel says: ..." or "": the end of an error text. */
const char *vdu__genl_words(const struct vdu__genl *genl, char *buf,
			    size_t size);
