// SPDX-License-Identifier: GPL-2.0-or-later
/* A split virtqueue from the driver's side. */
#include <linux/vhost.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "tests/tools/vhost/mem.h"
#include "tests/tools/vhost/queue.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "ring and requests are written in host order");

/* Less than virtio allows, so that the parts share pages. */
#define RING_ALIGN 64

int queue_init(struct queue *queue, struct dev *dev, unsigned int index)
{
	queue->dev = dev;
	queue->index = index;
	queue->num = dev->num;
	queue->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	queue->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->kick_fd < 0 || queue->call_fd < 0)
		return -errno;
	queue->mem = dev_add_region(dev, vring_size(queue->num, RING_ALIGN), 1);
	queue->free_descs = calloc(queue->num, sizeof(*queue->free_descs));
	queue->next = calloc(queue->num, sizeof(*queue->next));
	queue->cookies = calloc(queue->num, sizeof(*queue->cookies));
	if (!queue->mem || !queue->free_descs || !queue->next ||
	    !queue->cookies)
		return -ENOMEM;
	vring_init(&queue->ring, queue->num, queue->mem->base, RING_ALIGN);
	return 0;
}

void queue_free(struct queue *queue)
{
	(void)close(queue->kick_fd);
	(void)close(queue->call_fd);
	free(queue->free_descs);
	free(queue->next);
	free(queue->cookies);
}

static void clear(struct queue *queue)
{
	uint64_t count;

	memset(queue->mem->base, 0, queue->mem->size);
	memset(queue->cookies, 0, queue->num * sizeof(*queue->cookies));
	queue->event_idx = dev_has(queue->dev, VIRTIO_RING_F_EVENT_IDX);
	queue->avail_idx = queue->kicked_idx = queue->last_used = 0;
	queue->n_flying = queue->n_free = 0;
	for (uint16_t i = queue->num; i > queue->dev->reserve; i--)
		queue->free_descs[queue->n_free++] = i - 1;
	/* What an earlier life left behind is not for this one. */
	(void)!read(queue->call_fd, &count, sizeof(count));
	(void)!read(queue->kick_fd, &count, sizeof(count));
}

static int set_number(const struct queue *queue, unsigned long request,
		      unsigned int value)
{
	struct vhost_vring_state state = { queue->index, value };

	return ioctl(queue->dev->fd, request, &state) < 0 ? -errno : 0;
}

static int set_file(const struct queue *queue, unsigned long request, int fd)
{
	struct vhost_vring_file file = { queue->index, fd };

	return ioctl(queue->dev->fd, request, &file) < 0 ? -errno : 0;
}

static int set_address(const struct queue *queue)
{
	struct vhost_vring_addr addr = {
		.index = queue->index,
		.desc_user_addr = mem_iova(queue->mem, queue->ring.desc),
		.avail_user_addr = mem_iova(queue->mem, queue->ring.avail),
		.used_user_addr = mem_iova(queue->mem, queue->ring.used),
	};

	return ioctl(queue->dev->fd, VHOST_SET_VRING_ADDR, &addr) < 0 ?
	       -errno : 0;
}

int queue_start(struct queue *queue)
{
	clear(queue);
	return queue_restore(queue, 0);
}

int queue_save(const struct queue *queue, uint32_t *base)
{
	struct vhost_vring_state state = { .index = queue->index };

	if (ioctl(queue->dev->fd, VHOST_GET_VRING_BASE, &state) < 0)
		return -errno;
	*base = state.num;
	return 0;
}

int queue_restore(struct queue *queue, uint32_t base)
{
	int ret = set_number(queue, VHOST_SET_VRING_NUM, queue->num);

	if (ret == 0)
		ret = set_address(queue);
	if (ret == 0)
		ret = set_number(queue, VHOST_SET_VRING_BASE, base);
	if (ret == 0)
		ret = set_file(queue, VHOST_SET_VRING_KICK, queue->kick_fd);
	if (ret == 0)
		ret = set_file(queue, VHOST_SET_VRING_CALL, queue->call_fd);
	if (ret == 0)
		ret = set_number(queue, VHOST_VDPA_SET_VRING_ENABLE, 1);
	return ret;
}

static void fill_desc(struct vring_desc *desc, const struct seg *seg,
		      bool more, uint16_t next)
{
	desc->addr = seg->iova;
	desc->len = seg->len;
	desc->flags = (uint16_t)((seg->write ? VRING_DESC_F_WRITE : 0) |
				 (more ? VRING_DESC_F_NEXT : 0));
	desc->next = more ? next : 0;
}

static uint16_t add_direct(struct queue *queue, const struct seg *segs,
			   unsigned int n)
{
	uint16_t next = queue->num, desc = 0;

	/* From the end, so that each knows its successor. */
	for (unsigned int i = n; i-- > 0; next = desc) {
		desc = queue->free_descs[--queue->n_free];
		fill_desc(&queue->ring.desc[desc], &segs[i], i < n - 1, next);
		queue->next[desc] = next;
	}
	return desc;
}

static uint16_t add_indirect(struct queue *queue, const struct seg *segs,
			     unsigned int n, struct vring_desc *table,
			     uint64_t table_iova)
{
	uint16_t head = queue->free_descs[--queue->n_free];

	for (unsigned int i = 0; i < n; i++)
		fill_desc(&table[i], &segs[i], i < n - 1, (uint16_t)(i + 1));
	queue->ring.desc[head] = (struct vring_desc){
		.addr = table_iova,
		.len = (uint32_t)(n * sizeof(*table)),
		.flags = VRING_DESC_F_INDIRECT,
	};
	queue->next[head] = queue->num;
	return head;
}

void queue_offer(struct queue *queue, uint16_t head)
{
	queue->ring.avail->ring[queue->avail_idx++ % queue->num] = head;
}

int queue_add(struct queue *queue, const struct seg *segs, unsigned int n,
	      struct vring_desc *table, uint64_t table_iova, void *cookie)
{
	uint16_t head;

	if (queue->n_free < (table ? 1 : n))
		return -ENOSPC;
	head = table ? add_indirect(queue, segs, n, table, table_iova) :
		       add_direct(queue, segs, n);
	queue->cookies[head] = cookie;
	queue->n_flying++;
	queue_offer(queue, head);
	return 0;
}

static bool device_wants_kick(const struct queue *queue)
{
	uint16_t flags, event;

	if (!queue->event_idx) {
		flags = __atomic_load_n(&queue->ring.used->flags,
					__ATOMIC_RELAXED);
		return !(flags & VRING_USED_F_NO_NOTIFY);
	}
	event = __atomic_load_n((uint16_t *)&vring_avail_event(&queue->ring),
				__ATOMIC_RELAXED);
	return vring_need_event(event, queue->avail_idx, queue->kicked_idx);
}

int queue_kick(struct queue *queue)
{
	const uint64_t one = 1;
	bool wanted;

	if (queue->avail_idx == queue->kicked_idx)
		return 0;
	__atomic_store_n(&queue->ring.avail->idx, queue->avail_idx,
			 __ATOMIC_RELEASE);
	/* The index must be out before we look whether the device sleeps. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	wanted = device_wants_kick(queue);
	queue->kicked_idx = queue->avail_idx;
	if (!wanted) {
		queue->n_kicks_spared++;
		return 0;
	}
	queue->n_kicks++;
	return write(queue->kick_fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

static bool has_used(const struct queue *queue)
{
	return __atomic_load_n(&queue->ring.used->idx, __ATOMIC_ACQUIRE) !=
	       queue->last_used;
}

int queue_wait(struct queue *queue, unsigned int timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms, count;
	struct pollfd pfd = { .fd = queue->call_fd, .events = POLLIN };
	int n;

	for (;;) {
		__atomic_store_n((uint16_t *)&vring_used_event(&queue->ring),
				 queue->last_used, __ATOMIC_RELAXED);
		/* The wish must be out before the last look. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (has_used(queue))
			return 1;
		n = poll(&pfd, 1, left_ms(deadline));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return has_used(queue) ? -ENOMSG : 0;
		if (n > 0 && read(queue->call_fd, &count, sizeof(count)) > 0)
			queue->n_calls++;
	}
}

bool queue_take_used(struct queue *queue, uint32_t *id, uint32_t *len)
{
	const vring_used_elem_t *elem;

	if (!has_used(queue))
		return false;
	elem = &queue->ring.used->ring[queue->last_used++ % queue->num];
	*id = elem->id;
	*len = elem->len;
	return true;
}

int queue_reap(struct queue *queue, void **cookie, uint32_t *len)
{
	uint32_t id;

	if (!queue_take_used(queue, &id, len))
		return 0;
	if (id >= queue->num) {
		complain("queue %u: used id %u beyond the ring", queue->index,
			 id);
		return -EPROTO;
	}
	if (!queue->cookies[id]) {
		complain("queue %u: head %u returned, but not in flight",
			 queue->index, id);
		return -EPROTO;
	}
	*cookie = queue->cookies[id];
	queue->cookies[id] = NULL;
	queue->n_flying--;
	for (uint16_t d = (uint16_t)id; d < queue->num; d = queue->next[d])
		queue->free_descs[queue->n_free++] = d;
	return 1;
}
