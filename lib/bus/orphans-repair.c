// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Clearing what nothing needs any more. A device that somebody serves is left
 * alone, and so is data: an image goes only if nothing was ever written to it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/bus/autoprobe.h"
#include "lib/bus/bus.h"
#include "lib/bus/orphans.h"
#include "lib/server/client.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

/* Longer than that, and whoever has it waits for the dead server. */
#define HOLDERS_MS 3000
/* For another command to end. */
#define LOCK_MS 500
/* It may be one that is to come back. */
#define KEEP (VDU_DESTROY_KEEP_IMAGE | VDU_DESTROY_KEEP_RECORD)

static int repair_device(struct vdu_ctx *ctx, const char *name,
			 struct vdu_error *err)
{
	uint64_t deadline;
	char who[200];
	int n;

	if (!vdu__device_attached(ctx, name))
		return vdu_destroy(ctx, name, KEEP, err);
	deadline = vdu__limit(ctx, HOLDERS_MS);
	n = vdu_holders(ctx, name, who, sizeof(who), NULL);
	ctx->deadline_ns = deadline;
	if (n > 0)
		return vdu__fail(err, VDU_STAGE_HOLDER, -EBUSY,
				 "'%s' is in use: %s; destroy --force takes it away all the same",
				 name, who);
	if (vdu__opener_pid(ctx, name, NULL, 0))
		return vdu__fail(err, VDU_STAGE_SERVER, -EBUSY,
				 "somebody serves it again");
	return vdu_destroy(ctx, name, VDU_DESTROY_FORCE | KEEP, err);
}

/*
 * Another command has it: then it is no orphan. -ENOENT: it has no lock.
 * Whoever has the lock looks again, and keeps it until all is cleared.
 */
static int lock_orphan(struct vdu_ctx *ctx, const char *name, int *ret_lock,
		       struct vdu_error *err)
{
	uint64_t deadline = vdu__limit(ctx, LOCK_MS);
	int r = vdu__lock_device(ctx, name, ret_lock, err);

	ctx->deadline_ns = deadline;
	return r;
}

/* Perhaps only for now: bind attaches first. */
static int repair_attached(struct vdu_ctx *ctx, const char *name,
			   struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	struct vdu__binding binding;
	int r = lock_orphan(ctx, name, &lock, err);

	/* Destroyed meanwhile. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	vdu__binding_read(ctx, name, &binding);
	if (binding.driver != VDU_DRIVER_NONE)
		return vdu__fail(err, VDU_STAGE_UNBIND, -EBUSY,
				 "it has a driver now");
	return vdu__unbind_locked(ctx, name, false, err);
}

static int repair_files(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	char path[PATH_MAX];
	int r = lock_orphan(ctx, name, &lock, err);

	/* Half made, unless somebody is at it under the host's. */
	if (r == -ENOENT) {
		r = vdu__lock_host(ctx, &lock, err);
		if (r == 0 && vdu__exists(ctx, VDU_RUN_DIR "/%s/lock", name))
			r = vdu__fail(err, VDU_STAGE_STATE, -EBUSY,
				      "another command is at it");
	}
	if (r < 0)
		return r;
	if (vdu__device_exists(ctx, name))
		return vdu__fail(err, VDU_STAGE_STATE, -EBUSY,
				 "it has just been made");
	r = vdu__server_end(ctx, name, err);
	if (r < 0)
		return r;
	r = vdu__path(ctx, path, sizeof(path), VDU_RUN_DIR "/%s", name);
	if (r == 0)
		r = vdu__remove_dir(path);
	return r < 0 ? vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot remove its run directory: %s",
				 strerror(-r)) : 0;
}

static bool is_empty_image(const struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	return vdu__path(ctx, path, sizeof(path), VDU_STATE_DIR "/%s.img",
			 name) == 0 &&
	       lstat(path, &st) == 0 && S_ISREG(st.st_mode) && !st.st_blocks;
}

/* create makes an image before the device that it is for. */
static int repair_image(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	char path[PATH_MAX];
	int r = vdu__lock_host(ctx, &lock, err);

	if (r == 0)
		r = vdu__path(ctx, path, sizeof(path), VDU_STATE_DIR "/%s.img",
			      name);
	if (r == 0 && is_empty_image(ctx, name) &&
	    !vdu__device_ours(ctx, name) && unlink(path) < 0)
		r = vdu__fail(err, VDU_STAGE_BACKEND, -errno,
			      "cannot remove %s: %s", path, strerror(errno));
	return r;
}

static int repair_autoprobe(struct vdu_ctx *ctx, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	CLEANUP(vdu__autoprobe_restore) struct vdu__autoprobe guard = { 0 };
	int r = vdu__lock_host(ctx, &lock, err);

	return r < 0 ? r : vdu__autoprobe_off(ctx, &guard, err);
}

/* Still one? Something may have happened since it was found. */
static bool remains(struct vdu_ctx *ctx, const struct vdu_orphan *orphan)
{
	CLEANUP(vdu__orphans_free) struct vdu__orphans now = { 0 };

	vdu__orphans_find(ctx, (enum vdu_orphan_kind)orphan->kind, &now);
	for (unsigned int i = 0; i < now.n; i++)
		if (now.orphans[i].pid == orphan->pid &&
		    !strcmp(now.orphans[i].name, orphan->name))
			return true;
	return false;
}

static int repair_process(struct vdu_ctx *ctx, const struct vdu_orphan *orphan,
			  struct vdu_error *err)
{
	CLEANUP_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, orphan->pid, 0);

	/* Gone in between, or still the one that was found. */
	if (pidfd < 0 || !remains(ctx, orphan))
		return 0;
	return vdu__process_end(ctx, orphan->pid, pidfd, err);
}

static int repair(struct vdu_ctx *ctx, const struct vdu_orphan *orphan,
		  struct vdu_error *err)
{
	switch (orphan->kind) {
	case VDU_ORPHAN_PROCESS:
		return repair_process(ctx, orphan, err);
	case VDU_ORPHAN_DEVICE:
		return repair_device(ctx, orphan->name, err);
	case VDU_ORPHAN_FILES:
		return repair_files(ctx, orphan->name, err);
	case VDU_ORPHAN_ATTACHED:
		return repair_attached(ctx, orphan->name, err);
	case VDU_ORPHAN_IMAGE:
		return repair_image(ctx, orphan->name, err);
	default:
		return repair_autoprobe(ctx, err);
	}
}

/* Processes first: they have files and devices. Images last: so do files. */
static const enum vdu_orphan_kind order[] = {
	VDU_ORPHAN_PROCESS, VDU_ORPHAN_DEVICE, VDU_ORPHAN_ATTACHED,
	VDU_ORPHAN_FILES, VDU_ORPHAN_IMAGE, VDU_ORPHAN_AUTOPROBE,
};

PUBLIC int vdu_doctor_repair(struct vdu_ctx *ctx, unsigned int flags,
			     vdu_orphan_fn fn, void *data,
			     struct vdu_error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		CLEANUP(vdu__orphans_free) struct vdu__orphans found = { 0 };

		vdu__orphans_find(ctx, order[i], &found);
		for (unsigned int j = 0; j < found.n; j++) {
			const struct vdu_orphan *orphan = &found.orphans[j];
			struct vdu_error own = { 0 };
			int r = vdu__check_cancel(ctx, "the end", err);

			if (r < 0)
				return r;
			if (orphan->kind == VDU_ORPHAN_IMAGE &&
			    !is_empty_image(ctx, orphan->name))
				continue;
			if (!(flags & VDU_REPAIR_DRY_RUN) &&
			    remains(ctx, orphan))
				r = repair(ctx, orphan, &own);
			fn(data, orphan, r < 0 ? &own : NULL);
		}
	}
	return 0;
}
