// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Devices that come back: /etc/vdusectl/devices/NAME.json records what a
 * device is and how it is bound; vdu_restore() makes it so again after a
 * reboot. Bind and unbind keep the record up to date, destroy removes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <vduse/error.h>
#include <vduse/manage.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdu_ctx;

/*
 * Record a device of ours as it is now, or forget its record; the device
 * itself is not touched. Done already: 0. -ENOENT: no such device of ours.
 */
int vdu_persist(struct vdu_ctx *ctx, const char *name, bool on,
		struct vdu_error *err);

/*
 * The names that have a record, readable or not, sorted, as an array that ends
 * with NULL: one block of memory, to be freed by the caller.
 */
int vdu_persist_list(struct vdu_ctx *ctx, char ***ret_names,
		     struct vdu_error *err);

#define VDU_RESTORE_DRY_RUN	(1u << 0)	/* check everything, change nothing */

/* What had to be done. */
#define VDU_RESTORE_MADE	(1u << 0)	/* it was not there at all */
#define VDU_RESTORE_STARTED	(1u << 1)	/* it had no server */
#define VDU_RESTORE_BOUND	(1u << 2)	/* no driver had it */

/*
 * Make, serve and bind the device that is recorded under name; what of it is
 * there already stays. ret_node (VDU_NODE_MAX bytes) gets its node, or "";
 * ret_steps VDU_RESTORE_MADE and the like, also those of a dry run.
 * -EEXIST: a device of that name is there and differs, and the text says how;
 * -ENOENT: no record; -EBADMSG: the record makes no sense, or is not to be
 * trusted (owner, mode, kind of file). Else as vdu_create_blk() and vdu_bind();
 * a device that was made is then gone again.
 */
int vdu_restore(struct vdu_ctx *ctx, const char *name, unsigned int flags,
		char ret_node[VDU_NODE_MAX], unsigned int *ret_steps,
		struct vdu_error *err);

#ifdef __cplusplus
}
#endif
