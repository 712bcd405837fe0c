// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/scols.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lib/util/macro.h"

#define SONAME "libsmartcols.so.1"

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define ROW(name) { "scols_" #name, offsetof(struct scols, name) },
	SCOLS_FUNCTIONS(ROW)
#undef ROW
};

const struct scols *scols_load(void)
{
	static struct scols scols;
	static bool loaded;
	void *library, *function;
	size_t i;

	if (loaded)
		return &scols;
	library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	for (i = 0; library && i < ARRAY_SIZE(functions); i++) {
		function = dlsym(library, functions[i].name);
		if (!function)
			return NULL;
		memcpy((char *)&scols + functions[i].offset, &function,
		       sizeof(function));
	}
	loaded = library;
	return loaded ? &scols : NULL;
}
