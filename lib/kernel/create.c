// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vdu_create_blk: every step pushes its reverse, so that failure, timeout and
 * Ctrl-C leave nothing behind.
 *
 *   check spec -> check backend -> run directory -> image -> spec.json
 *     -> CREATE_DEV -> VQ_SETUP -> server ready -> server answers
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/manage.h>
#include <vduse/parse.h>

#include "lib/backend/backend.h"
#include "lib/bus/bus.h"
#include "lib/kernel/control.h"
#include "lib/kernel/device.h"
#include "lib/kernel/persist.h"
#include "lib/kernel/spec-file.h"
#include "lib/server/client.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"
#include "lib/util/undo.h"

#define AUTO_NAMES_MAX 100000

/* Of our module; the server knows what to do with each. */
#define EXTENSIONS (VDUSE_EXT_CONFIG | VDUSE_EXT_RECOVER | \
		    VDUSE_EXT_FEATURES | VDUSE_EXT_RESUME | \
		    VDUSE_EXT_VSTATS | VDUSE_EXT_INJECT | VDUSE_EXT_FILL)
/* Little-endian rings, and addresses that the kernel translates. */
#define REQUIRED_FEATURES (1ULL << VIRTIO_F_VERSION_1 | \
			   1ULL << VIRTIO_F_ACCESS_PLATFORM)

struct creation {
	struct vdu_ctx *ctx;
	struct vdu__spec_file file;
	unsigned int flags;
	int control_fd, lock_fd;
	char run_dir[PATH_MAX];
	struct vdu__undo undo;
};

static bool new_image(const struct creation *c)
{
	return !strcmp(c->file.spec.backend, "file") && !c->file.spec.path[0];
}

static int image_path(struct vdu_ctx *ctx, const char *name,
		      char path[PATH_MAX])
{
	return vdu__path(ctx, path, PATH_MAX, VDU_STATE_DIR "/%s.img", name);
}

/* --- what was not said ------------------------------------------------- */

static bool name_taken(struct creation *c, const char *name)
{
	return vdu__device_exists(c->ctx, name) ||
	       vdu__exists(c->ctx, VDU_RUN_DIR "/%s", name) ||
	       vdu__persist_exists(c->ctx, name) ||
	       (new_image(c) &&
		vdu__exists(c->ctx, VDU_STATE_DIR "/%s.img", name));
}

/* The lowest free blkN; the caller holds the host lock. */
static int pick_name(struct creation *c, struct vdu_error *err)
{
	char *name = c->file.spec.name;

	for (unsigned int i = 0; i < AUTO_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(c->file.spec.name), "blk%u", i);
		if (!name_taken(c, name))
			return 0;
	}
	return vdu__fail(err, VDU_STAGE_CONTROL, -EEXIST,
			 "no free name is left");
}

static int check_name(struct creation *c, struct vdu_error *err)
{
	const char *name = c->file.spec.name;
	char path[PATH_MAX];

	if (vdu__device_exists(c->ctx, name))
		return vdu__fail(err, VDU_STAGE_CONTROL, -EEXIST,
				 "a device of that name exists");
	if (vdu__server_pid(c->ctx, name) || vdu__supervisor_pid(c->ctx, name))
		return vdu__fail(err, VDU_STAGE_CONTROL, -EEXIST,
				 "a server of that name runs");
	if (!(c->flags & VDU__CREATE_RESTORE) &&
	    vdu__persist_exists(c->ctx, name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -EEXIST,
				 "a persistent device of that name is to come back");
	if (new_image(c) && image_path(c->ctx, name, path) == 0 &&
	    access(path, F_OK) == 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -EEXIST,
				 "the image %s exists from an earlier device",
				 path);
	return 0;
}

static void fill_defaults(struct vdu_blk_spec *spec)
{
	spec->size_of = sizeof(*spec);
	if (!spec->backend[0])
		(void)snprintf(spec->backend, sizeof(spec->backend), "file");
	if (!spec->n_queues)
		spec->n_queues = 1;
	if (!spec->queue_size)
		spec->queue_size = 1024;
	if (!spec->block_size)
		spec->block_size = 512;
}

/* --- the backend ------------------------------------------------------- */

static int settle_size(struct creation *c, const struct vdu__backend *backend,
		       struct vdu_error *err)
{
	struct vdu_blk_spec *spec = &c->file.spec;

	if (spec->size_bytes && spec->size_bytes != backend->size_bytes)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				 "%s has %llu bytes, not %llu", spec->path,
				 (unsigned long long)backend->size_bytes,
				 (unsigned long long)spec->size_bytes);
	spec->size_bytes = backend->size_bytes;
	/* Now that it is known: is it a size that a disk can have? */
	return vdu_blk_spec_validate(spec, err);
}

static int settle_discard(struct creation *c, struct vdu_error *err)
{
	const struct vdu_blk_spec *spec = &c->file.spec;

	if (spec->discard == VDU_DISCARD_ON && !c->file.abilities.discard)
		return vdu__fail(err, VDU_STAGE_BACKEND, -EOPNOTSUPP,
				 "%s%s cannot discard", spec->backend,
				 spec->path[0] ? " backend" : "");
	return 0;
}

/* Open it once: usable, free, of what size, what can it do? */
static int probe_backend(struct creation *c, struct vdu_error *err)
{
	struct vdu__backend backend;
	int r = vdu__backend_open(c->ctx, &c->file.spec, -EBADF, &backend,
				  err);

	if (r < 0)
		return r;
	c->file.abilities = backend.abilities;
	r = settle_size(c, &backend, err);
	if (r == 0)
		r = settle_discard(c, err);
	vdu__backend_close(&backend);
	return r;
}

/*
 * The server changes its directory: a relative path would lose its meaning.
 * Links stay: after a reboot /dev/mapper/x is the same disk, /dev/dm-3 is not.
 */
static int absolute_path(struct vdu_blk_spec *spec, struct vdu_error *err)
{
	CLEANUP_FREE char *dir = NULL, *path = NULL;

	if (!spec->path[0])
		return 0;
	if (access(spec->path, F_OK) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot use %s: %s", spec->path,
				 strerror(errno));
	if (spec->path[0] == '/')
		return 0;
	dir = get_current_dir_name();
	if (!dir || asprintf(&path, "%s/%s", dir, spec->path) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, dir ? -ENOMEM : -errno,
				 "cannot tell the current directory");
	if (strlen(path) >= sizeof(spec->path))
		return vdu__fail(err, VDU_STAGE_BACKEND, -ENAMETOOLONG,
				 "the path is too long");
	(void)snprintf(spec->path, sizeof(spec->path), "%s", path);
	return 0;
}

static int need_size(const struct creation *c, struct vdu_error *err)
{
	if (c->file.spec.size_bytes || c->file.spec.path[0])
		return 0;
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 new_image(c) ? "a new image needs a size" :
					"this backend needs a size");
}

/* The driver's writes to the configuration space have to arrive. */
static int check_module(const struct creation *c, struct vdu_error *err)
{
	if (!c->file.spec.writeback_control ||
	    vdu__ext_get(c->control_fd) & VDUSE_EXT_CONFIG)
		return 0;
	return vdu__fail(err, VDU_STAGE_MODULE, -EOPNOTSUPP,
			 "the loaded vduse module has no writeback control: it drops what a driver writes");
}

/* Everything that can be known before anything is changed. */
static int preflight(struct creation *c, struct vdu_error *err)
{
	struct vdu_blk_spec *spec = &c->file.spec;
	int r;

	fill_defaults(spec);
	r = vdu_blk_spec_validate(spec, err);
	if (r == 0)
		r = need_size(c, err);
	if (r == 0)
		r = absolute_path(spec, err);
	if (r < 0)
		return r;
	c->control_fd = vdu__control_open(c->ctx, err);
	if (c->control_fd < 0)
		return c->control_fd;
	r = check_module(c, err);
	if (r == 0 && spec->name[0])
		r = check_name(c, err);
	if (r == 0 && !new_image(c))
		r = probe_backend(c, err);
	return r;
}

/* --- steps and their reverse ------------------------------------------- */

static void undo_dir(struct vdu_ctx *ctx, void *arg)
{
	struct creation *c = arg;

	(void)ctx;
	(void)vdu__remove_dir(c->run_dir);
}

static void undo_image(struct vdu_ctx *ctx, void *arg)
{
	struct creation *c = arg;

	(void)ctx;
	(void)unlink(c->file.spec.path);
}

static void undo_device(struct vdu_ctx *ctx, void *arg)
{
	struct creation *c = arg;

	(void)vdu__control_destroy(ctx, c->file.spec.name, NULL);
}

static void undo_server(struct vdu_ctx *ctx, void *arg)
{
	struct creation *c = arg;

	(void)vdu__server_stop(ctx, c->file.spec.name, NULL);
}

/* A run directory without a device is what a crash has left. */
static int make_run_dir(struct creation *c, struct vdu_error *err)
{
	CLEANUP_CLOSE int old = -EBADF;
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	/* Another create or destroy of that name may be under way. */
	r = vdu__lock_device(c->ctx, c->file.spec.name, &old, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = check_name(c, err);
	if (r < 0)
		return r;
	r = vdu__path(c->ctx, c->run_dir, sizeof(c->run_dir),
		      VDU_RUN_DIR "/%s", c->file.spec.name);
	if (r == 0)
		r = vdu__remove_dir(c->run_dir);
	if (r == 0 && mkdir(c->run_dir, 0700) < 0)
		r = -errno;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "cannot make %s: %s",
				 c->run_dir, strerror(-r));
	vdu__undo_push(&c->undo, undo_dir, c);
	r = vdu__path(c->ctx, path, sizeof(path), VDU_RUN_DIR "/%s/lock",
		      c->file.spec.name);
	fd = r < 0 ? r : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			      0600);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot make its lock: %s", strerror(errno));
	return vdu__lock_device(c->ctx, c->file.spec.name, &c->lock_fd, err);
}

static int make_image(struct creation *c, struct vdu_error *err)
{
	struct vdu_blk_spec *spec = &c->file.spec;
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	r = vdu__path(c->ctx, path, sizeof(path), VDU_STATE_DIR);
	if (r == 0)
		r = vdu__mkdir_p(path, 0711);
	if (r == 0)
		r = image_path(c->ctx, spec->name, path);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, r,
				 "cannot make " VDU_STATE_DIR ": %s",
				 strerror(-r));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot make the image %s: %s", path,
				 strerror(errno));
	(void)snprintf(spec->path, sizeof(spec->path), "%s", path);
	spec->image_owned = 1;
	vdu__undo_push(&c->undo, undo_image, c);
	if (ftruncate(fd, (off_t)spec->size_bytes) < 0)
		return vdu__fail(err, VDU_STAGE_BACKEND, -errno,
				 "cannot make the image %s of %llu bytes: %s",
				 path, (unsigned long long)spec->size_bytes,
				 strerror(errno));
	return 0;
}

/* Name, directory, image: what must not change under another create. */
static int reserve(struct creation *c, struct vdu_error *err)
{
	struct vdu_blk_spec *spec = &c->file.spec;
	CLEANUP_CLOSE int host_lock = -EBADF;
	bool image = new_image(c);
	int r;

	r = vdu__lock_host(c->ctx, &host_lock, err);
	if (r == 0)
		r = spec->name[0] ? check_name(c, err) : pick_name(c, err);
	if (r < 0)
		return r;
	if (!spec->serial[0])
		(void)snprintf(spec->serial, sizeof(spec->serial), "%.*s",
			       VDU_SERIAL_MAX, spec->name);
	if (c->flags & VDU_CREATE_DRY_RUN)
		return 0;
	r = make_run_dir(c, err);
	if (r == 0 && image)
		r = make_image(c, err);
	if (r == 0 && image)
		r = probe_backend(c, err);
	return r < 0 ? r : vdu__spec_save(c->ctx, &c->file, err);
}

static int setup_queues(struct creation *c, struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = vdu__device_open(c->ctx, c->file.spec.name, err);

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < c->file.spec.n_queues; i++) {
		int r = vdu__device_setup_vq(fd, i,
				(uint16_t)c->file.spec.queue_size);

		if (r < 0)
			return vdu__fail(err, VDU_STAGE_DEVICE, r,
					 "cannot set up queue %u: %s", i,
					 strerror(-r));
	}
	return 0;
}

static int make_device(struct creation *c, struct vdu_error *err)
{
	const struct vdu_blk_spec *spec = &c->file.spec;
	uint8_t config[VDU_BLK_CONFIG_SIZE], access[VDU_BLK_CONFIG_SIZE];
	struct vdu__device_config device = {
		.name = spec->name,
		.device_id = VIRTIO_ID_BLOCK,
		.features = vdu__blk_features(spec, &c->file.abilities),
		.n_queues = spec->n_queues,
		.config = config,
		.config_size = sizeof(config),
		.ext = {
			.extensions = EXTENSIONS,
			.instance = VDUSE_EXT_INST_SUSPEND,
			.required = REQUIRED_FEATURES,
			.access = access,
		},
	};
	int r;

	vdu__blk_config(spec, &c->file.abilities, config);
	vdu__blk_access(spec, access);
	r = vdu__control_create(c->control_fd, &device, err);
	if (r < 0)
		return r;
	vdu__undo_push(&c->undo, undo_device, c);
	return setup_queues(c, err);
}

static int start_serving(struct creation *c, struct vdu_error *err)
{
	int r = vdu__check_cancel(c->ctx, "starting its server", err);

	if (r == 0)
		r = vdu__server_start(c->ctx, c->file.spec.name, err);
	if (r < 0)
		return r;
	vdu__undo_push(&c->undo, undo_server, c);
	r = vdu__server_ping(c->ctx, c->file.spec.name, err);
	/* The last word is the user's. */
	return r < 0 ? r : vdu__check_cancel(c->ctx, "the end", err);
}

static int create(struct creation *c, struct vdu_error *err)
{
	int r = preflight(c, err);

	if (r == 0)
		r = vdu__check_cancel(c->ctx, "anything was changed", err);
	if (r == 0)
		r = reserve(c, err);
	if (r < 0 || (c->flags & VDU_CREATE_DRY_RUN))
		return r;
	r = make_device(c, err);
	if (r == 0)
		r = start_serving(c, err);
	if (r == 0)
		vdu__undo_disarm(&c->undo);
	return r;
}

PUBLIC int vdu_create_blk(struct vdu_ctx *ctx, struct vdu_blk_spec *spec,
			  unsigned int flags, struct vdu_error *err)
{
	CLEANUP_FREE struct creation *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return vdu__fail(err, VDU_STAGE_CONTROL, -ENOMEM,
				 "out of memory");
	c->ctx = ctx;
	c->file.spec = *spec;
	c->flags = flags;
	c->control_fd = c->lock_fd = -EBADF;
	c->undo.ctx = ctx;
	r = create(c, err);
	/* Undone under the lock, so that nobody meets a half of it. */
	vdu__undo_run(&c->undo);
	vdu__closep(&c->lock_fd);
	vdu__closep(&c->control_fd);
	if (r == 0)
		*spec = c->file.spec;
	return r;
}
