// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * __complete WORDS...: what the last of WORDS, the line behind "vdusectl",
 * can become. A candidate a line, with TAB and a description where there is
 * one. The shells' completions only pass words on and take candidates over.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/inspect.h>
#include <vduse/manage.h>
#include <vduse/persist.h>

#include "cli/command.h"
#include "cli/device.h"
#include "cli/operands.h"
#include "cli/text.h"

struct completion {
	struct cli *cli;
	const char *const *words;
	size_t n;			/* without the last */
	const char *word;		/* the last: begun, to be completed */
	const char *lead;		/* part of it before the value: "--x=" */
	size_t lead_len;
	const struct command *command;
	const char *operands[8];	/* the first of them */
	size_t n_operands;
	const struct option_row *pending;	/* wants the last word */
	bool ended;			/* by "--" */
	bool lost;			/* behind a command that is not ours */
};

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Print lead and text if the word can become that. */
static void offer(const struct completion *c, const char *text,
		  const char *description)
{
	/* A line is a candidate: what breaks lines cannot be one. */
	if (!begins(text, c->word) || strpbrk(text, "\n\t"))
		return;
	(void)printf("%.*s%s", (int)c->lead_len, c->lead, text);
	if (description && *description)
		(void)printf("\t%s", description);
	(void)putchar('\n');
}

static const struct option_row *find_long(const struct completion *c,
					  const char *name, size_t len)
{
	const struct option_row *row = c->command ?
		option_by_name(c->command->options, name, len) : NULL;

	return row ? row : option_by_name(global_options, name, len);
}

/* The option of a cluster like -vo that still wants a value, or NULL. */
static const struct option_row *find_letters(const struct completion *c,
					     const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row = c->command ?
			option_by_letter(c->command->options, *letters) : NULL;

		if (!row)
			row = option_by_letter(global_options, *letters);
		if (row && option_takes_value(row))
			return letters[1] ? NULL : row;
	}
	return NULL;
}

/* Walk over the words before the last, as the parser would. */
static void walk(struct completion *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		const char *word = c->words[i];

		if (c->pending) {
			c->pending = NULL;
		} else if (!c->ended && !strcmp(word, "--")) {
			c->ended = true;
		} else if (!c->ended && begins(word, "--")) {
			const struct option_row *row = strchr(word, '=') ?
				NULL : find_long(c, word + 2, strlen(word + 2));

			if (row && option_takes_value(row))
				c->pending = row;
		} else if (!c->ended && word[0] == '-' && word[1]) {
			c->pending = find_letters(c, word + 1);
		} else if (!c->command) {
			c->command = command_by_name(word);
			if (!c->command) {
				c->lost = true;
				return;
			}
		} else if (c->n_operands < ARRAY_SIZE(c->operands)) {
			c->operands[c->n_operands++] = word;
		}
	}
}

static void offer_options(const struct completion *c,
			  const struct option_row *row)
{
	char text[64];

	for (; row && row->name; row++) {
		(void)snprintf(text, sizeof(text), "--%s", row->name);
		offer(c, text, row->help);
	}
}

static void offer_choices(const struct completion *c,
			  const char *const *choices)
{
	for (; *choices; choices++)
		offer(c, *choices, NULL);
}

static void offer_commands(const struct completion *c)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		if (!(commands[i]->flags & COMMAND_HIDDEN))
			offer(c, commands[i]->name, commands[i]->summary);
}

static bool fits(struct vdu_dev *dev, enum complete complete)
{
	const char *state = vdu_dev_state(dev);
	bool served = !strcmp(state, "serving") || !strcmp(state, "bound");

	switch (complete) {
	case COMPLETE_UNBOUND:
		return device_is_unbound(dev);
	case COMPLETE_BOUND:
		return device_is_bound(dev);
	case COMPLETE_SERVED:
		return device_is_ours(dev) && served;
	case COMPLETE_UNSERVED:
		return device_is_ours(dev) && !served;
	case COMPLETE_OURS:
		return device_is_ours(dev);
	case COMPLETE_NOTHING:
	case COMPLETE_DEVICE:
	case COMPLETE_RECORD:
	case COMPLETE_BACKEND:
	case COMPLETE_ON_DEATH:
	case COMPLETE_SETTING:
	case COMPLETE_COLUMNS:
	case COMPLETE_COMMAND:
		return true;
	}
	return false;
}

static bool named_already(const struct completion *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n_operands; i++)
		if (!strcmp(c->operands[i], name))
			return true;
	return false;
}

static void offer_devices(const struct completion *c, enum complete complete)
{
	CLEANUP_LIST struct vdu_list *list = NULL;
	char size[TEXT_SIZE_MAX], text[200];
	struct vdu_dev *dev;

	if (vdu_list_new(c->cli->ctx, &list, NULL))
		return;
	for (dev = vdu_list_first(list); dev; dev = vdu_list_next(list, dev)) {
		int64_t bytes = vdu_dev_size_bytes(dev);

		if (!fits(dev, complete) || named_already(c, vdu_dev_name(dev)))
			continue;
		(void)snprintf(text, sizeof(text), "%s%s%s %s",
			       vdu_dev_type(dev), bytes >= 0 ? " " : "",
			       bytes >= 0 ? text_size((uint64_t)bytes, size) : "",
			       vdu_dev_state(dev));
		offer(c, vdu_dev_name(dev), text);
	}
}

static void offer_records(const struct completion *c)
{
	CLEANUP_FREE char **names = NULL;
	size_t i;

	if (vdu_persist_list(c->cli->ctx, &names, NULL))
		return;
	for (i = 0; names[i]; i++)
		if (!named_already(c, names[i]))
			offer(c, names[i], NULL);
}

static bool is_given(const struct completion *c, const char *option)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->words[i], option))
			return true;
	return false;
}

/* Files below what is typed of a path; directories end in a slash. */
static void offer_files(const struct completion *c)
{
	const char *path = c->word + strlen("file:");
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)MIN(slash - path + 1, 4095) : 0;
	char dir[4096], text[4096 + 300];
	struct dirent *entry;
	struct stat st;
	DIR *stream;

	(void)snprintf(dir, sizeof(dir), "%.*s", dir_len, path);
	stream = opendir(dir_len ? dir : ".");
	while (stream && (entry = readdir(stream))) {
		/* Hidden files when the dot is typed. */
		if (entry->d_name[0] == '.' && path[dir_len] != '.')
			continue;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		(void)snprintf(text, sizeof(text), "file:%s%s%s", dir,
			       entry->d_name,
			       !fstatat(dirfd(stream), entry->d_name, &st, 0) &&
			       S_ISDIR(st.st_mode) ? "/" : "");
		offer(c, text, NULL);
	}
	if (stream)
		(void)closedir(stream);
}

static void offer_backends(const struct completion *c)
{
	if (begins(c->word, "file:")) {
		offer_files(c);
		return;
	}
	offer(c, "file:", "a file or block device");
	offer(c, "memory", "lost with the server");
	offer(c, "null", "reads zeroes, forgets writes");
}

static void offer_on_death(const struct completion *c)
{
	offer(c, "queue", "I/O waits for a server");
	offer(c, "fail=", "I/O waits that many seconds, then it fails");
}

/* KEY=, then what its value can be. */
static void offer_settings(struct completion *c)
{
	const char *equals = strchr(c->word, '=');
	unsigned int i;
	char text[64];

	for (i = 0; !equals && vdu_set_key(i); i++) {
		(void)snprintf(text, sizeof(text), "%s=", vdu_set_key(i));
		offer(c, text, NULL);
	}
	if (!equals)
		return;
	c->lead = c->word;
	c->lead_len = (size_t)(equals - c->word) + 1;
	c->word = equals + 1;
	if (begins(c->lead, "on-death=")) {
		offer_on_death(c);
	} else if (begins(c->lead, "cache=")) {
		offer(c, "writeback", "a write is safe after a flush");
		offer(c, "writethrough", "a write is safe when it is done");
	} else if (begins(c->lead, "persist=")) {
		offer(c, "yes", "it comes back after a reboot");
		offer(c, "no", "it does not");
	} else if (begins(c->lead, "virtio-timeout=")) {
		offer(c, "30", "seconds that a driver waits for the server");
		offer(c, "0", "until it answers");
	} else if (begins(c->lead, "vhost-timeout=")) {
		offer(c, "0", "a VM waits until the server answers");
		offer(c, "30", "for so many seconds");
	}
}

static bool first_flag(const struct completion *c)
{
	char text[64];

	if (!c->command->kind_by_flag)
		return false;
	(void)snprintf(text, sizeof(text), "--%s", c->command->options->name);
	return is_given(c, text);
}

/* Columns, the ones before the last comma kept. */
static void offer_columns(struct completion *c)
{
	const struct object_kind *kind = c->command ? command_kind(c->command,
		c->n_operands ? c->operands[0] : NULL, first_flag(c)) : NULL;
	const char *comma = strrchr(c->word, ',');
	const char *last = comma ? comma + 1 : c->word + (*c->word == '+');
	char name[COLUMN_NAME_MAX], text[1000];
	size_t i;

	for (i = 0; kind && i < kind->n_fields; i++) {
		(void)snprintf(text, sizeof(text), "%.*s%s",
			       (int)(last - c->word), c->word,
			       column_name(&kind->fields[i], name));
		offer(c, text, kind->fields[i].help);
	}
}

static void offer_kind(struct completion *c, enum complete complete)
{
	switch (complete) {
	case COMPLETE_NOTHING:
		return;
	case COMPLETE_DEVICE:
	case COMPLETE_UNBOUND:
	case COMPLETE_BOUND:
	case COMPLETE_SERVED:
	case COMPLETE_UNSERVED:
	case COMPLETE_OURS:
		offer_devices(c, complete);
		return;
	case COMPLETE_RECORD:
		if (is_given(c, "--reverse"))
			offer_devices(c, COMPLETE_OURS);
		else
			offer_records(c);
		return;
	case COMPLETE_BACKEND:
		offer_backends(c);
		return;
	case COMPLETE_ON_DEATH:
		offer_on_death(c);
		return;
	case COMPLETE_SETTING:
		offer_settings(c);
		return;
	case COMPLETE_COLUMNS:
		offer_columns(c);
		return;
	case COMPLETE_COMMAND:
		offer_commands(c);
		return;
	}
}

static void offer_value(struct completion *c, const struct option_row *row)
{
	if (row->choices)
		offer_choices(c, row->choices);
	else
		offer_kind(c, row->complete);
}

static void offer_operand(struct completion *c)
{
	const struct argument *argument = c->command->arguments;
	size_t i;

	for (i = 0; argument && argument->label && i < c->n_operands; i++)
		if (!argument->many)
			argument++;
	if (!argument || !argument->label)
		return;
	if (argument->choices)
		offer_choices(c, argument->choices);
	else
		offer_kind(c, argument->complete);
}

/* "--opt=val": the value is what is completed, "--opt=" stays in front. */
static void offer_inline_value(struct completion *c, const char *equals)
{
	const struct option_row *row = find_long(c, c->word + 2,
						 (size_t)(equals - c->word) - 2);

	c->lead = c->word;
	c->lead_len = (size_t)(equals - c->word) + 1;
	c->word = equals + 1;
	if (row && option_takes_value(row))
		offer_value(c, row);
}

static int run(struct cli *cli, const void *options)
{
	struct completion c = {
		.cli = cli,
		.words = cli->operands,
		.n = cli->n_operands ? cli->n_operands - 1 : 0,
		.word = cli->n_operands ?
			cli->operands[cli->n_operands - 1] : "",
		.lead = "",
	};
	const char *equals = strchr(c.word, '=');

	(void)options;
	walk(&c);
	if (c.lost)
		return EXIT_OK;
	if (c.pending) {
		offer_value(&c, c.pending);
	} else if (!c.ended && begins(c.word, "--") && equals) {
		offer_inline_value(&c, equals);
	} else if (!c.ended && c.word[0] == '-') {
		offer_options(&c, c.command ? c.command->options : NULL);
		offer_options(&c, global_options);
	} else if (c.command) {
		offer_operand(&c);
	} else {
		offer_commands(&c);
	}
	return EXIT_OK;
}

const struct command cmd_complete = {
	.name = "__complete",
	.group = "Internal",
	.summary = "Print what the last of the words can become",
	.flags = COMMAND_HIDDEN | COMMAND_WORDS,
	.run = run,
};
