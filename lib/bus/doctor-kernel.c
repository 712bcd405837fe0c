// SPDX-License-Identifier: LGPL-2.1-or-later
/* Checks of the kernel: version and interfaces. */
#include <fcntl.h>
#include <linux/vdpa.h>
#include <linux/vduse.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/bus/doctor.h"
#include "lib/bus/genl.h"
#include "lib/util/child.h"
#include "lib/util/fs.h"

/* A stuck server of anyone can hold generic netlink for the whole host. */
#define NETLINK_TIMEOUT_NS UINT64_C(2000000000)

void vdu__check_kernel(struct vdu_ctx *ctx, struct vdu_check *check)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	(void)ctx;
	if (uname(&uts) < 0 || sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		vdu__check_set(check, VDU_CHECK_WARN, NULL,
			       "the kernel does not tell its version");
	else if (major < 6 || (major == 6 && minor < 12))
		vdu__check_set(check, VDU_CHECK_WARN,
			       "install a kernel 6.12 or newer",
			       "Linux %s: tested from 6.12 on", uts.release);
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "Linux %s",
			       uts.release);
}

static int open_control(struct vdu_ctx *ctx)
{
	char path[PATH_MAX];
	int r = vdu__path(ctx, path, sizeof(path), "/dev/vduse/control");
	int fd;

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void vdu__check_control_node(struct vdu_ctx *ctx, struct vdu_check *check)
{
	char path[PATH_MAX];
	struct stat st;

	if (vdu__path(ctx, path, sizeof(path), "/dev/vduse/control") < 0 ||
	    stat(path, &st) < 0) {
		if (vdu__exists(ctx, "/sys/class/vduse"))
			vdu__check_set(check, VDU_CHECK_FAIL,
				       "mount -t devtmpfs devtmpfs /dev",
				       "module vduse is loaded, but /dev/vduse/control is not there");
		else
			vdu__check_set(check, VDU_CHECK_WARN, "modprobe vduse",
				       "/dev/vduse/control comes with the module");
		return;
	}
	if (access(path, R_OK | W_OK) < 0)
		vdu__check_set(check, VDU_CHECK_FAIL, "run it as root",
			       "no access to /dev/vduse/control (mode %04o, uid %u)",
			       st.st_mode & 07777, st.st_uid);
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		vdu__check_set(check, VDU_CHECK_WARN,
			       "chmod 0600 /dev/vduse/control",
			       "mode %04o lets others than its owner make devices",
			       st.st_mode & 07777);
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "mode %04o, uid %u",
			       st.st_mode & 07777, st.st_uid);
}

void vdu__check_api(struct vdu_ctx *ctx, struct vdu_check *check)
{
	CLEANUP_CLOSE int fd = open_control(ctx);
	__u64 version = 0;

	if (fd < 0)
		vdu__check_set(check, VDU_CHECK_WARN,
			       "see control-node", "cannot ask: %s",
			       strerror(-fd));
	else if (ioctl(fd, VDUSE_GET_API_VERSION, &version) < 0)
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "see which program made /dev/vduse/control",
			       "the control node does not answer: %s",
			       strerror(errno));
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL, "VDUSE API version %llu",
			       (unsigned long long)version);
}

static void note_mgmtdev(struct nlattr *const attrs[], void *data)
{
	const struct nlattr *name = attrs[VDPA_ATTR_MGMTDEV_DEV_NAME];
	bool *found = data;

	if (name && nla_len(name) >= (int)sizeof("vduse") &&
	    !memcmp(nla_data(name), "vduse", sizeof("vduse")))
		*found = true;
}

static int netlink_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	CLEANUP(vdu__genl_close) struct vdu__genl genl = { 0 };
	struct nl_msg *msg;
	int r = vdu__genl_open(&genl, err);

	(void)ctx;
	if (r < 0)
		return r;
	msg = vdu__genl_msg(&genl, VDPA_CMD_MGMTDEV_GET);
	if (!msg || nla_put_string(msg, VDPA_ATTR_MGMTDEV_DEV_NAME,
				   "vduse") < 0) {
		nlmsg_free(msg);
		return vdu__fail(err, VDU_STAGE_STATE, -ENOMEM, "no memory");
	}
	r = vdu__genl_request(&genl, msg, note_mgmtdev, data);
	/* ENODEV is an answer: the family is there, the device is not. */
	if (r < 0 && r != -ENODEV)
		return vdu__fail(err, VDU_STAGE_ATTACH, r, "%s", strerror(-r));
	return 0;
}

void vdu__check_netlink(struct vdu_ctx *ctx, struct vdu_check *check)
{
	uint64_t deadline = ctx->deadline_ns;
	uint64_t cap = vdu__now_ns() + NETLINK_TIMEOUT_NS;
	struct vdu_error err = { 0 };
	bool found = false;
	int r;

	ctx->deadline_ns = MIN(deadline, cap);
	r = vdu__in_child(ctx, "asking the vDPA bus", netlink_child, &found,
			  sizeof(found), &err);
	ctx->deadline_ns = deadline;
	if (r == -ETIMEDOUT)
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "find the stuck server: vdusectl list",
			       "generic netlink does not answer: a command waits for a dead server");
	else if (r == -ENODEV)
		vdu__check_set(check, VDU_CHECK_WARN, "modprobe vduse", "%s",
			       err.text);
	else if (r < 0)
		vdu__check_set(check, VDU_CHECK_FAIL, "see the kernel log",
			       "%s", err.text);
	else if (!found)
		vdu__check_set(check, VDU_CHECK_WARN, "modprobe vduse",
			       "the family vdpa is there, the management device vduse is not");
	else
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "family vdpa, management device vduse");
}

void vdu__check_autoprobe(struct vdu_ctx *ctx, struct vdu_check *check)
{
	bool record = vdu__exists(ctx, VDU_RUN_DIR "/.autoprobe");
	char text[8];

	if (vdu__read_at(ctx, text, sizeof(text),
			 "/sys/bus/vdpa/drivers_autoprobe") < 0)
		vdu__check_set(check, VDU_CHECK_OK, NULL,
			       "the vDPA bus is not there yet");
	else if (strcmp(text, "0"))
		vdu__check_set(check, VDU_CHECK_OK, NULL, "%s", text);
	else
		vdu__check_set(check, VDU_CHECK_WARN,
			       "echo 1 > /sys/bus/vdpa/drivers_autoprobe",
			       "0: new vDPA devices get no driver by themselves%s",
			       record ? " (left by a command that was killed; the next bind mends it)" : "");
}

void vdu__check_io_uring(struct vdu_ctx *ctx, struct vdu_check *check)
{
	uint64_t value;

	/* The switch came with 6.6; without it io_uring is on. */
	if (vdu__read_u64_at(ctx, &value,
			     "/proc/sys/kernel/io_uring_disabled") < 0 ||
	    value == 0)
		vdu__check_set(check, VDU_CHECK_OK, NULL, "allowed");
	else if (value == 1)
		vdu__check_set(check, VDU_CHECK_WARN,
			       "sysctl kernel.io_uring_disabled=0",
			       "for privileged processes only (kernel.io_uring_disabled=1)");
	else
		vdu__check_set(check, VDU_CHECK_FAIL,
			       "sysctl kernel.io_uring_disabled=0",
			       "switched off (kernel.io_uring_disabled=%llu)",
			       (unsigned long long)value);
}
