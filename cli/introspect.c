// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables as data, for tests, documentation and completion generators:
 * __commands (JSON) and __fields (any output format).
 */
#include <stdio.h>

#include "cli/command.h"

static const char *type_name(enum field_type type)
{
	switch (type) {
	case FIELD_TEXT:
		return "string";
	case FIELD_INT:
	case FIELD_BYTES:
	case FIELD_HEX:
		return "integer";
	case FIELD_BOOL:
		return "boolean";
	case FIELD_LIST:
		return "array";
	}
	return "";
}

static void add_choices(struct json_object *row, const char *const *choices)
{
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; choices && choices[i]; i++)
		(void)json_object_array_add(list,
					    json_object_new_string(choices[i]));
	(void)json_object_object_add(row, "choices", list);
}

static struct json_object *option_list(const struct option_row *row)
{
	struct json_object *list = json_object_new_array();

	for (; row && row->name; row++) {
		struct json_object *object = json_object_new_object();
		const char letter[2] = { row->letter, '\0' };

		row_text(object, "name", row->name);
		row_text(object, "letter", letter);
		row_text(object, "argument", row->argument);
		row_bool(object, "takes_value", option_takes_value(row));
		add_choices(object, row->choices);
		row_text(object, "help", row->help);
		(void)json_object_array_add(list, object);
	}
	return list;
}

static struct json_object *argument_list(const struct argument *argument)
{
	struct json_object *list = json_object_new_array();

	for (; argument && argument->label; argument++) {
		struct json_object *object = json_object_new_object();

		row_text(object, "name", argument->label);
		row_bool(object, "optional", argument->optional);
		row_bool(object, "many", argument->many);
		add_choices(object, argument->choices);
		row_text(object, "help", argument->help);
		(void)json_object_array_add(list, object);
	}
	return list;
}

static struct json_object *column_list(const struct object_kind *const *kinds)
{
	struct json_object *list = json_object_new_array();
	char name[COLUMN_NAME_MAX];
	size_t i;

	for (i = 0; kinds && i < kinds[0]->n_fields; i++)
		(void)json_object_array_add(list, json_object_new_string(
			column_name(&kinds[0]->fields[i], name)));
	return list;
}

static struct json_object *command_object(const struct command *command)
{
	struct json_object *object = json_object_new_object();

	row_text(object, "name", command->name);
	row_text(object, "group", command->group);
	row_text(object, "summary", command->summary);
	row_bool(object, "hidden", !!(command->flags & COMMAND_HIDDEN));
	(void)json_object_object_add(object, "options",
				     option_list(command->options));
	(void)json_object_object_add(object, "arguments",
				     argument_list(command->arguments));
	(void)json_object_object_add(object, "columns",
				     column_list(command->kinds));
	return object;
}

static struct json_object *exit_code_list(void)
{
	struct json_object *list = json_object_new_array();
	int code;

	for (code = 0; code <= EXIT_EXTERNAL_MISSING; code++) {
		struct json_object *object;

		if (!exit_meaning(code))
			continue;
		object = json_object_new_object();
		row_int(object, "code", code);
		row_text(object, "meaning", exit_meaning(code));
		(void)json_object_array_add(list, object);
	}
	return list;
}

static int run_commands(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *envelope = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	(void)cli;
	(void)options;
	for (i = 0; commands[i]; i++)
		(void)json_object_array_add(list, command_object(commands[i]));
	row_int(envelope, "schema", 1);
	(void)json_object_object_add(envelope, "commands", list);
	(void)json_object_object_add(envelope, "global_options",
				     option_list(global_options));
	(void)json_object_object_add(envelope, "exit_codes", exit_code_list());
	(void)puts(json_object_to_json_string_ext(envelope,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		JSON_C_TO_STRING_NOSLASHESCAPE));
	return EXIT_OK;
}

static void add_fields(struct json_object *rows, const struct command *command)
{
	const struct object_kind *const *kind;
	size_t i;

	for (kind = command->kinds; kind && *kind; kind++) {
		for (i = 0; i < (*kind)->n_fields; i++) {
			const struct field *field = &(*kind)->fields[i];
			struct json_object *row = json_object_new_object();

			row_text(row, "command", command->name);
			row_text(row, "object", (*kind)->name);
			row_text(row, "key", field->key);
			row_text(row, "type", type_name(field->type));
			row_bool(row, "default", (*kind)->all ||
				 field->flags & FIELD_DEFAULT);
			row_text(row, "help", field->help);
			(void)json_object_array_add(rows, row);
		}
	}
}

static int run_fields(struct cli *cli, const void *options)
{
	CLEANUP_JSON struct json_object *rows = json_object_new_array();
	const struct section section = { &kind_fields, rows };
	size_t i;

	(void)options;
	for (i = 0; commands[i]; i++)
		if (!(commands[i]->flags & COMMAND_HIDDEN))
			add_fields(rows, commands[i]);
	return output_sections(cli, NULL, &section, 1);
}

static const struct object_kind *const field_kinds[] = { &kind_fields, NULL };

const struct command cmd_commands = {
	.name = "__commands",
	.group = "Internal",
	.summary = "Print the tables of commands, options and exit codes as JSON",
	.flags = COMMAND_HIDDEN | COMMAND_NO_CONTEXT,
	.run = run_commands,
};

const struct command cmd_fields = {
	.name = "__fields",
	.group = "Internal",
	.summary = "Print the fields of every object that is printed",
	.flags = COMMAND_HIDDEN | COMMAND_NO_CONTEXT,
	.kinds = field_kinds,
	.run = run_fields,
};
