// SPDX-License-Identifier: GPL-2.0-or-later
/* Drivers as they are called on the command line. */
#pragma once

#include <vduse/manage.h>

extern const char *const driver_names[];	/* NULL-terminated */
enum vdu_driver driver_by_name(const char *name);
