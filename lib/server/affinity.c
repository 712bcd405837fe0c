// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lib/server/affinity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fs.h"

#define MASK_MAX 4096	/* bytes: what sysfs prints into is a page */
#define CPUS_MAX (VDU_CPU_SETS * CPU_SETSIZE)

struct vdu__affinity {
	struct vdu_ctx *ctx;
	const char *name;
	struct vdu__cpus allowed;
	unsigned int n;
	int fds[];	/* irq_cb_affinity of each queue */
};

static unsigned int hex_digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* From the end: the first group may have less than its eight digits. */
int vdu__cpus_parse(const char *text, struct vdu__cpus *ret)
{
	size_t n = strlen(text);
	unsigned int cpu = 0;

	*ret = (struct vdu__cpus){ 0 };
	if (n == 0)
		return -EINVAL;
	for (; n > 0; n--) {
		char c = text[n - 1];

		if (c == ',' && cpu % 32 == 0 && cpu > 0)
			continue;
		if (!isxdigit((unsigned char)c) || cpu >= CPUS_MAX)
			return -EINVAL;
		for (unsigned int bit = 0; bit < 4; bit++)
			if (hex_digit(c) & 1U << bit)
				CPU_SET_S(cpu + bit, sizeof(*ret), ret->sets);
		cpu += 4;
	}
	return 0;
}

void vdu__cpus_within(struct vdu__cpus *cpus, const struct vdu__cpus *allowed)
{
	CPU_AND_S(sizeof(*cpus), cpus->sets, cpus->sets, allowed->sets);
	if (CPU_COUNT_S(sizeof(*cpus), cpus->sets) == 0)
		*cpus = *allowed;
}

static int open_mask(struct vdu_ctx *ctx, const char *name, unsigned int index)
{
	char path[PATH_MAX];
	int fd;

	if (vdu__path(ctx, path, sizeof(path),
		      "/sys/class/vduse/%s/vq%u/irq_cb_affinity", name,
		      index) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static struct vdu__affinity *fail(struct vdu_ctx *ctx,
				  struct vdu__affinity *affinity, int r)
{
	vdu__log(ctx, 4, "affinity: data threads run anywhere: %s",
		 strerror(-r));
	vdu__affinity_close(affinity);
	return NULL;
}

struct vdu__affinity *vdu__affinity_open(struct vdu_ctx *ctx, const char *name,
					 unsigned int n_queues)
{
	struct vdu__affinity *affinity =
		calloc(1, sizeof(*affinity) + n_queues * sizeof(int));

	if (!affinity)
		return fail(ctx, NULL, -ENOMEM);
	affinity->ctx = ctx;
	affinity->name = name;
	if (sched_getaffinity(0, sizeof(affinity->allowed),
			      affinity->allowed.sets) < 0)
		return fail(ctx, affinity, -errno);
	for (; affinity->n < n_queues; affinity->n++) {
		int fd = open_mask(ctx, name, affinity->n);

		if (fd < 0)
			return fail(ctx, affinity, fd);
		affinity->fds[affinity->n] = fd;
	}
	return affinity;
}

void vdu__affinity_close(struct vdu__affinity *affinity)
{
	if (!affinity)
		return;
	for (unsigned int i = 0; i < affinity->n; i++)
		(void)close(affinity->fds[i]);
	free(affinity);
}

/*
 * What the driver before it spread is still there: a block driver does not
 * clear that when it goes. In the sandbox links can be followed, not read.
 */
static bool serves_vm(const struct vdu__affinity *affinity)
{
	char path[PATH_MAX];
	struct stat driver, vhost;

	if (vdu__path(affinity->ctx, path, sizeof(path),
		      "/sys/class/vduse/%s/%s/driver", affinity->name,
		      affinity->name) < 0 || stat(path, &driver) < 0 ||
	    vdu__path(affinity->ctx, path, sizeof(path),
		      "/sys/bus/vdpa/drivers/vhost_vdpa") < 0 ||
	    stat(path, &vhost) < 0)
		return false;
	return driver.st_dev == vhost.st_dev && driver.st_ino == vhost.st_ino;
}

int vdu__affinity_read(const struct vdu__affinity *affinity, unsigned int index,
		       struct vdu__cpus *ret)
{
	char text[MASK_MAX];
	ssize_t n;
	int r;

	if (serves_vm(affinity)) {
		*ret = affinity->allowed;
		return 0;
	}
	n = pread(affinity->fds[index], text, sizeof(text) - 1, 0);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	r = vdu__cpus_parse(text, ret);
	if (r == 0)
		vdu__cpus_within(ret, &affinity->allowed);
	return r;
}

int vdu__affinity_pin(const struct vdu__cpus *cpus)
{
	/* Of this thread, 0: no other one is let through by the sandbox. */
	return sched_setaffinity(0, sizeof(*cpus), cpus->sets) < 0 ? -errno : 0;
}
