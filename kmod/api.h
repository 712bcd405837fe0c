/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What API version 1 adds to <uapi/linux/vduse.h>, as of Linux 7.0: virtqueue
 * groups and address spaces. Version 0 has zeroes there. The header that comes
 * with the kernel may be older or newer: the names here are our own.
 */
#ifndef VDUSE_API_H
#define VDUSE_API_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <uapi/linux/vduse.h>

#include "uapi/linux/vduse_ext.h"

#define VDUSE_API_GROUPS	1	/* the version */
#define VDUSE_MAX_GROUPS	0xffff
#define VDUSE_MAX_SPACES	0xffff

/**
 * struct vduse_create_args - argument of VDUSE_CREATE_DEV
 * @name: terminated
 * @vendor_id: virtio vendor
 * @device_id: virtio device type
 * @features: offered features
 * @vq_num: how many virtqueues
 * @vq_align: alignment of the rings
 * @ngroups: virtqueue groups; version 1
 * @nas: address spaces; version 1
 * @reserved: zero
 * @config_size: bytes that follow, the configuration space
 */
struct vduse_create_args {
	char name[VDUSE_NAME_MAX];
	u32 vendor_id;
	u32 device_id;
	u64 features;
	u32 vq_num;
	u32 vq_align;
	u32 ngroups;
	u32 nas;
	u32 reserved[11];
	u32 config_size;
};

static_assert(sizeof(struct vduse_create_args) ==
	      sizeof(struct vduse_dev_config));

/**
 * struct vduse_queue_args - argument of VDUSE_VQ_SETUP
 * @index: which virtqueue
 * @max_size: its greatest size
 * @reserved1: zero
 * @group: the group it belongs to; version 1
 * @reserved2: zero
 */
struct vduse_queue_args {
	u32 index;
	u16 max_size;
	u16 reserved1;
	u32 group;
	u16 reserved2[10];
};

static_assert(sizeof(struct vduse_queue_args) ==
	      sizeof(struct vduse_vq_config));

/**
 * struct vduse_umem_args - argument of VDUSE_IOTLB_REG_UMEM and DEREG_UMEM
 * @uaddr: where the memory is
 * @iova: where it appears
 * @size: bytes
 * @asid: in which address space; version 1
 * @reserved: zero
 */
struct vduse_umem_args {
	u64 uaddr;
	u64 iova;
	u64 size;
	u32 asid;
	u32 reserved[5];
};

static_assert(sizeof(struct vduse_umem_args) ==
	      sizeof(struct vduse_iova_umem));

/**
 * struct vduse_info_args - argument of VDUSE_IOTLB_GET_INFO
 * @start: first byte
 * @last: last byte
 * @capability: VDUSE_IOVA_CAP_x
 * @asid: in which address space; version 1
 * @reserved: zero
 */
struct vduse_info_args {
	u64 start;
	u64 last;
	u64 capability;
	u32 asid;
	u32 reserved[5];
};

static_assert(sizeof(struct vduse_info_args) ==
	      sizeof(struct vduse_iova_info));

/**
 * struct vduse_entry_args - argument of VDUSE_IOTLB_GET_FD and GET_FD2
 * @entry: all that the former has
 * @asid: in which address space
 * @reserved: zero
 */
struct vduse_entry_args {
	struct vduse_iotlb_entry entry;
	u32 asid;
	u32 reserved[11];
};

#define VDUSE_IOTLB_GET_FD_IN \
	_IOWR(VDUSE_BASE, 0x1b, struct vduse_entry_args)
static_assert(VDUSE_IOTLB_GET_FD_IN == 0xc050811b);

/* Type of a message: a group changes its address space. */
#define VDUSE_MSG_GROUP_ASID	3

/**
 * struct vduse_group_asid - body of that message
 * @group: which group
 * @asid: its new address space
 */
struct vduse_group_asid {
	u32 group;
	u32 asid;
};

/**
 * struct vduse_range - body of VDUSE_UPDATE_IOTLB
 * @start: first byte
 * @last: last byte
 * @asid: in which address space; version 1
 * @reserved: zero
 */
struct vduse_range {
	u64 start;
	u64 last;
	u32 asid;
	u32 reserved;
};

/**
 * struct vduse_request - what the server reads
 * @type: which message
 * @id: its number
 * @reserved: zero
 * @vq_state: of VDUSE_GET_VQ_STATE
 * @status: of VDUSE_SET_STATUS
 * @range: of VDUSE_UPDATE_IOTLB
 * @group: of VDUSE_MSG_GROUP_ASID
 * @ready: of VDUSE_EXT_MSG_QUEUE_READY
 * @write: of VDUSE_EXT_MSG_CONFIG_WRITE
 * @cleared: of VDUSE_EXT_MSG_CONFIG_CLEARED
 * @padding: the size of all of them
 */
struct vduse_request {
	u32 type;
	u32 id;
	u32 reserved[4];
	union {
		struct vduse_vq_state vq_state;
		struct vduse_dev_status status;
		struct vduse_range range;
		struct vduse_group_asid group;
		struct vduse_ext_queue_ready ready;
		struct vduse_ext_config_write write;
		struct vduse_ext_config_cleared cleared;
		u32 padding[32];
	};
};

static_assert(sizeof(struct vduse_request) ==
	      sizeof(struct vduse_dev_request));

static_assert(sizeof(struct vduse_ext_setup) == 64);
static_assert(sizeof(struct vduse_ext_queue) == 80);
static_assert(sizeof(struct vduse_ext_message) == 32);
static_assert(sizeof(struct vduse_ext_info) == 504);
static_assert(sizeof(struct vduse_ext_config) == 24);

/*
 * What the message is about: a status, a queue, a group, an address space, a
 * place in the configuration space.
 */
static inline u32 vduse_request_arg(const struct vduse_request *req)
{
	switch (req->type) {
	case VDUSE_GET_VQ_STATE:
		return req->vq_state.index;
	case VDUSE_SET_STATUS:
		return req->status.status;
	case VDUSE_UPDATE_IOTLB:
		return req->range.asid;
	case VDUSE_MSG_GROUP_ASID:
		return req->group.group;
	case VDUSE_EXT_MSG_QUEUE_READY:
		return req->ready.num;
	case VDUSE_EXT_MSG_CONFIG_WRITE:
		return req->write.offset;
	case VDUSE_EXT_MSG_CONFIG_CLEARED:
		return req->cleared.offset;
	default:
		return 0;
	}
}

#endif /* VDUSE_API_H */
