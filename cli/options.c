// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsing words by option tables. No abbreviations, clear refusals. */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vduse/parse.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/text.h"

#define SUGGESTIONS_MAX 64

/* A row and where its value goes. */
struct target {
	const struct option_row *row;
	void *values;
};

bool option_takes_value(const struct option_row *row)
{
	return row->kind != OPTION_FLAG && row->kind != OPTION_COUNT;
}

const struct option_row *option_by_name(const struct option_row *rows,
					const char *name, size_t len)
{
	const struct option_row *row;

	for (row = rows; row && row->name; row++)
		if (strlen(row->name) == len && !memcmp(row->name, name, len))
			return row;
	return NULL;
}

const struct option_row *option_by_letter(const struct option_row *rows,
					  char letter)
{
	const struct option_row *row;

	for (row = rows; row && row->name; row++)
		if (row->letter && row->letter == letter)
			return row;
	return NULL;
}

static int bad_number(struct cli *cli, const struct option_row *row,
		      const char *text, int r)
{
	static const char *const forms[] = {
		[OPTION_SIZE] = "a size, such as 512M, 10G or 10GB",
		[OPTION_UINT] = "a number",
		[OPTION_DURATION] = "a duration, such as 500ms, 30s or 2min",
	};

	const char *word = row->choices ? row->choices[0] : NULL;

	if (r == -EINVAL)
		return message_usage(cli, "--%s: '%s' is not %s%s%s", row->name,
				     text, forms[row->kind], word ? " or " : "",
				     word ? word : "");
	if (row->max && row->max != INT64_MAX)
		return message_usage(cli, "--%s: '%s' is not in %" PRIu64
				     "..%" PRIu64 "%s%s", row->name, text,
				     row->min, row->max, word ? " or " : "",
				     word ? word : "");
	return message_usage(cli, "--%s: '%s' is too %s", row->name, text,
			     r == -ERANGE ? "large" : "small");
}

static int parse_number(struct cli *cli, const struct option_row *row,
			const char *text, uint64_t *ret)
{
	uint64_t max = row->max ? row->max : UINT64_MAX;
	uint64_t value = 0;
	size_t i;
	int r;

	for (i = 0; row->choices && row->choices[i]; i++)
		if (!strcmp(text, row->choices[i])) {
			*ret = OPTION_WORD(i);
			return EXIT_OK;
		}
	if (row->kind == OPTION_SIZE)
		r = vdu_parse_size(text, &value);
	else if (row->kind == OPTION_DURATION)
		r = vdu_parse_duration(text, &value);
	else
		r = vdu_parse_uint(text, 0, UINT64_MAX, &value);
	if (!r && value > max)
		r = -ERANGE;
	if (r || value < row->min)
		return bad_number(cli, row, text, r);
	*ret = value;
	return EXIT_OK;
}

static int parse_choice(struct cli *cli, const struct option_row *row,
			const char *text)
{
	char list[200] = "";
	size_t i, used = 0;

	for (i = 0; row->choices[i]; i++) {
		if (!strcmp(text, row->choices[i]))
			return EXIT_OK;
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 i ? ", " : "", row->choices[i]);
	}
	return message_usage(cli, "--%s: '%s' is not one of %s", row->name,
			     text, list);
}

static int store(struct cli *cli, const struct target *target,
		 const char *text)
{
	const struct option_row *row = target->row;
	void *to = (char *)target->values + row->offset;
	int r;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)to = true;
		return EXIT_OK;
	case OPTION_COUNT:
		++*(unsigned int *)to;
		return EXIT_OK;
	case OPTION_CHOICE:
		r = parse_choice(cli, row, text);
		if (r)
			return r;
		*(const char **)to = text;
		return EXIT_OK;
	case OPTION_TEXT:
		if (!*text)
			return message_usage(cli, "--%s: %s is empty",
					     row->name, row->argument);
		*(const char **)to = text;
		return EXIT_OK;
	case OPTION_SIZE:
	case OPTION_UINT:
	case OPTION_DURATION:
		return parse_number(cli, row, text, to);
	}
	return EXIT_OK;
}

static bool is_set(const struct target *target)
{
	const void *value = (const char *)target->values + target->row->offset;

	switch (target->row->kind) {
	case OPTION_FLAG:
		return *(const bool *)value;
	case OPTION_COUNT:
		return *(const unsigned int *)value;
	case OPTION_TEXT:
	case OPTION_CHOICE:
		return *(const char *const *)value;
	case OPTION_SIZE:
	case OPTION_UINT:
	case OPTION_DURATION:
		return *(const uint64_t *)value;
	}
	return false;
}

/* The other option of the same group that is already set, or NULL. */
static const struct option_row *rival(const struct option_set *set,
				      const struct option_row *row)
{
	const struct option_row *other;

	for (other = set->rows; row->group && other && other->name; other++)
		if (other != row && other->group == row->group &&
		    is_set(&(struct target){ other, set->values }))
			return other;
	return NULL;
}

static int apply(struct cli *cli, const struct option_set *set,
		 const struct option_row *row, const char *text)
{
	const struct option_row *other = rival(set, row);

	if (other)
		return message_usage(cli, "--%s and --%s exclude each other",
				     other->name, row->name);
	return store(cli, &(struct target){ row, set->values }, text);
}

static int unknown(struct cli *cli, const struct option_set *sets,
		   size_t n_sets, const char *word, size_t len)
{
	const char *names[SUGGESTIONS_MAX];
	const struct option_row *row;
	char typed[64];
	const char *best;
	size_t i, n = 0;

	for (i = 0; i < n_sets; i++)
		for (row = sets[i].rows; row && row->name; row++)
			if (n < SUGGESTIONS_MAX)
				names[n++] = row->name;
	(void)snprintf(typed, sizeof(typed), "%.*s", (int)len, word);
	best = suggest(typed, names, n);
	return message_usage(cli, best ? "unknown option '--%s': did you mean '--%s'?" :
			     "unknown option '--%s'", typed, best);
}

/* "name" or "name=value", behind the two dashes. */
static int parse_long(struct cli *cli, const struct option_set *sets,
		      size_t n_sets, struct words *words, const char *word)
{
	size_t i, len = strcspn(word, "=");
	const char *text = word[len] ? word + len + 1 : NULL;
	const struct option_row *row = NULL;

	for (i = 0; i < n_sets && !row; i++)
		row = option_by_name(sets[i].rows, word, len);
	if (!row)
		return unknown(cli, sets, n_sets, word, len);
	if (text && !option_takes_value(row))
		return message_usage(cli, "--%s takes no value", row->name);
	if (!text && option_takes_value(row)) {
		if (words->next == words->n)
			return message_usage(cli, "--%s needs a value",
					     row->name);
		text = words->argv[words->next++];
	}
	return apply(cli, &sets[i - 1], row, text);
}

/* "nv", "oNAME" or "o", behind the dash. */
static int parse_letters(struct cli *cli, const struct option_set *sets,
			 size_t n_sets, struct words *words, const char *word)
{
	for (; *word; word++) {
		const struct option_row *row = NULL;
		const char *text = NULL;
		size_t i;
		int r;

		for (i = 0; i < n_sets && !row; i++)
			row = option_by_letter(sets[i].rows, *word);
		if (!row)
			return message_usage(cli, "unknown option '-%.*s'",
					     (int)MAX(text_char_length(word), 1u),
					     word);
		if (option_takes_value(row)) {
			if (word[1])
				text = word + 1;
			else if (words->next < words->n)
				text = words->argv[words->next++];
			else
				return message_usage(cli, "-%c needs a value",
						     *word);
		}
		r = apply(cli, &sets[i - 1], row, text);
		if (r || text)
			return r;
	}
	return EXIT_OK;
}

int options_parse(struct cli *cli, const struct option_set *sets,
		  size_t n_sets, struct words *words)
{
	bool ended = false;
	int r;

	while (words->next < words->n) {
		const char *word = words->argv[words->next];

		if (ended || word[0] != '-' || !word[1]) {
			if (words->stop_at_operand)
				return EXIT_OK;
			words->operands[words->n_operands++] = word;
			words->next++;
			continue;
		}
		words->next++;
		if (!strcmp(word, "--")) {
			ended = true;
			continue;
		}
		if (word[1] == '-')
			r = parse_long(cli, sets, n_sets, words, word + 2);
		else
			r = parse_letters(cli, sets, n_sets, words, word + 1);
		if (r)
			return r;
	}
	return EXIT_OK;
}
