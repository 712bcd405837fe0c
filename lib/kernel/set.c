// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * vdu_set: change a live device. A key is a row of the table: what its value
 * does to the spec, or else. All settings of a call are checked before any takes
 * effect.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <vduse/manage.h>

#include "lib/kernel/persist.h"
#include "lib/util/lock.h"

#define KEY_MAX 32

/* What is asked for. */
struct change {
	struct vdu_blk_spec *spec;
	bool persist_named, persist;
};

static int set_on_death(struct change *change, const char *value,
			struct vdu_error *err)
{
	return vdu_blk_spec_set_on_death(change->spec, value, err);
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

static const struct setting {
	const char *key;
	int (*apply)(struct change *change, const char *value,
		     struct vdu_error *err);
} settings[] = {
	{ "on-death", set_on_death },
	{ "persist", set_persist },
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
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (strlen(settings[i].key) == len &&
		    !strncmp(settings[i].key, text, len))
			return settings[i].apply(change, text + len + 1, err);
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

PUBLIC int vdu_set(struct vdu_ctx *ctx, const char *name,
		   const char *const *texts, size_t n, struct vdu_error *err)
{
	CLEANUP_CLOSE int lock = -EBADF;
	struct vdu__spec_file file = { 0 };
	struct change change = { .spec = &file.spec };
	pid_t supervisor;
	int r;

	/* What makes no sense for any device needs none. */
	r = apply(&change, texts, n, err);
	if (r < 0)
		return r;
	r = vdu__lock_device(ctx, name, &lock, err);
	if (r == -ENOENT)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	if (r == 0)
		r = vdu__spec_load(ctx, name, &file, err);
	if (r == 0)
		r = apply(&change, texts, n, err);
	if (r == 0)
		r = vdu__spec_save(ctx, &file, err);
	if (r == 0 && change.persist_named)
		r = vdu__persist_set(ctx, name, change.persist, err);
	else if (r == 0)
		vdu__persist_refresh(ctx, name);
	if (r < 0)
		return r;
	/* It reads the spec when it needs it; now, if it has to choose. */
	supervisor = vdu__supervisor_pid(ctx, name);
	if (supervisor)
		(void)kill(supervisor, SIGUSR1);
	return 0;
}
