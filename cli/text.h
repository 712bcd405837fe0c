// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that may come from anywhere, made fit to print. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Bytes of the character at text if it is valid UTF-8 and no control
 * character; else 0. text is not at its end.
 */
size_t text_char_length(const char *text);

enum text_escape {
	TEXT_LINE,	/* escape control characters and invalid bytes */
	TEXT_JSON,	/* escape invalid bytes only: JSON does the rest */
	TEXT_WORD,	/* TEXT_LINE, blanks, and what shells and --raw treat */
};

/* A copy with escapes \xNN; NULL when memory is out. */
char *text_escape(const char *text, enum text_escape how);

/* "10G", "1.5M", "512B"; for people. */
#define TEXT_SIZE_MAX 32
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE_MAX]);
