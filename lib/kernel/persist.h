// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /etc/vdusectl/devices/NAME.json: the record of a device that is to come back
 * after a reboot. Written under the lock of the device; read as what may have
 * been tampered with.
 */
#pragma once

#include <vduse/manage.h>

#include "lib/kernel/spec-file.h"

#define VDU_PERSIST_DIR "/etc/vdusectl/devices"
#define VDU__PERSIST_SUFFIX ".json"
#define VDU__PERSIST_VERSION 1

/* For vdu_create_blk(): the record of that name is the reason, no obstacle. */
#define VDU__CREATE_RESTORE (1u << 31)

struct vdu__persist {
	struct vdu__spec_file file;	/* without abilities */
	enum vdu_driver driver;		/* NONE, VIRTIO or VHOST */
};

/* What the drivers are called in a record. */
extern const char *const vdu__persist_drivers[VDU_DRIVER_OTHER];

int vdu__persist_path(const struct vdu_ctx *ctx, const char *name,
		      char path[PATH_MAX]);

/* -ENOENT without a text: nothing was ever recorded. */
int vdu__persist_open_dir(const struct vdu_ctx *ctx, struct vdu_error *err);

bool vdu__persist_exists(const struct vdu_ctx *ctx, const char *name);

/* Errors as those of vdu_restore(). */
int vdu__persist_load(struct vdu_ctx *ctx, const char *name,
		      struct vdu__persist *ret, struct vdu_error *err);

/* The device of that spec, as it is bound now. */
void vdu__persist_of(struct vdu_ctx *ctx, const struct vdu__spec_file *file,
		     struct vdu__persist *ret);

/* The caller holds the lock of the device, here and below. */
int vdu__persist_save(struct vdu_ctx *ctx, const struct vdu__persist *record,
		      struct vdu_error *err);

/* None: 0. */
int vdu__persist_remove(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err);

/*
 * A device was bound or unbound: if it has a record, note that there, and leave
 * all else in it as it is. A failure is logged: what was done is done.
 */
void vdu__persist_note_driver(struct vdu_ctx *ctx, const char *name);
