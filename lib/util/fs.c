// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files as sysfs, /proc and the run directory need them. */
#include "lib/util/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vduse/parse.h>

#include "lib/util/ctx.h"
#include "lib/util/macro.h"

ssize_t vdu__read_file(const char *path, char *buf, size_t size)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

ssize_t vdu__read_at(const struct vdu_ctx *ctx, char *buf, size_t size,
		     const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	return r < 0 ? r : vdu__read_file(path, buf, size);
}

int vdu__read_u64_at(const struct vdu_ctx *ctx, uint64_t *ret,
		     const char *fmt, ...)
{
	char path[PATH_MAX], text[32];
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
	return vdu_parse_uint(text, 0, UINT64_MAX, ret);
}

int vdu__write_file(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

ssize_t vdu__read_link_name(const char *path, char *buf, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *name;
	size_t len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	len = strlen(name);
	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, name, len + 1);
	return (ssize_t)len;
}

bool vdu__exists(const struct vdu_ctx *ctx, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vdu__vpath(ctx, path, sizeof(path), fmt, ap);
	va_end(ap);
	return r == 0 && access(path, F_OK) == 0;
}

bool vdu__is_component(const char *name)
{
	return name[0] && strcmp(name, ".") && strcmp(name, "..") &&
	       !strchr(name, '/') && strlen(name) <= NAME_MAX;
}

int vdu__mkdir_p(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *p = part + 1; ; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
		if (c == '\0')
			return 0;
		*p = c;
	}
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int vdu__replace_file(const char *path, const char *text, size_t len)
{
	CLEANUP_CLOSE int fd = -EBADF;
	char tmp[PATH_MAX];
	int r;

	r = snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return -ENAMETOOLONG;
	/* A leftover of a process that died here; writers hold a lock. */
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(tmp);
	return r;
}

int vdu__remove_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0 &&
		    errno != ENOENT)
			r = -errno;
	}
	(void)closedir(dir);
	if (rmdir(path) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
