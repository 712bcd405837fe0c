// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mapping of a file, and which chunks of it were in the page cache when the
 * kernel was asked last. A page that was dropped since costs a wait of the data
 * thread, and comes back; a page that cannot be had raises SIGBUS, and the file
 * is not read in this way any more.
 */
#include "lib/backend/file-map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib/backend/fill.h"
#include "lib/util/sigbus.h"

/* What is asked about at a time. */
#define CHUNK_SHIFT 18
#define CHUNK_BYTES (1UL << CHUNK_SHIFT)
#define PAGES_MAX (CHUNK_BYTES / 4096)
/* How long an answer is believed. */
#define BELIEVED_MS 1000
/* Larger reads gain nothing, unless the driver has the data at once. */
#define READ_MAX CHUNK_BYTES
/* Page tables for more than this many times the memory are a burden. */
#define MEMORY_TIMES 4

struct vdu__file_map {
	char *at;
	uint64_t bytes;
	unsigned long page;
	atomic_bool torn;	/* a zero page of ours is, or will be, in there */
	/* By chunk: until when it is believed to be there, or to be not. */
	struct { _Atomic uint32_t here, away; } chunks[];
};

static bool mend(void *opaque, char *at)
{
	struct vdu__file_map *map = opaque;

	if (at < map->at || at >= map->at + map->bytes)
		return false;
	/* First: who reads the zeroes must know of it. */
	atomic_store(&map->torn, true);
	return vdu__sigbus_cover(at, map->page);
}

/* mincore(2): others are told that all is there. */
static bool is_told(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (st.st_uid == geteuid() || (st.st_mode & S_IWOTH));
}

static bool fits(uint64_t bytes)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 &&
	       bytes / MEMORY_TIMES <= (uint64_t)info.totalram * info.mem_unit;
}

struct vdu__file_map *vdu__file_map_new(int fd, uint64_t bytes)
{
	uint64_t chunks = (bytes + CHUNK_BYTES - 1) >> CHUNK_SHIFT;
	struct vdu__file_map *map;

	if (!is_told(fd) || !fits(bytes))
		return NULL;
	/* Not touched, they take no memory. */
	map = calloc(1, sizeof(*map) + chunks * sizeof(map->chunks[0]));
	if (!map)
		return NULL;
	map->bytes = bytes;
	map->page = (unsigned long)sysconf(_SC_PAGESIZE);
	map->at = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (map->at == MAP_FAILED) {
		free(map);
		return NULL;
	}
	(void)madvise(map->at, bytes, MADV_DONTDUMP);
	(void)madvise(map->at, bytes, MADV_RANDOM);
	if (vdu__sigbus_add(mend, map) < 0) {
		vdu__file_map_free(map);
		return NULL;
	}
	return map;
}

void vdu__file_map_free(struct vdu__file_map *map)
{
	if (!map)
		return;
	vdu__sigbus_remove(map);
	(void)munmap(map->at, map->bytes);
	free(map);
}

/* Ask the kernel about a chunk. */
static bool ask(struct vdu__file_map *map, uint64_t chunk, uint32_t now_ms)
{
	uint64_t start = chunk << CHUNK_SHIFT;
	size_t bytes = (size_t)MIN(map->bytes - start, CHUNK_BYTES);
	size_t pages = (bytes + map->page - 1) / map->page;
	unsigned char there[PAGES_MAX];
	bool all = true;

	if (mincore(map->at + start, bytes, there) < 0)
		return false;
	for (size_t i = 0; i < pages; i++)
		all &= there[i] & 1;
	atomic_store_explicit(all ? &map->chunks[chunk].here :
				    &map->chunks[chunk].away,
			      now_ms + BELIEVED_MS, memory_order_relaxed);
	return all;
}

/* Times run over after 49 days: what is believed too long is only a hint. */
static bool is_there(struct vdu__file_map *map, uint64_t chunk, uint32_t now_ms)
{
	uint32_t here = atomic_load_explicit(&map->chunks[chunk].here,
					     memory_order_relaxed);
	uint32_t away = atomic_load_explicit(&map->chunks[chunk].away,
					     memory_order_relaxed);

	if (here - now_ms - 1 < BELIEVED_MS)
		return true;
	if (away - now_ms - 1 < BELIEVED_MS)
		return false;
	return ask(map, chunk, now_ms);
}

bool vdu__file_map_read(struct vdu__file_map *map, const struct vdu__io *io)
{
	uint32_t now_ms = (uint32_t)(io->at_once->now_ns / 1000000);
	uint64_t chunk = io->offset >> CHUNK_SHIFT;
	uint64_t last = (io->offset + io->len - 1) >> CHUNK_SHIFT;
	const char *from = map->at + io->offset;
	uint64_t done;

	if ((io->len > READ_MAX && !io->at_once->fill) ||
	    io->offset + io->len > map->bytes || atomic_load(&map->torn))
		return false;
	for (; chunk <= last; chunk++)
		if (!is_there(map, chunk, now_ms))
			return false;
	vdu__at_once_wait(io->at_once, true);
	/* Much of it is given, or nothing of it is touched. */
	done = vdu__io_fill(io, from, io->len > READ_MAX);
	if (io->len - done <= READ_MAX)
		vdu__io_copy(io, from, done);
	vdu__at_once_wait(io->at_once, false);
	if (io->len - done > READ_MAX)
		return false;
	/* What was copied may be zeroes that the file does not have. */
	return !atomic_load(&map->torn);
}
