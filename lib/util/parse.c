// SPDX-License-Identifier: LGPL-2.1-or-later
/* Text to numbers and names: every character counts, nothing wraps. */
#include <vduse/parse.h>

#include <errno.h>
#include <string.h>

#include <vduse/spec.h>

#include "lib/util/macro.h"

#define FRACTION_DIGITS_MAX 18	/* so that times 2^60 it fits 128 bits */

/* Not isalnum(): names and numbers must not depend on the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* At least one digit at *text, which moves behind the last one. */
static int take_number(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *p - '0', &value))
			return -ERANGE;
	*text = p;
	*ret = value;
	return 0;
}

/* "" 1, "K" and "KiB" 2^10, "KB" 10^3, ... up to E; 0: none of these. */
static uint64_t size_unit(const char *text)
{
	static const char letters[] = "KMGTPE", small[] = "kmgtpe";
	const char *at;
	uint64_t unit = 1, base;
	size_t power;

	if (*text == '\0')
		return 1;
	at = strchr(letters, *text);
	if (at) {
		power = (size_t)(at - letters) + 1;
	} else {
		at = strchr(small, *text);
		if (!at)
			return 0;
		power = (size_t)(at - small) + 1;
	}
	if (strcmp(text + 1, "") == 0 || strcmp(text + 1, "iB") == 0)
		base = 1024;
	else if (strcmp(text + 1, "B") == 0)
		base = 1000;
	else
		return 0;
	while (power-- > 0)
		unit *= base;
	return unit;
}

/* The digits behind the point, as numerator and power of ten. */
static int take_fraction(const char **text, uint64_t *ret, uint64_t *ret_scale)
{
	const char *start = *text;
	int r = take_number(text, ret);

	if (r < 0 || *text - start > FRACTION_DIGITS_MAX)
		return -EINVAL;
	*ret_scale = 1;
	for (ptrdiff_t i = *text - start; i > 0; i--)
		*ret_scale *= 10;
	return 0;
}

PUBLIC int vdu_parse_size(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole, fraction = 0, scale = 1, unit;
	unsigned __int128 part;
	int r;

	r = take_number(&text, &whole);
	if (r < 0)
		return r;
	if (*text == '.') {
		text++;
		r = take_fraction(&text, &fraction, &scale);
		if (r < 0)
			return r;
	}
	unit = size_unit(text);
	if (unit == 0)
		return -EINVAL;
	part = (unsigned __int128)fraction * unit;
	if (part % scale)
		return -EINVAL;	/* not a whole number of bytes */
	if (__builtin_mul_overflow(whole, unit, &whole) ||
	    __builtin_add_overflow(whole, (uint64_t)(part / scale), &whole))
		return -ERANGE;
	*ret_bytes = whole;
	return 0;
}

PUBLIC int vdu_parse_duration(const char *text, uint64_t *ret_ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "min", 60 * 1000 },
	};
	uint64_t value;
	int r;

	if (strcmp(text, "infinity") == 0) {
		*ret_ms = UINT64_MAX;
		return 0;
	}
	r = take_number(&text, &value);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].ms, &value) ||
		    value == UINT64_MAX)
			return -ERANGE;
		*ret_ms = value;
		return 0;
	}
	return -EINVAL;
}

PUBLIC int vdu_parse_uint(const char *text, uint64_t min, uint64_t max,
			  uint64_t *ret)
{
	uint64_t value;
	size_t digits = strspn(text, "0123456789");
	int r;

	if (text[digits] != '\0')
		return -EINVAL;
	r = take_number(&text, &value);
	if (r < 0)
		return r;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

PUBLIC int vdu_parse_bool(const char *text, bool *ret)
{
	static const char *const words[][2] = {
		{ "no", "yes" }, { "false", "true" }, { "off", "on" },
		{ "0", "1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int value = 0; value < 2; value++)
			if (strcmp(text, words[i][value]) == 0) {
				*ret = value;
				return 0;
			}
	return -EINVAL;
}

/*
 * The vDPA device becomes a directory of the same name inside the sysfs
 * directory of the VDUSE device, among the kernel's own files; "control" is
 * the control node's directory beside it, "lock" a file of ours.
 */
static bool is_reserved(const char *name)
{
	static const char *const words[] = {
		"control", "power", "uevent", "dev", "msg_timeout",
		"bounce_size", "subsystem", "lock",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	if (strncmp(name, "vq", 2) != 0 || name[2] == '\0')
		return false;
	return name[2 + strspn(name + 2, "0123456789")] == '\0';
}

PUBLIC const char *vdu_name_problem(const char *name)
{
	if (name[0] == '\0')
		return "is empty";
	if (!is_alnum(name[0]))
		return "must begin with a letter or a digit";
	for (const char *p = name; *p; p++)
		if (!is_alnum(*p) && !strchr("_.-", *p))
			return "may hold only letters, digits, '_', '.' and '-'";
	if (strlen(name) > VDU_NAME_MAX)
		return "is longer than 64 bytes";
	if (is_reserved(name))
		return "is reserved: it would collide with a file of that name";
	return NULL;
}
