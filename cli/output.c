// SPDX-License-Identifier: GPL-2.0-or-later
/* The answer: columns, the JSON envelope, and who prints what. */
#include "cli/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/text.h"

#define JSON_PRETTY (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | \
		     JSON_C_TO_STRING_NOSLASHESCAPE)
#define JSON_LINE (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

void json_putp(struct json_object **object)
{
	(void)json_object_put(*object);
}

/* Keys are literals of the field tables: no copies. */
static void row_add(struct json_object *row, const char *key,
		    struct json_object *value)
{
	(void)json_object_object_add_ex(row, key, value,
					JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void row_null(struct json_object *row, const char *key)
{
	row_add(row, key, NULL);
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

void row_text(struct json_object *row, const char *key, const char *text)
{
	CLEANUP_FREE char *safe = NULL;

	if (!text || !*text)
		return;
	if (!is_plain(text)) {
		safe = text_escape(text, TEXT_JSON);
		text = safe;
	}
	if (text)
		row_add(row, key, json_object_new_string(text));
}

void row_int(struct json_object *row, const char *key, int64_t value)
{
	if (value >= 0)
		row_add(row, key, json_object_new_int64(value));
}

void row_uint(struct json_object *row, const char *key, uint64_t value)
{
	row_add(row, key, json_object_new_uint64(value));
}

void row_bool(struct json_object *row, const char *key, int value)
{
	if (value >= 0)
		row_add(row, key, json_object_new_boolean(value));
}

const char *column_name(const struct field *field, char buf[COLUMN_NAME_MAX])
{
	size_t i;

	for (i = 0; field->key[i] && i < COLUMN_NAME_MAX - 1; i++)
		buf[i] = (char)toupper((unsigned char)field->key[i]);
	buf[i] = '\0';
	return buf;
}

bool output_for_programs(const struct cli *cli)
{
	const struct globals *g = &cli->globals;

	return g->json || g->raw || g->pairs || g->columns;
}

static const struct field *field_by_name(const struct object_kind *kind,
					 const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < kind->n_fields; i++)
		if (strlen(kind->fields[i].key) == len &&
		    !strncasecmp(kind->fields[i].key, name, len))
			return &kind->fields[i];
	return NULL;
}

static int unknown_column(struct cli *cli, const struct object_kind *kind,
			  const char *name, size_t len)
{
	const char *names[COLUMNS_MAX];
	char typed[COLUMN_NAME_MAX], column[COLUMN_NAME_MAX];
	const char *best;
	size_t i;

	(void)snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	for (i = 0; typed[i]; i++)
		typed[i] = (char)tolower((unsigned char)typed[i]);
	for (i = 0; i < kind->n_fields; i++)
		names[i] = kind->fields[i].key;
	best = suggest(typed, names, kind->n_fields);
	if (best)
		return message_usage(cli,
			"unknown column '%.*s': did you mean '%s'?",
			(int)len, name,
			column_name(field_by_name(kind, best, strlen(best)),
				    column));
	return message_usage(cli, "unknown column '%.*s': --list-columns shows them",
			     (int)len, name);
}

static void add_column(struct columns *columns, const struct field *field)
{
	size_t i;

	for (i = 0; i < columns->n; i++)
		if (columns->list[i] == field)
			return;
	columns->list[columns->n++] = field;
}

int columns_choose(struct cli *cli, const struct object_kind *kind,
		   const char *spec, struct columns *ret)
{
	bool all = kind->all || cli->globals.json;
	size_t i, len;

	ret->n = 0;
	if (!spec || *spec == '+')
		for (i = 0; i < kind->n_fields; i++)
			if (all || kind->fields[i].flags & FIELD_DEFAULT)
				add_column(ret, &kind->fields[i]);
	for (spec = spec && *spec == '+' ? spec + 1 : spec; spec; ) {
		const struct field *field;

		len = strcspn(spec, ",");
		field = field_by_name(kind, spec, len);
		if (!field)
			return unknown_column(cli, kind, spec, len);
		add_column(ret, field);
		spec = spec[len] ? spec + len + 1 : NULL;
	}
	return EXIT_OK;
}

/* A copy of row with exactly the chosen columns, in their order. */
static struct json_object *select_columns(const struct columns *columns,
					  struct json_object *row)
{
	struct json_object *out = json_object_new_object();
	size_t i;

	for (i = 0; i < columns->n; i++) {
		const char *key = columns->list[i]->key;
		struct json_object *value = json_object_object_get(row, key);

		(void)json_object_object_add_ex(out, key, json_object_get(value),
			JSON_C_OBJECT_ADD_KEY_IS_NEW |
			JSON_C_OBJECT_ADD_CONSTANT_KEY);
	}
	return out;
}

/* Has the row just these columns, in their order? Then it needs no copy. */
static bool is_exact(const struct columns *columns, struct json_object *row)
{
	size_t i = 0;

	if ((size_t)json_object_object_length(row) != columns->n)
		return false;
	json_object_object_foreach(row, key, value) {
		(void)value;
		if (strcmp(key, columns->list[i++]->key))
			return false;
	}
	return true;
}

static struct json_object *select_rows(const struct columns *columns,
				       struct json_object *rows)
{
	struct json_object *out = json_object_new_array();
	size_t i;

	for (i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		(void)json_object_array_add(out, is_exact(columns, row) ?
			json_object_get(row) : select_columns(columns, row));
	}
	return out;
}

static int columns_of(struct cli *cli, const struct section *sections,
		      size_t i, struct columns *ret)
{
	if (sections[i].kind == cli->kind) {
		*ret = cli->columns;
		return EXIT_OK;
	}
	return columns_choose(cli, sections[i].kind, NULL, ret);
}

static int print_json(struct cli *cli, const char *device,
		      const struct section *sections, size_t n)
{
	CLEANUP_JSON struct json_object *envelope = json_object_new_object();
	struct columns columns;
	size_t i;

	row_int(envelope, "schema", 1);
	if (device)
		row_text(envelope, "device", device);
	for (i = 0; i < n; i++) {
		(void)columns_of(cli, sections, i, &columns);
		(void)json_object_object_add(envelope, sections[i].kind->name,
			select_rows(&columns, sections[i].rows));
	}
	(void)puts(json_object_to_json_string_ext(envelope, JSON_PRETTY));
	return EXIT_OK;
}

static void print_word(const struct field *field, struct json_object *value,
		       bool bytes, bool pairs)
{
	CLEANUP_FREE char *text = field_text(field, value, bytes);
	CLEANUP_FREE char *safe = text ? text_escape(text, TEXT_WORD) : NULL;
	char name[COLUMN_NAME_MAX];

	if (pairs)
		(void)printf("%s=\"%s\"", column_name(field, name),
			     safe ? safe : "");
	else if (safe && !strcmp(safe, "-"))
		(void)fputs("\\x2d", stdout);
	else
		(void)fputs(safe && *safe ? safe : "-", stdout);
}

static void print_words(struct cli *cli, const struct columns *columns,
			struct json_object *row)
{
	size_t i;

	for (i = 0; i < columns->n; i++) {
		if (i)
			(void)putchar(' ');
		print_word(columns->list[i],
			   json_object_object_get(row, columns->list[i]->key),
			   cli->globals.bytes, cli->globals.pairs);
	}
	(void)putchar('\n');
}

static void print_raw_heading(const struct columns *columns)
{
	char name[COLUMN_NAME_MAX];
	size_t i;

	for (i = 0; i < columns->n; i++)
		(void)printf("%s%s", i ? " " : "",
			     column_name(columns->list[i], name));
	(void)putchar('\n');
}

static int print_section(struct cli *cli, const struct columns *columns,
			 struct json_object *rows)
{
	size_t i, n = json_object_array_length(rows);

	if (!cli->globals.raw && !cli->globals.pairs)
		return n ? table_print(cli, columns, rows) : EXIT_OK;
	if (cli->globals.raw && !cli->globals.noheadings && n)
		print_raw_heading(columns);
	for (i = 0; i < n; i++)
		print_words(cli, columns, json_object_array_get_idx(rows, i));
	return EXIT_OK;
}

int output_sections(struct cli *cli, const char *device,
		    const struct section *sections, size_t n)
{
	struct columns columns;
	size_t i;
	int r = EXIT_OK;

	if (cli->globals.json)
		return print_json(cli, device, sections, n);
	if (output_for_programs(cli))
		n = MIN(n, 1u);
	for (i = 0; i < n && !r; i++) {
		r = columns_of(cli, sections, i, &columns);
		if (i && json_object_array_length(sections[i].rows))
			(void)putchar('\n');
		if (!r)
			r = print_section(cli, &columns, sections[i].rows);
	}
	return r;
}

static void print_block(struct cli *cli, struct json_object *row)
{
	size_t i;

	for (i = 0; i < cli->columns.n; i++) {
		const struct field *field = cli->columns.list[i];
		struct json_object *value = json_object_object_get(row,
								   field->key);
		CLEANUP_FREE char *text = field_text(field, value,
						     cli->globals.bytes);
		CLEANUP_FREE char *safe = text ? text_escape(text, TEXT_LINE) :
			NULL;
		char label[COLUMN_NAME_MAX];
		char *c;

		/* What is not known is no news, unless it was asked for. */
		if (!value && !cli->globals.columns)
			continue;

		(void)snprintf(label, sizeof(label), "%s", field->key);
		for (c = label; *c; c++)
			if (*c == '_')
				*c = ' ';
		(void)printf("%s%-22s%s\n", i ? "  " : "", label,
			     safe && *safe ? safe : "-");
	}
}

int output_blocks(struct cli *cli, const struct section *section)
{
	size_t i, n = json_object_array_length(section->rows);

	if (cli->globals.json || cli->globals.raw || cli->globals.pairs)
		return output_sections(cli, NULL, section, 1);
	for (i = 0; i < n; i++) {
		if (i)
			(void)putchar('\n');
		print_block(cli, json_object_array_get_idx(section->rows, i));
	}
	return EXIT_OK;
}

void output_stream_heading(struct cli *cli)
{
	const struct columns *columns = &cli->columns;
	char name[COLUMN_NAME_MAX];
	size_t i;

	if (cli->globals.json || cli->globals.pairs || cli->globals.noheadings)
		return;
	if (cli->globals.raw) {
		print_raw_heading(columns);
	} else {
		for (i = 0; i < columns->n; i++)
			(void)printf("%-*s%s", columns->list[i]->width,
				     column_name(columns->list[i], name),
				     i + 1 < columns->n ? " " : "\n");
	}
	(void)fflush(stdout);
}

void output_stream_row(struct cli *cli, struct json_object *row)
{
	const struct columns *columns = &cli->columns;
	size_t i;

	if (cli->globals.json) {
		CLEANUP_JSON struct json_object *out =
			select_columns(columns, row);

		(void)puts(json_object_to_json_string_ext(out, JSON_LINE));
	} else if (cli->globals.raw || cli->globals.pairs) {
		print_words(cli, columns, row);
	} else {
		for (i = 0; i < columns->n; i++) {
			const struct field *field = columns->list[i];
			CLEANUP_FREE char *text = field_text(field,
				json_object_object_get(row, field->key), false);
			CLEANUP_FREE char *safe = text ?
				text_escape(text, TEXT_LINE) : NULL;

			(void)printf("%-*s%s", field->width,
				     safe && *safe ? safe : "-",
				     i + 1 < columns->n ? " " : "\n");
		}
	}
	(void)fflush(stdout);
}
