// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that may come from anywhere, made fit to print. */
#include "cli/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t text_char_length(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
	len = s[0] >= 0xf8 ? 0 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 :
		s[0] >= 0xc0 ? 2 : 0;
	if (!len)
		return 0;
	c = s[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* Overlong, surrogate, beyond Unicode, C1 control. */
	if (c < smallest[len] || (c >= 0xd800 && c < 0xe000) ||
	    c > 0x10ffff || c < 0xa0)
		return 0;
	return len;
}

static bool must_escape(const char *s, size_t len, enum text_escape how)
{
	if (!len)
		return how != TEXT_JSON || (unsigned char)*s >= 0x80;
	return how == TEXT_WORD && strchr(" \"\\$`", *s);
}

char *text_escape(const char *text, enum text_escape how)
{
	char *copy = malloc(strlen(text) * 4 + 1);
	char *out = copy;

	if (!copy)
		return NULL;
	while (*text) {
		size_t len = text_char_length(text);

		if (must_escape(text, len, how)) {
			(void)snprintf(out, sizeof("\\x00"), "\\x%02x",
				       (unsigned char)*text++);
			out += strlen(out);
			continue;
		}
		if (!len)
			len = 1;
		memcpy(out, text, len);
		out += len;
		text += len;
	}
	*out = '\0';
	return copy;
}

const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX])
{
	static const char units[] = "BKMGTPE";
	unsigned int shift = 0;

	while (shift < 60 && bytes >> (shift + 10))
		shift += 10;
	if (bytes & ((UINT64_C(1) << shift) - 1))
		(void)snprintf(buf, TEXT_SIZE_MAX, "%.1f%c",
			       (double)bytes / (double)(UINT64_C(1) << shift),
			       units[shift / 10]);
	else
		(void)snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 "%c",
			       bytes >> shift, units[shift / 10]);
	return buf;
}
