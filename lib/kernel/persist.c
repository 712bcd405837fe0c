// SPDX-License-Identifier: LGPL-2.1-or-later
/* Records of persistent devices: written whole and durably, listed, removed. */
#include "lib/kernel/persist.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <vduse/persist.h>

#include "lib/bus/bus.h"
#include "lib/util/fs.h"
#include "lib/util/lock.h"

static json_object *to_json(const struct vdu__persist *record)
{
	json_object *root = json_object_new_object();

	json_object_object_add(root, "version",
			       json_object_new_int(VDU__PERSIST_VERSION));
	json_object_object_add(root, "bind", json_object_new_string(
					vdu__persist_drivers[record->driver]));
	json_object_object_add(root, "device",
			       vdu__spec_to_record(&record->file));
	return root;
}

/* Make the change of a directory durable. */
static int sync_dir(const struct vdu_ctx *ctx, struct vdu_error *err)
{
	CLEANUP_CLOSE int dir = vdu__persist_open_dir(ctx, err);

	if (dir < 0)
		return dir;
	return fsync(dir) == 0 ? 0 :
		vdu__fail(err, VDU_STAGE_STATE, -errno,
			  "cannot sync " VDU_PERSIST_DIR ": %s",
			  strerror(errno));
}

static int make_dir(const struct vdu_ctx *ctx, struct vdu_error *err)
{
	CLEANUP_CLOSE int dir = -EBADF;
	char path[PATH_MAX];
	int r;

	r = vdu__path(ctx, path, sizeof(path), VDU_PERSIST_DIR);
	if (r == 0)
		r = vdu__mkdir_p(path, 0755);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot make " VDU_PERSIST_DIR ": %s",
				 strerror(-r));
	/* Is it one that others cannot write to? */
	dir = vdu__persist_open_dir(ctx, err);
	return MIN(dir, 0);
}

/* NONE for one that a record cannot name. */
static enum vdu_driver driver_now(struct vdu_ctx *ctx, const char *name)
{
	struct vdu__binding binding;

	vdu__binding_read(ctx, name, &binding);
	return binding.driver == VDU_DRIVER_OTHER ? VDU_DRIVER_NONE :
						    binding.driver;
}

int vdu__persist_save(struct vdu_ctx *ctx, const struct vdu__persist *record,
		      struct vdu_error *err)
{
	json_object *root;
	char path[PATH_MAX];
	const char *text;
	int r;

	r = make_dir(ctx, err);
	if (r < 0)
		return r;
	root = to_json(record);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = vdu__persist_path(ctx, record->file.spec.name, path);
	if (r == 0)
		r = text ? vdu__replace_file(path, text, strlen(text)) :
			   -ENOMEM;
	json_object_put(root);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot write %s: %s", path, strerror(-r));
	return sync_dir(ctx, err);
}

int vdu__persist_remove(struct vdu_ctx *ctx, const char *name,
			struct vdu_error *err)
{
	char path[PATH_MAX];

	if (!vdu__persist_exists(ctx, name) || vdu__persist_path(ctx, name, path) < 0)
		return 0;
	if (unlink(path) < 0)
		return vdu__fail(err, VDU_STAGE_STATE, -errno,
				 "cannot remove %s: %s", path, strerror(errno));
	return sync_dir(ctx, err);
}

void vdu__persist_note_driver(struct vdu_ctx *ctx, const char *name)
{
	enum vdu_driver driver = driver_now(ctx, name);
	struct vdu__persist record;
	struct vdu_error err = { 0 };
	int r;

	if (!vdu__persist_exists(ctx, name))
		return;
	r = vdu__persist_load(ctx, name, &record, &err);
	if (r == 0 && record.driver != driver) {
		record.driver = driver;
		r = vdu__persist_save(ctx, &record, &err);
	}
	if (r < 0)
		vdu__log(ctx, 4, "the record of %s stays as it was: %s", name,
			 err.text);
}

void vdu__persist_of(struct vdu_ctx *ctx, const struct vdu__spec_file *file,
		     struct vdu__persist *ret)
{
	*ret = (struct vdu__persist){
		.file = *file, .driver = driver_now(ctx, file->spec.name),
	};
}

PUBLIC int vdu_persist(struct vdu_ctx *ctx, const char *name, bool on,
		       struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	struct vdu__spec_file file;
	struct vdu__persist record;
	int r = vdu__lock_device(ctx, name, &lock, err);

	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	if (r < 0 || !on)
		return r < 0 ? r : vdu__persist_remove(ctx, name, err);
	r = vdu__spec_load(ctx, name, &file, err);
	if (r < 0)
		return r;
	vdu__persist_of(ctx, &file, &record);
	return vdu__persist_save(ctx, &record, err);
}

static int is_record(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > strlen(VDU__PERSIST_SUFFIX) &&
	       !strcmp(entry->d_name + len - strlen(VDU__PERSIST_SUFFIX), VDU__PERSIST_SUFFIX);
}

/* The array and, behind it, what it points to. */
static char **pack(struct dirent **entries, size_t n)
{
	size_t size = (n + 1) * sizeof(char *);
	char **names, *to;

	for (size_t i = 0; i < n; i++)
		size += strlen(entries[i]->d_name) + 1 - strlen(VDU__PERSIST_SUFFIX);
	names = calloc(1, size);
	if (!names)
		return NULL;
	to = (char *)(names + n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(entries[i]->d_name) - strlen(VDU__PERSIST_SUFFIX);

		names[i] = memcpy(to, entries[i]->d_name, len);
		to += len + 1;
	}
	return names;
}

PUBLIC int vdu_persist_list(struct vdu_ctx *ctx, char ***ret_names,
			    struct vdu_error *err)
{
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int n = 0, r;

	r = vdu__path(ctx, path, sizeof(path), VDU_PERSIST_DIR);
	if (r == 0) {
		n = scandir(path, &entries, is_record, versionsort);
		r = n < 0 && errno != ENOENT ? -errno : 0;
	}
	n = MAX(n, 0);
	if (r == 0) {
		*ret_names = pack(entries, (size_t)n);
		r = *ret_names ? 0 : -ENOMEM;
	}
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot read " VDU_PERSIST_DIR ": %s",
				 strerror(-r));
	return 0;
}
