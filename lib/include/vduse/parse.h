// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Text to numbers and names, strictly: no sign, no blank, no trailing junk,
 * no silent overflow. All return 0, -EINVAL (not of the form) or -ERANGE.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "10G" = "10GiB" = 10 * 2^30, "10GB" = 10^10, "1.5G"; a bare number is bytes. */
int vdu_parse_size(const char *text, uint64_t *ret_bytes);

/* "500ms", "30s", "2min", "30" (seconds), "infinity" (UINT64_MAX). */
int vdu_parse_duration(const char *text, uint64_t *ret_ms);

/* Decimal, min..max inclusive. */
int vdu_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* yes/no, true/false, on/off, 1/0. */
int vdu_parse_bool(const char *text, bool *ret);

/*
 * Why name cannot be a device name, as a text to follow "name 'x' ", or NULL
 * if it can. Rules: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 64 bytes, and none of
 * the words that collide with files of the kernel's sysfs directory for the
 * device ("control", "power", "vq0", ...).
 */
const char *vdu_name_problem(const char *name);

#ifdef __cplusplus
}
#endif
