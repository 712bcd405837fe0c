// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands on one or several devices, named or understood. */
#pragma once

#include <json-c/json.h>

#include <vduse/inspect.h>

#include "cli/command.h"

/* Why a word cannot name an existing device, foreign ones included; or NULL. */
const char *operand_problem(const char *name);

static inline void list_freep(struct vdu_list **list)
{
	(void)vdu_list_free(*list);
}
#define CLEANUP_LIST CLEANUP(list_freep)

/* Does a device fit a command that was given no NAME? */
typedef bool (*device_test)(struct vdu_dev *dev);
bool device_is_bound(struct vdu_dev *dev);
bool device_is_unbound(struct vdu_dev *dev);
bool device_is_ours_or_dead(struct vdu_dev *dev);	/* "dead": not served */

/*
 * The one device that fits; *ret is to be freed. Returns an exit code, having
 * said what is wrong: none (3), several (2). what: "not bound".
 */
int operand_understood(struct cli *cli, device_test fits, const char *what,
		       char **ret);

/*
 * The devices that fit, for --all; *ret is to be freed, with its names in the
 * same memory. Returns an exit code, having said what is wrong.
 */
int operand_all(struct cli *cli, device_test fits, char ***ret, size_t *ret_n);

/* What --all and NAME say together: EXIT_OK or EXIT_USAGE. */
int operand_or_all(struct cli *cli, bool all, bool name_needed);

/* One device's part of a command; 0 or what vdu_error.code says. */
typedef int (*device_action)(struct cli *cli, const char *name, void *data,
			     struct vdu_error *err);

/*
 * Do action for each of n names, report each failure, stop at a signal.
 * Returns the common exit code, or EXIT_MIXED.
 */
int operands_each(struct cli *cli, const char *const *names, size_t n,
		  device_action action, void *data);

/* What commands that change something print: names and nodes. */
struct json_object *result_row(const char *name, const char *node);
/*
 * key "name" or "node": that word of each row, one a line, NULL: nothing.
 * For --json and the like: the rows as objects of kind_results.
 */
int results_print(struct cli *cli, struct json_object *rows, const char *key);
