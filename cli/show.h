// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/show-module.c: the part of `show` that our kernel module tells. */
#pragma once

#include <stdbool.h>

#include <json-c/json.h>

#include <vduse/inspect.h>

struct cli;

/*
 * Add what it tells of a device; false: it is not our module, or there is no
 * permission to ask it.
 */
bool show_module(struct cli *cli, struct json_object *row, const char *name);

/* What mends a device that is broken. */
void show_remedy(struct json_object *row, struct vdu_dev *dev);

/* Add a row for each message without an answer. 0 or a negative errno. */
int show_messages(struct cli *cli, const char *name, void *rows,
		  struct vdu_error *err);
