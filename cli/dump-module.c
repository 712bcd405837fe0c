// SPDX-License-Identifier: GPL-2.0-or-later
/* What our kernel module tells for `dump`, whoever serves the device. */
#include <errno.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/dump.h"

bool dump_needs_module(int r, const struct vdu_error *err)
{
	return r == -EOPNOTSUPP ||
	       (r == -ENOENT && err->stage == VDU_STAGE_SERVER);
}

static void add_missing(struct json_object *row, const char *key,
			struct json_object *value)
{
	if (json_object_object_get(row, key))
		json_object_put(value);
	else
		(void)json_object_object_add(row, key, value);
}

/* What the server said of itself stays. */
static void add_queue(struct json_object *row,
		      const struct vdu_inspection_queue *queue)
{
	row_int(row, "index", queue->index);
	row_int(row, "size_max", queue->size_max);
	row_bool(row, "heard", queue->heard);
	row_bool(row, "kicked", queue->kicked);
	add_missing(row, "size", json_object_new_int64(queue->size));
	add_missing(row, "ready", json_object_new_boolean(queue->ready));
	add_missing(row, "kicks", json_object_new_uint64(queue->kicks));
	add_missing(row, "interrupts",
		    json_object_new_uint64(queue->interrupts));
	add_missing(row, "desc", json_object_new_uint64(queue->desc));
	add_missing(row, "avail", json_object_new_uint64(queue->avail));
	add_missing(row, "used", json_object_new_uint64(queue->used));
}

int dump_module_queues(struct cli *cli, const char *name,
		       struct json_object *rows)
{
	CLEANUP_INSPECTION struct vdu_inspection *inspection = NULL;
	struct vdu_inspection_queue queue = { .size_of = sizeof(queue) };
	unsigned int i;
	int r = vdu_inspect(cli->ctx, name, &inspection, NULL);

	for (i = 0; !r && !vdu_inspection_queue(inspection, i, &queue); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!row) {
			row = json_object_new_object();
			(void)json_object_array_add(rows, row);
		}
		add_queue(row, &queue);
	}
	return r;
}

int dump_module_features(struct cli *cli, const char *name,
			 uint32_t *ret_device_id, uint64_t *ret_offered,
			 uint64_t *ret_negotiated)
{
	CLEANUP_INSPECTION struct vdu_inspection *inspection = NULL;
	struct vdu_inspection_info info = { .size_of = sizeof(info) };
	int r = vdu_inspect(cli->ctx, name, &inspection, NULL);

	if (r)
		return r;
	vdu_inspection_info(inspection, &info);
	*ret_device_id = info.device_id;
	*ret_offered = info.device_features;
	*ret_negotiated = info.driver_features;
	return 0;
}
