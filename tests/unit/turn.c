// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much a data thread takes before it looks at anything else: a driver that
 * asks for gigabytes in each request of a full ring must not keep it from
 * stopping, or from saying that it lives.
 */
#include "tests/unit/driver.h"

#include <linux/virtio_blk.h>

#include "lib/server/queue.h"

#define NUM 128
#define PIECES 100
#define PIECE (1ULL << 20)
#define DATA 0x10000000ULL
#define TABLES 0x20000000ULL
#define REQUEST (PIECES * PIECE)
#define BOUND (64 * PIECE)	/* a request may cross it, the next may not */
#define LOOK_UPS (BOUND / 4096)	/* the same for looking addresses up */

static uint64_t asked;

static int submit(struct vdu__backend *backend, struct vdu__io *io,
		  struct io_uring *uring)
{
	(void)backend;
	(void)uring;
	asked += io->len;
	for (unsigned int i = 0; i < io->n_ranges; i++)
		asked += io->ranges[i].len;
	return 0;
}

static const struct vdu__backend_ops ops = { .name = "test", .submit = submit };

/* Every head leads to the same request of PIECES times the same memory. */
static struct driver *greedy_driver(uint32_t type)
{
	struct driver *d = driver_new(NUM, 0, false, true);
	uint8_t *data = driver_map(d, DATA, PIECE, true);
	struct vring_desc *table = (void *)driver_map(d, TABLES, 4096, true);
	struct virtio_blk_outhdr header = { .type = htole32(type) };
	struct virtio_blk_discard_write_zeroes range = {
		.num_sectors = htole32(REQUEST / 512),
	};
	bool read = type == VIRTIO_BLK_T_IN;
	unsigned int n = 1, last = (read ? PIECES : 1) + 1;

	memcpy(data, &header, sizeof(header));
	memcpy(data + 512, &range, sizeof(range));
	table[0] = driver_desc(DATA, sizeof(header), VRING_DESC_F_NEXT, 1);
	for (; n < last; n++)
		table[n] = read ?
			driver_desc(DATA, PIECE, VRING_DESC_F_NEXT |
				    VRING_DESC_F_WRITE, (uint16_t)(n + 1)) :
			driver_desc(DATA + 512, sizeof(range),
				    VRING_DESC_F_NEXT, (uint16_t)(n + 1));
	table[n] = driver_desc(DATA + 1024, 1, VRING_DESC_F_WRITE, 0);
	for (uint16_t i = 0; i < NUM; i++) {
		d->desc[i] = driver_desc(TABLES, (n + 1) * 16,
					 VRING_DESC_F_INDIRECT, 0);
		driver_offer(d, i);
	}
	return d;
}

/* Each time less than bound is done, as *done says, and nothing is left. */
static void take_from(struct driver *d, uint64_t *done, uint64_t bound,
		      unsigned int errors)
{
	struct vdu__iotlb *iotlb = vdu__iotlb_new(-1);
	struct vdu__backend backend = { .ops = &ops };
	struct vdu__queue *queue = calloc(1, sizeof(*queue));
	struct vdu__inflight_queue *log =
		calloc(1, sizeof(*log) + NUM * sizeof(log->order[0]));
	unsigned int rounds = 0;

	assert_true(iotlb && queue && log);
	queue->max_size = NUM;
	queue->backend = &backend;
	queue->iotlb = iotlb;
	queue->inflight = log;
	queue->ring = d->ring;
	queue->rules = (struct vdu__blk_rules){
		.capacity = REQUEST / 512, .features = UINT64_MAX,
		.max_write_zeroes_sectors = REQUEST / 512,
	};
	assert_int_equal(vdu__slots_init(queue), 0);
	while (queue->ring.last_avail != NUM) {
		*done = 0;
		/* It says so when there may be more. */
		assert_true(vdu__requests_take(queue));
		assert_true(*done > 0 && *done < bound);
		assert_true(++rounds <= NUM);
	}
	assert_false(vdu__requests_take(queue));
	assert_int_equal(vdu__counted(&queue->stats.errors), errors);
	assert_int_equal(queue->ring.used_idx, NUM);
	vdu__slots_free(queue);
	free(log);
	free(queue);
	vdu__iotlb_free(iotlb);
	driver_free(d);
}

/* --- a chain that is long to follow --------------------------------------- */

static uint64_t looked_up;

/* Memory in pieces of a byte. */
static void *translate_byte(void *opaque, uint64_t iova, uint64_t *len,
			    bool write)
{
	looked_up++;
	*len = 1;
	return driver_translate(opaque, iova, len, write);
}

/* Every head leads to a table of empty buffers, which goes round in it. */
static void test_tables_in_pieces(void **state)
{
	struct driver *d = driver_new(NUM, 0, false, true);
	struct vring_desc *table = (void *)driver_map(d, TABLES, 4096, true);

	(void)state;
	d->mem.translate = translate_byte;
	for (uint16_t i = 0; i < NUM; i++) {
		table[i] = driver_desc(DATA, 0, VRING_DESC_F_NEXT,
				       (uint16_t)((i + 1) % NUM));
		d->desc[i] = driver_desc(TABLES, NUM * 16,
					 VRING_DESC_F_INDIRECT, 0);
		driver_offer(d, i);
	}
	take_from(d, &looked_up, LOOK_UPS + NUM * 20, NUM);
}

static void test_reads(void **state)
{
	(void)state;
	take_from(greedy_driver(VIRTIO_BLK_T_IN), &asked, BOUND + REQUEST, 0);
}

static void test_ranges(void **state)
{
	(void)state;
	take_from(greedy_driver(VIRTIO_BLK_T_WRITE_ZEROES), &asked,
		  BOUND + REQUEST, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_tables_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
