// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Conformance probe: prints every errno and observable of the VDUSE module
 * that is loaded, one a line and always in the same words, so that the
 * outputs of two modules can be compared. Changes devices of its own only.
 *
 * usage: probe [SECTION...]
 */
#include <stdio.h>
#include <string.h>

#include "probe.h"

static const struct section {
	const char *name;
	void (*run)(void);
} sections[] = {
	{ "control", probe_control },
	{ "names", probe_names },
	{ "attrs", probe_attrs },
	{ "device", probe_device },
	{ "messages", probe_messages },
	{ "virtio", probe_virtio },
	{ "vhost", probe_vhost },
	{ "disk", probe_disk },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		bool wanted = argc < 2;

		for (int arg = 1; arg < argc; arg++)
			wanted |= !strcmp(argv[arg], sections[i].name);
		if (!wanted)
			continue;
		printf("# %s\n", sections[i].name);
		fflush(stdout);
		sections[i].run();
	}
	return 0;
}
