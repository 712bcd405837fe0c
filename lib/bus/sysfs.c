// SPDX-License-Identifier: LGPL-2.1-or-later
/* Walking sysfs below the context's root. */
#include "lib/bus/sysfs.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/util/fs.h"

DIR *vdu__opendir_at(const struct vdu_ctx *ctx, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	if (r < 0) {
		errno = -r;
		return NULL;
	}
	return opendir(path);
}

struct dirent *vdu__readdir(DIR *dir)
{
	struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry && (!strcmp(entry->d_name, ".") ||
			 !strcmp(entry->d_name, "..")));
	return entry;
}

static bool matches(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (!len)
		return true;
	return !strncmp(name, prefix, len) && name[len] &&
	       strspn(name + len, "0123456789") == strlen(name + len);
}

int vdu__find_entry(DIR *dir, const char *prefix, char *buf, size_t size)
{
	struct dirent *entry;

	buf[0] = '\0';
	while ((entry = vdu__readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (!matches(entry->d_name, prefix) || len >= size)
			continue;
		memcpy(buf, entry->d_name, len + 1);
		return 0;
	}
	return -ENOENT;
}

int vdu__read_dev_at(const struct vdu_ctx *ctx, dev_t *ret,
		     const char *fmt, ...)
{
	char path[PATH_MAX], text[32], tail;
	unsigned int maj, min;
	ssize_t n;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	if (r < 0)
		return r;
	n = vdu__read_file(path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	if (sscanf(text, "%u:%u%c", &maj, &min, &tail) != 2)
		return -EINVAL;
	*ret = makedev(maj, min);
	return 0;
}

ssize_t vdu__link_name_at(const struct vdu_ctx *ctx, char *buf, size_t size,
			  const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	return r < 0 ? r : vdu__read_link_name(path, buf, size);
}

int vdu__write_at(const struct vdu_ctx *ctx, const char *text,
		  const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	if (r < 0)
		return r;
	vdu__debug(ctx, "sysfs: '%.*s' > %s", (int)strcspn(text, "\n"), text,
		   path);
	return vdu__write_file(path, text);
}
