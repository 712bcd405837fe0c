// SPDX-License-Identifier: GPL-2.0-or-later
/* A device as a row, and what its server says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <vduse/inspect.h>
#include <vduse/module.h>

#include "lib/util/macro.h"

struct cli;

static inline void inspection_freep(struct vdu_inspection **inspection)
{
	(void)vdu_inspection_free(*inspection);
}
#define CLEANUP_INSPECTION CLEANUP(inspection_freep)

/* The fields of kind_devices, from a snapshot. */
struct json_object *device_row(struct vdu_dev *dev);

/* Is it served by a server of ours, so that it can be asked? */
bool device_is_ours(struct vdu_dev *dev);

/*
 * Ask the server of a device of ours. *ret_reply is to be put. 0 or a
 * negative errno with err filled; -EOPNOTSUPP: the server is foreign.
 */
int device_ask(struct cli *cli, const char *name, const char *method,
	       struct json_object **ret_reply, struct vdu_error *err);

/*
 * The array of objects under key in a reply; it stays the reply's. -EPROTO if
 * there is none.
 */
int device_rows(struct json_object *reply, const char *key,
		struct json_object **ret_rows, struct vdu_error *err);

/* Names of the bits set in mask, as an array; bits without a name as "bit N". */
struct json_object *device_features(uint32_t device_id, uint64_t mask);
const char *device_feature(uint32_t device_id, unsigned int bit, char buf[16]);
/* "blk" -> 2; 0 if unknown. */
uint32_t device_id_of(const char *type);
