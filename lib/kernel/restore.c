// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vdu_restore: a recorded device is made, served and bound; what of that is
 * done already is compared instead.
 */
#include <stdio.h>
#include <string.h>

#include <vduse/persist.h>

#include "lib/bus/bus.h"
#include "lib/kernel/persist.h"
#include "lib/util/lock.h"
#include "lib/util/undo.h"

struct restore {
	const char *name;
	unsigned int flags;
	struct vdu__persist record;
};

/* As at a shutdown: the record and the image are for the next try. */
static void undo_create(struct vdu_ctx *ctx, void *arg)
{
	const struct restore *restore = arg;

	(void)vdu_destroy(ctx, restore->name, VDU_DESTROY_KEEP_IMAGE |
			  VDU_DESTROY_KEEP_RECORD, NULL);
}

static const char *driver_word(enum vdu_driver driver)
{
	return driver == VDU_DRIVER_NONE ? "no driver" :
	       driver == VDU_DRIVER_OTHER ? "another driver" :
					    vdu__persist_drivers[driver];
}

/*
 * A record says all: what is at its default there is compared as well, as
 * vdu_blk_spec_diff() does not.
 */
static int differences(const struct vdu_blk_spec *want,
		       const struct vdu_blk_spec *have, char *text, size_t size)
{
	int n = vdu_blk_spec_diff(want, have, text, size);

	if (n)
		return n;
	if (have->read_only && !want->read_only)
		n = snprintf(text, size,
			     "access read-only instead of read-write");
	else if (have->packed && !want->packed)
		n = snprintf(text, size, "ring packed instead of split");
	else if (have->affinity && !want->affinity)
		n = snprintf(text, size, "affinity auto instead of none");
	else if (have->discard != want->discard)
		n = snprintf(text, size, "discard %s instead of auto",
			     have->discard == VDU_DISCARD_ON ? "on" : "off");
	return n;
}

static int compare(struct vdu_ctx *ctx, const struct restore *restore,
		   unsigned int *ret_steps, struct vdu_error *err)
{
	const struct vdu__persist *want = &restore->record;
	struct vdu_blk_spec have = { .size_of = sizeof(have) };
	struct vdu__binding binding;
	char text[400];
	int r;

	r = vdu_blk_spec_load(ctx, restore->name, &have, err);
	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_STATE, -EEXIST,
				 "a foreign device of that name is there");
	if (r < 0)
		return r;
	if (differences(&want->file.spec, &have, text, sizeof(text)))
		return vdu__fail(err, VDU_STAGE_STATE, -EEXIST,
				 "it is there, but differs: %s", text);
	vdu__binding_read(ctx, restore->name, &binding);
	if (binding.driver != VDU_DRIVER_NONE &&
	    binding.driver != want->driver)
		return vdu__fail(err, VDU_STAGE_STATE, -EEXIST,
				 "it is there, but differs: bound to %s instead of %s",
				 driver_word(binding.driver),
				 driver_word(want->driver));
	if (!vdu__server_pid(ctx, restore->name) ||
	    vdu__rescue_pid(ctx, restore->name))
		*ret_steps |= VDU_RESTORE_STARTED;
	if (binding.driver != want->driver)
		*ret_steps |= VDU_RESTORE_BOUND;
	return 0;
}

static int make(struct vdu_ctx *ctx, struct restore *restore,
		struct vdu__undo *undo, unsigned int *ret_steps,
		struct vdu_error *err)
{
	struct vdu_blk_spec spec = restore->record.file.spec;
	bool dry = restore->flags & VDU_RESTORE_DRY_RUN;
	int r;

	r = vdu_create_blk(ctx, &spec, VDU__CREATE_RESTORE |
			   (dry ? VDU_CREATE_DRY_RUN : 0), err);
	if (r < 0)
		return r;
	if (!dry)
		vdu__undo_push(undo, undo_create, restore);
	*ret_steps = VDU_RESTORE_MADE | VDU_RESTORE_STARTED |
		(restore->record.driver != VDU_DRIVER_NONE ?
		 VDU_RESTORE_BOUND : 0);
	return 0;
}

PUBLIC int vdu_restore(struct vdu_ctx *ctx, const char *name,
		       unsigned int flags, char ret_node[VDU_NODE_MAX],
		       unsigned int *ret_steps, struct vdu_error *err)
{
	CLEANUP(vdu__undo_run) struct vdu__undo undo = { .ctx = ctx };
	struct restore restore = { .name = name, .flags = flags };
	enum vdu_driver driver;
	int r;

	ret_node[0] = '\0';
	*ret_steps = 0;
	r = vdu__persist_load(ctx, name, &restore.record, err);
	if (r < 0)
		return r;
	if (!vdu__device_exists(ctx, name)) {
		r = make(ctx, &restore, &undo, ret_steps, err);
	} else {
		r = compare(ctx, &restore, ret_steps, err);
		if (r == 0 && !(flags & VDU_RESTORE_DRY_RUN))
			r = vdu_start(ctx, name, err);
	}
	driver = restore.record.driver;
	if (r == 0 && driver != VDU_DRIVER_NONE &&
	    !(flags & VDU_RESTORE_DRY_RUN))
		r = vdu_bind(ctx, name, driver, 0, ret_node, err);
	if (r == 0)
		vdu__undo_disarm(&undo);
	return r;
}
