// SPDX-License-Identifier: GPL-2.0-or-later
/* A device as a row, and what its server says. */
#include "cli/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vduse/manage.h>
#include <vduse/virtio.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/operands.h"

/* The largest device id of virtio 1.2 is far below. */
#define DEVICE_ID_MAX 64

static void add_text(struct json_object *row, const char *key,
		     const char *text)
{
	if (*text)
		row_text(row, key, text);
	else
		row_null(row, key);
}

static void add_int(struct json_object *row, const char *key, int64_t value)
{
	if (value >= 0)
		row_int(row, key, value);
	else
		row_null(row, key);
}

static void add_bool(struct json_object *row, const char *key, int value)
{
	if (value >= 0)
		row_bool(row, key, value);
	else
		row_null(row, key);
}

/* All fields of `list`, in their order: its JSON then copies nothing. */
struct json_object *device_row(struct vdu_dev *dev)
{
	struct json_object *row = json_object_new_object();

	add_text(row, "name", vdu_dev_name(dev));
	add_text(row, "type", vdu_dev_type(dev));
	add_text(row, "state", vdu_dev_state(dev));
	add_int(row, "size", vdu_dev_size_bytes(dev));
	add_text(row, "driver", vdu_dev_driver(dev));
	add_text(row, "node", vdu_dev_node(dev));
	add_text(row, "backend", vdu_dev_backend(dev));
	add_text(row, "owner", vdu_dev_owner(dev));
	add_int(row, "pid", vdu_dev_pid(dev) > 0 ? vdu_dev_pid(dev) : -1);
	add_text(row, "serial", vdu_dev_serial(dev));
	add_int(row, "block_size", vdu_dev_block_size(dev));
	add_int(row, "queues", vdu_dev_n_queues(dev));
	add_int(row, "queue_size", vdu_dev_queue_size(dev));
	add_bool(row, "read_only", vdu_dev_read_only(dev));
	add_bool(row, "attached", vdu_dev_attached(dev));
	add_bool(row, "persist", vdu_dev_persist(dev));
	add_bool(row, "needs_reset", vdu_dev_needs_reset(dev));
	return row;
}

bool device_is_ours(struct vdu_dev *dev)
{
	return !strcmp(vdu_dev_owner(dev), "vdusectl");
}

static int refuse_foreign(struct cli *cli, const char *name,
			  struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct vdu_blk_spec spec = { .size_of = sizeof(spec) };
	int r = vdu_list_new_one(cli->ctx, name, &list, err);

	if (r || device_is_ours(vdu_list_first(list)))
		return r;
	/* Who may not look cannot tell whose it is. */
	r = vdu_blk_spec_load(cli->ctx, name, &spec, err);
	if (r == -EACCES)
		return r;
	*err = (struct vdu_error){ -EOPNOTSUPP, VDU_STAGE_SERVER,
		"its server is foreign: only servers of vdusectl can be asked" };
	return -EOPNOTSUPP;
}

int device_ask(struct cli *cli, const char *name, const char *method,
	       struct json_object **ret_reply, struct vdu_error *err)
{
	CLEANUP_FREE char *text = NULL;
	int r = refuse_foreign(cli, name, err);

	if (!r)
		r = vdu_call(cli->ctx, name, method, NULL, &text, err);
	if (r)
		return r;
	*ret_reply = json_tokener_parse(text);
	if (json_object_is_type(*ret_reply, json_type_object))
		return 0;
	(void)json_object_put(TAKE_PTR(*ret_reply));
	*err = (struct vdu_error){ -EPROTO, VDU_STAGE_SERVER,
				   "the server's reply is not an object" };
	return -EPROTO;
}

int device_rows(struct json_object *reply, const char *key,
		struct json_object **ret_rows, struct vdu_error *err)
{
	struct json_object *rows = json_object_object_get(reply, key);
	bool good = json_object_is_type(rows, json_type_array);
	size_t i;

	for (i = 0; good && i < json_object_array_length(rows); i++)
		good = json_object_is_type(json_object_array_get_idx(rows, i),
					   json_type_object);
	if (good) {
		*ret_rows = rows;
		return 0;
	}
	*err = (struct vdu_error){ -EPROTO, VDU_STAGE_SERVER, "" };
	(void)snprintf(err->text, sizeof(err->text),
		       "the server's reply has no list '%s'", key);
	return -EPROTO;
}

const char *device_feature(uint32_t device_id, unsigned int bit, char buf[16])
{
	const char *name = vdu_feature_name(device_id, bit);

	if (name)
		return name;
	(void)snprintf(buf, 16, "bit %u", bit);
	return buf;
}

struct json_object *device_features(uint32_t device_id, uint64_t mask)
{
	struct json_object *list = json_object_new_array();
	unsigned int bit;
	char buf[16];

	for (bit = 0; bit < 64; bit++)
		if (mask >> bit & 1)
			(void)json_object_array_add(list,
				json_object_new_string(device_feature(device_id,
								      bit, buf)));
	return list;
}

uint32_t device_id_of(const char *type)
{
	uint32_t id;

	for (id = 1; id < DEVICE_ID_MAX; id++) {
		const char *name = vdu_device_type_name(id);

		if (name && !strcmp(name, type))
			return id;
	}
	return 0;
}
