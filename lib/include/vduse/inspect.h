// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What VDUSE devices exist on this host and in what state, foreign ones too.
 *
 * A list is a snapshot of sysfs and of the run directory, or of what our kernel
 * module tells (vduse/module.h) in place of sysfs: it asks neither a server nor
 * netlink, so it cannot hang behind either.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vduse/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vdu_ctx;
struct vdu_list;
struct vdu_dev;

/* Sorted by name, digits by value (blk2 before blk10). */
int vdu_list_new(struct vdu_ctx *ctx, struct vdu_list **ret,
		 struct vdu_error *err);
/* Only the device of that name; -ENOENT if there is none. */
int vdu_list_new_one(struct vdu_ctx *ctx, const char *name,
		     struct vdu_list **ret, struct vdu_error *err);
/* Accepts NULL; returns NULL. Ends the life of its devices. */
struct vdu_list *vdu_list_free(struct vdu_list *list);

struct vdu_dev *vdu_list_first(struct vdu_list *list);
struct vdu_dev *vdu_list_next(struct vdu_list *list, struct vdu_dev *dev);

/* Strings belong to the device and are "" when not known. */
const char *vdu_dev_name(struct vdu_dev *dev);
const char *vdu_dev_type(struct vdu_dev *dev);	/* "blk", "net", "fs", "" */
/* created, serving, bound, stalled or broken: ARCHITECTURE.md, states */
const char *vdu_dev_state(struct vdu_dev *dev);
const char *vdu_dev_owner(struct vdu_dev *dev);	/* "vdusectl", "foreign" */
const char *vdu_dev_driver(struct vdu_dev *dev);/* "virtio", "vhost", ... */
const char *vdu_dev_node(struct vdu_dev *dev);	/* "/dev/vda" */
const char *vdu_dev_backend(struct vdu_dev *dev);/* "file:/x", "memory" */
const char *vdu_dev_serial(struct vdu_dev *dev);
pid_t vdu_dev_pid(struct vdu_dev *dev);		/* of the server; 0: none */
/* The numbers are -1 when not known. */
int64_t vdu_dev_size_bytes(struct vdu_dev *dev);
int64_t vdu_dev_block_size(struct vdu_dev *dev);
int64_t vdu_dev_n_queues(struct vdu_dev *dev);
int64_t vdu_dev_queue_size(struct vdu_dev *dev);
int vdu_dev_read_only(struct vdu_dev *dev);
int vdu_dev_attached(struct vdu_dev *dev);	/* on the vDPA bus: 0, 1 */
int vdu_dev_persist(struct vdu_dev *dev);	/* comes back after a reboot */
/* With the stock module on virtio_vdpa only. */
int64_t vdu_dev_virtio_status(struct vdu_dev *dev);
/* A broken device that a reset mends; -1 with the stock module, which has none. */
int vdu_dev_needs_reset(struct vdu_dev *dev);
int64_t vdu_dev_msg_timeout(struct vdu_dev *dev);   /* seconds; 0: for ever */
int64_t vdu_dev_bounce_size(struct vdu_dev *dev);   /* bytes */

/* Of a device of ours: "queue" or "fail=30"; else "". */
const char *vdu_dev_on_death(struct vdu_dev *dev);
/* What its supervisor has done; it may be gone. */
struct vdu_supervision {
	size_t size_of;			/* set by the caller */
	pid_t pid;			/* of the supervisor; 0: none */
	uint64_t restarts;		/* of the server, all in all */
	int failing;			/* requests fail, by on_death */
	char last_exit[256];		/* "killed by signal 9", or "" */
};
void vdu_dev_supervision(struct vdu_dev *dev, struct vdu_supervision *ret);

/*
 * Who uses the node of a device: mounts, swap, dm and md, open files, VMs.
 * text gets one line ("mounted on /mnt, open in pid 12 (qemu)"). Returns the
 * number of holders, 0 if free; counts also those in other namespaces.
 */
int vdu_holders(struct vdu_ctx *ctx, const char *name,
		char *text, size_t text_size, struct vdu_error *err);

/*
 * Open the disk of a device that is bound to virtio, with flags as open(2) has
 * them; for writing only if nobody else uses it, as exclusively as the kernel
 * can. The fd, or: -ENOTCONN it is bound to no driver; -EOPNOTSUPP a VM's, or
 * no disk; -EBUSY with the holders as text; -ENOENT (VDU_STAGE_SERVER): it is
 * not served, so that I/O would wait.
 */
int vdu_open_disk(struct vdu_ctx *ctx, const char *name, int flags,
		  struct vdu_error *err);

/* What the vDPA bus says of an attached device, by netlink. */
struct vdu_vdpa_info {
	size_t size_of;			/* set by the caller */
	uint64_t present;		/* bit 1 << VDU_VDPA_x: field is known */
	uint32_t device_id, vendor_id, max_vqs;
	uint32_t max_vq_size, min_vq_size;
	uint64_t device_features, driver_features;
	uint64_t capacity;		/* 512-byte sectors */
	uint32_t size_max, blk_size, seg_max, num_queues;
	uint32_t phys_block_exp, alignment_offset, min_io_size, opt_io_size;
	uint32_t max_discard_sectors, max_discard_seg, discard_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint32_t read_only, flush;
};
enum vdu_vdpa_field {
	VDU_VDPA_DEVICE_ID, VDU_VDPA_VENDOR_ID, VDU_VDPA_MAX_VQS,
	VDU_VDPA_MAX_VQ_SIZE, VDU_VDPA_MIN_VQ_SIZE,
	VDU_VDPA_DEVICE_FEATURES, VDU_VDPA_DRIVER_FEATURES,
	VDU_VDPA_CAPACITY, VDU_VDPA_SIZE_MAX, VDU_VDPA_BLK_SIZE,
	VDU_VDPA_SEG_MAX, VDU_VDPA_NUM_QUEUES, VDU_VDPA_PHYS_BLOCK_EXP,
	VDU_VDPA_ALIGNMENT_OFFSET, VDU_VDPA_MIN_IO_SIZE, VDU_VDPA_OPT_IO_SIZE,
	VDU_VDPA_MAX_DISCARD_SECTORS, VDU_VDPA_MAX_DISCARD_SEG,
	VDU_VDPA_DISCARD_ALIGNMENT, VDU_VDPA_MAX_WRITE_ZEROES_SECTORS,
	VDU_VDPA_MAX_WRITE_ZEROES_SEG, VDU_VDPA_READ_ONLY, VDU_VDPA_FLUSH,
};

/* -ENOENT: not attached. Runs in a watched child: see ARCHITECTURE.md. */
int vdu_vdpa_info(struct vdu_ctx *ctx, const char *name,
		  struct vdu_vdpa_info *ret, struct vdu_error *err);

/* The event stream: kernel uevents of VDUSE, vDPA, virtio and their nodes. */
struct vdu_monitor;
struct vdu_event {
	size_t size_of;			/* set by the caller */
	uint64_t seqnum;
	char action[16];		/* add, remove, bind, unbind, change */
	char subsystem[32];		/* vduse, vdpa, virtio, block, net, ... */
	char device[65];		/* VDUSE device it belongs to, or "" */
	char devpath[256];
	char devnode[64];		/* "/dev/vda" or "" */
	char driver[32];
};

int vdu_monitor_new(struct vdu_ctx *ctx, struct vdu_monitor **ret,
		    struct vdu_error *err);
struct vdu_monitor *vdu_monitor_free(struct vdu_monitor *monitor);
/*
 * Wait for the next event that has to do with VDUSE. 0, -ETIMEDOUT, -EINTR.
 */
int vdu_monitor_next(struct vdu_monitor *monitor, struct vdu_event *ret,
		     struct vdu_error *err);

/* One line of the doctor's report. */
enum vdu_check_status { VDU_CHECK_OK, VDU_CHECK_WARN, VDU_CHECK_FAIL };
struct vdu_check {
	size_t size_of;			/* set by the caller */
	char name[32];			/* "control-node" */
	int status;			/* enum vdu_check_status */
	char detail[256];		/* what was found */
	char remedy[256];		/* what to do about it, or "" */
};
/* Check number index, from 0; -ENOENT behind the last. Changes nothing. */
int vdu_doctor_check(struct vdu_ctx *ctx, unsigned int index,
		     struct vdu_check *ret);

/* Something that nothing needs any more. */
enum vdu_orphan_kind {
	VDU_ORPHAN_DEVICE,	/* not ours, and nobody serves it */
	VDU_ORPHAN_ATTACHED,	/* ours, on the vDPA bus without a driver */
	VDU_ORPHAN_FILES,	/* a run directory without a device */
	VDU_ORPHAN_PROCESS,	/* a server of ours without a device */
	VDU_ORPHAN_IMAGE,	/* a default image without a device */
	VDU_ORPHAN_AUTOPROBE,	/* drivers_autoprobe, left turned off */
};
struct vdu_orphan {
	size_t size_of;
	int kind;			/* enum vdu_orphan_kind */
	char name[256];			/* of the device that it is or was of */
	pid_t pid;			/* of a process */
};
/* err: why it was left alone, NULL if it is gone. */
typedef void (*vdu_orphan_fn)(void *data, const struct vdu_orphan *orphan,
			      const struct vdu_error *err);
#define VDU_REPAIR_DRY_RUN	(1u << 0)	/* find, but change nothing */
/*
 * Clear all orphans and tell of each. What is in use or served is left alone;
 * an image that has data is not even told of. 0 if all were looked at; -ETIMEDOUT, -EINTR.
 */
int vdu_doctor_repair(struct vdu_ctx *ctx, unsigned int flags,
		      vdu_orphan_fn fn, void *data, struct vdu_error *err);

#ifdef __cplusplus
}
#endif
