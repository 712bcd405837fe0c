// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything on stderr: errors, hints, steps. */
#include "cli/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"

static void put_safe(const char *text)
{
	CLEANUP_FREE char *safe = text_escape(text, TEXT_LINE);

	(void)fputs(safe ? safe : "(out of memory)", stderr);
}

/* hint with "{}" replaced by the device; NULL where it needs one we lack. */
static char *expand(const char *hint, const char *subject)
{
	size_t room, subject_len = subject ? strlen(subject) : 0;
	char *text, *out;

	if (!hint || (!subject && strstr(hint, "{}")))
		return NULL;
	room = strlen(hint) * (subject_len + 1) + 1;
	text = malloc(room);
	for (out = text; text && *hint; hint++) {
		if (hint[0] == '{' && hint[1] == '}') {
			memcpy(out, subject, subject_len);
			out += subject_len;
			hint++;
		} else {
			*out++ = *hint;
		}
	}
	if (text)
		*out = '\0';
	return text;
}

static bool hints_wanted(const struct cli *cli)
{
	const char *env = getenv("VDUSECTL_HINTS");

	return !cli->globals.no_hints && !cli->globals.quiet &&
		!(env && !strcmp(env, "0"));
}

static void print_json(struct cli *cli, const char *subject,
		       const struct vdu_error *err, const char *hint)
{
	CLEANUP_JSON struct json_object *object = json_object_new_object();
	const char *code = strerrorname_np(-err->code);

	row_text(object, "code", code ? code : "EIO");
	row_text(object, "stage", vdu_stage_name(err->stage));
	row_int(object, "exit", exit_from_error(err));
	row_text(object, "command", cli->command ? cli->command->name : "");
	row_text(object, "device", subject ? subject : "");
	row_text(object, "message", err->text);
	row_text(object, "hint", hint ? hint : "");
	(void)fprintf(stderr, "%s\n", json_object_to_json_string_ext(object,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void put_prefix(struct cli *cli, const char *subject)
{
	(void)fputs("vdusectl: ", stderr);
	if (cli->command)
		(void)fprintf(stderr, "%s%s", cli->command->name,
			      subject ? " " : ": ");
	if (subject) {
		put_safe(subject);
		(void)fputs(": ", stderr);
	}
}

int message_error(struct cli *cli, const char *subject,
		  const struct vdu_error *err)
{
	const char *command = cli->command ? cli->command->name : NULL;
	CLEANUP_FREE char *hint = hints_wanted(cli) ?
		expand(hint_for(command, err), subject) : NULL;

	if (cli->globals.json) {
		print_json(cli, subject, err, hint);
		return exit_from_error(err);
	}
	put_prefix(cli, subject);
	put_safe(err->text[0] ? err->text : strerror(-err->code));
	(void)fputc('\n', stderr);
	if (hint) {
		(void)fputs(cli->color_err ? "\033[36mhint:\033[0m " : "hint: ",
			    stderr);
		put_safe(hint);
		(void)fputc('\n', stderr);
	}
	return exit_from_error(err);
}

int message_fail(struct cli *cli, const char *subject, enum vdu_stage stage,
		 int code, const char *fmt, ...)
{
	struct vdu_error err = { .code = code, .stage = stage };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return message_error(cli, subject, &err);
}

int message_usage(struct cli *cli, const char *fmt, ...)
{
	struct vdu_error err = { .code = -EINVAL, .stage = VDU_STAGE_USAGE };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	(void)message_error(cli, NULL, &err);
	if (!cli->globals.json)
		(void)fprintf(stderr, "Try 'vdusectl%s%s -h'.\n",
			      cli->command ? " " : "",
			      cli->command ? cli->command->name : "");
	return EXIT_USAGE;
}

void message_note(struct cli *cli, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (cli->globals.quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_prefix(cli, NULL);
	put_safe(text);
	(void)fputc('\n', stderr);
}

void message_step(struct cli *cli, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!cli->globals.verbose)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	message_log(cli, 6, text);
}

void message_log(void *data, int level, const char *text)
{
	struct cli *cli = data;

	(void)fprintf(stderr, "vdusectl: %s%s", cli->command->name,
		      level >= 7 ? ": debug: " :
		      level >= 5 ? ": " :
		      level == 4 ? ": warning: " : ": error: ");
	put_safe(text);
	(void)fputc('\n', stderr);
}

void message_choose_color(struct cli *cli)
{
	const char *when = cli->globals.color;
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");
	bool allowed = term && strcmp(term, "dumb") &&
		!(no_color && *no_color);

	if (when && strcmp(when, "auto")) {
		cli->color_out = !strcmp(when, "always");
		cli->color_err = cli->color_out;
		return;
	}
	cli->color_out = allowed && isatty(STDOUT_FILENO);
	cli->color_err = allowed && isatty(STDERR_FILENO);
}
