// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vdu_destroy: unbind -> stop the server -> DESTROY_DEV -> remove the files
 * and the record of a persistent device.
 * Holders are found before anything is changed; from the stopped server on
 * there is no way back, and what is left is removed.
 */
#include <stdio.h>
#include <string.h>

#include <vduse/manage.h>

#include "lib/bus/bus.h"
#include "lib/kernel/control.h"
#include "lib/kernel/persist.h"
#include "lib/kernel/spec-file.h"
#include "lib/server/client.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

/* A device that somebody else made and serves is not ours to end. */
static int refuse_foreign(struct vdu_ctx *ctx, const char *name,
			  struct vdu_error *err)
{
	char comm[32] = "";
	pid_t pid = vdu__opener_pid(ctx, name, comm, sizeof(comm));

	if (!pid)
		return 0;
	return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
			 "it is served by pid %d (%s), which is not ours", pid,
			 comm);
}

static int remove_files(struct vdu_ctx *ctx, const char *name,
			unsigned int flags, struct vdu_error *err)
{
	struct vdu__spec_file file;
	char path[PATH_MAX];
	int r = 0;

	/* First: a record of a device whose image is gone restores nothing. */
	if (!(flags & VDU_DESTROY_KEEP_RECORD))
		r = vdu__persist_remove(ctx, name, err);
	if (r == 0 && vdu__spec_load(ctx, name, &file, NULL) == 0 &&
	    file.spec.image_owned && !(flags & VDU_DESTROY_KEEP_IMAGE))
		(void)unlink(file.spec.path);
	if (vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name) == 0)
		(void)vdu__remove_dir(path);
	return r;
}

/* A persistent device that was not restored: its record and its image. */
static int forget(struct vdu_ctx *ctx, const char *name, unsigned int flags,
		  struct vdu_error *err)
{
	CLEANUP_CLOSE int host_lock = -EBADF;
	struct vdu__persist record;
	bool known;
	int r;

	/* A restore of it may have come this far. */
	r = vdu__lock_host(ctx, &host_lock, err);
	if (r < 0)
		return r;
	if (flags & VDU_DESTROY_KEEP_RECORD ||
	    !vdu__persist_exists(ctx, name) ||
	    vdu__exists(ctx, VDU_RUN_DIR "/%s", name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device");
	known = vdu__persist_load(ctx, name, &record, NULL) == 0;
	r = vdu__persist_remove(ctx, name, err);
	if (r == 0 && known && record.file.spec.image_owned &&
	    !(flags & VDU_DESTROY_KEEP_IMAGE))
		(void)unlink(record.file.spec.path);
	return r;
}

/* Off the bus, and served by nobody. */
static int take_down(struct vdu_ctx *ctx, const char *name,
		     struct vdu_error *err)
{
	int r = vdu__device_ours(ctx, name) ? 0 :
					      refuse_foreign(ctx, name, err);

	if (r == 0)
		r = vdu__unbind_locked(ctx, name, true, err);
	return r < 0 ? r : vdu__server_stop(ctx, name, err);
}

static int destroy_locked(struct vdu_ctx *ctx, const char *name, bool ours,
			  unsigned int flags, struct vdu_error *err)
{
	bool force = flags & VDU_DESTROY_FORCE;
	int r;

	if (!vdu__device_exists(ctx, name)) {
		if (!ours)
			return forget(ctx, name, flags, err);
		/* Files and a server, but no device: clear them away. */
		r = force ? vdu__server_end(ctx, name, err) :
			    vdu__server_stop(ctx, name, err);
		if (r == 0)
			r = remove_files(ctx, name, flags, err);
		return r;
	}
	r = force ? vdu__unbind_forced(ctx, name, true, err) :
		    take_down(ctx, name, err);
	/* A server of others that was ended may have taken its device along. */
	if (r == 0 && (!force || vdu__device_exists(ctx, name)))
		r = vdu__control_destroy(ctx, name, err);
	if (r == 0 && ours)
		r = remove_files(ctx, name, flags, err);
	return r;
}

PUBLIC int vdu_destroy(struct vdu_ctx *ctx, const char *name,
		       unsigned int flags, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	bool existed, force;
	int r;

	if (!vdu__is_component(name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device");
	if (flags & VDU_DESTROY_FORCE_DEAD) {
		r = vdu__device_served(ctx, name, err);
		if (r < 0)
			return r;
		flags |= r ? 0 : VDU_DESTROY_FORCE;
	}
	force = flags & VDU_DESTROY_FORCE;
	existed = vdu__device_exists(ctx, name);
	r = force ? vdu__lock_forced(ctx, name, &lock, err) :
		    vdu__lock_device(ctx, name, &lock, err);
	if (r < 0 && r != -ENOENT)
		return r;
	/* A create that waited for the server that we ended has undone it. */
	if (force && existed && lock < 0 && !vdu__device_exists(ctx, name))
		return 0;
	return destroy_locked(ctx, name, lock >= 0, flags, err);
}
