/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A message to the server, between the files that handle it.
 */
#ifndef VDUSE_MESSAGE_H
#define VDUSE_MESSAGE_H

#include <linux/completion.h>
#include <linux/ktime.h>
#include <linux/list.h>

#include "vduse.h"

/* So many that nobody waits for; then who writes configuration waits. */
#define VDUSE_MSG_POSTED_MAX	64

/**
 * struct vduse_msg - a message; under msg_lock while it is in a list
 * @node: in msg_queued or msg_read, or alone once it has its answer
 * @req: what the server reads
 * @resp: what it wrote
 * @since: when it was queued
 * @pid: who waits for the answer, or NULL; NULL for good
 * @heap: it goes on without its sender, and is freed when it ends then
 * @read: the server has read it
 * @error: 0, or the errno of why it failed
 * @done: it has its answer
 */
struct vduse_msg {
	struct list_head node;
	struct vduse_request req;
	struct vduse_dev_response resp;
	ktime_t since;
	struct pid *pid;
	bool heap;
	bool read;
	int error;
	struct completion done;
};

/**
 * struct vduse_cleared - the message that bytes were cleared by reads
 * @msg: there is one of it, which grows until the server reads it
 * @next: what was cleared since then
 */
struct vduse_cleared {
	struct vduse_msg msg;
	struct vduse_ext_config_cleared next;
};

/* message.c */
void vduse_msg_queue(struct vduse_dev *dev, struct vduse_msg *msg);
void vduse_msg_end(struct vduse_dev *dev, struct vduse_msg *msg, int error);
void vduse_msg_fail_all(struct vduse_dev *dev, int error);
int vduse_msg_wait(struct vduse_dev *dev, struct vduse_msg *msg,
		   unsigned long patience);

/* wait.c */
bool vduse_msg_refused(struct vduse_dev *dev);
unsigned long vduse_patience(struct vduse_dev *dev);

/* config-driver.c */
void vduse_cleared_push(struct vduse_dev *dev);

#endif /* VDUSE_MESSAGE_H */
