// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading the record of a persistent device, with suspicion: who can write one
 * can have any file of the host served as a disk.
 */
#include "lib/kernel/persist.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/parse.h>

#include "lib/util/fs.h"

#define RECORD_MAX 32768	/* bytes; a path can take 24 KiB, escaped */
#define RECORD_DEPTH 4		/* of nested objects */

const char *const vdu__persist_drivers[VDU_DRIVER_OTHER] = {
	[VDU_DRIVER_NONE] = "",
	[VDU_DRIVER_VIRTIO] = "virtio",
	[VDU_DRIVER_VHOST] = "vhost",
};

int vdu__persist_path(const struct vdu_ctx *ctx, const char *name,
		      char path[PATH_MAX])
{
	return vdu__is_component(name) ?
		vdu__path(ctx, path, PATH_MAX, VDU_PERSIST_DIR "/%s" VDU__PERSIST_SUFFIX, name) : -EINVAL;
}

bool vdu__persist_exists(const struct vdu_ctx *ctx, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	/* A link to nowhere is there, too. */
	return vdu__persist_path(ctx, name, path) == 0 && lstat(path, &st) == 0;
}

/* --- whom to believe --------------------------------------------------- */

static int check_trust(const struct stat *st, const char *path,
		       struct vdu_error *err)
{
	if (st->st_uid != geteuid())
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is not to be trusted: it belongs to user %u",
				 path, st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is not to be trusted: others may write to it (mode %04o)",
				 path, st->st_mode & 07777);
	return 0;
}

int vdu__persist_open_dir(const struct vdu_ctx *ctx, struct vdu_error *err)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	struct stat st;
	int r;

	r = vdu__path(ctx, path, sizeof(path), VDU_PERSIST_DIR);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "path too long");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot open %s: %s", path, strerror(errno));
	r = check_trust(&st, path, err);
	return r < 0 ? r : TAKE_FD(fd);
}

static int open_record(const struct vdu_ctx *ctx, const char *name,
		       const char *path, struct vdu_error *err)
{
	CLEANUP_CLOSE int dir = vdu__persist_open_dir(ctx, err);
	CLEANUP_CLOSE int fd = -EBADF;
	char entry[NAME_MAX + sizeof(VDU__PERSIST_SUFFIX)];
	struct stat st;
	int r;

	if (dir < 0 && dir != -ENOENT)
		return dir;
	(void)snprintf(entry, sizeof(entry), "%s" VDU__PERSIST_SUFFIX, name);
	fd = dir < 0 ? dir : openat(dir, entry, O_RDONLY | O_NOFOLLOW |
				    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (dir < 0 || (fd < 0 && errno == ENOENT))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no persistent device of that name");
	if (fd < 0 && errno == ELOOP)
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is not to be trusted: it is a symbolic link",
				 path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot open %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is not to be trusted: it is no regular file",
				 path);
	r = check_trust(&st, path, err);
	return r < 0 ? r : TAKE_FD(fd);
}

/* --- reading ----------------------------------------------------------- */

static int read_text(int fd, const char *path, char *text, size_t size,
		     struct vdu_error *err)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno != EINTR)
			return vdu__fail(err, VDU_STAGE_STATE, -errno,
					 "cannot read %s: %s", path,
					 strerror(errno));
		len += n > 0 ? (size_t)n : 0;
	} while (n && len < size);
	if (len == size)
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is damaged: longer than %zu bytes", path,
				 size - 1);
	return (int)len;
}

/*
 * NULL with why: one whole JSON text and nothing behind it. Its strings need not
 * be UTF-8: a path is bytes.
 */
static json_object *parse_text(const char *text, int len, const char **ret_why)
{
	json_tokener *tokener = json_tokener_new_ex(RECORD_DEPTH);
	json_object *root = NULL;

	*ret_why = "out of memory";
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, text, len);
	*ret_why = json_tokener_get_error(tokener) == json_tokener_continue ?
		"it ends too early" :
		json_tokener_error_desc(json_tokener_get_error(tokener));
	if (root && json_tokener_get_parse_end(tokener) +
	    strspn(text + json_tokener_get_parse_end(tokener), " \n\t") !=
	    (size_t)len) {
		json_object_put(root);
		root = NULL;
		*ret_why = "something stands behind its end";
	}
	json_tokener_free(tokener);
	return root;
}

static int take_driver(json_object *value, enum vdu_driver *ret,
		       struct vdu_error *err)
{
	const char *text = json_object_is_type(value, json_type_string) ?
		json_object_get_string(value) : "?";

	for (size_t i = 0; i < ARRAY_SIZE(vdu__persist_drivers); i++)
		if (!strcmp(text, vdu__persist_drivers[i])) {
			*ret = (enum vdu_driver)i;
			return 0;
		}
	return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
			 "'bind' is not virtio, vhost or empty");
}

static int take_record(json_object *root, struct vdu__persist *ret,
		       struct vdu_error *err)
{
	json_object *version = json_object_object_get(root, "version");
	int r = 0;

	if (!json_object_is_type(version, json_type_int))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "it has no version");
	if (json_object_get_int64(version) != VDU__PERSIST_VERSION)
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "its version is %lld, not %d",
				 (long long)json_object_get_int64(version),
				 VDU__PERSIST_VERSION);
	json_object_object_foreach(root, name, value) {
		if (!strcmp(name, "device"))
			r = vdu__spec_from_record(value, &ret->file, err);
		else if (!strcmp(name, "bind"))
			r = take_driver(value, &ret->driver, err);
		else if (strcmp(name, "version") != 0)
			r = vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				      "'%.60s' is an unknown key", name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What create would have written itself. */
static int check_record(const struct vdu_ctx *ctx, const char *name,
			const struct vdu__persist *record, struct vdu_error *err)
{
	const struct vdu_blk_spec *spec = &record->file.spec;
	char image[PATH_MAX];
	int r;

	if (strcmp(spec->name, name) != 0)
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "it is of a device '%s'", spec->name);
	r = vdu_blk_spec_validate(spec, err);
	if (r < 0)
		return r;
	if (!spec->size_bytes || !spec->serial[0] ||
	    (!strcmp(spec->backend, "file") && spec->path[0] != '/'))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "it lacks size, serial or path");
	/* Destroy removes such an image: that must not be any file. */
	if (spec->image_owned &&
	    (vdu__path(ctx, image, sizeof(image), VDU_STATE_DIR "/%s.img",
		       name) < 0 || strcmp(spec->path, image) != 0))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "it calls %s the default image", spec->path);
	return 0;
}

int vdu__persist_load(struct vdu_ctx *ctx, const char *name,
		      struct vdu__persist *ret, struct vdu_error *err)
{
	CLEANUP_FREE char *text = malloc(RECORD_MAX + 1);
	CLEANUP_CLOSE int fd = -EBADF;
	struct vdu_error inner = { 0 };
	const char *problem = vdu_name_problem(name), *why = NULL;
	json_object *root;
	char path[PATH_MAX];
	int r;

	if (problem || vdu__persist_path(ctx, name, path) < 0)
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				 "name '%.200s' %s", name,
				 problem ? problem : "is too long");
	fd = open_record(ctx, name, path, err);
	r = fd < 0 ? fd : !text ? -ENOMEM :
		read_text(fd, path, text, RECORD_MAX + 1, err);
	if (r < 0)
		return r;
	text[r] = '\0';
	*ret = (struct vdu__persist){
		.file.spec.size_of = sizeof(ret->file.spec),
	};
	root = parse_text(text, r, &why);
	if (!root) {
		r = -EBADMSG;
	} else if (!json_object_is_type(root, json_type_object)) {
		r = -EBADMSG;
		why = "it is no object";
	} else {
		r = take_record(root, ret, &inner);
		if (r == 0)
			r = check_record(ctx, name, ret, &inner);
		why = inner.text;
	}
	json_object_put(root);
	return r < 0 ? vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "%s is damaged: %.300s", path, why) : 0;
}
