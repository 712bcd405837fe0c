// SPDX-License-Identifier: LGPL-2.1-or-later
/* How long drivers wait for the server of a device: our module, by sysfs. */
#pragma once

#include <stdint.h>

#include "lib/util/ctx.h"

struct vdu__timeouts {
	int64_t virtio_s, vhost_s;	/* 0: until answered; -1: as it is */
};

/* "30", "2min", "infinity" in seconds. -EINVAL with VDU_STAGE_USAGE. */
int vdu__timeout_parse(const char *key, const char *text, int64_t *ret,
		       struct vdu_error *err);

/*
 * Both or none. *ret_old gets what was there. -ENOENT: no such device;
 * -EOPNOTSUPP with VDU_STAGE_MODULE: the stock module.
 */
int vdu__timeouts_set(const struct vdu_ctx *ctx, const char *name,
		      const struct vdu__timeouts *want,
		      struct vdu__timeouts *ret_old, struct vdu_error *err);

void vdu__timeouts_put_back(const struct vdu_ctx *ctx, const char *name,
			    const struct vdu__timeouts *old);
