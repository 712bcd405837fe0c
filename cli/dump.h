// SPDX-License-Identifier: GPL-2.0-or-later
/* The parts of dump. */
#pragma once

#include <stdbool.h>

struct cli;

int dump_config(struct cli *cli, const char *name, bool hex);
