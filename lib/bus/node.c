// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Waiting for the node of a device that was just bound, and proving that it
 * is the right one. A driver that took the device is no proof: the virtio
 * driver above it may have refused, and the kernel reports success then too.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/virtio_ids.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "lib/bus/driver.h"
#include "lib/bus/sysfs.h"
#include "lib/bus/uevent.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

#define STATUS_FAILED 0x80

/* The number that sysfs gives the node; network interfaces have none. */
static int node_dev(const struct vdu_ctx *ctx, const char *name,
		    const struct vdu__binding *binding, dev_t *ret)
{
	if (binding->block[0])
		return vdu__read_dev_at(ctx, ret, "/sys/block/%s/dev",
					binding->block);
	return vdu__read_dev_at(ctx, ret, VDU__SYS_VDPA "/%s/dev", name, name,
				binding->node + strlen("/dev/"));
}

static const char *missing_node(const struct vdu_ctx *ctx, const char *name,
				const struct vdu__binding *binding)
{
	mode_t type = binding->block[0] ? S_IFBLK : S_IFCHR;
	char path[PATH_MAX];
	struct stat st;
	dev_t rdev;

	if (!binding->node[0])
		return "its driver made no node";
	if (binding->netif[0])
		return NULL;
	if (node_dev(ctx, name, binding, &rdev) < 0)
		return "its node is not in sysfs";
	if (vdu__path(ctx, path, sizeof(path), "%s", binding->node) < 0 ||
	    stat(path, &st) < 0)
		return "its node is not in /dev";
	if ((st.st_mode & S_IFMT) != type || st.st_rdev != rdev)
		return "the file in /dev is not its node";
	return NULL;
}

/* 0: there; 1: not yet, *missing says what; or a failure that will stay. */
static int check(const struct vdu_ctx *ctx, const char *name,
		 enum vdu_driver driver, struct vdu__binding *binding,
		 const char **missing, struct vdu_error *err)
{
	vdu__binding_read(ctx, name, binding);
	if (binding->driver != driver)
		return vdu__fail(err, VDU_STAGE_BIND, -EIO,
				 "the driver %s let go of '%s' again",
				 vdu__driver_name(driver), name);
	*missing = NULL;
	if (driver == VDU_DRIVER_VIRTIO) {
		int64_t status = binding->virtio_status;

		if (status == 0 || (status > 0 && (status & STATUS_FAILED)))
			return vdu__fail(err, VDU_STAGE_BIND, -EIO,
					 "the virtio driver refused the device (status 0x%02x)",
					 (unsigned int)status);
		if (!binding->virtio[0])
			*missing = "it has no virtio device";
		else if (!binding->virtio_driver)
			*missing = "no virtio driver took it";
	}
	if (!*missing)
		*missing = missing_node(ctx, name, binding);
	return *missing ? 1 : 0;
}

static void drain(struct mnl_socket *uevents)
{
	struct vdu_event event;
	int r;

	/* What happened does not matter: sysfs is read again anyway. */
	do
		r = vdu__uevent_receive(uevents, &event);
	while (r == 0 || r == -ENOBUFS);
}

struct proof {
	char node[PATH_MAX];
	char serial_path[PATH_MAX];	/* "": do not compare */
	struct vdu_blk_spec spec;
};

/* Reading the serial is a request to the server: the node is alive. */
static int prove_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	const struct proof *proof = data;
	CLEANUP_CLOSE int fd = open(proof->node, O_RDONLY | O_CLOEXEC);
	char serial[64] = "";
	uint64_t bytes;

	(void)ctx;
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		return vdu__fail(err, VDU_STAGE_NODE, -EIO,
				 "cannot open the new disk %s: %s", proof->node,
				 strerror(errno));
	if (!proof->serial_path[0])
		return 0;
	if (bytes != proof->spec.size_bytes)
		return vdu__fail(err, VDU_STAGE_NODE, -EIO,
				 "%s has %llu bytes instead of %llu",
				 proof->node, (unsigned long long)bytes,
				 (unsigned long long)proof->spec.size_bytes);
	(void)vdu__read_file(proof->serial_path, serial, sizeof(serial));
	if (strcmp(serial, proof->spec.serial) != 0)
		return vdu__fail(err, VDU_STAGE_NODE, -EIO,
				 "%s has the serial '%s' instead of '%s'",
				 proof->node, serial, proof->spec.serial);
	return 0;
}

static int prove_disk(struct vdu_ctx *ctx, const char *name,
		      const struct vdu__binding *binding, struct vdu_error *err)
{
	struct proof proof = { .spec.size_of = sizeof(proof.spec) };
	int r = vdu__path(ctx, proof.node, sizeof(proof.node), "%s",
			  binding->node);

	if (r == 0 && vdu__device_ours(ctx, name)) {
		r = vdu_blk_spec_load(ctx, name, &proof.spec, err);
		if (r < 0)
			return r;
		r = vdu__path(ctx, proof.serial_path, sizeof(proof.serial_path),
			      "/sys/block/%s/serial", binding->block);
	}
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_STATE, r, "the root is too long");
	return vdu__in_child(ctx, "reading from the new disk", prove_child,
			     &proof, sizeof(proof), err);
}

/* Normally udev does it; and there are hosts without. */
static void load_virtio_driver(struct vdu_ctx *ctx, const char *name,
			       const struct vdu__binding *binding)
{
	unsigned int id;
	char text[32];

	if (vdu__read_at(ctx, text, sizeof(text), VDU__SYS_VDPA "/%s/device",
			 name, name, binding->virtio) < 0 ||
	    sscanf(text, "0x%x", &id) != 1)
		return;
	if (id == VIRTIO_ID_NET)
		(void)vdu__module_load(ctx, "virtio_net", NULL);
	else if (id == VIRTIO_ID_BLOCK)
		(void)vdu__module_load(ctx, "virtio_blk", NULL);
}

int vdu__node_wait(struct vdu_ctx *ctx, const char *name,
		   enum vdu_driver driver, struct mnl_socket *uevents,
		   char ret_node[VDU_NODE_MAX], struct vdu_error *err)
{
	struct vdu__binding binding;
	const char *missing = "";
	int r;

	vdu__binding_read(ctx, name, &binding);
	if (binding.virtio[0] && !binding.virtio_driver &&
	    binding.virtio_status > 0 &&
	    !(binding.virtio_status & STATUS_FAILED))
		load_virtio_driver(ctx, name, &binding);
	while ((r = check(ctx, name, driver, &binding, &missing, err)) > 0) {
		vdu__debug(ctx, "bind: waiting: %s", missing);
		r = vdu__wait_fd(ctx, vdu__uevent_fd(uevents), POLLIN, -1);
		if (r < 0)
			return vdu__fail(err, VDU_STAGE_NODE, r,
					 "'%s' is bound, but %s", name, missing);
		drain(uevents);
	}
	if (r == 0 && binding.block[0])
		r = prove_disk(ctx, name, &binding, err);
	if (r == 0)
		memcpy(ret_node, binding.node, sizeof(binding.node));
	return r;
}
