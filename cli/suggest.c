// SPDX-License-Identifier: GPL-2.0-or-later
/* "Did you mean": the nearest word by number of typing slips. */
#include <string.h>

#include "cli/command.h"

#define LENGTH_MAX 32
#define SLIPS_MAX 2

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	return MIN(MIN(a, b), c);
}

/*
 * Insertions, deletions, substitutions and swaps of neighbours that make b of
 * a; three rows of the classic table are all that a swap looks back.
 */
static unsigned int slips(const char *a, const char *b)
{
	unsigned int rows[3][LENGTH_MAX + 1];
	size_t i, j, n = strlen(a), m = strlen(b);

	if (n > LENGTH_MAX || m > LENGTH_MAX)
		return LENGTH_MAX;
	for (j = 0; j <= m; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; i <= n; i++) {
		unsigned int *now = rows[i % 3];
		const unsigned int *last = rows[(i + 2) % 3];
		const unsigned int *before = rows[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (j = 1; j <= m; j++) {
			now[j] = min3(last[j] + 1, now[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *suggest(const char *text, const char *const *words, size_t n)
{
	unsigned int best = SLIPS_MAX + 1;
	const char *found = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned int distance = slips(text, words[i]);

		/* Nothing in common is no resemblance. */
		if (distance < best && distance < strlen(words[i]) &&
		    distance < strlen(text)) {
			best = distance;
			found = words[i];
		}
	}
	return found;
}
