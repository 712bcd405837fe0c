// SPDX-License-Identifier: GPL-2.0-or-later
/* Values as text, and tables for people (libsmartcols). */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/scols.h"
#include "cli/text.h"

static char *list_text(struct json_object *value)
{
	size_t i, n = json_object_array_length(value), room = 1, used = 0;
	char *text;

	for (i = 0; i < n; i++)
		room += (size_t)json_object_get_string_len(
			json_object_array_get_idx(value, i)) + 1;
	text = calloc(1, room);
	for (i = 0; text && i < n; i++)
		used += (size_t)snprintf(text + used, room - used, "%s%s",
			i ? "," : "", json_object_get_string(
				json_object_array_get_idx(value, i)));
	return text;
}

/* Value as text for everything but JSON; NULL if unknown. To be freed. */
char *field_text(const struct field *field, struct json_object *value,
		 bool bytes)
{
	char size[TEXT_SIZE_MAX];
	char *text = NULL;

	if (!value)
		return NULL;
	switch (field->type) {
	case FIELD_BYTES:
		if (!bytes)
			return strdup(text_size(json_object_get_uint64(value),
						size));
		/* fall through */
	case FIELD_INT:
	case FIELD_TEXT:
		return strdup(json_object_get_string(value));
	case FIELD_HEX:
		if (asprintf(&text, "0x%" PRIx64,
			     json_object_get_uint64(value)) < 0)
			return NULL;
		return text;
	case FIELD_BOOL:
		return strdup(json_object_get_boolean(value) ? "yes" : "no");
	case FIELD_LIST:
		return list_text(value);
	}
	return NULL;
}

const char *state_color(const char *word)
{
	static const struct {
		const char *word, *color;
	} colors[] = {
		{ "bound", "green" }, { "ok", "green" },
		{ "stalled", "yellow" }, { "warn", "yellow" },
		{ "created", "yellow" },
		{ "broken", "red" }, { "fail", "red" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(colors); i++)
		if (!strcmp(colors[i].word, word))
			return colors[i].color;
	return NULL;
}

static bool right_aligned(const struct field *field)
{
	return field->type == FIELD_INT || field->type == FIELD_BYTES ||
		field->type == FIELD_HEX;
}

/* How wide a character is depends on the locale, unless it is ASCII. */
static void need_locale(const char *text)
{
	for (; text && *text; text++) {
		if ((unsigned char)*text < 0x80)
			continue;
		(void)setlocale(LC_CTYPE, "");
		return;
	}
}

static int fill_line(struct cli *cli, const struct scols *scols,
		     struct libscols_table *table,
		     const struct columns *columns, struct json_object *row)
{
	struct libscols_line *line = scols->table_new_line(table, NULL);
	size_t i;

	for (i = 0; line && i < columns->n; i++) {
		const struct field *field = columns->list[i];
		struct json_object *value = json_object_object_get(row,
								   field->key);
		CLEANUP_FREE char *text = field_text(field, value,
						     cli->globals.bytes);
		const char *color = text && field->flags & FIELD_STATE ?
			state_color(text) : NULL;

		need_locale(text);
		if (scols->line_set_data(line, i, text && *text ? text : "-"))
			return -ENOMEM;
		if (color)
			(void)scols->cell_set_color(
				scols->line_get_cell(line, i), color);
	}
	return line ? 0 : -ENOMEM;
}

static int fill(struct cli *cli, const struct scols *scols,
		struct libscols_table *table, const struct columns *columns,
		struct json_object *rows)
{
	char name[COLUMN_NAME_MAX];
	size_t i;
	int r = 0;

	for (i = 0; i < columns->n; i++) {
		const struct field *field = columns->list[i];

		if (!scols->table_new_column(table, column_name(field, name), 0,
				right_aligned(field) ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	}
	for (i = 0; i < json_object_array_length(rows) && !r; i++)
		r = fill_line(cli, scols, table, columns,
			      json_object_array_get_idx(rows, i));
	return r;
}

int table_print(struct cli *cli, const struct columns *columns,
		struct json_object *rows)
{
	const struct scols *scols = scols_load();
	struct libscols_table *table;
	int r;

	if (!scols)
		return message_fail(cli, NULL, VDU_STAGE_NONE, -ELIBACC,
				    "printing a table takes libsmartcols, which is not installed; --json, --raw and --pairs do not");
	table = scols->new_table();
	r = table ? fill(cli, scols, table, columns, rows) : -ENOMEM;
	if (!r) {
		(void)scols->table_enable_noheadings(table,
						     cli->globals.noheadings);
		(void)scols->table_enable_colors(table, cli->color_out);
		r = scols->print_table(table);
	}
	scols->unref_table(table);
	if (r)
		return message_fail(cli, NULL, VDU_STAGE_NONE, r,
				    "printing a table: %s", strerror(-r));
	return EXIT_OK;
}
