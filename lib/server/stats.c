// SPDX-License-Identifier: LGPL-2.1-or-later
/* Latency histogram of a virtqueue. */
#include "lib/server/stats.h"

/* 0..3 us one bucket each, then four for each power of two. */
static unsigned int bucket_of(uint64_t us)
{
	unsigned int log2, index;

	if (us < 4)
		return (unsigned int)us;
	log2 = 63 - (unsigned int)__builtin_clzll(us);
	index = (log2 - 1) * 4 + (unsigned int)((us >> (log2 - 2)) & 3);
	return MIN(index, VDU_LATENCY_BUCKETS - 1U);
}

static uint64_t bucket_end(unsigned int index)
{
	unsigned int log2 = index / 4 + 1;

	if (index < 4)
		return index;
	return ((UINT64_C(4) + index % 4 + 1) << (log2 - 2)) - 1;
}

void vdu__stats_latency(struct vdu__stats *stats, uint64_t us, uint64_t n)
{
	vdu__count(&stats->latency[bucket_of(us)], n);
	if (us > vdu__counted(&stats->max_us))
		atomic_store_explicit(&stats->max_us, us,
				      memory_order_relaxed);
}

uint64_t vdu__stats_percentile(const struct vdu__stats *stats,
			       unsigned int percent)
{
	uint64_t total = 0, wanted, seen = 0;

	for (unsigned int i = 0; i < VDU_LATENCY_BUCKETS; i++)
		total += vdu__counted(&stats->latency[i]);
	wanted = (total * percent + 99) / 100;
	for (unsigned int i = 0; i < VDU_LATENCY_BUCKETS && wanted; i++) {
		seen += vdu__counted(&stats->latency[i]);
		if (seen >= wanted)
			return MIN(bucket_end(i), vdu__counted(&stats->max_us));
	}
	return 0;
}
