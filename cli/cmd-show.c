// SPDX-License-Identifier: GPL-2.0-or-later
/* show: everything that is known of a device, a block of lines for each. */
#include <stdio.h>
#include <string.h>

#include <vduse/virtio.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/message.h"
#include "cli/operands.h"
#include "cli/show.h"

/* A server that is stuck must not keep the rest from being seen. */
#define ASK_TIMEOUT_MS 5000

struct options {
	bool messages;
};

#define O(member) offsetof(struct options, member)
static const struct option_row option_rows[] = {
	{ "messages", 0, 0, OPTION_FLAG, 0, O(messages), NULL,
	  "show the kernel messages that have no answer, instead", NULL, 0, 0 },
	{ 0 }
};

static void add_problem(struct json_object *row, const struct vdu_error *err)
{
	struct json_object *old = json_object_object_get(row, "problem");
	char text[1100] = "";

	if (old)
		(void)snprintf(text, sizeof(text), "%s; ",
			       json_object_get_string(old));
	(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s",
		       err->text[0] ? err->text : strerror(-err->code));
	row_text(row, "problem", text);
}

static void add_features(struct json_object *row, uint32_t device_id,
			 uint64_t offered, uint64_t negotiated)
{
	(void)json_object_object_add(row, "features_offered",
				     device_features(device_id, offered));
	(void)json_object_object_add(row, "features_negotiated",
				     device_features(device_id, negotiated));
}

static void add_status(struct cli *cli, struct json_object *row,
		       const char *name, uint32_t device_id)
{
	static const char *const keys[] = {
		"uptime_us", "running", "messages", "resets", "iotlb_regions",
		"malformed", "errors", "backend_errors", "last_error", "cache",
		"cache_wanted", "writeback_control", "packed", "poll",
		"affinity",
	};
	CLEANUP_JSON struct json_object *reply = NULL;
	struct vdu_error err = { 0 };
	size_t i;

	cli_restart_clock(cli, ASK_TIMEOUT_MS);
	if (device_ask(cli, name, "GetStatus", &reply, &err)) {
		add_problem(row, &err);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(keys); i++)
		(void)json_object_object_add(row, keys[i], json_object_get(
			json_object_object_get(reply, keys[i])));
	if (!json_object_object_get(row, "virtio_status"))
		(void)json_object_object_add(row, "virtio_status",
			json_object_get(json_object_object_get(reply,
							"virtio_status")));
	if (json_object_object_get(row, "features_offered"))
		return;
	add_features(row, device_id,
		     json_object_get_uint64(json_object_object_get(reply,
						"device_features")),
		     json_object_get_uint64(json_object_object_get(reply,
						"driver_features")));
}

static bool has(const struct vdu_vdpa_info *info, enum vdu_vdpa_field field)
{
	return info->present >> field & 1;
}

static void add_bus(struct cli *cli, struct json_object *row, const char *name)
{
	struct vdu_vdpa_info info = { .size_of = sizeof(info) };
	struct vdu_error err = { 0 };

	cli_restart_clock(cli, ASK_TIMEOUT_MS);
	if (vdu_vdpa_info(cli->ctx, name, &info, &err)) {
		add_problem(row, &err);
		return;
	}
	if (has(&info, VDU_VDPA_DEVICE_ID))
		row_int(row, "device_id", info.device_id);
	if (has(&info, VDU_VDPA_VENDOR_ID))
		row_int(row, "vendor_id", info.vendor_id);
	if (has(&info, VDU_VDPA_MAX_VQS) && !json_object_object_get(row, "queues"))
		row_int(row, "queues", info.max_vqs);
	if (has(&info, VDU_VDPA_DEVICE_FEATURES) &&
	    !json_object_object_get(row, "features_offered"))
		(void)json_object_object_add(row, "features_offered",
			device_features(info.device_id, info.device_features));
	if (has(&info, VDU_VDPA_DRIVER_FEATURES) &&
	    !json_object_object_get(row, "features_negotiated"))
		(void)json_object_object_add(row, "features_negotiated",
			device_features(info.device_id, info.driver_features));
}

static void add_holders(struct cli *cli, struct json_object *row,
			const char *name)
{
	struct vdu_error err = { 0 };
	char text[500] = "";
	int n;

	cli_restart_clock(cli, ASK_TIMEOUT_MS);
	n = vdu_holders(cli->ctx, name, text, sizeof(text), &err);
	if (n < 0) {
		err.code = n;
		add_problem(row, &err);
		return;
	}
	row_int(row, "holders", n);
	row_text(row, "held_by", text);
}

static void add_status_names(struct json_object *row)
{
	struct json_object *status = json_object_object_get(row,
							    "virtio_status");
	struct json_object *names;
	unsigned int bit;

	if (!status)
		return;
	names = json_object_new_array();
	for (bit = 0; bit < 8; bit++) {
		const char *name = vdu_status_name(bit);

		if (json_object_get_int64(status) >> bit & 1 && name)
			(void)json_object_array_add(names,
				json_object_new_string(name));
	}
	(void)json_object_object_add(row, "status", names);
}

static void add_supervision(struct json_object *row, struct vdu_dev *dev)
{
	struct vdu_supervision now = { .size_of = sizeof(now) };

	vdu_dev_supervision(dev, &now);
	row_text(row, "on_death", vdu_dev_on_death(dev));
	if (now.pid)
		row_int(row, "supervisor", now.pid);
	row_int(row, "restarts", (int64_t)now.restarts);
	if (now.last_exit[0])
		row_text(row, "last_exit", now.last_exit);
	row_bool(row, "failing", now.failing);
}

static int show_one(struct cli *cli, const char *name, void *data,
		    struct vdu_error *err)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	struct json_object *rows = data, *row;
	struct vdu_dev *dev;
	bool told;
	int r = vdu_list_new_one(cli->ctx, name, &list, err);

	if (r)
		return r;
	dev = vdu_list_first(list);
	row = device_row(dev);
	row_int(row, "virtio_status", vdu_dev_virtio_status(dev));
	row_int(row, "msg_timeout", vdu_dev_msg_timeout(dev));
	row_int(row, "bounce_size", vdu_dev_bounce_size(dev));
	(void)json_object_array_add(rows, row);
	if (device_is_ours(dev))
		add_supervision(row, dev);
	told = show_module(cli, row, name);
	show_remedy(row, dev);
	if (device_is_ours(dev) && vdu_dev_pid(dev) > 0)
		add_status(cli, row, name, device_id_of(vdu_dev_type(dev)));
	if (vdu_dev_attached(dev) == 1 && !told)
		add_bus(cli, row, name);
	if (vdu_dev_attached(dev) == 1)
		add_holders(cli, row, name);
	add_status_names(row);
	return 0;
}

static int run(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct options *o = options;
	const struct section section = {
		o->messages ? &kind_messages : &kind_device_details, rows
	};
	int code = operands_each(cli, cli->operands, cli->n_operands,
				 o->messages ? show_messages : show_one, rows);

	return exit_merge((enum exit_code)code, (enum exit_code)(o->messages ?
			  output_sections(cli, NULL, &section, 1) :
			  output_blocks(cli, &section)));
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_DEVICE, false, true },
	{ 0 }
};
static const struct object_kind *const kinds[] = {
	&kind_device_details, &kind_messages, NULL,
};

const struct command cmd_show = {
	.name = "show",
	.group = "Inspect",
	.summary = "Show all that is known of a device",
	.options = option_rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.kind_by_flag = true,
	.run = run,
};
