// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Putting a device on the vDPA bus and taking it off, by netlink. Does not
 * look at drivers: a return code of 0 says nothing about them.
 */
#include <linux/vdpa.h>
#include <netlink/attr.h>
#include <string.h>

#include "lib/bus/bus.h"
#include "lib/bus/genl.h"
#include "lib/util/child.h"

static const char *attach_reason(int code)
{
	switch (code) {
	case -EINVAL:
		return "no such VDUSE device, or it has virtqueues that were not set up";
	case -EEXIST:
		return "a vDPA device of that name is there already";
	case -ENODEV:
		return "the VDUSE management device is missing";
	case -EPERM:
		return "CAP_NET_ADMIN is needed";
	default:
		return strerror(-code);
	}
}

/* The kernel treats both strings as C strings: nla_put_string sends the NUL. */
static int request(uint8_t command, const char *name, bool with_mgmtdev,
		   struct vdu__genl *genl)
{
	struct nl_msg *msg = vdu__genl_msg(genl, command);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, VDPA_ATTR_DEV_NAME, name) < 0 ||
	    (with_mgmtdev &&
	     nla_put_string(msg, VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse") < 0)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vdu__genl_request(genl, msg, NULL, NULL);
}

static int attach_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	CLEANUP(vdu__genl_close) struct vdu__genl genl = { 0 };
	const char *name = data;
	char words[220];
	int r = vdu__genl_open(&genl, err);

	(void)ctx;
	if (r < 0)
		return r;
	r = request(VDPA_CMD_DEV_NEW, name, true, &genl);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_ATTACH, r,
				 "cannot put '%s' on the vDPA bus: %s%s", name,
				 attach_reason(r),
				 vdu__genl_words(&genl, words, sizeof(words)));
	return 0;
}

static int detach_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	CLEANUP(vdu__genl_close) struct vdu__genl genl = { 0 };
	const char *name = data;
	char words[220];
	int r = vdu__genl_open(&genl, err);

	(void)ctx;
	if (r < 0)
		return r;
	r = request(VDPA_CMD_DEV_DEL, name, false, &genl);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_ATTACH, r,
				 "cannot take '%s' off the vDPA bus: %s%s", name,
				 r == -EPERM ? "CAP_NET_ADMIN is needed" :
					       strerror(-r),
				 vdu__genl_words(&genl, words, sizeof(words)));
	return 0;
}

static int in_child(struct vdu_ctx *ctx, const char *what, const char *name,
		    int (*fn)(struct vdu_ctx *ctx, void *data,
			      struct vdu_error *err),
		    struct vdu_error *err)
{
	char copy[256];

	if (strlen(name) >= sizeof(copy))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device of so long a name");
	memcpy(copy, name, strlen(name) + 1);
	return vdu__in_child(ctx, what, fn, copy, sizeof(copy), err);
}

int vdu__attach(struct vdu_ctx *ctx, const char *name, struct vdu_error *err)
{
	vdu__debug(ctx, "vdpa: DEV_NEW %s", name);
	return in_child(ctx, "putting the device on the vDPA bus", name,
			attach_child, err);
}

int vdu__detach(struct vdu_ctx *ctx, const char *name, struct vdu_error *err)
{
	vdu__debug(ctx, "vdpa: DEV_DEL %s", name);
	return in_child(ctx, "taking the device off the vDPA bus", name,
			detach_child, err);
}
