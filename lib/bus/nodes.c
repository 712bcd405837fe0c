// SPDX-License-Identifier: LGPL-2.1-or-later
/* The nodes of all VDUSE devices at once. */
#include "lib/bus/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bus/sysfs.h"
#include "lib/util/fs.h"

/* Take the component at *path into buf; false if there is none or no room. */
static bool take(const char **path, char *buf, size_t size)
{
	size_t len = strcspn(*path, "/");

	if (!len || len >= size)
		return false;
	memcpy(buf, *path, len);
	buf[len] = '\0';
	*path += len + ((*path)[len] == '/');
	return true;
}

/*
 * ../devices/virtual/vduse/NAME/NAME/virtio0/block/vda
 * ../../devices/virtual/vduse/NAME/NAME/vhost-vdpa-0
 */
static bool parse(const char *target, struct vdu__node *ret)
{
	const char *path = strstr(target, "/virtual/vduse/");
	char child[32], word[sizeof(ret->name)];

	if (!path)
		return false;
	path += strlen("/virtual/vduse/");
	memset(ret, 0, sizeof(*ret));
	if (!take(&path, ret->name, sizeof(ret->name)) ||
	    !take(&path, word, sizeof(word)) || strcmp(word, ret->name) ||
	    !take(&path, child, sizeof(child)))
		return false;
	if (!strncmp(child, "virtio", 6)) {
		memcpy(ret->virtio, child, sizeof(child));
		if (!take(&path, word, sizeof(word)) || strcmp(word, "block") ||
		    !take(&path, ret->block, sizeof(ret->block)) || *path)
			return false;
		memcpy(child, ret->block, sizeof(child));
	}
	(void)snprintf(ret->node, sizeof(ret->node), "/dev/%s", child);
	return true;
}

static void add_link(const struct vdu_ctx *ctx, struct vdu__nodes *nodes,
		     const char *dir, const char *entry)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct vdu__node node, *grown;
	ssize_t len;

	if (vdu__path(ctx, path, sizeof(path), "%s/%s", dir, entry) < 0)
		return;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return;
	target[len] = '\0';
	if (!parse(target, &node))
		return;
	if (nodes->n == nodes->room) {
		size_t room = nodes->room ? 2 * nodes->room : 8;

		grown = reallocarray(nodes->nodes, room, sizeof(node));
		if (!grown)
			return;
		nodes->nodes = grown;
		nodes->room = room;
	}
	nodes->nodes[nodes->n++] = node;
}

/* The major number of vhost-vdpa nodes, from "244 vhost-vdpa"; -1: none. */
static int vhost_major(const struct vdu_ctx *ctx)
{
	char text[4096], *line, *rest = text;
	int number, end;

	if (vdu__read_at(ctx, text, sizeof(text), "/proc/devices") < 0)
		return -1;
	while ((line = strsep(&rest, "\n"))) {
		end = 0;
		if (sscanf(line, "%d vhost-vdpa%n", &number, &end) == 1 && end)
			return number;
	}
	return -1;
}

static void read_links(const struct vdu_ctx *ctx, struct vdu__nodes *nodes,
		       const char *dir, const char *prefix)
{
	CLEANUP_DIR DIR *d = vdu__opendir_at(ctx, "%s", dir);
	struct dirent *entry;

	while (d && (entry = vdu__readdir(d)))
		if (!strncmp(entry->d_name, prefix, strlen(prefix)))
			add_link(ctx, nodes, dir, entry->d_name);
}

static int compare(const void *a, const void *b)
{
	const struct vdu__node *na = a, *nb = b;

	return strcmp(na->name, nb->name);
}

static void read_all(const struct vdu_ctx *ctx, struct vdu__nodes *nodes)
{
	int number = vhost_major(ctx);
	char prefix[16];

	read_links(ctx, nodes, "/sys/block", "vd");
	if (number < 0)
		return;
	(void)snprintf(prefix, sizeof(prefix), "%d:", number);
	read_links(ctx, nodes, "/sys/dev/char", prefix);
}

void vdu__nodes_read(const struct vdu_ctx *ctx, struct vdu__nodes *nodes)
{
	read_all(ctx, nodes);
	if (nodes->n)
		qsort(nodes->nodes, nodes->n, sizeof(nodes->nodes[0]), compare);
}

const struct vdu__node *vdu__nodes_find(const struct vdu__nodes *nodes,
					const char *name)
{
	struct vdu__node key;

	if (!nodes->n || strlen(name) >= sizeof(key.name))
		return NULL;
	memcpy(key.name, name, strlen(name) + 1);
	return bsearch(&key, nodes->nodes, nodes->n, sizeof(key), compare);
}
