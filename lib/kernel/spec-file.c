// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * spec.json: one table of its keys serves reading and writing, also of the
 * record of a persistent device.
 */
#include "lib/kernel/spec-file.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/fs.h"

#define SPEC_VERSION 1
#define SPEC_MAX 16384	/* bytes; a path can take a third of it */

enum key_type { KEY_TEXT, KEY_U64, KEY_U32, KEY_INT, KEY_BOOL };

#define KEY_PARTS(json, kind, member) \
	.name = json, .type = kind, \
	.offset = offsetof(struct vdu__spec_file, member), \
	.size = sizeof(((struct vdu__spec_file *)0)->member)
#define KEY(json, kind, member) { KEY_PARTS(json, kind, member) }
/* One that the first files did not have: 0 if it is missing. */
#define LATER_KEY(json, kind, member) \
	{ KEY_PARTS(json, kind, member), .optional = true }

static const struct key {
	const char *name;
	enum key_type type;
	size_t offset, size;
	bool optional;
} keys[] = {
	KEY("name", KEY_TEXT, spec.name),
	KEY("size", KEY_U64, spec.size_bytes),
	KEY("backend", KEY_TEXT, spec.backend),
	KEY("path", KEY_TEXT, spec.path),
	KEY("image_owned", KEY_INT, spec.image_owned),
	KEY("serial", KEY_TEXT, spec.serial),
	KEY("queues", KEY_U32, spec.n_queues),
	KEY("queue_size", KEY_U32, spec.queue_size),
	KEY("block_size", KEY_U32, spec.block_size),
	KEY("read_only", KEY_INT, spec.read_only),
	KEY("discard", KEY_INT, spec.discard),
	KEY("can_discard", KEY_BOOL, abilities.discard),
	KEY("can_write_zeroes", KEY_BOOL, abilities.write_zeroes),
	KEY("discard_granularity", KEY_U32, abilities.discard_granularity),
	KEY("optimal_io", KEY_U32, abilities.optimal_io),
	LATER_KEY("on_death", KEY_INT, spec.on_death),
	LATER_KEY("fail_seconds", KEY_U32, spec.fail_seconds),
	LATER_KEY("cache", KEY_INT, spec.cache),
	LATER_KEY("writeback_control", KEY_INT, spec.writeback_control),
	LATER_KEY("packed", KEY_INT, spec.packed),
	LATER_KEY("poll", KEY_U32, spec.poll_percent),
	LATER_KEY("affinity", KEY_INT, spec.affinity),
};

static json_object *key_to_json(const struct key *key, const void *member)
{
	switch (key->type) {
	case KEY_TEXT:
		return json_object_new_string(member);
	case KEY_U64:
		return json_object_new_uint64(*(const uint64_t *)member);
	case KEY_U32:
		return json_object_new_uint64(*(const uint32_t *)member);
	case KEY_INT:
		return json_object_new_int(*(const int *)member);
	case KEY_BOOL:
		return json_object_new_boolean(*(const bool *)member);
	}
	return NULL;
}

static bool fits(const struct key *key, json_object *value)
{
	int64_t number = json_object_get_int64(value);

	switch (key->type) {
	case KEY_TEXT:
		return json_object_is_type(value, json_type_string) &&
		       (size_t)json_object_get_string_len(value) <
			       key->size &&
		       strlen(json_object_get_string(value)) ==
			       (size_t)json_object_get_string_len(value);
	case KEY_U64:
		return json_object_is_type(value, json_type_int) && number >= 0;
	case KEY_U32:
		return json_object_is_type(value, json_type_int) &&
		       number >= 0 && number <= UINT32_MAX;
	case KEY_INT:
		return json_object_is_type(value, json_type_int) &&
		       number >= INT32_MIN && number <= INT32_MAX;
	case KEY_BOOL:
		return json_object_is_type(value, json_type_boolean);
	}
	return false;
}

static int key_from_json(const struct key *key, json_object *value,
			 void *member)
{
	if (!fits(key, value))
		return -EBADMSG;
	switch (key->type) {
	case KEY_TEXT:
		(void)snprintf(member, key->size, "%s",
			       json_object_get_string(value));
		return 0;
	case KEY_U64:
		*(uint64_t *)member = json_object_get_uint64(value);
		return 0;
	case KEY_U32:
		*(uint32_t *)member = (uint32_t)json_object_get_uint64(value);
		return 0;
	case KEY_INT:
		*(int *)member = json_object_get_int(value);
		return 0;
	case KEY_BOOL:
		*(bool *)member = json_object_get_boolean(value);
		return 0;
	}
	return -EBADMSG;
}

/*
 * The fast way, for lists of many devices: read what vdu__spec_save() writes,
 * key by key in its order. Anything else, also a string with an escape, is
 * left to the real parser.
 */
static bool skip(const char **at, const char *word)
{
	size_t len = strlen(word);

	*at += strspn(*at, " \n\t");
	if (strncmp(*at, word, len))
		return false;
	*at += len;
	return true;
}

static bool scan_text(const char **at, char *buf, size_t size)
{
	size_t len;

	if (!skip(at, "\""))
		return false;
	len = strcspn(*at, "\"\\");
	if ((*at)[len] != '"' || len >= size)
		return false;
	memcpy(buf, *at, len);
	buf[len] = '\0';
	*at += len + 1;
	return true;
}

static bool scan_number(const char **at, uint64_t *ret)
{
	size_t digits;

	*at += strspn(*at, " ");
	digits = strspn(*at, "0123456789");
	if (!digits || digits > 18)	/* 10^18 does not overflow */
		return false;
	for (*ret = 0; digits; digits--)
		*ret = *ret * 10 + (uint64_t)(*(*at)++ - '0');
	return true;
}

static bool scan_value(const char **at, const struct key *key, void *member)
{
	uint64_t number = 0;

	if (key->type == KEY_TEXT)
		return scan_text(at, member, key->size);
	if (key->type == KEY_BOOL) {
		*(bool *)member = skip(at, "true");
		return *(bool *)member || skip(at, "false");
	}
	if (!scan_number(at, &number))
		return false;
	if (key->type == KEY_U64)
		*(uint64_t *)member = number;
	else if (number <= INT32_MAX)
		*(uint32_t *)member = (uint32_t)number;
	else
		return false;
	return true;
}

static bool scan(const char *at, struct vdu__spec_file *ret)
{
	uint64_t version;

	if (!skip(&at, "{") || !skip(&at, "\"version\"") || !skip(&at, ":") ||
	    !scan_number(&at, &version) || version != SPEC_VERSION)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!skip(&at, ",") || !skip(&at, "\"") ||
		    !skip(&at, keys[i].name) || !skip(&at, "\"") ||
		    !skip(&at, ":") ||
		    !scan_value(&at, &keys[i], (char *)ret + keys[i].offset))
			return false;
	return skip(&at, "}") && skip(&at, "") && !*at;
}

static int from_json(json_object *root, struct vdu__spec_file *ret)
{
	json_object *value;

	if (!json_object_is_type(root, json_type_object) ||
	    !json_object_object_get_ex(root, "version", &value) ||
	    json_object_get_int(value) != SPEC_VERSION)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_object_object_get_ex(root, keys[i].name, &value) ?
		    key_from_json(&keys[i], value,
				  (char *)ret + keys[i].offset) < 0 :
		    !keys[i].optional)
			return -EBADMSG;
	return 0;
}

static int parse(const char *text, struct vdu__spec_file *ret)
{
	json_object *root;
	int r;

	if (scan(text, ret))
		return 0;
	root = json_tokener_parse(text);
	r = root ? from_json(root, ret) : -EBADMSG;
	json_object_put(root);
	return r;
}

/* A file is not to be trusted because of its place: a server divides by it. */
static bool is_complete(const struct vdu_blk_spec *spec)
{
	return spec->size_bytes && spec->n_queues && spec->queue_size &&
	       spec->block_size && vdu_blk_spec_validate(spec, NULL) == 0;
}

static int spec_path(const struct vdu_ctx *ctx, const char *name,
		     char path[PATH_MAX])
{
	return vdu__path(ctx, path, PATH_MAX, VDU_RUN_DIR "/%s/spec.json",
			 name);
}

int vdu__spec_save(struct vdu_ctx *ctx, const struct vdu__spec_file *file,
		   struct vdu_error *err)
{
	json_object *root = json_object_new_object();
	char path[PATH_MAX];
	const char *text;
	int r;

	json_object_object_add(root, "version",
			       json_object_new_int(SPEC_VERSION));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_object_object_add(root, keys[i].name,
			key_to_json(&keys[i],
				    (const char *)file + keys[i].offset));
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	r = spec_path(ctx, file->spec.name, path);
	if (r == 0)
		r = text ? vdu__replace_file(path, text, strlen(text)) :
			   -ENOMEM;
	json_object_put(root);
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "cannot write %s: %s", path, strerror(-r));
	return 0;
}

int vdu__spec_load(struct vdu_ctx *ctx, const char *name,
		   struct vdu__spec_file *ret, struct vdu_error *err)
{
	struct vdu__spec_file file = { .spec.size_of = sizeof(file.spec) };
	char path[PATH_MAX], text[SPEC_MAX];
	ssize_t n;
	int r;

	r = vdu__is_component(name) ? spec_path(ctx, name, path) : -ENOENT;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	n = vdu__read_file(path, text, sizeof(text));
	if (n == -ENOENT || n == -ENOTDIR)
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "no such device of ours");
	if (n < 0)
		return vdu__fail(err, VDU_STAGE_STATE, (int)n,
				 "cannot read %s: %s", path, strerror((int)-n));
	r = parse(text, &file);
	if (r == 0 && (strcmp(file.spec.name, name) ||
		       !is_complete(&file.spec)))
		r = -EBADMSG;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r,
				 "%s is damaged", path);
	*ret = file;
	return 0;
}

/* What the backend can do is found out anew, when the device is made again. */
static bool is_request(const struct key *key)
{
	return key->offset < offsetof(struct vdu__spec_file, abilities);
}

json_object *vdu__spec_to_record(const struct vdu__spec_file *file)
{
	json_object *root = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_request(&keys[i]))
			json_object_object_add(root, keys[i].name,
				key_to_json(&keys[i],
					    (const char *)file + keys[i].offset));
	return root;
}

int vdu__spec_from_record(json_object *root, struct vdu__spec_file *ret,
			  struct vdu_error *err)
{
	if (!json_object_is_type(root, json_type_object))
		return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
				 "'device' is no object");
	json_object_object_foreach(root, name, value) {
		const struct key *key = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(keys) && !key; i++)
			if (is_request(&keys[i]) && !strcmp(keys[i].name, name))
				key = &keys[i];
		if (!key)
			return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
					 "'%.60s' is an unknown key", name);
		if (key_from_json(key, value, (char *)ret + key->offset) < 0)
			return vdu__fail(err, VDU_STAGE_STATE, -EBADMSG,
					 "'%s' has a value that it cannot have",
					 name);
	}
	return 0;
}

PUBLIC int vdu_blk_spec_load(struct vdu_ctx *ctx, const char *name,
			     struct vdu_blk_spec *ret, struct vdu_error *err)
{
	struct vdu__spec_file file;
	int r = vdu__spec_load(ctx, name, &file, err);

	if (r == 0)
		*ret = file.spec;
	return r;
}
