// SPDX-License-Identifier: GPL-2.0-only
/*
 * Vendor statistics of a queue, as "vdpa dev vstats show" asks for them.
 */
#include <linux/kallsyms.h>
#include <linux/string.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "vduse.h"

/*
 * The core gives statistics of network devices only, and so does iproute2; who
 * is asked for them is asked for its type first. To that one question a device
 * with VSTATS answers that it is a network device. The question is told from
 * others by the function that it comes from, or the one that it is part of;
 * where neither is known the answer is the truth, and there are no statistics.
 */
static const char * const vduse_stats_callers[] = {
	"vdpa_dev_vendor_stats_fill",
	"vdpa_nl_cmd_dev_stats_get_doit",
};

static bool vduse_stats_asked(unsigned long caller)
{
	static unsigned long known;
	char symbol[KSYM_SYMBOL_LEN];
	unsigned int i;
	size_t len;

	if (caller == READ_ONCE(known))
		return true;

	sprint_symbol_no_offset(symbol, caller);
	for (i = 0; i < ARRAY_SIZE(vduse_stats_callers); i++) {
		len = strlen(vduse_stats_callers[i]);
		if (strncmp(symbol, vduse_stats_callers[i], len) ||
		    (symbol[len] && !strchr(" .", symbol[len])))
			continue;
		WRITE_ONCE(known, caller);
		return true;
	}
	return false;
}

/**
 * vduse_stats_device_id - the type of a device
 * @dev: the device
 * @caller: who asks
 */
u32 vduse_stats_device_id(struct vduse_dev *dev, unsigned long caller)
{
	if (vduse_ext(dev, VDUSE_EXT_VSTATS) && vduse_stats_asked(caller))
		return VIRTIO_ID_NET;
	return dev->device_id;
}

static int vduse_stats_put(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

/**
 * vduse_stats_fill - the statistics of one queue
 * @dev: the device
 * @index: which queue
 * @msg: the answer to be completed
 *
 * Return: 0, -EINVAL or -EMSGSIZE.
 */
int vduse_stats_fill(struct vduse_dev *dev, u16 index, struct sk_buff *msg)
{
	struct vduse_queue *vq;

	if (index >= dev->vq_num)
		return -EINVAL;
	vq = dev->vqs[index];
	return vduse_stats_put(msg, "kicks", READ_ONCE(vq->kicks)) ? :
	       vduse_stats_put(msg, "interrupts", READ_ONCE(vq->interrupts)) ? :
	       vduse_stats_put(msg, "size", READ_ONCE(vq->num)) ? :
	       vduse_stats_put(msg, "ready", READ_ONCE(vq->ready));
}
