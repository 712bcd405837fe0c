// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The answer, on stdout. A kind of object is one table of fields; rows are
 * JSON objects with the fields' keys. The tables for people, --raw, --pairs,
 * --json, -o, --list-columns and the documentation all come from that, so they
 * cannot disagree. A key that a row lacks is unknown: null, "-" in a table.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "lib/util/macro.h"

struct cli;

enum field_type {
	FIELD_TEXT,
	FIELD_INT,
	FIELD_BYTES,		/* integer; 10G for people, unless -b */
	FIELD_HEX,		/* integer; 0x... for people */
	FIELD_BOOL,		/* yes, no for people */
	FIELD_LIST,		/* array of text */
};

enum field_flag {
	FIELD_DEFAULT = 1 << 0,	/* a column unless -o says otherwise */
	FIELD_STATE = 1 << 1,	/* coloured by its meaning */
};

struct field {
	const char *key;	/* "block_size"; the column is BLOCK_SIZE */
	enum field_type type;
	unsigned int flags;
	int width;		/* of a column that is printed line by line */
	const char *help;
};

struct object_kind {
	const char *name;	/* plural: the key in the JSON envelope */
	const char *help;
	const struct field *fields;
	size_t n_fields;
	bool all;		/* every field is a default column */
};

#define COLUMNS_MAX 96
struct columns {
	const struct field *list[COLUMNS_MAX];
	size_t n;
};

extern const struct object_kind kind_devices, kind_device_details,
	kind_results, kind_restarts, kind_queues, kind_requests, kind_config, kind_features,
	kind_messages, kind_bench, kind_stats, kind_events, kind_checks, kind_programs, kind_fields;

/* Rows of one kind; rows stays the caller's. */
struct section {
	const struct object_kind *kind;
	struct json_object *rows;
};

/*
 * Columns chosen by spec ("NAME,SIZE", "+PID"), or the default ones if it is
 * NULL. EXIT_OK, or EXIT_USAGE after having said what is wrong.
 */
int columns_choose(struct cli *cli, const struct object_kind *kind,
		   const char *spec, struct columns *ret);
/* The name of a field's column; buf has room for it. */
#define COLUMN_NAME_MAX 40
const char *column_name(const struct field *field, char buf[COLUMN_NAME_MAX]);

/*
 * Print sections, the first in the columns that the user chose. device goes
 * into the JSON envelope (NULL: none). --raw, --pairs and -o are for reading
 * by programs: they get the first section alone.
 */
int output_sections(struct cli *cli, const char *device,
		    const struct section *sections, size_t n);
/* The same with a block of lines for each row instead of a table. */
int output_blocks(struct cli *cli, const struct section *section);
/* The heading of a stream of rows, and one row, at once. */
void output_stream_heading(struct cli *cli);
void output_stream_row(struct cli *cli, struct json_object *row);

/* Did the user ask for a format that programs read? */
bool output_for_programs(const struct cli *cli);

void json_putp(struct json_object **object);
#define CLEANUP_JSON CLEANUP(json_putp)
/* Add text unless it is empty; a copy that is valid UTF-8. */
void row_text(struct json_object *row, const char *key, const char *text);
/* Say that it is not known: as good as nothing, but holds the place. */
void row_null(struct json_object *row, const char *key);
/* Add a number unless it is negative. */
void row_int(struct json_object *row, const char *key, int64_t value);
void row_uint(struct json_object *row, const char *key, uint64_t value);
/* Add a truth unless it is negative. */
void row_bool(struct json_object *row, const char *key, int value);

/* cli/output-table.c */
char *field_text(const struct field *field, struct json_object *value,
		 bool bytes);
int table_print(struct cli *cli, const struct columns *columns,
		struct json_object *rows);
/* The colour of a state word, as libsmartcols names it; NULL: none. */
const char *state_color(const char *word);
