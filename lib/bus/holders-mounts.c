// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mounts of a disk or its partitions, in every mount namespace. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/bus/holders.h"
#include "lib/bus/proc-fds.h"
#include "lib/bus/sysfs.h"

#define NAMESPACES_MAX 256

struct walk {
	const struct vdu__parts *parts;
	struct vdu__holders *holders;
	ino_t own;
	unsigned int n_seen;
	ino_t seen[NAMESPACES_MAX];
};

/* The kernel writes blanks and the like as \ooo; done in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && strspn(in + 1, "01234567") >= 3) {
			int c = (in[1] - '0') * 64 + (in[2] - '0') * 8 +
				(in[3] - '0');

			*out = c < ' ' ? '?' : (char)c;
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
}

/*
 * "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS". File
 * systems over several devices (btrfs) have a number of their own there, so
 * the source counts too.
 */
static void check_line(struct walk *walk, char *line, const char *where)
{
	const struct vdu__parts *parts = walk->parts;
	char *tail = strstr(line, " - ");
	unsigned int maj, min;
	char source[128] = "";
	int start = 0, end = 0;

	if (sscanf(line, "%*d %*d %u:%u %*s %n%*s%n", &maj, &min, &start,
		   &end) < 2 || end <= start)
		return;
	if (tail)
		(void)sscanf(tail, " - %*s %127s", source);
	if (vdu__parts_find(parts, makedev(maj, min)) < 0 &&
	    vdu__parts_find_path(parts, source) < 0)
		return;
	line[end] = '\0';
	unescape(line + start);
	vdu__holders_add(walk->holders, "mounted on %s%s", line + start, where);
}

static void read_mounts(const struct vdu_ctx *ctx, pid_t pid, bool own,
			struct walk *walk)
{
	CLEANUP_FILE FILE *file = NULL;
	CLEANUP_FREE char *line = NULL;
	char path[PATH_MAX], where[64] = "";
	size_t room = 0;

	if (vdu__path(ctx, path, sizeof(path), "/proc/%d/mountinfo", pid) < 0)
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	if (!own)
		(void)snprintf(where, sizeof(where),
			       " in the mount namespace of pid %d", pid);
	while (getline(&line, &room, file) > 0)
		check_line(walk, line, where);
}

static int visit(const struct vdu_ctx *ctx, pid_t pid, void *data)
{
	struct walk *walk = data;
	char path[PATH_MAX];
	struct stat st;

	if (vdu__path(ctx, path, sizeof(path), "/proc/%d/ns/mnt", pid) < 0 ||
	    stat(path, &st) < 0)
		return 0;
	for (unsigned int i = 0; i < walk->n_seen; i++)
		if (walk->seen[i] == st.st_ino)
			return 0;
	/* Beyond that many, some are read twice; phrases stay distinct. */
	if (walk->n_seen < NAMESPACES_MAX)
		walk->seen[walk->n_seen++] = st.st_ino;
	read_mounts(ctx, pid, st.st_ino == walk->own, walk);
	return 0;
}

void vdu__holders_mounts(const struct vdu_ctx *ctx,
			 const struct vdu__parts *parts,
			 struct vdu__holders *holders)
{
	struct walk walk = { .parts = parts, .holders = holders };
	char path[PATH_MAX];
	struct stat st;

	if (vdu__path(ctx, path, sizeof(path), "/proc/self/ns/mnt") == 0 &&
	    stat(path, &st) == 0)
		walk.own = st.st_ino;
	(void)vdu__proc_each(ctx, visit, &walk);
}
