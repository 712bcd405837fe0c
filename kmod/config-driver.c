// SPDX-License-Identifier: GPL-2.0-only
/*
 * The configuration space as drivers have it: they read the kernel's copy and
 * never wait for the server. Where the server said so, they may write, and
 * reading makes a byte 0; the server is told.
 */
#include <linux/slab.h>

#include "message.h"
#include "trace.h"

/* How many bytes of a stretch there are. */
static unsigned int vduse_config_part(struct vduse_dev *dev,
				      unsigned int offset, unsigned int len)
{
	return offset < dev->config_size ?
	       min(len, dev->config_size - offset) : 0;
}

static bool vduse_config_any(struct vduse_dev *dev, unsigned int offset,
			     unsigned int len, u8 access)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (dev->access[offset + i] & access)
			return true;
	return false;
}

static bool vduse_config_all(struct vduse_dev *dev, unsigned int offset,
			     unsigned int len, u8 access)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (!(dev->access[offset + i] & access))
			return false;
	return true;
}

/* --- reads that clear --------------------------------------------------- */

struct vduse_cleared *vduse_cleared_create(void)
{
	struct vduse_cleared *cleared;

	cleared = kzalloc(sizeof(*cleared), GFP_KERNEL_ACCOUNT);
	if (cleared)
		INIT_LIST_HEAD(&cleared->msg.node);
	return cleared;
}

static void vduse_cleared_merge(struct vduse_ext_config_cleared *into,
				const struct vduse_ext_config_cleared *more)
{
	u32 end = more->offset + more->length;

	if (into->reads) {
		end = max(end, into->offset + into->length);
		into->offset = min(into->offset, more->offset);
	} else {
		into->offset = more->offset;
	}
	into->length = end - into->offset;
	into->generation = more->generation;
	into->reads += more->reads;
}

/**
 * vduse_cleared_push - tell the server what reads have cleared
 * @dev: the device
 *
 * There is one such message, so that neither memory nor a server that does not
 * answer can hold up a read. What comes while it is under way follows it.
 */
void vduse_cleared_push(struct vduse_dev *dev)
{
	struct vduse_cleared *cleared = dev->cleared;
	struct vduse_msg *msg;

	lockdep_assert_held(&dev->msg_lock);
	if (!cleared || !cleared->next.reads || vduse_msg_refused(dev) ||
	    vduse_is_going_down())
		return;

	msg = &cleared->msg;
	if (list_empty(&msg->node)) {
		msg->req.type = VDUSE_EXT_MSG_CONFIG_CLEARED;
		memset(&msg->req.cleared, 0, sizeof(msg->req.cleared));
		msg->read = false;
		vduse_msg_queue(dev, msg);
	} else if (msg->read) {
		return;
	}
	vduse_cleared_merge(&msg->req.cleared, &cleared->next);
	cleared->next.reads = 0;
}

/* The first reader gets what is there; the generation is that of both. */
static void vduse_config_clear(struct vduse_dev *dev, unsigned int offset,
			       unsigned int len)
{
	struct vduse_ext_config_cleared now = { .reads = 1 };
	u8 *config = dev->config;
	unsigned int i;

	for (i = offset; i < offset + len; i++) {
		if (!config[i] || !(dev->access[i] & VDUSE_EXT_CLEAR))
			continue;
		config[i] = 0;
		if (!now.length)
			now.offset = i;
		now.length = i + 1 - now.offset;
	}
	if (!now.length)
		return;

	now.generation = dev->generation;
	spin_lock(&dev->msg_lock);
	dev->config_cleared++;
	vduse_cleared_merge(&dev->cleared->next, &now);
	vduse_cleared_push(dev);
	spin_unlock(&dev->msg_lock);
}

/**
 * vduse_config_read - read a stretch as it was at one moment
 * @dev: the device
 * @offset: where; may lie outside
 * @buf: where to
 * @len: how much; what the space does not have reads as 0
 *
 * A read that clears does not change the generation: a driver that saw another
 * one afterwards would read again, and lose what it has.
 */
void vduse_config_read(struct vduse_dev *dev, unsigned int offset, void *buf,
		       unsigned int len)
{
	unsigned int seq, have = vduse_config_part(dev, offset, len);

	memset(buf + have, 0, len - have);
	if (!have)
		return;

	if (dev->access &&
	    vduse_config_any(dev, offset, have, VDUSE_EXT_CLEAR)) {
		write_seqlock(&dev->config_lock);
		memcpy(buf, dev->config + offset, have);
		vduse_config_clear(dev, offset, have);
		write_sequnlock(&dev->config_lock);
		return;
	}
	do {
		seq = read_seqbegin(&dev->config_lock);
		memcpy(buf, dev->config + offset, have);
	} while (read_seqretry(&dev->config_lock, seq));
}

/* --- writes ------------------------------------------------------------- */

/**
 * struct vduse_config_write - one message's worth of a driver's write
 * @msg: the message; first, so that it is freed with it
 * @next: the piece behind it
 * @old: what was there before
 */
struct vduse_config_write {
	struct vduse_msg msg;
	struct vduse_config_write *next;
	u8 old[VDUSE_EXT_CONFIG_DATA];
};

/* It is freed as a message. */
static_assert(!offsetof(struct vduse_config_write, msg));

static void vduse_write_free(struct vduse_config_write *piece)
{
	struct vduse_config_write *next;

	for (; piece; piece = next) {
		next = piece->next;
		kfree(piece);
	}
}

static struct vduse_config_write *vduse_write_create(unsigned int offset,
						     const u8 *data,
						     unsigned int len)
{
	struct vduse_config_write *first = NULL, *piece, **end = &first;
	unsigned int part;

	for (; len; len -= part, data += part, offset += part) {
		part = min(len, VDUSE_EXT_CONFIG_DATA);
		piece = kzalloc(sizeof(*piece), GFP_NOIO | __GFP_ACCOUNT);
		if (!piece) {
			vduse_write_free(first);
			return NULL;
		}
		piece->msg.heap = true;
		piece->msg.req.type = VDUSE_EXT_MSG_CONFIG_WRITE;
		piece->msg.req.write.offset = offset;
		piece->msg.req.write.length = part;
		memcpy(piece->msg.req.write.data, data, part);
		init_completion(&piece->msg.done);
		*end = piece;
		end = &piece->next;
	}
	return first;
}

static void vduse_write_store(struct vduse_dev *dev,
			      struct vduse_config_write *piece)
{
	u32 generation = ++dev->generation;

	for (; piece; piece = piece->next) {
		struct vduse_ext_config_write *write = &piece->msg.req.write;

		memcpy(piece->old, dev->config + write->offset, write->length);
		memcpy(dev->config + write->offset, write->data, write->length);
		write->generation = generation;
	}
}

/*
 * Store the write, and tell the server in the order in which writes are stored.
 * Sets @wait: the writer is to wait for the answers; else @piece is gone.
 */
static int vduse_write_begin(struct vduse_dev *dev,
			     struct vduse_config_write *piece, bool *wait,
			     unsigned long *patience)
{
	struct vduse_config_write *next;
	int ret = 0;

	write_seqlock(&dev->config_lock);
	spin_lock(&dev->msg_lock);
	if (vduse_msg_refused(dev)) {
		ret = -EIO;
		goto unlock;
	}
	*wait |= dev->msg_posted >= VDUSE_MSG_POSTED_MAX;
	*patience = vduse_patience(dev);
	dev->config_writes++;
	vduse_write_store(dev, piece);
	for (; piece; piece = next) {
		next = piece->next;
		if (*wait)
			piece->msg.pid = task_tgid(current);
		else
			piece->msg.req.write.flags = VDUSE_EXT_M_POSTED;
		vduse_msg_queue(dev, &piece->msg);
	}
unlock:
	spin_unlock(&dev->msg_lock);
	write_sequnlock(&dev->config_lock);
	return ret;
}

/* The server refuses: bytes that nobody has changed since are as before. */
static void vduse_write_put_back(struct vduse_dev *dev,
				 const struct vduse_config_write *piece)
{
	const struct vduse_ext_config_write *write = &piece->msg.req.write;
	u8 *config = dev->config + write->offset;
	u32 i;

	write_seqlock(&dev->config_lock);
	for (i = 0; i < write->length; i++)
		if (config[i] == write->data[i])
			config[i] = piece->old[i];
	dev->generation++;
	write_sequnlock(&dev->config_lock);
}

/*
 * Once a piece is left to itself for want of an answer, nothing is waited for
 * any more. Only an acknowledged write can be refused.
 */
static int vduse_write_wait(struct vduse_dev *dev,
			    struct vduse_config_write *piece, bool acked,
			    unsigned long patience)
{
	struct vduse_config_write *next;
	int ret = 0, err;

	for (; piece; piece = next) {
		next = piece->next;
		err = vduse_msg_wait(dev, &piece->msg, patience);
		if (err == -EINPROGRESS) {
			patience = 0;
			ret = err;
			continue;
		}
		if (err && acked) {
			vduse_write_put_back(dev, piece);
			ret = err;
		}
		kfree(piece);
	}
	return ret;
}

static int vduse_config_do_write(struct vduse_dev *dev, unsigned int offset,
				 const void *data, unsigned int len)
{
	struct vduse_config_write *piece;
	bool acked, wait;
	unsigned long patience;
	int ret;

	if (!len || vduse_config_part(dev, offset, len) != len)
		return -EINVAL;
	if (!dev->access ||
	    !vduse_config_all(dev, offset, len, VDUSE_EXT_WRITABLE))
		return -EACCES;

	piece = vduse_write_create(offset, data, len);
	if (!piece)
		return -ENOMEM;
	acked = vduse_config_any(dev, offset, len, VDUSE_EXT_ACKED);
	wait = acked;
	ret = vduse_write_begin(dev, piece, &wait, &patience);
	if (ret)
		vduse_write_free(piece);
	else if (wait)
		ret = vduse_write_wait(dev, piece, acked, patience);
	return ret;
}

/**
 * vduse_config_write - a driver writes
 * @dev: the device
 * @offset: where; may lie outside
 * @data: what
 * @len: how much
 *
 * All of it, or none: what is not writable is refused, and counted, since the
 * bus has no way to say so.
 *
 * Return: 0 or an error, which the driver does not see; -EINPROGRESS: it is
 *	written, but the server has not said anything to it.
 */
int vduse_config_write(struct vduse_dev *dev, unsigned int offset,
		       const void *data, unsigned int len)
{
	int ret = vduse_config_do_write(dev, offset, data, len);

	if (ret && ret != -EINPROGRESS) {
		spin_lock(&dev->msg_lock);
		dev->config_refused++;
		spin_unlock(&dev->msg_lock);
	}
	trace_vduse_config_write(dev, offset, len, ret);
	return ret;
}
