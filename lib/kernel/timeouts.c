// SPDX-License-Identifier: LGPL-2.1-or-later
/* How long drivers wait for the server of a device. */
#include "lib/kernel/timeouts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vduse/parse.h>

#include "lib/bus/bus.h"
#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

/* A day; whoever wants more does not want an end. */
#define TIMEOUT_MAX_S 86400
#define SHOWN_MAX 32

int vdu__timeout_parse(const char *key, const char *text, int64_t *ret,
		       struct vdu_error *err)
{
	uint64_t ms;

	if (vdu_parse_duration(text, &ms) == 0) {
		if (ms == UINT64_MAX)
			ms = 0;
		*ret = (int64_t)(ms / 1000);
		if (ms % 1000 == 0 && ms / 1000 <= TIMEOUT_MAX_S)
			return 0;
	}
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "%s '%.*s' is unknown: it is whole seconds up to %d, or 0 for ever",
			 key, SHOWN_MAX, text, TIMEOUT_MAX_S);
}

static int take(const struct vdu_ctx *ctx, const char *name, const char *attr,
		int64_t want, int64_t *ret, struct vdu_error *err)
{
	uint64_t value;
	int r;

	if (want < 0)
		return 0;
	r = vdu__read_u64_at(ctx, &value, VDU__SYS_DEVICE "/ext/%s", name,
			     attr);
	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_MODULE, -EOPNOTSUPP,
				 "the loaded vduse module has no %s", attr);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_DEVICE, r,
				 "cannot read its %s: %s", attr, strerror(-r));
	*ret = (int64_t)value;
	return 0;
}

static int put(const struct vdu_ctx *ctx, const char *name, const char *attr,
	       int64_t want, struct vdu_error *err)
{
	char text[32];
	int r = 0;

	(void)snprintf(text, sizeof(text), "%" PRId64 "\n", want);
	if (want >= 0)
		r = vdu__write_at(ctx, text, VDU__SYS_DEVICE "/ext/%s", name,
				  attr);
	return r == 0 ? 0 : vdu__fail(err, VDU_STAGE_DEVICE, r,
				      "cannot set its %s: %s", attr,
				      strerror(-r));
}

void vdu__timeouts_put_back(const struct vdu_ctx *ctx, const char *name,
			    const struct vdu__timeouts *old)
{
	(void)put(ctx, name, "virtio_timeout", old->virtio_s, NULL);
	(void)put(ctx, name, "vhost_timeout", old->vhost_s, NULL);
}

int vdu__timeouts_set(const struct vdu_ctx *ctx, const char *name,
		      const struct vdu__timeouts *want,
		      struct vdu__timeouts *ret_old, struct vdu_error *err)
{
	struct vdu__timeouts old = { -1, -1 };
	int r;

	*ret_old = old;
	if (want->virtio_s < 0 && want->vhost_s < 0)
		return 0;
	if (!vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no device '%s'", name);
	r = take(ctx, name, "virtio_timeout", want->virtio_s, &old.virtio_s,
		 err);
	if (r == 0)
		r = take(ctx, name, "vhost_timeout", want->vhost_s,
			 &old.vhost_s, err);
	if (r < 0)
		return r;
	r = put(ctx, name, "virtio_timeout", want->virtio_s, err);
	if (r == 0)
		r = put(ctx, name, "vhost_timeout", want->vhost_s, err);
	if (r < 0)
		vdu__timeouts_put_back(ctx, name, &old);
	else
		*ret_old = old;
	return r;
}
