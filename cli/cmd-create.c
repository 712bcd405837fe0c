// SPDX-License-Identifier: GPL-2.0-or-later
/* create: make a device, serve it, and with --bind give it to a driver. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <vduse/manage.h>
#include <vduse/parse.h>
#include <vduse/persist.h>

#include "cli/command.h"
#include "cli/driver.h"
#include "cli/message.h"
#include "cli/operands.h"
#include "cli/text.h"

struct options {
	uint64_t size, queues, queue_size, block_size, poll;
	const char *backend, *serial, *discard, *bind, *on_death, *cache, *affinity;
	bool persist, read_only, if_not_exists, dry_run, writeback_control;
	bool packed;
};

/* More threads than that take more memory than a disk is likely to need. */
#define QUEUES_AUTO_MAX 16

/* In units of CPU_SETSIZE: as many as a kernel can be built for. */
#define CPU_SETS 8

static const char *const automatic[] = { "auto", NULL };
static const char *const types[] = { "blk", NULL };
static const char *const on_off[] = { "on", "off", NULL };
static const char *const affinities[] = { "none", "auto", NULL };
static const char *const caches[] = { "writeback", "writethrough", NULL };

#define O(member) offsetof(struct options, member)
static const struct option_row rows[] = {
	{ "size", 's', 0, OPTION_SIZE, 0, O(size), "SIZE",
	  "capacity, such as 10G; without it, that of an existing file",
	  NULL, 1, INT64_MAX },
	{ "backend", 0, 0, OPTION_TEXT, COMPLETE_BACKEND, O(backend), "BACKEND",
	  "where the bytes live: file:PATH (default: a new sparse file), memory or null",
	  NULL, 0, 0 },
	{ "queues", 0, 0, OPTION_UINT, 0, O(queues), "N",
	  "number of virtqueues (default 1); auto: one for each processor",
	  automatic, 1, VDU_QUEUES_MAX },
	{ "affinity", 0, 0, OPTION_CHOICE, 0, O(affinity), NULL,
	  "serve a queue on any processor: none (default); or on those that use it: auto",
	  affinities, 0, 0 },
	{ "queue-size", 0, 0, OPTION_UINT, 0, O(queue_size), "N",
	  "descriptors of a virtqueue, a power of two (default 1024)",
	  NULL, VDU_QUEUE_SIZE_MIN, VDU_QUEUE_SIZE_MAX },
	{ "packed", 0, 0, OPTION_FLAG, 0, O(packed), NULL,
	  "offer packed virtqueues", NULL, 0, 0 },
	{ "poll", 0, 0, OPTION_UINT, 0, O(poll), "PERCENT",
	  "look for requests before sleeping: so much of a processor (default 0)",
	  NULL, 0, 100 },
	{ "block-size", 0, 0, OPTION_SIZE, 0, O(block_size), "BYTES",
	  "logical block size: 512 (default) to 4096", NULL, 512, 4096 },
	{ "serial", 0, 0, OPTION_TEXT, 0, O(serial), "TEXT",
	  "serial number, at most 20 bytes (default: the name)", NULL, 0, 0 },
	{ "read-only", 'r', 0, OPTION_FLAG, 0, O(read_only), NULL,
	  "refuse writes", NULL, 0, 0 },
	{ "discard", 0, 0, OPTION_CHOICE, 0, O(discard), NULL,
	  "offer discard (default: where the backend can)", on_off, 0, 0 },
	{ "cache", 0, 0, OPTION_CHOICE, 0, O(cache), NULL,
	  "writes are safe after a flush: writeback (default); or at once: writethrough",
	  caches, 0, 0 },
	{ "writeback-control", 0, 0, OPTION_FLAG, 0, O(writeback_control), NULL,
	  "let the driver choose that as well: needs the module of vdusectl",
	  NULL, 0, 0 },
	{ "on-death", 0, 0, OPTION_TEXT, COMPLETE_ON_DEATH, O(on_death),
	  "POLICY",
	  "I/O without a server waits: queue (default); or fail=SECONDS: so long",
	  NULL, 0, 0 },
	{ "bind", 0, 0, OPTION_CHOICE, 0, O(bind), NULL,
	  "bind it as well, and print the node", driver_names, 0, 0 },
	{ "persist", 0, 0, OPTION_FLAG, 0, O(persist), NULL,
	  "bring it back after a reboot: see 'vdusectl restore'", NULL, 0, 0 },
	{ "if-not-exists", 0, 0, OPTION_FLAG, 0, O(if_not_exists), NULL,
	  "accept a device that is there and as asked for", NULL, 0, 0 },
	{ "dry-run", 'N', 0, OPTION_FLAG, 0, O(dry_run), NULL,
	  "check, print the steps, change nothing", NULL, 0, 0 },
	{ 0 }
};

/* Copy or refuse: a cut serial number would be another one. */
static int copy_text(struct cli *cli, char *to, size_t size, const char *from,
		     const char *what)
{
	if (strlen(from) >= size)
		return message_usage(cli, "%s '%s' is longer than %zu bytes",
				     what, from, size - 1);
	(void)snprintf(to, size, "%s", from);
	return EXIT_OK;
}

/*
 * One for each processor that we may use. Found out once, here: the number is
 * what is kept, so that a driver finds the same device at the next start.
 */
static uint32_t automatic_queues(void)
{
	cpu_set_t sets[CPU_SETS];

	if (sched_getaffinity(0, sizeof(sets), sets) < 0)
		return 1;
	return (uint32_t)MIN(CPU_COUNT_S(sizeof(sets), sets), QUEUES_AUTO_MAX);
}

static int make_spec(struct cli *cli, const struct options *o,
		     struct vdu_blk_spec *spec)
{
	const char *name = cli->n_operands > 1 ? cli->operands[1] : NULL;
	const char *problem = name ? vdu_name_problem(name) : NULL;
	struct vdu_error err = { 0 };
	int r = EXIT_OK;

	spec->size_of = sizeof(*spec);
	spec->size_bytes = o->size;
	spec->n_queues = o->queues == OPTION_WORD(0) ? automatic_queues() :
						       (uint32_t)o->queues;
	spec->queue_size = (uint32_t)o->queue_size;
	spec->poll_percent = (uint32_t)o->poll;
	spec->block_size = (uint32_t)o->block_size;
	spec->read_only = o->read_only;
	spec->writeback_control = o->writeback_control;
	spec->packed = o->packed;
	if (o->cache)
		(void)vdu_blk_spec_set_cache(spec, o->cache, NULL);
	if (o->affinity && !strcmp(o->affinity, "auto"))
		spec->affinity = VDU_AFFINITY_AUTO;
	if (o->discard)
		spec->discard = strcmp(o->discard, "on") ? VDU_DISCARD_OFF :
			VDU_DISCARD_ON;
	if (problem)
		return message_usage(cli, "name '%s' %s", name, problem);
	if (name)
		r = copy_text(cli, spec->name, sizeof(spec->name), name, "name");
	if (!r && o->serial)
		r = copy_text(cli, spec->serial, sizeof(spec->serial),
			      o->serial, "serial");
	if (r)
		return r;
	if (o->backend && vdu_blk_spec_set_backend(spec, o->backend, &err))
		return message_error(cli, NULL, &err);
	if (o->on_death && vdu_blk_spec_set_on_death(spec, o->on_death, &err))
		return message_error(cli, NULL, &err);
	if (!spec->size_bytes && !spec->path[0])
		return message_usage(cli, "--size is missing: only an existing file has a size");
	return EXIT_OK;
}

/* What would be done, with every value that was chosen. */
static void print_plan(const struct options *o, const struct vdu_blk_spec *s)
{
	CLEANUP_FREE char *path = text_escape(s->path, TEXT_LINE);
	char size[TEXT_SIZE_MAX];

	(void)printf("would create %s: %s (%llu bytes), backend %s%s%s, %u queue%s of %u, blocks of %u, serial %s%s%s%s%s%s%s\n",
		     s->name, text_size(s->size_bytes, size),
		     (unsigned long long)s->size_bytes, s->backend,
		     s->path[0] ? ":" : "", path ? path : "", s->n_queues,
		     s->n_queues == 1 ? "" : "s", s->queue_size, s->block_size,
		     s->serial, s->read_only ? ", read-only" : "",
		     s->cache ? ", writethrough" : "",
		     s->writeback_control ? ", writeback control" : "",
		     s->packed ? ", packed" : "",
		     s->poll_percent ? ", polling" : "",
		     s->affinity ? ", affinity auto" : "");
	(void)printf("would start its server: vdusectl serve --supervise %s\n", s->name);
	if (o->bind)
		(void)printf("would bind it to %s\n", o->bind);
	if (o->persist)
		(void)printf("would write /etc/vdusectl/devices/%s.json\n",
			     s->name);
}

/* What somebody who wants a device back may not expect. */
static void warn_of_loss(struct cli *cli, const struct options *o)
{
	if (o->persist && o->backend && strncmp(o->backend, "file:", 5))
		message_note(cli, "warning: only the device comes back after a reboot, not its content: backend %s",
			     o->backend);
}

/* The device exists: is it what was asked for? */
static int accept_existing(struct cli *cli, const struct vdu_blk_spec *want)
{
	struct vdu_blk_spec have = { .size_of = sizeof(have) };
	struct vdu_error err = { 0 };
	char text[400];

	if (vdu_blk_spec_load(cli->ctx, want->name, &have, &err) &&
	    err.code != -ENOENT)
		return message_error(cli, want->name, &err);
	if (err.code)
		return message_fail(cli, want->name, VDU_STAGE_CONTROL, -EEXIST,
				    "exists, and its server is foreign");
	if (!vdu_blk_spec_diff(want, &have, text, sizeof(text)))
		return EXIT_OK;
	return message_fail(cli, want->name, VDU_STAGE_STATE, -EEXIST,
			    "exists, but differs: %s", text);
}

/* Take back what was made, with a clock and a cancellation of its own. */
static void undo(struct cli *cli, const char *name)
{
	struct vdu_error err = { 0 };
	sigset_t signals, before;

	/* A second Ctrl-C waits until this is over. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &signals, &before);
	message_step(cli, "undoing: destroying %s", name);
	vdu_ctx_reset_cancel(cli->ctx);
	vdu_ctx_set_timeout(cli->ctx, DEFAULT_TIMEOUT_MS);
	if (vdu_destroy(cli->ctx, name, 0, &err))
		(void)message_error(cli, name, &err);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static int bind_it(struct cli *cli, const char *name, const char *driver,
		   char node[VDU_NODE_MAX], struct vdu_error *err)
{
	cli_restart_clock(cli, DEFAULT_TIMEOUT_MS);
	message_step(cli, "binding %s to %s", name, driver);
	return vdu_bind(cli->ctx, name, driver_by_name(driver), 0, node, err);
}

/* Driver and record, as asked for, of a device that is there. */
static int complete(struct cli *cli, const struct options *o, const char *name,
		    char node[VDU_NODE_MAX], struct vdu_error *err)
{
	int r = 0;

	if (o->bind)
		r = bind_it(cli, name, o->bind, node, err);
	if (!r && o->persist) {
		message_step(cli, "recording %s", name);
		r = vdu_persist(cli->ctx, name, true, err);
	}
	return r;
}

static int print_result(struct cli *cli, const char *name, const char *node)
{
	CLEANUP_JSON struct json_object *result = json_object_new_array();

	(void)json_object_array_add(result, result_row(name, node));
	return results_print(cli, result, *node ? "node" : "name");
}

static int run(struct cli *cli, const void *options)
{
	const struct options *o = options;
	struct vdu_blk_spec want = { 0 }, spec;
	struct vdu_error err = { 0 };
	char node[VDU_NODE_MAX] = "";
	bool made = true;
	int r = make_spec(cli, o, &want);

	if (r)
		return r;
	spec = want;
	warn_of_loss(cli, o);
	message_step(cli, "creating and starting the server");
	r = vdu_create_blk(cli->ctx, &spec, o->dry_run ?
			   VDU_CREATE_DRY_RUN : 0, &err);
	if (r == -EEXIST && o->if_not_exists &&
	    err.stage == VDU_STAGE_CONTROL) {
		r = accept_existing(cli, &want);
		if (r)
			return r;
		made = false;
	} else if (r) {
		return message_error(cli, spec.name[0] ? spec.name : NULL, &err);
	} else if (o->dry_run) {
		print_plan(o, &spec);
		return EXIT_OK;
	}
	r = complete(cli, o, spec.name, node, &err);
	if (r)
		(void)message_error(cli, spec.name, &err);
	if (made && r)
		undo(cli, spec.name);
	if (r)
		return (int)exit_from_error(&err);
	cli_done();
	return print_result(cli, spec.name, node);
}

static const struct argument arguments[] = {
	{ "TYPE", types, "device type", COMPLETE_NOTHING, false, false },
	{ "NAME", NULL, "name of the new device (default: the lowest free blkN)",
	  COMPLETE_NOTHING, true, false },
	{ 0 }
};
static const struct object_kind *const kinds[] = { &kind_results, NULL };

const struct command cmd_create = {
	.name = "create",
	.group = "Devices",
	.summary = "Create a block device and start its server",
	.options = rows,
	.options_size = sizeof(struct options),
	.arguments = arguments,
	.kinds = kinds,
	.run = run,
};
