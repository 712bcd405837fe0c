// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of vhost-blk. A wrong one ends the program, status 2. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/vhost/args.h"

#define TIMEOUT_S 20	/* emulated guests are slow */

static const char usage[] =
"usage: vhost-blk DEV COMMAND [OPTION...]\n"
"  info                       what the device offers\n"
"  read OFFSET LENGTH         to stdout, or --out FILE\n"
"  write OFFSET               from stdin, or --in FILE\n"
"  flush\n"
"  discard OFFSET LENGTH\n"
"  zeroes OFFSET LENGTH       --unmap: may deallocate\n"
"  id                         the serial number\n"
"  verify                     random I/O, all of it checked\n"
"      --size BYTES (all) --queues N (1) --depth N (8) --block BYTES (4096)\n"
"      --seed N (1) --ops N and/or --seconds N (1000 ops), or SIGTERM\n"
"      --files N (3)          memfds that hold the buffers of one queue\n"
"  bench                      how fast: JSON; --depth, --block, --ops\n"
"      --write                write, do not read\n"
"  suspend                    stop it amid requests, and go on; --queues N (1)\n"
"      --pause                say \"suspended\", and wait for a line on stdin\n"
"  migrate                    the same on another device, named on stdin\n"
"  bad CASE|all|list          a malformed request\n"
"every command: --timeout SECONDS (20) --ring N --no-event-idx --no-indirect\n"
"sizes take K, M, G\n";

uint64_t args_number(const char *text)
{
	static const char units[] = "kKmMgG";
	const char *unit;
	unsigned int shift = 0;
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * ((unsigned int)(unit - units) / 2 + 1);
		end++;
	}
	if (errno || *end || end == text || *text == '-' ||
	    value << shift >> shift != value) {
		complain("not a number: %s", text);
		exit(2);
	}
	return value << shift;
}

void args_usage(FILE *file)
{
	fputs(usage, file);
}

static unsigned int small_number(const char *text)
{
	uint64_t value = args_number(text);

	if (value > UINT16_MAX) {
		complain("too large: %s", text);
		exit(2);
	}
	return (unsigned int)value;
}

enum opt {
	OPT_IN = 1, OPT_OUT, OPT_UNMAP, OPT_SIZE, OPT_QUEUES, OPT_DEPTH,
	OPT_BLOCK, OPT_SEED, OPT_SECONDS, OPT_OPS, OPT_TIMEOUT, OPT_RING,
	OPT_FILES, OPT_NO_EVENT_IDX, OPT_NO_INDIRECT, OPT_PAUSE, OPT_WRITE,
	OPT_HELP,
};

static const struct option options[] = {
	{ "in", required_argument, NULL, OPT_IN },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "unmap", no_argument, NULL, OPT_UNMAP },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "depth", required_argument, NULL, OPT_DEPTH },
	{ "block", required_argument, NULL, OPT_BLOCK },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "ops", required_argument, NULL, OPT_OPS },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "ring", required_argument, NULL, OPT_RING },
	{ "files", required_argument, NULL, OPT_FILES },
	{ "no-event-idx", no_argument, NULL, OPT_NO_EVENT_IDX },
	{ "no-indirect", no_argument, NULL, OPT_NO_INDIRECT },
	{ "pause", no_argument, NULL, OPT_PAUSE },
	{ "write", no_argument, NULL, OPT_WRITE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL },
};

static void take_verify_option(struct verify_options *v, int opt,
			       const char *value)
{
	switch (opt) {
	case OPT_SIZE:
		v->size = args_number(value);
		break;
	case OPT_QUEUES:
		v->queues = small_number(value);
		break;
	case OPT_DEPTH:
		v->depth = small_number(value);
		break;
	case OPT_FILES:
		v->files = small_number(value);
		break;
	case OPT_BLOCK:
		v->block = (uint32_t)MIN(args_number(value), (uint64_t)UINT32_MAX);
		break;
	case OPT_SEED:
		v->seed = args_number(value);
		break;
	case OPT_SECONDS:
		v->seconds = small_number(value);
		break;
	case OPT_OPS:
		v->ops = args_number(value);
		break;
	}
}

static void take_option(struct args *args, int opt, const char *value)
{
	switch (opt) {
	case OPT_IN:
		args->in = value;
		break;
	case OPT_OUT:
		args->out = value;
		break;
	case OPT_UNMAP:
		args->unmap = true;
		break;
	case OPT_PAUSE:
		args->pause = true;
		break;
	case OPT_WRITE:
		args->write = true;
		break;
	case OPT_TIMEOUT:
		args->wishes.timeout_ms = 1000 * small_number(value);
		break;
	case OPT_RING:
		args->wishes.num = (uint16_t)small_number(value);
		break;
	case OPT_NO_EVENT_IDX:
		args->wishes.no_event_idx = true;
		break;
	case OPT_NO_INDIRECT:
		args->wishes.no_indirect = true;
		break;
	case OPT_HELP:
		args_usage(stdout);
		exit(0);
	case '?':
		exit(2);
	default:
		take_verify_option(&args->verify, opt, value);
	}
}

void args_parse(struct args *args, int argc, char **argv)
{
	int opt;

	*args = (struct args){
		.wishes.timeout_ms = 1000 * TIMEOUT_S,
		.verify = {
			.queues = 1, .depth = 8, .files = 3,
			.block = 4096, .seed = 1,
		},
	};
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(args, opt, optarg);
	if (argc - optind < 2) {
		args_usage(stderr);
		exit(2);
	}
	args->path = argv[optind];
	args->command = argv[optind + 1];
	args->rest = argv + optind + 2;
	args->n_rest = argc - optind - 2;
	if (!args->verify.seconds && !args->verify.ops)
		args->verify.ops = 1000;
}
