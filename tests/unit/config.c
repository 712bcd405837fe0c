// SPDX-License-Identifier: GPL-2.0-or-later
/* Feature bits, configuration space, and the names of their parts. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include <vduse/spec.h>
#include <vduse/virtio.h>

#include "lib/blk/config.h"
#include "lib/blk/request.h"

#define BIT(n) (1ULL << (n))
#define ALWAYS (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ACCESS_PLATFORM) | \
		BIT(VIRTIO_RING_F_EVENT_IDX) | BIT(VIRTIO_BLK_F_SEG_MAX) | \
		BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_TOPOLOGY) | \
		BIT(VIRTIO_BLK_F_FLUSH))

static void test_features(void **state)
{
	const struct {
		uint32_t n_queues, queue_size;
		int read_only, discard;
		bool can_discard, can_zero;
		uint64_t more;
	} cases[] = {
		{ 1, 1024, 0, VDU_DISCARD_AUTO, false, false, 0 },
		{ 1, 512, 0, VDU_DISCARD_AUTO, false, false,
		  BIT(VIRTIO_RING_F_INDIRECT_DESC) },
		{ 2, 1024, 0, VDU_DISCARD_AUTO, false, false, BIT(VIRTIO_BLK_F_MQ) },
		{ 1, 1024, 0, VDU_DISCARD_AUTO, true, true,
		  BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES) },
		{ 1, 1024, 0, VDU_DISCARD_ON, true, false, BIT(VIRTIO_BLK_F_DISCARD) },
		{ 1, 1024, 0, VDU_DISCARD_OFF, true, true,
		  BIT(VIRTIO_BLK_F_WRITE_ZEROES) },
		{ 1, 1024, 0, VDU_DISCARD_ON, false, false, 0 },
		{ 4, 1024, 1, VDU_DISCARD_AUTO, true, true,
		  BIT(VIRTIO_BLK_F_RO) | BIT(VIRTIO_BLK_F_MQ) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vdu_blk_spec *spec = calloc(1, sizeof(*spec));
		struct vdu__blk_abilities abilities = {
			.discard = cases[i].can_discard,
			.write_zeroes = cases[i].can_zero,
		};

		assert_non_null(spec);
		spec->queue_size = cases[i].queue_size;
		spec->n_queues = cases[i].n_queues;
		spec->read_only = cases[i].read_only;
		spec->discard = cases[i].discard;
		assert_int_equal(vdu__blk_features(spec, &abilities),
				 ALWAYS | cases[i].more);
		free(spec);
	}
}

static void test_seg_max(void **state)
{
	(void)state;
	for (uint32_t size = 4; size <= 1024; size *= 2) {
		uint32_t n = vdu__blk_seg_max(size);

		assert_true(n >= 1 && n + 2 <= size && n <= 254);
	}
	assert_int_equal(vdu__blk_seg_max(4), 2);
	assert_int_equal(vdu__blk_seg_max(256), 254);
	assert_int_equal(vdu__blk_seg_max(1024), 254);
}

static void fill(struct vdu_blk_spec *spec, struct vdu__blk_abilities *a,
		 struct virtio_blk_config *ret)
{
	uint8_t *raw = malloc(VDU_BLK_CONFIG_SIZE);

	assert_non_null(raw);
	vdu__blk_config(spec, a, raw);
	memset(ret, 0xff, sizeof(*ret));
	memcpy(ret, raw, VDU_BLK_CONFIG_SIZE);
	free(raw);
}

/* The kernel's own struct says where each field belongs. */
static void test_config(void **state)
{
	static struct vdu_blk_spec spec = {
		.size_bytes = 5ULL << 40, .n_queues = 3, .queue_size = 128,
		.block_size = 4096,
	};
	struct vdu__blk_abilities able = { true, true, 65536, 1 << 20 };
	struct virtio_blk_config c;

	(void)state;
	fill(&spec, &able, &c);
	assert_int_equal(le64toh(c.capacity), 5ULL << 31);
	assert_int_equal(c.size_max, 0);
	assert_int_equal(le32toh(c.seg_max), 126);
	assert_int_equal(c.geometry.cylinders, 0);
	assert_int_equal(le32toh(c.blk_size), 4096);
	assert_int_equal(c.physical_block_exp, 0);
	assert_int_equal(c.alignment_offset, 0);
	assert_int_equal(le16toh(c.min_io_size), 1);
	assert_int_equal(le32toh(c.opt_io_size), 256);
	assert_int_equal(c.wce, 1);
	assert_int_equal(le16toh(c.num_queues), 3);
	assert_int_equal(le32toh(c.max_discard_sectors),
			 VDU_BLK_RANGE_SECTORS_MAX);
	assert_int_equal(le32toh(c.max_discard_seg), VDU_BLK_RANGES_MAX);
	assert_int_equal(le32toh(c.discard_sector_alignment), 128);
	assert_int_equal(le32toh(c.max_write_zeroes_sectors),
			 VDU_BLK_RANGE_SECTORS_MAX);
	assert_int_equal(le32toh(c.max_write_zeroes_seg), VDU_BLK_RANGES_MAX);
	assert_int_equal(c.write_zeroes_may_unmap, 1);

	spec.discard = VDU_DISCARD_OFF;
	able.discard_granularity = 0;
	able.optimal_io = 0;
	fill(&spec, &able, &c);
	assert_int_equal(c.write_zeroes_may_unmap, 0);
	assert_int_equal(le32toh(c.discard_sector_alignment), 8);
	assert_int_equal(c.opt_io_size, 0);
}

#define FIELD(name_, member) { name_, offsetof(struct virtio_blk_config, \
	member), sizeof(((struct virtio_blk_config *)0)->member) }

static void test_config_fields(void **state)
{
	static const struct {
		const char *name;
		size_t offset, width;
	} fields[] = {
		FIELD("capacity", capacity),
		FIELD("size_max", size_max),
		FIELD("seg_max", seg_max),
		FIELD("geometry.cylinders", geometry.cylinders),
		FIELD("geometry.heads", geometry.heads),
		FIELD("geometry.sectors", geometry.sectors),
		FIELD("blk_size", blk_size),
		FIELD("physical_block_exp", physical_block_exp),
		FIELD("alignment_offset", alignment_offset),
		FIELD("min_io_size", min_io_size),
		FIELD("opt_io_size", opt_io_size),
		FIELD("writeback", wce),
		FIELD("num_queues", num_queues),
		FIELD("max_discard_sectors", max_discard_sectors),
		FIELD("max_discard_seg", max_discard_seg),
		FIELD("discard_sector_alignment", discard_sector_alignment),
		FIELD("max_write_zeroes_sectors", max_write_zeroes_sectors),
		FIELD("max_write_zeroes_seg", max_write_zeroes_seg),
		FIELD("write_zeroes_may_unmap", write_zeroes_may_unmap),
	};
	const size_t n = sizeof(fields) / sizeof(fields[0]);

	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		const struct vdu_config_field *f = vdu_blk_config_field(i);

		assert_non_null(f);
		assert_string_equal(f->name, fields[i].name);
		assert_int_equal(f->offset, fields[i].offset);
		assert_int_equal(f->width, fields[i].width);
		assert_true(f->offset + f->width <= VDU_BLK_CONFIG_SIZE);
		assert_true(f->unit && f->help && f->help[0]);
		if (f->feature >= 0)
			assert_non_null(vdu_feature_name(2, f->feature));
	}
	assert_int_equal(vdu_blk_config_field(0)->feature, -1);
	assert_int_equal(vdu_blk_config_field(2)->feature,
			 VIRTIO_BLK_F_SEG_MAX);
	assert_null(vdu_blk_config_field(n));
	assert_null(vdu_blk_config_field(UINT32_MAX));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(vdu_feature_name(2, 9), "VIRTIO_BLK_F_FLUSH");
	assert_string_equal(vdu_feature_name(2, 13), "VIRTIO_BLK_F_DISCARD");
	assert_string_equal(vdu_feature_name(1, 9), "VIRTIO_NET_F_GUEST_ECN");
	assert_string_equal(vdu_feature_name(1, 63),
			    "VIRTIO_NET_F_SPEED_DUPLEX");
	assert_string_equal(vdu_feature_name(99, 32), "VIRTIO_F_VERSION_1");
	assert_string_equal(vdu_feature_name(2, 29),
			    "VIRTIO_RING_F_EVENT_IDX");
	assert_null(vdu_feature_name(2, 3));
	assert_null(vdu_feature_name(2, 63));
	assert_null(vdu_feature_name(2, 64));
	assert_null(vdu_feature_name(99, 9));
	assert_null(vdu_feature_name(UINT32_MAX, UINT32_MAX));

	assert_string_equal(vdu_device_type_name(1), "net");
	assert_string_equal(vdu_device_type_name(2), "blk");
	assert_string_equal(vdu_device_type_name(26), "fs");
	assert_null(vdu_device_type_name(0));
	assert_null(vdu_device_type_name(27));

	assert_string_equal(vdu_status_name(2), "DRIVER_OK");
	assert_string_equal(vdu_status_name(6), "DEVICE_NEEDS_RESET");
	assert_null(vdu_status_name(4));
	assert_null(vdu_status_name(8));

	assert_string_equal(vdu_blk_op_name(0), "read");
	assert_string_equal(vdu_blk_op_name(8), "get-id");
	assert_string_equal(vdu_blk_op_name(13), "write-zeroes");
	assert_null(vdu_blk_op_name(2));
	assert_null(vdu_blk_op_name(14));
	assert_null(vdu_blk_op_name(UINT32_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_seg_max),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_fields),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
