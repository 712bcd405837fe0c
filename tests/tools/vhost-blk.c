// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A block driver in user space over /dev/vhost-vdpa-N, for tests: single
 * requests, checked random I/O, and requests that no correct driver sends.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tools/vhost/args.h"
#include "tests/tools/vhost/bad.h"
#include "tests/tools/vhost/bench.h"
#include "tests/tools/vhost/io.h"
#include "tests/tools/vhost/migrate.h"
#include "tests/tools/vhost/verify.h"

#define ID_BYTES 20

/* A byte offset or length from the command line, in sectors. */
static uint64_t sectors(const char *text)
{
	uint64_t bytes = args_number(text);

	if (bytes % SECTOR) {
		complain("not a multiple of 512: %s", text);
		exit(2);
	}
	return bytes / SECTOR;
}

static int cmd_info(struct dev *dev, const struct args *args)
{
	const struct virtio_blk_config *c = &dev->config;

	(void)args;
	printf("features: 0x%" PRIx64 "\n", (uint64_t)dev->offered);
	printf("backend-features: 0x%" PRIx64 "\n", dev->backend_features);
	printf("queues: %u\n", dev->n_vqs);
	printf("ring-max: %u\n", dev->num_max);
	printf("config-size: %u\n", dev->config_size);
	printf("capacity: %" PRIu64 "\n", (uint64_t)c->capacity);
	printf("size-max: %u\n", c->size_max);
	printf("seg-max: %u\n", c->seg_max);
	printf("blk-size: %u\n", c->blk_size);
	printf("physical-block-exp: %u\n", c->physical_block_exp);
	printf("alignment-offset: %u\n", c->alignment_offset);
	printf("min-io-size: %u\n", c->min_io_size);
	printf("opt-io-size: %u\n", c->opt_io_size);
	printf("wce: %u\n", c->wce);
	printf("num-queues: %u\n", c->num_queues);
	printf("max-discard-sectors: %u\n", c->max_discard_sectors);
	printf("max-discard-seg: %u\n", c->max_discard_seg);
	printf("discard-sector-alignment: %u\n", c->discard_sector_alignment);
	printf("max-write-zeroes-sectors: %u\n", c->max_write_zeroes_sectors);
	printf("max-write-zeroes-seg: %u\n", c->max_write_zeroes_seg);
	printf("write-zeroes-may-unmap: %u\n", c->write_zeroes_may_unmap);
	return 0;
}

static int start(struct dev *dev, struct io *io)
{
	int ret = io_init(io, dev);

	if (ret == 0)
		ret = dev_start(dev, 1);
	if (ret == 0)
		io->queue = &dev->queues[0];
	return ret;
}

static FILE *open_file(const char *path, const char *mode, FILE *otherwise)
{
	FILE *file = path ? fopen(path, mode) : otherwise;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		exit(2);
	}
	return file;
}

static int cmd_read(struct dev *dev, const struct args *args)
{
	uint64_t sector = sectors(args->rest[0]);
	uint64_t left = sectors(args->rest[1]) * SECTOR;
	FILE *file = open_file(args->out, "we", stdout);
	struct io io = { 0 };
	uint32_t len;

	if (start(dev, &io) < 0)
		return 1;
	for (; left; left -= len, sector += len / SECTOR) {
		len = (uint32_t)MIN(left, (uint64_t)IO_DATA_MAX);
		if (io_do(&io, VIRTIO_BLK_T_IN, sector, len, true) < 0)
			return 1;
		if (fwrite(io.data, 1, len, file) != len)
			break;
	}
	if (left || fflush(file) != 0) {
		complain("output: %s", strerror(errno));
		return 1;
	}
	return 0;
}

static int cmd_write(struct dev *dev, const struct args *args)
{
	uint64_t sector = sectors(args->rest[0]);
	FILE *file = open_file(args->in, "re", stdin);
	struct io io = { 0 };
	size_t len;

	if (start(dev, &io) < 0)
		return 1;
	while ((len = fread(io.data, 1, IO_DATA_MAX, file)) > 0) {
		if (len % SECTOR) {
			complain("input: not a multiple of 512 bytes");
			return 1;
		}
		if (io_do(&io, VIRTIO_BLK_T_OUT, sector, (uint32_t)len,
			  false) < 0)
			return 1;
		sector += len / SECTOR;
	}
	if (ferror(file)) {
		complain("input: %s", strerror(errno));
		return 1;
	}
	return 0;
}

static int cmd_flush(struct dev *dev, const struct args *args)
{
	struct io io = { 0 };

	(void)args;
	return start(dev, &io) < 0 ||
	       io_do(&io, VIRTIO_BLK_T_FLUSH, 0, 0, false) < 0;
}

static int range(struct dev *dev, const struct args *args, uint32_t type,
		 uint32_t flags)
{
	uint64_t num = sectors(args->rest[1]);
	const struct virtio_blk_discard_write_zeroes seg = {
		.sector = sectors(args->rest[0]),
		.num_sectors = (uint32_t)num,
		.flags = flags,
	};
	struct io io = { 0 };

	if (num > UINT32_MAX) {
		complain("too long: %s", args->rest[1]);
		return 2;
	}
	if (start(dev, &io) < 0)
		return 1;
	memcpy(io.data, &seg, sizeof(seg));
	return io_do(&io, type, 0, sizeof(seg), false) < 0;
}

static int cmd_discard(struct dev *dev, const struct args *args)
{
	return range(dev, args, VIRTIO_BLK_T_DISCARD, 0);
}

static int cmd_zeroes(struct dev *dev, const struct args *args)
{
	return range(dev, args, VIRTIO_BLK_T_WRITE_ZEROES,
		     args->unmap ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0);
}

static int cmd_id(struct dev *dev, const struct args *args)
{
	struct io io = { 0 };

	(void)args;
	if (start(dev, &io) < 0 ||
	    io_do(&io, VIRTIO_BLK_T_GET_ID, 0, ID_BYTES, true) < 0)
		return 1;
	printf("%.*s\n", ID_BYTES, (const char *)io.data);
	return 0;
}

static int cmd_verify(struct dev *dev, const struct args *args)
{
	return verify(dev, &args->verify);
}

static int cmd_bench(struct dev *dev, const struct args *args)
{
	const struct bench_options options = {
		.depth = args->verify.depth,
		.block = args->verify.block,
		.ops = args->verify.ops,
		.seed = args->verify.seed,
		.write = args->write,
	};

	return bench(dev, &options);
}

static int cmd_suspend(struct dev *dev, const struct args *args)
{
	return migrate_here(dev, args->verify.queues, args->pause);
}

static int cmd_migrate(struct dev *dev, const struct args *args)
{
	return migrate_away(dev, args->verify.queues);
}

static const struct command {
	const char *name;
	int n_args;
	int (*run)(struct dev *dev, const struct args *args);
} commands[] = {
	{ "info", 0, cmd_info },
	{ "read", 2, cmd_read },
	{ "write", 1, cmd_write },
	{ "flush", 0, cmd_flush },
	{ "discard", 2, cmd_discard },
	{ "zeroes", 2, cmd_zeroes },
	{ "id", 0, cmd_id },
	{ "verify", 0, cmd_verify },
	{ "bench", 0, cmd_bench },
	{ "suspend", 0, cmd_suspend },
	{ "migrate", 0, cmd_migrate },
};

static int run(const struct args *args)
{
	struct dev dev = args->wishes;
	int ret;

	if (strcmp(args->command, "bad") == 0 && args->n_rest == 1)
		return bad_main(&args->wishes, args->path, args->rest[0]);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(args->command, commands[i].name) != 0 ||
		    args->n_rest != commands[i].n_args)
			continue;
		ret = dev_open(&dev, args->path) < 0 ? 1 :
		      commands[i].run(&dev, args);
		dev_close(&dev);
		return ret;
	}
	args_usage(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct args args;
	int ret;

	args_parse(&args, argc, argv);
	ret = run(&args);
	if (fflush(stdout) != 0) {
		complain("output: %s", strerror(errno));
		return 1;
	}
	return ret;
}
