/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A field of /proc/meminfo in KiB, or -1. */
long meminfo(const char *key);
