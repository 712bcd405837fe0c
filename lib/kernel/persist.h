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

/* vdu_persist(), by who holds the lock of the device. */
int vdu__persist_set(struct vdu_ctx *ctx, const char *name, bool on,
		     struct vdu_error *err);

/* None: 0. */
int vdu__persist_remove(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err);

/*
 * Something about a device has changed: if it has a record, bring that up to
 * date. A failure is logged: what was done is done. The caller holds the lock
 * of the device.
 */
void vdu__persist_refresh(struct vdu_ctx *ctx, const char *name);
