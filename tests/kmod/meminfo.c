// SPDX-License-Identifier: GPL-2.0-or-later
/* How much memory the kernel says there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meminfo.h"

long meminfo(const char *key)
{
	FILE *file = fopen("/proc/meminfo", "re");
	size_t len = strlen(key);
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, len) && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	if (file)
		fclose(file);
	return value;
}
