// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump config: features and the configuration space of a block device. A
 * server of ours tells every byte; of a foreign device netlink tells some
 * fields, and the rest stays unknown.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vduse/inspect.h>
#include <vduse/virtio.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/dump.h"
#include "cli/message.h"
#include "cli/operands.h"

#define CONFIG_MAX 4096		/* the kernel's limit: one page */
#define ID_BLOCK 2

/* What is known of a configuration space. */
struct config {
	uint32_t device_id;
	uint64_t offered, negotiated;
	bool offered_known, negotiated_known;
	uint8_t bytes[CONFIG_MAX];
	bool known[CONFIG_MAX];
	size_t size;		/* behind the last known byte */
};

static void set_bytes(struct config *config, size_t offset, size_t width,
		      uint64_t value)
{
	size_t i;

	for (i = 0; i < width && offset + i < CONFIG_MAX; i++) {
		config->bytes[offset + i] = (uint8_t)(value >> (8 * i));
		config->known[offset + i] = true;
		config->size = MAX(config->size, offset + i + 1);
	}
}

static int parse_hex(struct config *config, const char *hex)
{
	unsigned int byte;
	size_t i;

	for (i = 0; hex[2 * i]; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		if (i == CONFIG_MAX ||
		    strspn(pair, "0123456789abcdefABCDEF") != 2)
			return -EPROTO;
		(void)sscanf(pair, "%2x", &byte);
		set_bytes(config, i, 1, byte);
	}
	return 0;
}

static int ask_server(struct cli *cli, const char *name, struct config *config,
		      struct vdu_error *err)
{
	CLEANUP_JSON struct json_object *reply = NULL;
	const char *hex;
	int r = device_ask(cli, name, "GetConfig", &reply, err);

	if (r)
		return r;
	config->device_id = (uint32_t)json_object_get_int64(
		json_object_object_get(reply, "device_id"));
	config->offered = json_object_get_uint64(
		json_object_object_get(reply, "device_features"));
	config->negotiated = json_object_get_uint64(
		json_object_object_get(reply, "driver_features"));
	config->offered_known = config->negotiated_known = true;
	hex = json_object_get_string(json_object_object_get(reply, "config"));
	if (hex && !parse_hex(config, hex))
		return 0;
	*err = (struct vdu_error){ -EPROTO, VDU_STAGE_SERVER,
				   "the server's configuration is not hex" };
	return -EPROTO;
}

static void take_field(struct config *config, const struct vdu_vdpa_info *info,
		       enum vdu_vdpa_field field, size_t offset, size_t width,
		       uint64_t value)
{
	if (info->present >> field & 1)
		set_bytes(config, offset, width, value);
}

/* Offsets in struct virtio_blk_config: virtio 1.2, 5.2.4. */
static void take_block_fields(struct config *config,
			      const struct vdu_vdpa_info *i)
{
	take_field(config, i, VDU_VDPA_CAPACITY, 0, 8, i->capacity);
	take_field(config, i, VDU_VDPA_SIZE_MAX, 8, 4, i->size_max);
	take_field(config, i, VDU_VDPA_SEG_MAX, 12, 4, i->seg_max);
	take_field(config, i, VDU_VDPA_BLK_SIZE, 20, 4, i->blk_size);
	take_field(config, i, VDU_VDPA_PHYS_BLOCK_EXP, 24, 1,
		   i->phys_block_exp);
	take_field(config, i, VDU_VDPA_ALIGNMENT_OFFSET, 25, 1,
		   i->alignment_offset);
	take_field(config, i, VDU_VDPA_MIN_IO_SIZE, 26, 2, i->min_io_size);
	take_field(config, i, VDU_VDPA_OPT_IO_SIZE, 28, 4, i->opt_io_size);
	take_field(config, i, VDU_VDPA_NUM_QUEUES, 34, 2, i->num_queues);
	take_field(config, i, VDU_VDPA_MAX_DISCARD_SECTORS, 36, 4,
		   i->max_discard_sectors);
	take_field(config, i, VDU_VDPA_MAX_DISCARD_SEG, 40, 4,
		   i->max_discard_seg);
	take_field(config, i, VDU_VDPA_DISCARD_ALIGNMENT, 44, 4,
		   i->discard_alignment);
	take_field(config, i, VDU_VDPA_MAX_WRITE_ZEROES_SECTORS, 48, 4,
		   i->max_write_zeroes_sectors);
	take_field(config, i, VDU_VDPA_MAX_WRITE_ZEROES_SEG, 52, 4,
		   i->max_write_zeroes_seg);
}

static int ask_bus(struct cli *cli, const char *name, struct config *config,
		   struct vdu_error *err)
{
	struct vdu_vdpa_info info = { .size_of = sizeof(info) };
	int r = vdu_vdpa_info(cli->ctx, name, &info, err);

	if (r)
		return r;
	config->device_id = info.device_id;
	config->offered = info.device_features;
	config->negotiated = info.driver_features;
	config->offered_known = info.present >> VDU_VDPA_DEVICE_FEATURES & 1;
	config->negotiated_known = info.present >> VDU_VDPA_DRIVER_FEATURES & 1;
	if (info.device_id == ID_BLOCK)
		take_block_fields(config, &info);
	return 0;
}

static struct json_object *field_row(const struct config *config,
				     const struct vdu_config_field *field)
{
	struct json_object *row = json_object_new_object();
	char raw[2 * sizeof(uint64_t) + 1] = "";
	bool known = (size_t)field->offset + field->width <= CONFIG_MAX;
	uint64_t value = 0;
	size_t i;

	for (i = 0; known && i < field->width && i < sizeof(value); i++) {
		uint8_t byte = config->bytes[field->offset + i];

		known = config->known[field->offset + i];
		value |= (uint64_t)byte << (8 * i);
		(void)snprintf(raw + 2 * i, 3, "%02x", byte);
	}
	row_text(row, "name", field->name);
	row_int(row, "offset", field->offset);
	row_int(row, "width", field->width);
	if (known) {
		row_uint(row, "value", value);
		row_text(row, "raw", raw);
	}
	row_text(row, "unit", field->unit);
	if (config->offered_known || field->feature < 0)
		row_bool(row, "valid", field->feature < 0 ||
			 (config->offered >> field->feature & 1));
	if (field->feature >= 0)
		row_text(row, "feature", vdu_feature_name(ID_BLOCK,
					(unsigned int)field->feature));
	row_text(row, "description", field->help);
	return row;
}

static void add_rows(const struct config *config, struct json_object *fields,
		     struct json_object *features)
{
	const struct vdu_config_field *field;
	unsigned int i, bit;

	for (i = 0; config->device_id == ID_BLOCK &&
	     (field = vdu_blk_config_field(i)); i++)
		(void)json_object_array_add(fields, field_row(config, field));
	for (bit = 0; bit < 64; bit++) {
		struct json_object *row;
		char buf[16];

		if (!((config->offered | config->negotiated) >> bit & 1))
			continue;
		row = json_object_new_object();
		row_int(row, "bit", bit);
		row_text(row, "name", device_feature(config->device_id, bit,
						     buf));
		row_bool(row, "offered", config->offered_known ?
			 (int)(config->offered >> bit & 1) : -1);
		row_bool(row, "negotiated", config->negotiated_known ?
			 (int)(config->negotiated >> bit & 1) : -1);
		(void)json_object_array_add(features, row);
	}
}

/* As hexdump(1) shows bytes; ".." where the kernel does not tell. */
static void print_hex(const struct config *config)
{
	size_t i;

	for (i = 0; i < config->size; i++) {
		if (i % 16 == 0)
			(void)printf("%s%04zx ", i ? "\n" : "", i);
		if (config->known[i])
			(void)printf(" %02x", config->bytes[i]);
		else
			(void)fputs(" ..", stdout);
	}
	if (config->size)
		(void)putchar('\n');
}

/* Features from our module, which tells them of a device on no bus, too. */
static int ask_module(struct cli *cli, const char *name, struct config *config)
{
	int r = dump_module_features(cli, name, &config->device_id,
				     &config->offered, &config->negotiated);

	if (!r)
		config->offered_known = config->negotiated_known = true;
	return r;
}

/* The server if it is ours, else what the kernel still knows. */
static int ask(struct cli *cli, const char *name, struct config *config,
	       struct vdu_error *err)
{
	struct vdu_error bus_err = { 0 };
	int r = ask_server(cli, name, config, err);
	int bus_r;

	if (!dump_needs_module(r, err))
		return r;
	bus_r = ask_bus(cli, name, config, &bus_err);
	/* Not on the bus: then the missing server is the reason. */
	if (bus_r == -ENOENT && ask_module(cli, name, config))
		return r;
	if (bus_r == -ENOENT)
		bus_r = 0;
	if (bus_r) {
		*err = bus_err;
		return bus_r;
	}
	message_note(cli, "%s: the kernel tells only a part; what is unknown is '-'",
		     name);
	return 0;
}

int dump_config(struct cli *cli, const char *name, bool hex)
{
	CLEANUP_JSON struct json_object *fields = json_object_new_array();
	CLEANUP_JSON struct json_object *features = json_object_new_array();
	const struct section sections[] = {
		{ &kind_config, fields }, { &kind_features, features },
	};
	struct config config = { 0 };
	struct vdu_error err = { 0 };
	int r = ask(cli, name, &config, &err);

	if (r) {
		err.code = r;
		return message_error(cli, name, &err);
	}
	if (hex && !output_for_programs(cli)) {
		print_hex(&config);
		return EXIT_OK;
	}
	add_rows(&config, fields, features);
	return output_sections(cli, name, sections, ARRAY_SIZE(sections));
}
