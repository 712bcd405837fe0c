// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of vhost-blk. */
#pragma once

#include "tests/tools/vhost/verify.h"

struct args {
	const char *path, *command;
	char **rest;
	int n_rest;
	const char *in, *out;
	bool unmap, pause, write;
	struct dev wishes;
	struct verify_options verify;
};

/* Exits if the options are wrong, and after --help. */
void args_parse(struct args *args, int argc, char **argv);

/* A number with K, M or G; exits if it is none. */
uint64_t args_number(const char *text);

void args_usage(FILE *file);
