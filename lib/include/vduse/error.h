// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What went wrong: a caller-owned, fixed-size record.
 *
 * Every function that can fail for a reason worth telling takes a
 * struct vdu_error pointer last; NULL is accepted everywhere. It is filled
 * once, where the fact is known, and never touched on success. The text says
 * what failed, on what and why; advice is the caller's business.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Where an operation failed; callers choose advice by (stage, code). */
enum vdu_stage {
	VDU_STAGE_NONE,
	VDU_STAGE_USAGE,	/* the request itself is wrong: a size, a name */
	VDU_STAGE_BACKEND,	/* the file, block device or memory behind it */
	VDU_STAGE_MODULE,	/* a kernel module or kernel feature is missing */
	VDU_STAGE_CONTROL,	/* /dev/vduse/control: create, destroy */
	VDU_STAGE_DEVICE,	/* /dev/vduse/NAME: queues, messages, IOTLB */
	VDU_STAGE_SERVER,	/* starting, asking or stopping the server */
	VDU_STAGE_ATTACH,	/* vdpa netlink: DEV_NEW, DEV_DEL */
	VDU_STAGE_BIND,		/* giving the device to a driver, by sysfs */
	VDU_STAGE_UNBIND,	/* taking it away */
	VDU_STAGE_NODE,		/* the node did not appear or is not the right one */
	VDU_STAGE_HOLDER,	/* somebody uses the device */
	VDU_STAGE_STATE,	/* files under /run, /var/lib: locks, specs */
	VDU_STAGE_LOOKUP,	/* no device of that name, or more than one fits */
	VDU_STAGE_CANCEL,	/* the caller asked to stop, or the time is up */
	VDU_STAGE_MAX,
};

struct vdu_error {
	int code;		/* negative errno; 0 when nothing failed */
	int stage;		/* enum vdu_stage */
	char text[500];		/* one line, no trailing newline */
};

/* Short lower-case word for a stage ("attach"); never NULL. */
const char *vdu_stage_name(int stage);

#ifdef __cplusplus
}
#endif
