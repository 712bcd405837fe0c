// SPDX-License-Identifier: GPL-2.0-or-later
/* serve: be the server of a device, in the foreground. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <vduse/manage.h>
#include <vduse/parse.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/operands.h"
#include "cli/text.h"

struct options {
	bool supervise, rescue, take_over;
};

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "supervise", 0, 'm', OPTION_FLAG, 0, O(supervise), NULL,
	  "serve in a child process, and replace it when it dies", NULL, 0, 0 },
	{ "rescue", 0, 'm', OPTION_FLAG, 0, O(rescue), NULL,
	  "without a backend: answer every request with an error", NULL, 0, 0 },
	{ "take-over", 0, 'm', OPTION_FLAG, 0, O(take_over), NULL,
	  "take the device over from the server that runs", NULL, 0, 0 },
	{ 0 }
};

struct sink {
	const char *what, *name;
	bool journal;
};

/* Is stderr the journal's socket, which understands priorities? systemd.exec(5) */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char here[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	(void)snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev,
		       (uintmax_t)st.st_ino);
	return !strcmp(stream, here);
}

/* One write per line, so that lines of threads do not mix. */
static void log_line(void *data, int level, const char *text)
{
	const struct sink *sink = data;
	CLEANUP_FREE char *safe = text_escape(text, TEXT_LINE);

	if (!safe)
		return;
	if (sink->journal)
		(void)fprintf(stderr, "<%d>%s\n", level, safe);
	else
		(void)fprintf(stderr, "vdusectl: %s %s: %s%s\n", sink->what,
			      sink->name,
			      level <= 3 ? "error: " :
			      level == 4 ? "warning: " : "", safe);
}

static int (*choose(const struct options *o))(struct vdu_ctx *ctx,
					      const char *name,
					      struct vdu_error *err)
{
	return o->supervise ? vdu_supervise : o->rescue ? vdu_rescue :
	       o->take_over ? vdu_take_over : vdu_serve;
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	struct sink sink = { o->supervise ? "supervise" :
			     o->rescue ? "rescue" : "serve",
			     cli->operands[0], stderr_is_journal() };
	/* A device of others may have a name that we would not give. */
	const char *problem = o->rescue ? operand_problem(sink.name) :
					  vdu_name_problem(sink.name);
	struct vdu_error err = { 0 };

	if (problem)
		return message_usage(cli, "name '%s' %s", sink.name, problem);
	/* Started as /proc/self/exe it would be "exe" in ps and in messages. */
	(void)prctl(PR_SET_NAME, "vdusectl");
	/* A reader of the log that goes away must not take the disk along. */
	(void)signal(SIGPIPE, SIG_IGN);
	vdu_ctx_set_log(cli->ctx, log_line, &sink,
			cli->globals.quiet ? 4 : cli->globals.verbose ? 7 : 6);
	if (choose(o)(cli->ctx, sink.name, &err))
		return message_error(cli, sink.name, &err);
	return EXIT_OK;
}

static const struct argument arguments[] = {
	{ "NAME", NULL, "the device", COMPLETE_UNSERVED, false, false },
	{ 0 }
};

const struct command cmd_serve = {
	.name = "serve",
	.group = "System",
	.summary = "Serve a device in the foreground, until SIGTERM",
	.flags = COMMAND_NO_LIMIT | COMMAND_OWN_SIGNALS,
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.run = run,
};
