// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of dump. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <vduse/error.h>

struct cli;

int dump_config(struct cli *cli, const char *name, bool hex);

/* cli/dump-module.c: what our kernel module tells, whoever serves the device */

/* Did asking the server end so that there is nobody of ours to ask? */
bool dump_needs_module(int r, const struct vdu_error *err);

/*
 * Add to the rows of the queues what the kernel knows and they lack. 0, or a
 * negative errno: it is not our module, or it does not tell.
 */
int dump_module_queues(struct cli *cli, const char *name,
		       struct json_object *rows);

/* The same for type and features. */
int dump_module_features(struct cli *cli, const char *name,
			 uint32_t *ret_device_id, uint64_t *ret_offered,
			 uint64_t *ret_negotiated);
