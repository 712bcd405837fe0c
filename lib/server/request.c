// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The life of a request on its data thread: popped into a slot, parsed, given
 * to the backend, and pushed back when that is done. Nothing here allocates.
 */
#include <linux/virtio_blk.h>
#include <sys/mman.h>

#include "lib/kernel/device.h"
#include "lib/server/queue.h"
#include "lib/server/trouble.h"

/* At a time: what is done already is published before more is taken. */
#define TAKE_MAX 64
#define TAKE_BYTES_MAX (UINT64_C(64) << 20)

int vdu__slots_init(struct vdu__queue *queue)
{
	size_t total;

	queue->slot_bytes = sizeof(struct vdu__slot) +
			    queue->max_size * sizeof(struct iovec);
	queue->slot_bytes = (queue->slot_bytes + 63) & ~(size_t)63;
	total = queue->slot_bytes * queue->max_size;
	/* Untouched slots cost no memory; the free list below is built late. */
	queue->slots = mmap(NULL, total, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (queue->slots == MAP_FAILED) {
		queue->slots = NULL;
		return -ENOMEM;
	}
	return 0;
}

void vdu__slots_free(struct vdu__queue *queue)
{
	if (queue->slots)
		(void)munmap(queue->slots,
			     queue->slot_bytes * queue->max_size);
	queue->slots = NULL;
}

struct vdu__slot *vdu__slot(const struct vdu__queue *queue, unsigned int i)
{
	return (struct vdu__slot *)(void *)(queue->slots +
					    i * queue->slot_bytes);
}

/* The last one given back first: it is the one in the cache. */
static struct vdu__slot *get_slot(struct vdu__queue *queue)
{
	struct vdu__slot *slot = queue->free_slots;

	if (slot) {
		queue->free_slots = slot->next_free;
	} else if (queue->used_slots < queue->max_size) {
		slot = vdu__slot(queue, queue->used_slots);
		/* Released by the store: the control thread walks up to here. */
		atomic_store(&queue->used_slots, queue->used_slots + 1);
	}
	if (slot) {
		slot->chain.iov = slot->iov;
		slot->chain.max_iov = queue->max_size;
	}
	return slot;
}

static void put_slot(struct vdu__queue *queue, struct vdu__slot *slot)
{
	atomic_store_explicit(&slot->shown_type, 0, memory_order_relaxed);
	slot->next_free = queue->free_slots;
	queue->free_slots = slot;
}

static void show(struct vdu__queue *queue, struct vdu__slot *slot)
{
	const struct vdu__blk_request *req = &slot->req;
	uint64_t bytes = req->bytes, sector = req->sector;

	for (unsigned int i = 0; i < req->n_ranges; i++) {
		bytes += req->ranges[i].len;
		if (i == 0)
			sector = req->ranges[i].offset / 512;
	}
	slot->start_ns = queue->now_ns;
	atomic_store_explicit(&slot->shown_sector, sector,
			      memory_order_relaxed);
	atomic_store_explicit(&slot->shown_bytes, bytes, memory_order_relaxed);
	atomic_store_explicit(&slot->shown_start_ns, queue->now_ns,
			      memory_order_relaxed);
	atomic_store_explicit(&slot->shown_head, slot->chain.head,
			      memory_order_relaxed);
	atomic_store_explicit(&slot->shown_type, req->type + 1,
			      memory_order_release);
}

static void finish(struct vdu__queue *queue, struct vdu__slot *slot,
		   uint8_t status, uint32_t data_len)
{
	uint32_t len = vdu__blk_finish(&slot->req, status, data_len);

	if (status != VIRTIO_BLK_S_OK)
		vdu__count(&queue->stats.errors, 1);
	vdu__ring_push(&queue->ring, slot->chain.head, len);
	queue->unpublished++;
	put_slot(queue, slot);
}

/*
 * What the kernel could not bring to the medium it reports once, and holds for
 * clean from then on: syncing again would succeed. So one sync that failed
 * fails all that come after it, by whichever queue or server, until the driver
 * begins anew. A durable write that fails for another reason than EIO has
 * failed by itself, most likely for want of space.
 */
static int result_of_sync(struct vdu__queue *queue, const struct vdu__io *io,
			  int r)
{
	bool flush = io->op == VDU_IO_FLUSH;

	if (!flush && !io->durable)
		return r;
	if (r < 0 && (flush || r == -EIO))
		atomic_store(queue->lost, (uint32_t)-r);
	return r < 0 ? r : -(int)atomic_load(queue->lost);
}

bool vdu__queue_cut_off(struct vdu__queue *queue)
{
	queue->cut_off = queue->cut_off || vdu__device_cut_off(queue->device_fd);
	return queue->cut_off;
}

/* A write that is not durable when it is done. */
static bool is_volatile(const struct vdu__io *io)
{
	return !io->durable &&
	       (io->op == VDU_IO_WRITE || io->op == VDU_IO_WRITE_ZEROES);
}

static void finish_io(struct vdu__queue *queue, struct vdu__slot *slot, int r)
{
	const struct vdu__blk_request *req = &slot->req;
	bool read = slot->io.op == VDU_IO_READ;

	/* Copied here, not by the kernel, which would have said so. */
	if (r == 0 && atomic_load(&queue->iotlb->torn))
		r = -EFAULT;
	r = result_of_sync(queue, &slot->io, r);
	/* Or its memory is gone, and with it this server's right to answer. */
	if (r == -EFAULT)
		(void)vdu__queue_cut_off(queue);
	if (r < 0 && !queue->cut_off)
		vdu__trouble_note(queue, slot->io.op,
			atomic_load_explicit(&slot->shown_sector,
					     memory_order_relaxed), r);
	queue->volatile_writes -= is_volatile(&slot->io);
	atomic_store_explicit(&queue->in_flight, queue->in_flight - 1,
			      memory_order_relaxed);
	/* Begun in this very turn: it has lasted until the turn ends. */
	if (slot->start_ns == queue->now_ns)
		queue->at_once++;
	else
		vdu__stats_latency(&queue->stats,
				   (queue->now_ns - slot->start_ns) / 1000, 1);
	if (r == 0 && read)
		vdu__count(&queue->stats.read_bytes, req->bytes);
	if (r == 0 && slot->io.op == VDU_IO_WRITE)
		vdu__count(&queue->stats.write_bytes, req->bytes);
	finish(queue, slot, r < 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK,
	       read && r == 0 ? (uint32_t)req->bytes : 0);
}

static void fill_io(struct vdu__queue *queue, struct vdu__slot *slot)
{
	const struct vdu__blk_request *req = &slot->req;
	struct vdu__io *io = &slot->io;

	*io = (struct vdu__io){
		.fd = queue->backend_fd,
		.registered = queue->registered,
		.at_once = &queue->paces,
		.offset = req->sector * 512,
		.len = req->bytes,
		.iov = req->data,
		.n_iov = req->n_data,
		.ranges = req->ranges,
		.n_ranges = req->n_ranges,
	};
	switch (req->type) {
	case VIRTIO_BLK_T_IN:
		io->op = VDU_IO_READ;
		break;
	case VIRTIO_BLK_T_OUT:
		io->op = VDU_IO_WRITE;
		io->durable = queue->write_through;
		break;
	case VIRTIO_BLK_T_DISCARD:
		io->op = VDU_IO_DISCARD;
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		io->op = VDU_IO_WRITE_ZEROES;
		io->durable = queue->write_through;
		break;
	default:
		io->op = VDU_IO_FLUSH;
		break;
	}
}

static void submit(struct vdu__queue *queue, struct vdu__slot *slot)
{
	int r;

	fill_io(queue, slot);
	show(queue, slot);
	vdu__count(&queue->stats.ops[slot->io.op], 1);
	vdu__count(&queue->stats.syncs,
		   slot->io.op == VDU_IO_FLUSH || slot->io.durable);
	queue->volatile_writes += is_volatile(&slot->io);
	atomic_store_explicit(&queue->in_flight, queue->in_flight + 1,
			      memory_order_relaxed);
	r = queue->backend->ops->submit(queue->backend, &slot->io,
					&queue->uring);
	if (r != VDU_IO_PENDING)
		finish_io(queue, slot, r);
}

static void begin(struct vdu__queue *queue, struct vdu__slot *slot)
{
	bool malformed = false;
	enum vdu__blk_next next;
	uint8_t status;
	uint32_t len;

	next = vdu__blk_parse(&queue->rules, &slot->chain, &slot->req, &status,
			      &len, &malformed);
	/* What was read of it may be zeroes that nobody wrote. */
	if (atomic_load(&queue->iotlb->torn)) {
		next = VDU_BLK_DONE;
		status = VIRTIO_BLK_S_IOERR;
		len = 0;
		malformed = true;
	}
	if (next == VDU_BLK_SUBMIT) {
		submit(queue, slot);
		return;
	}
	if (malformed)
		vdu__count(&queue->stats.malformed, 1);
	else if (slot->req.type == VIRTIO_BLK_T_GET_ID)
		vdu__count(&queue->stats.get_ids, 1);
	finish(queue, slot, status, len);
}

/*
 * The work there was with a request, in bytes: finding an address among many
 * regions is like copying a page.
 */
static uint64_t weight(const struct vdu__slot *slot)
{
	const struct vdu__blk_request *req = &slot->req;
	uint64_t bytes = req->bytes + slot->chain.steps * UINT64_C(4096);

	for (unsigned int i = 0; i < req->n_ranges; i++)
		bytes += req->ranges[i].len;
	return bytes;
}

static void recover_some(struct vdu__queue *queue)
{
	struct vdu__slot *slot;
	uint64_t bytes = 0;
	int head;

	while (bytes < TAKE_BYTES_MAX &&
	       (head = vdu__inflight_next(queue->inflight, &queue->ring,
					  &queue->recovered)) >= 0 &&
	       (slot = get_slot(queue))) {
		vdu__ring_retake(&queue->ring, (uint16_t)head, &slot->chain);
		begin(queue, slot);
		bytes += weight(slot);
	}
	queue->recovering = bytes >= TAKE_BYTES_MAX;
}

void vdu__requests_recover(struct vdu__queue *queue)
{
	vdu__inflight_recover(queue->inflight, &queue->ring);
	queue->recovered = 0;
	recover_some(queue);
}

bool vdu__requests_take(struct vdu__queue *queue)
{
	struct vdu__slot *slot;
	uint64_t bytes = 0;
	int r = 0;

	/* Only behind what was left does the ring tell what is new. */
	if (queue->recovering) {
		recover_some(queue);
		return true;
	}
	for (unsigned int i = 0; i < TAKE_MAX && bytes < TAKE_BYTES_MAX &&
	     (slot = get_slot(queue)); i++) {
		r = vdu__ring_pop(&queue->ring, &slot->chain);
		if (r != 1) {
			put_slot(queue, slot);
			break;
		}
		/* A head from torn memory may be one that nobody gave. */
		if (!atomic_load(&queue->iotlb->torn))
			vdu__inflight_take(queue->inflight, &queue->ring,
					   slot->chain.head);
		begin(queue, slot);
		bytes += weight(slot);
	}
	atomic_store_explicit(&queue->last_avail, queue->ring.last_avail,
			      memory_order_relaxed);
	if (r < 0)
		atomic_store(&queue->broken, true);
	return bytes >= TAKE_BYTES_MAX;
}

void vdu__request_complete(struct vdu__queue *queue, struct vdu__slot *slot,
			   int res)
{
	int r = queue->backend->ops->complete(queue->backend, &slot->io, res,
					      &queue->uring);

	if (r != VDU_IO_PENDING)
		finish_io(queue, slot, r);
}
