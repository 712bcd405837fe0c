// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For the fault sweep: the kernel's fault injection in debugfs.
 */
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "probe.h"

static const char * const sources[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

static const size_t n_sources = sizeof(sources) / sizeof(*sources);

static void set_knob(const char *source, const char *knob, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", source, knob);
	file = fopen(path, "we");
	if (!file || fputs(value, file) < 0 || fclose(file))
		fatal(path);
}

/* Every allocation may fail, and none says so in the kernel log. */
void knobs_set_up(void)
{
	for (size_t i = 0; i < n_sources; i++) {
		set_knob(sources[i], "probability", "0");
		set_knob(sources[i], "interval", "1");
		set_knob(sources[i], "times", "-1");
		set_knob(sources[i], "space", "0");
		set_knob(sources[i], "verbose", "0");
		set_knob(sources[i], "task-filter", "N");
		set_knob(sources[i], "stacktrace-depth", "32");
	}
	set_knob("failslab", "ignore-gfp-wait", "N");
	set_knob("fail_page_alloc", "ignore-gfp-wait", "N");
	set_knob("fail_page_alloc", "ignore-gfp-highmem", "N");
	set_knob("fail_page_alloc", "min-order", "0");
}

struct range {
	unsigned long long start;
	unsigned long long end;
};

static bool next_symbol(FILE *file, unsigned long long *addr, char *name,
			char *module)
{
	char line[512], type = 0;

	do {
		if (!fgets(line, sizeof(line), file))
			return false;
		*module = '\0';
		sscanf(line, "%llx %c %255s [%63[^]]]", addr, &type, name, module);
	} while (!strchr("tT", type) || !*addr);
	return true;
}

/* The code of the module, from its first function to its last. */
static struct range find_module(const char *which)
{
	struct range range = { .start = -1ULL };
	char name[256], module[64];
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long addr;

	while (file && next_symbol(file, &addr, name, module)) {
		if (strcmp(module, which))
			continue;
		if (addr < range.start)
			range.start = addr;
		if (addr > range.end)
			range.end = addr;
	}
	if (!range.end)
		fatal("/proc/kallsyms: no vduse");
	fclose(file);
	range.end = (range.end | 4095) + 1;
	return range;
}

/* A function, up to whatever comes next; empty if there is none. */
static struct range find_function(const char *which)
{
	struct range range = { 0 };
	char name[256], module[64];
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long addr;

	if (!file)
		fatal("/proc/kallsyms");
	while (next_symbol(file, &addr, name, module))
		if (!strcmp(name, which))
			range.start = addr;
	rewind(file);
	while (range.start && next_symbol(file, &addr, name, module))
		if (addr > range.start && (!range.end || addr < range.end))
			range.end = addr;
	fclose(file);
	return range;
}

static void set_range(const char *start_knob, const char *end_knob,
		      struct range range)
{
	char start[32], end[32];

	snprintf(start, sizeof(start), "0x%llx", range.start);
	snprintf(end, sizeof(end), "0x%llx", range.end);
	for (size_t i = 0; i < n_sources; i++) {
		set_knob(sources[i], start_knob, start);
		set_knob(sources[i], end_knob, end);
	}
}

/*
 * Where the kernel makes its cache of I/O addresses, it cannot fail: Linux 6.12
 * frees a NULL pointer there that kmem_cache_free() does not take.
 */
void knobs_only_ours(bool ours)
{
	const struct range all = { .end = -1ULL };

	set_range("require-start", "require-end",
		  ours ? find_module("vduse") : all);
	set_range("reject-start", "reject-end",
		  find_function("iova_domain_init_rcaches"));
}

void knobs_probability(const char *percent)
{
	set_knob("failslab", "probability", percent);
	set_knob("fail_page_alloc", "probability", percent);
}
