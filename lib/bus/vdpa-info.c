// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the vDPA bus says of a device: DEV_GET and DEV_CONFIG_GET. */
#include <linux/vdpa.h>
#include <netlink/attr.h>
#include <string.h>

#include "lib/bus/bus.h"
#include "lib/bus/genl.h"
#include "lib/uapi.h"
#include "lib/util/child.h"

/* Which attribute fills which field; the kernel chooses the width. */
struct map {
	uint16_t attr;
	uint8_t field;			/* enum vdu_vdpa_field */
	uint8_t width;			/* of the member: 4 or 8 */
	uint16_t offset;
};

#define MAP(attr_, field_, member_) { \
	.attr = (attr_), .field = (field_), \
	.width = sizeof(((struct vdu_vdpa_info *)0)->member_), \
	.offset = offsetof(struct vdu_vdpa_info, member_) }

static const struct map maps[] = {
	MAP(VDPA_ATTR_DEV_ID, VDU_VDPA_DEVICE_ID, device_id),
	MAP(VDPA_ATTR_DEV_VENDOR_ID, VDU_VDPA_VENDOR_ID, vendor_id),
	MAP(VDPA_ATTR_DEV_MAX_VQS, VDU_VDPA_MAX_VQS, max_vqs),
	MAP(VDPA_ATTR_DEV_MAX_VQ_SIZE, VDU_VDPA_MAX_VQ_SIZE, max_vq_size),
	MAP(VDPA_ATTR_DEV_MIN_VQ_SIZE, VDU_VDPA_MIN_VQ_SIZE, min_vq_size),
	MAP(VDPA_ATTR_DEV_FEATURES, VDU_VDPA_DEVICE_FEATURES, device_features),
	MAP(VDPA_ATTR_DEV_NEGOTIATED_FEATURES, VDU_VDPA_DRIVER_FEATURES,
	    driver_features),
	MAP(VDU__VDPA_ATTR_BLK_CAPACITY, VDU_VDPA_CAPACITY, capacity),
	MAP(VDU__VDPA_ATTR_BLK_SIZE_MAX, VDU_VDPA_SIZE_MAX, size_max),
	MAP(VDU__VDPA_ATTR_BLK_BLK_SIZE, VDU_VDPA_BLK_SIZE, blk_size),
	MAP(VDU__VDPA_ATTR_BLK_SEG_MAX, VDU_VDPA_SEG_MAX, seg_max),
	MAP(VDU__VDPA_ATTR_BLK_NUM_QUEUES, VDU_VDPA_NUM_QUEUES, num_queues),
	MAP(VDU__VDPA_ATTR_BLK_PHY_BLK_EXP, VDU_VDPA_PHYS_BLOCK_EXP,
	    phys_block_exp),
	MAP(VDU__VDPA_ATTR_BLK_ALIGN_OFFSET, VDU_VDPA_ALIGNMENT_OFFSET,
	    alignment_offset),
	MAP(VDU__VDPA_ATTR_BLK_MIN_IO, VDU_VDPA_MIN_IO_SIZE, min_io_size),
	MAP(VDU__VDPA_ATTR_BLK_OPT_IO, VDU_VDPA_OPT_IO_SIZE, opt_io_size),
	MAP(VDU__VDPA_ATTR_BLK_MAX_DISCARD_SEC, VDU_VDPA_MAX_DISCARD_SECTORS,
	    max_discard_sectors),
	MAP(VDU__VDPA_ATTR_BLK_MAX_DISCARD_SEG, VDU_VDPA_MAX_DISCARD_SEG,
	    max_discard_seg),
	MAP(VDU__VDPA_ATTR_BLK_DISCARD_ALIGN, VDU_VDPA_DISCARD_ALIGNMENT,
	    discard_alignment),
	MAP(VDU__VDPA_ATTR_BLK_MAX_WZ_SEC, VDU_VDPA_MAX_WRITE_ZEROES_SECTORS,
	    max_write_zeroes_sectors),
	MAP(VDU__VDPA_ATTR_BLK_MAX_WZ_SEG, VDU_VDPA_MAX_WRITE_ZEROES_SEG,
	    max_write_zeroes_seg),
	MAP(VDU__VDPA_ATTR_BLK_READ_ONLY, VDU_VDPA_READ_ONLY, read_only),
	MAP(VDU__VDPA_ATTR_BLK_FLUSH, VDU_VDPA_FLUSH, flush),
};

static uint64_t number(const struct nlattr *attr)
{
	switch (nla_len(attr)) {
	case 1:
		return nla_get_u8(attr);
	case 2:
		return nla_get_u16(attr);
	case 4:
		return nla_get_u32(attr);
	case 8:
		return nla_get_u64(attr);
	default:
		return 0;
	}
}

static void take_attrs(struct nlattr *const attrs[], void *data)
{
	struct vdu_vdpa_info *info = data;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		const struct map *map = &maps[i];
		char *member = (char *)info + map->offset;
		uint64_t value64;
		uint32_t value32;

		if (!attrs[map->attr])
			continue;
		value64 = number(attrs[map->attr]);
		value32 = (uint32_t)value64;
		if (map->width == sizeof(value64))
			memcpy(member, &value64, sizeof(value64));
		else
			memcpy(member, &value32, sizeof(value32));
		info->present |= UINT64_C(1) << map->field;
	}
}

struct request {
	char name[256];
	struct vdu_vdpa_info info;
};

static int ask(struct vdu__genl *genl, uint8_t command, struct request *request)
{
	struct nl_msg *msg = vdu__genl_msg(genl, command);

	if (!msg)
		return -ENOMEM;
	if (nla_put_string(msg, VDPA_ATTR_DEV_NAME, request->name) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return vdu__genl_request(genl, msg, take_attrs, &request->info);
}

static int info_child(struct vdu_ctx *ctx, void *data, struct vdu_error *err)
{
	CLEANUP(vdu__genl_close) struct vdu__genl genl = { 0 };
	struct request *request = data;
	char words[220];
	int r = vdu__genl_open(&genl, err);

	(void)ctx;
	if (r < 0)
		return r;
	r = ask(&genl, VDPA_CMD_DEV_GET, request);
	/* Only block and network devices have a configuration to show. */
	if (r == 0)
		r = ask(&genl, VDPA_CMD_DEV_CONFIG_GET, request);
	if (r == -EOPNOTSUPP)
		r = 0;
	if (r < 0)
		return vdu__fail(err, VDU_STAGE_ATTACH,
				 r == -ENODEV ? -ENOENT : r,
				 "cannot ask the vDPA bus about '%s': %s%s",
				 request->name, strerror(-r),
				 vdu__genl_words(&genl, words, sizeof(words)));
	return 0;
}

PUBLIC int vdu_vdpa_info(struct vdu_ctx *ctx, const char *name,
			 struct vdu_vdpa_info *ret, struct vdu_error *err)
{
	struct request request = { 0 };
	size_t size = ret->size_of;
	int r;

	if (!vdu__device_attached(ctx, name) ||
	    strlen(name) >= sizeof(request.name))
		return vdu__fail(err, VDU_STAGE_LOOKUP, -ENOENT,
				 "'%s' is not on the vDPA bus", name);
	memcpy(request.name, name, strlen(name) + 1);
	r = vdu__in_child(ctx, "asking the vDPA bus", info_child, &request,
			  sizeof(request), err);
	if (r < 0)
		return r;
	request.info.size_of = size;
	memcpy(ret, &request.info, MIN(size, sizeof(request.info)));
	return 0;
}
