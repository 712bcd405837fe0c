// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Numbers and layouts of the kernel's interface that linux-libc-dev 6.1
 * lacks, under names of our own, with the kernel version they came with.
 */
#pragma once

/*
 * Attributes of the generic netlink family "vdpa", Linux 6.12. The header of
 * 6.1 gives number 21 another meaning (a u64 too), so 21 is not to be
 * believed from a kernel older than this list.
 */
enum vdu__vdpa_attr {
	VDU__VDPA_ATTR_BLK_CAPACITY = 21,	/* u64 */
	VDU__VDPA_ATTR_BLK_SIZE_MAX,		/* u32 */
	VDU__VDPA_ATTR_BLK_BLK_SIZE,		/* u32 */
	VDU__VDPA_ATTR_BLK_SEG_MAX,		/* u32 */
	VDU__VDPA_ATTR_BLK_NUM_QUEUES,		/* u16 */
	VDU__VDPA_ATTR_BLK_PHY_BLK_EXP,		/* u8 */
	VDU__VDPA_ATTR_BLK_ALIGN_OFFSET,	/* u8 */
	VDU__VDPA_ATTR_BLK_MIN_IO,		/* u16 */
	VDU__VDPA_ATTR_BLK_OPT_IO,		/* u32 */
	VDU__VDPA_ATTR_BLK_MAX_DISCARD_SEC,	/* u32 */
	VDU__VDPA_ATTR_BLK_MAX_DISCARD_SEG,	/* u32 */
	VDU__VDPA_ATTR_BLK_DISCARD_ALIGN,	/* u32 */
	VDU__VDPA_ATTR_BLK_MAX_WZ_SEC,		/* u32 */
	VDU__VDPA_ATTR_BLK_MAX_WZ_SEG,		/* u32 */
	VDU__VDPA_ATTR_BLK_READ_ONLY,		/* u8 */
	VDU__VDPA_ATTR_BLK_FLUSH,		/* u8 */
	VDU__VDPA_ATTR_MAX = VDU__VDPA_ATTR_BLK_FLUSH,
};
