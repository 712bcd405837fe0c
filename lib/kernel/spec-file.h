// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /run/vdusectl/NAME/spec.json: what the device is, as create made it. Written
 * by create and by set; read by the server and by every later command.
 */
#pragma once

#include <vduse/spec.h>

#include "lib/blk/config.h"
#include "lib/util/ctx.h"

struct json_object;

struct vdu__spec_file {
	struct vdu_blk_spec spec;
	struct vdu__blk_abilities abilities;	/* when it was created */
};

int vdu__spec_save(struct vdu_ctx *ctx, const struct vdu__spec_file *file,
		   struct vdu_error *err);

/* -ENOENT: not a device of ours; -EBADMSG: not a spec. */
int vdu__spec_load(struct vdu_ctx *ctx, const char *name,
		   struct vdu__spec_file *ret, struct vdu_error *err);

/*
 * The request alone as a JSON object, for the record of a persistent device.
 * Reading takes keys that are missing as defaults, and names one that is
 * unknown or has a wrong value (-EBADMSG); *ret is the caller's, zeroed.
 */
struct json_object *vdu__spec_to_record(const struct vdu__spec_file *file);
int vdu__spec_from_record(struct json_object *root, struct vdu__spec_file *ret,
			  struct vdu_error *err);
