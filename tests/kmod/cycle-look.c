// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel holds. The bound, for N cycles between two looks:
 *
 *	SUnreclaim, VmallocUsed, Percpu: 8 bytes a cycle, and 4 MiB of noise:
 *	caches per processor and slabs that are partly empty come and go
 *	a slab cache: one object in 10 cycles, and 1000 objects of noise
 *
 * So one leaked object of any size in each cycle exceeds it from about 1200
 * cycles on. On a kernel without SLUB_DEBUG counts of objects are of whole
 * slabs, which adds at most the noise.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "cycle.h"
#include "meminfo.h"

#define NOISE_KIB	4096
#define NOISE_OBJECTS	1000
#define SETTLE_S	10

static void read_caches(struct look *look)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	struct cache *cache;
	char line[512];

	look->n_caches = 0;
	while (file && look->n_caches < N_CACHES &&
	       fgets(line, sizeof(line), file)) {
		cache = &look->caches[look->n_caches];
		if (sscanf(line, "%39s %ld %*d %ld", cache->name,
			   &cache->objects, &cache->bytes) == 3)
			look->n_caches++;
	}
	if (file)
		fclose(file);
}

static long count_devices(void)
{
	glob_t found;
	long n = 0;

	if (!glob("/sys/class/vduse/*", 0, NULL, &found)) {
		n = (long)found.gl_pathc;
		globfree(&found);
	}
	return n;
}

/*
 * RCU and work queues free late. Shrunk caches show objects in use; the wait
 * ends when two looks agree, or after SETTLE_S seconds.
 */
void look(struct look *look)
{
	struct timespec second = { .tv_sec = 1 };
	long last = -1;

	for (int i = 0; i < SETTLE_S; i++) {
		write_text("/proc/sys/vm/drop_caches", "3");
		nanosleep(&second, NULL);
		look->unreclaimable = meminfo("SUnreclaim");
		if (look->unreclaimable == last)
			break;
		last = look->unreclaimable;
	}
	look->available = meminfo("MemAvailable");
	look->vmalloc = meminfo("VmallocUsed");
	look->percpu = meminfo("Percpu");
	look->devices = count_devices();
	read_caches(look);
}

static const struct cache *find(const struct look *look, const char *name)
{
	for (unsigned int i = 0; i < look->n_caches; i++)
		if (!strcmp(look->caches[i].name, name))
			return &look->caches[i];
	return NULL;
}

static void print_cache(const struct look *look, const char *name)
{
	const struct cache *cache = find(look, name);

	if (cache)
		printf("  %s: %ld objects\n", name, cache->objects);
}

void look_print(const char *when, const struct look *look)
{
	printf("%s: SUnreclaim %ld KiB, MemAvailable %ld KiB, VmallocUsed %ld KiB, Percpu %ld KiB, %ld nodes\n",
	       when, look->unreclaimable, look->available, look->vmalloc,
	       look->percpu, look->devices);
	print_cache(look, "iommu_iova");
	print_cache(look, "iommu_iova_magazine");
}

static int compare(const char *what, long from, long to, long bound)
{
	if (to - from <= bound)
		return 0;
	printf("FAILED: %s grew from %ld to %ld, by more than %ld\n", what,
	       from, to, bound);
	return 1;
}

int look_compare(const struct look *from, const struct look *to,
		 unsigned long cycles)
{
	long kib = NOISE_KIB + (long)cycles * 8 / 1024;
	long objects = NOISE_OBJECTS + (long)cycles / 10;
	const struct cache *cache, *old;
	int ret = 0;

	for (cache = to->caches; cache < to->caches + to->n_caches; cache++) {
		old = find(from, cache->name);
		/* Unmapped areas are freed in bulk; VmallocUsed tells. */
		if (!old || !strcmp(cache->name, "vmap_area"))
			continue;
		if (cache->objects - old->objects > objects / 4)
			printf("  %s: %+ld objects of %ld bytes\n",
			       cache->name, cache->objects - old->objects,
			       cache->bytes);
		ret |= compare(cache->name, old->objects, cache->objects,
			       objects);
	}
	ret |= compare("SUnreclaim, KiB", from->unreclaimable,
		       to->unreclaimable, kib);
	ret |= compare("VmallocUsed, KiB", from->vmalloc, to->vmalloc, kib);
	ret |= compare("Percpu, KiB", from->percpu, to->percpu, kib);
	ret |= compare("nodes of devices", from->devices, to->devices, 0);
	return ret;
}
