// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of `show` that our kernel module tells, of any device. */
#include "cli/show.h"

#include <stdio.h>
#include <string.h>

#include <vduse/virtio.h>

#include "cli/command.h"
#include "cli/device.h"

static void add_list(struct json_object *row, const char *key,
		     struct json_object *list)
{
	(void)json_object_object_add(row, key, list);
}

static struct json_object *extension_list(uint64_t extensions)
{
	struct json_object *list = json_object_new_array();
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		const char *name = vdu_extension_name(bit);

		if (extensions >> bit & 1 && name)
			(void)json_object_array_add(list,
				json_object_new_string(name));
	}
	return list;
}

static struct json_object *condition_list(const struct vdu_inspection_info *info)
{
	const struct {
		int is;
		const char *word;
	} conditions[] = {
		{ info->late, "late" }, { info->aborted, "aborted" },
		{ info->suspended, "suspended" },
	};
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(conditions); i++)
		if (conditions[i].is)
			(void)json_object_array_add(list,
				json_object_new_string(conditions[i].word));
	return list;
}

/* Its name, or its number. */
static const char *message_name(uint32_t type, char buf[16])
{
	const char *name = vdu_message_name(type);

	if (name)
		return name;
	(void)snprintf(buf, 16, "0x%x", type);
	return buf;
}

static void add_messages(struct json_object *row,
			 const struct vdu_inspection *inspection,
			 const struct vdu_inspection_info *info)
{
	struct vdu_inspection_message oldest = { .size_of = sizeof(oldest) };
	char text[100], buf[16];

	row_int(row, "pending", info->n_pending);
	if (!vdu_inspection_message(inspection, 0, &oldest))
		row_uint(row, "pending_age_us", oldest.age_us);
	row_uint(row, "messages_sent", info->n_sent);
	row_uint(row, "messages_failed", info->n_failed);
	row_uint(row, "messages_late", info->n_late);
	row_uint(row, "aborts", info->n_aborts);
	if (!info->last_error)
		return;
	(void)snprintf(text, sizeof(text), "%s: %s",
		       message_name(info->last_error_type, buf),
		       strerror(-info->last_error));
	row_text(row, "message_error", text);
	row_uint(row, "message_error_age_us", info->last_error_age_us);
}

bool show_module(struct cli *cli, struct json_object *row, const char *name)
{
	CLEANUP_INSPECTION struct vdu_inspection *inspection = NULL;
	struct vdu_inspection_info info = { .size_of = sizeof(info) };

	if (vdu_inspect(cli->ctx, name, &inspection, NULL))
		return false;
	vdu_inspection_info(inspection, &info);
	row_int(row, "device_id", info.device_id);
	row_int(row, "vendor_id", info.vendor_id);
	row_int(row, "virtio_status", info.status);
	add_list(row, "features_offered",
		 device_features(info.device_id, info.device_features));
	add_list(row, "features_negotiated",
		 device_features(info.device_id, info.driver_features));
	add_list(row, "features_required",
		 device_features(info.device_id, info.required_features));
	add_list(row, "extensions", extension_list(info.extensions));
	add_list(row, "conditions", condition_list(&info));
	row_int(row, "virtio_timeout", info.virtio_timeout);
	row_int(row, "vhost_timeout", info.vhost_timeout);
	add_messages(row, inspection, &info);
	row_int(row, "config_generation", info.generation);
	row_uint(row, "config_writes", info.n_config_writes);
	row_uint(row, "config_refused", info.n_config_refused);
	row_uint(row, "config_cleared", info.n_config_cleared);
	return true;
}

void show_remedy(struct json_object *row, struct vdu_dev *dev)
{
	const char *name = vdu_dev_name(dev), *driver = vdu_dev_driver(dev);
	const char *server = vdu_dev_pid(dev) ? "restart" : "start";
	char text[1000];
	size_t len = 0;

	if (strcmp(vdu_dev_state(dev), "broken") != 0)
		return;
	if (vdu_dev_needs_reset(dev) != 1) {
		(void)snprintf(text, sizeof(text),
			       "vdusectl destroy --force %s", name);
		row_text(row, "remedy", text);
		return;
	}
	if (device_is_ours(dev))
		len = (size_t)snprintf(text, sizeof(text), "vdusectl %s %s",
				       server, name);
	else
		len = (size_t)snprintf(text, sizeof(text),
				       "%s its server", server);
	if (!strcmp(driver, "virtio"))
		(void)snprintf(text + len, sizeof(text) - len,
			       "; vdusectl unbind %s; vdusectl bind virtio %s",
			       name, name);
	else if (!strcmp(driver, "vhost"))
		(void)snprintf(text + len, sizeof(text) - len,
			       "; then restart its VM");
	row_text(row, "remedy", text);
}

int show_messages(struct cli *cli, const char *name, void *rows,
		  struct vdu_error *err)
{
	CLEANUP_INSPECTION struct vdu_inspection *inspection = NULL;
	struct vdu_inspection_message message = { .size_of = sizeof(message) };
	unsigned int i;
	char buf[16];
	int r = vdu_inspect(cli->ctx, name, &inspection, err);

	if (r)
		return r;
	for (i = 0; !vdu_inspection_message(inspection, i, &message); i++) {
		struct json_object *row = json_object_new_object();

		row_text(row, "device", name);
		row_uint(row, "id", message.id);
		row_text(row, "type", message_name(message.type, buf));
		row_uint(row, "arg", message.arg);
		row_uint(row, "age_us", message.age_us);
		row_text(row, "state", message.read ? "read" : "queued");
		row_bool(row, "posted", message.posted);
		if (message.waiter > 0) {
			row_int(row, "pid", message.waiter);
			row_text(row, "command", message.command);
		}
		(void)json_object_array_add(rows, row);
	}
	return 0;
}
