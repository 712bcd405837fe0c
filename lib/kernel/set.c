// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vdu_set: change a live device. A key is a row of the table: what its value
 * does to the spec, or else. All settings of a call are checked before any takes
 * effect.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <json-c/json.h>
#include <vduse/manage.h>

#include "lib/blk/cache.h"
#include "lib/kernel/persist.h"
#include "lib/kernel/timeouts.h"
#include "lib/util/lock.h"

#define KEY_MAX 32

/* What is asked for. */
struct change {
	struct vdu_blk_spec *spec;
	bool persist_named, persist, cache_named;
	struct vdu__timeouts timeouts;	/* of the kernel: any device has them */
	bool of_ours;			/* and something else */
};

static struct change no_change(struct vdu_blk_spec *spec)
{
	return (struct change){ .spec = spec, .timeouts = { -1, -1 } };
}

static int set_on_death(struct change *change, const char *value,
			struct vdu_error *err)
{
	return vdu_blk_spec_set_on_death(change->spec, value, err);
}

static int set_cache(struct change *change, const char *value,
		     struct vdu_error *err)
{
	change->cache_named = true;
	return vdu_blk_spec_set_cache(change->spec, value, err);
}

static int set_persist(struct change *change, const char *value,
		       struct vdu_error *err)
{
	change->persist_named = true;
	change->persist = !strcmp(value, "yes");
	if (change->persist || !strcmp(value, "no"))
		return 0;
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "persist '%.*s' is unknown: it is yes or no", KEY_MAX,
			 value);
}

static int set_virtio_timeout(struct change *change, const char *value,
			      struct vdu_error *err)
{
	return vdu__timeout_parse("virtio-timeout", value,
				  &change->timeouts.virtio_s, err);
}

static int set_vhost_timeout(struct change *change, const char *value,
			     struct vdu_error *err)
{
	return vdu__timeout_parse("vhost-timeout", value,
				  &change->timeouts.vhost_s, err);
}

static const struct setting {
	const char *key;
	int (*apply)(struct change *change, const char *value,
		     struct vdu_error *err);
	bool any;			/* foreign devices have it, too */
} settings[] = {
	{ "on-death", set_on_death, false },
	{ "cache", set_cache, false },
	{ "persist", set_persist, false },
	{ "virtio-timeout", set_virtio_timeout, true },
	{ "vhost-timeout", set_vhost_timeout, true },
};

PUBLIC const char *vdu_set_key(unsigned int index)
{
	return index < ARRAY_SIZE(settings) ? settings[index].key : NULL;
}

static int apply_one(struct change *change, const char *text,
		     struct vdu_error *err)
{
	size_t len = strcspn(text, "=");

	if (!text[len])
		return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
				 "'%s' is no KEY=VALUE", text);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		if (strlen(settings[i].key) != len ||
		    strncmp(settings[i].key, text, len) != 0)
			continue;
		change->of_ours |= !settings[i].any;
		return settings[i].apply(change, text + len + 1, err);
	}
	return vdu__fail(err, VDU_STAGE_USAGE, -EINVAL,
			 "'%.*s' cannot be set", (int)MIN(len, KEY_MAX), text);
}

static int apply(struct change *change, const char *const *texts, size_t n,
		 struct vdu_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = apply_one(change, texts[i], err);
	return r;
}

/* Of a persistent device, before and after. */
struct records {
	bool had, has, changes;
	struct vdu__persist old, new;
};

static void warn(struct vdu_ctx *ctx, const char *name,
		 const struct vdu_error *err)
{
	vdu__log(ctx, 4, "the record of %s stays as it was: %s", name,
		 err->text);
}

static void plan_records(struct vdu_ctx *ctx, const char *name,
			 const struct change *change,
			 const struct vdu__spec_file *file,
			 const char *const *texts, size_t n,
			 struct records *ret)
{
	struct change recorded = no_change(&ret->new.file.spec);
	struct vdu_error err = { 0 };
	int r = vdu__persist_load(ctx, name, &ret->old, &err);

	ret->had = r == 0;
	if (change->persist_named) {
		ret->has = change->persist;
		ret->changes = true;
		vdu__persist_of(ctx, file, &ret->new);
	} else if (ret->had) {
		/* What else is in it, by whomever, stays. */
		ret->new = ret->old;
		ret->has = ret->changes = true;
		(void)apply(&recorded, texts, n, NULL);
	} else if (vdu__persist_exists(ctx, name)) {
		warn(ctx, name, &err);
	}
}

static int write_record(struct vdu_ctx *ctx, const char *name,
			const struct vdu__persist *record,
			struct vdu_error *err)
{
	return record ? vdu__persist_save(ctx, record, err) :
			vdu__persist_remove(ctx, name, err);
}

/*
 * The record first: what was to be recorded and cannot be has changed nothing.
 * A setting of the live device counts all the same.
 */
static int save(struct vdu_ctx *ctx, const struct vdu__spec_file *file,
		const struct records *records, bool required,
		struct vdu_error *err)
{
	const char *name = file->spec.name;
	struct vdu_error own = { 0 };
	int r = 0;

	if (records->changes)
		r = write_record(ctx, name, records->has ? &records->new : NULL,
				 required ? err : &own);
	if (r < 0 && required)
		return r;
	if (r < 0)
		warn(ctx, name, &own);
	r = vdu__spec_save(ctx, file, err);
	if (r < 0 && records->changes)
		(void)write_record(ctx, name,
				   records->had ? &records->old : NULL, NULL);
	return r;
}

/* It reads the spec when it needs it; now, if it has to choose. */
static void tell_supervisor(struct vdu_ctx *ctx, const char *name)
{
	pid_t pid;
	CLEANUP_CLOSE int pidfd = vdu__supervisor_pidfd(ctx, name, &pid);

	if (pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0);
}

/* Both are texts of lib/blk/cache.c: a driver may keep them apart. */
static void warn_if_later(struct vdu_ctx *ctx, const char *name,
			  const char *reply)
{
	json_object *root = json_tokener_parse(reply), *now, *wanted;

	if (json_object_object_get_ex(root, "cache", &now) &&
	    json_object_object_get_ex(root, "cache_wanted", &wanted) &&
	    !json_object_equal(now, wanted))
		vdu__log(ctx, 4,
			 "the cache of %s stays %s for now: its driver need not flush; %s begins when the driver is bound again, or asks for it",
			 name, json_object_get_string(now),
			 json_object_get_string(wanted));
	json_object_put(root);
}

/* A server that is not there begins with it. */
static int tell_server(struct vdu_ctx *ctx, const struct vdu_blk_spec *spec,
		       struct vdu_error *err)
{
	CLEANUP_FREE char *reply = NULL;
	struct vdu_error own = { 0 };
	char params[64];
	int r;

	(void)snprintf(params, sizeof(params), "{\"cache\":\"%s\"}",
		       vdu__cache_text(spec->cache));
	r = vdu_call(ctx, spec->name, "Set", params, &reply, &own);
	if (r == 0)
		warn_if_later(ctx, spec->name, reply);
	else if (r != -ENOENT && err)
		*err = own;
	return r == -ENOENT ? 0 : r;
}

/* All or nothing: what the server does not do was not said. */
static int tell(struct vdu_ctx *ctx, const struct vdu__spec_file *old,
		const struct vdu__spec_file *file,
		const struct records *records, struct vdu_error *err)
{
	int r = tell_server(ctx, &file->spec, err);

	if (r == 0)
		return 0;
	(void)vdu__spec_save(ctx, old, NULL);
	if (records->changes)
		(void)write_record(ctx, file->spec.name,
				   records->had ? &records->old : NULL, NULL);
	return r;
}

PUBLIC int vdu_set(struct vdu_ctx *ctx, const char *name,
		   const char *const *texts, size_t n, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	struct vdu__spec_file file = { 0 }, before;
	struct change change = no_change(&file.spec);
	struct vdu__timeouts old;
	struct records records = { 0 };
	int r;

	/* What makes no sense for any device needs none. */
	r = apply(&change, texts, n, err);
	if (r < 0)
		return r;
	if (!change.of_ours)
		return vdu__timeouts_set(ctx, name, &change.timeouts, &old,
					 err);
	r = vdu__lock_device(ctx, name, &lock, err);
	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	if (r == 0)
		r = vdu__spec_load(ctx, name, &file, err);
	before = file;
	if (r == 0)
		r = apply(&change, texts, n, err);
	if (r == 0)
		r = vdu__timeouts_set(ctx, name, &change.timeouts, &old, err);
	if (r < 0)
		return r;
	plan_records(ctx, name, &change, &file, texts, n, &records);
	r = save(ctx, &file, &records, change.persist_named, err);
	if (r == 0 && change.cache_named)
		r = tell(ctx, &before, &file, &records, err);
	if (r == 0)
		tell_supervisor(ctx, name);
	else
		vdu__timeouts_put_back(ctx, name, &old);
	return r;
}
