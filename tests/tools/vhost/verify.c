// SPDX-License-Identifier: GPL-2.0-or-later
/* The verify command: sets the workers up, and sums up what they found. */
#include <string.h>

#include "tests/tools/vhost/verify.h"
#include "tests/tools/vhost/worker.h"

static int check_options(const struct dev *dev, const struct verify_options *o)
{
	const char *wrong = NULL;

	if (!o->queues || !o->depth)
		wrong = "--queues and --depth start at 1";
	else if (o->block < SECTOR || o->block > SLOT_DATA_MAX ||
		 o->block % SECTOR)
		wrong = "--block is a multiple of 512, at most 64K";
	else if (o->size > dev->config.capacity * SECTOR)
		wrong = "--size is larger than the device";
	else if (o->size / o->block < o->queues)
		wrong = "--size has less blocks than there are queues";
	else if (!o->files || o->files > REGION_FILES_MAX)
		wrong = "--files is 1 to 4";
	if (wrong)
		complain("%s", wrong);
	return wrong ? -EINVAL : 0;
}

static int init_worker(struct worker *w, struct run *run, struct dev *dev,
		       uint64_t first, uint64_t n)
{
	unsigned int depth = run->options->depth;
	/* With two files and more, some buffers lie across a border. */
	struct region *region = dev_add_region(dev, slots_size(depth),
					       run->options->files);

	w->run = run;
	w->rng = run->options->seed + first;
	w->own->first = first;
	w->own->n = n;
	w->own->generations = calloc(n, sizeof(*w->own->generations));
	w->own->busy = calloc(n, sizeof(*w->own->busy));
	w->slots = calloc(depth, sizeof(*w->slots));
	if (!region || !w->own->generations || !w->own->busy || !w->slots)
		return -ENOMEM;
	for (unsigned int i = 0; i < depth; i++)
		slot_init(&w->slots[i], region, i);
	return 0;
}

static int init_workers(struct worker *workers, struct part *parts,
			struct run *run, struct dev *dev)
{
	const struct verify_options *o = run->options;
	uint64_t blocks = o->size / o->block, each = blocks / o->queues;
	int ret = 0;

	for (unsigned int i = 0; i < o->queues && ret == 0; i++) {
		uint64_t n = i == o->queues - 1 ? blocks - i * each : each;

		workers[i].own = &parts[i];
		workers[i].other = &parts[(i + 1) % o->queues];
		workers[i].ops_left = o->ops ? (o->ops + o->queues - 1 - i) /
					       o->queues : UINT64_MAX;
		ret = init_worker(&workers[i], run, dev, i * each, n);
	}
	return ret;
}

static void free_workers(struct worker *workers, unsigned int n)
{
	for (unsigned int i = 0; i < n && workers[i].own; i++) {
		free(workers[i].own->generations);
		free(workers[i].own->busy);
		free(workers[i].slots);
	}
}

/* What the device allows a request to look like. */
static int init_framing(struct run *run, const struct dev *dev)
{
	struct framing *framing = &run->framing;
	uint64_t data_max;

	framing->indirect = dev_has(dev, VIRTIO_RING_F_INDIRECT_DESC);
	framing->piece_len_max = UINT32_MAX;
	framing->pieces_max = MIN(SLOT_PIECES_MAX, dev->num);
	if (dev_has(dev, VIRTIO_BLK_F_SEG_MAX))
		framing->pieces_max = MIN(framing->pieces_max,
					  dev->config.seg_max + 2);
	if (dev_has(dev, VIRTIO_BLK_F_SIZE_MAX))
		framing->piece_len_max = dev->config.size_max / SECTOR * SECTOR;
	if (framing->pieces_max < 4 || !framing->piece_len_max) {
		complain("the device allows too few segments");
		return -EINVAL;
	}
	data_max = MIN((uint64_t)SLOT_DATA_MAX, (framing->pieces_max - 2) *
		       (uint64_t)framing->piece_len_max);
	run->blocks_max = (uint32_t)(data_max / run->options->block);
	if (!run->blocks_max) {
		complain("a block is larger than the device's requests");
		return -EINVAL;
	}
	run->flush = dev_has(dev, VIRTIO_BLK_F_FLUSH);
	run->zeroes = dev_has(dev, VIRTIO_BLK_F_WRITE_ZEROES) &&
		      dev->config.max_write_zeroes_sectors >=
			      data_max / SECTOR;
	return 0;
}

static void run_threads(struct worker *workers, struct run *run)
{
	unsigned int n = run->options->queues, started;
	int ret = -pthread_barrier_init(&run->barrier, NULL, n);

	for (started = 0; started < n && ret == 0; started += ret == 0)
		ret = -pthread_create(&workers[started].thread, NULL,
				      worker_main, &workers[started]);
	if (ret < 0) {
		/* Those that run wait at the barrier for ever: give up. */
		complain("threads: %s", strerror(-ret));
		exit(1);
	}
	for (unsigned int i = 0; i < n; i++)
		(void)pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&run->barrier);
}

/* With nothing in flight, nothing more may come. */
static uint64_t late_completions(const struct dev *dev)
{
	uint64_t errors = 0;

	for (unsigned int i = 0; i < dev->n_queues; i++) {
		if (!dev->queues[i].n_flying &&
		    queue_wait(&dev->queues[i], 100) != 0) {
			complain("queue %u: a completion too many", i);
			errors++;
		}
	}
	return errors;
}

static struct counts sum_up(const struct worker *workers, unsigned int n)
{
	struct counts sum = { 0 };

	for (unsigned int i = 0; i < n; i++) {
		const struct counts *one = &workers[i].counts;

		sum.reads += one->reads;
		sum.writes += one->writes;
		sum.zeroes += one->zeroes;
		sum.flushes += one->flushes;
		sum.bytes += one->bytes;
		sum.indirect += one->indirect;
		sum.pieces += one->pieces;
		sum.errors += one->errors;
		sum.longest_ms = MAX(sum.longest_ms, one->longest_ms);
	}
	return sum;
}

static void print_queues(const struct dev *dev)
{
	uint64_t kicks = 0, spared = 0, calls = 0;

	for (unsigned int i = 0; i < dev->n_queues; i++) {
		kicks += dev->queues[i].n_kicks;
		spared += dev->queues[i].n_kicks_spared;
		calls += dev->queues[i].n_calls;
	}
	printf("kicks: %llu, spared: %llu, interrupts: %llu\n",
	       (unsigned long long)kicks, (unsigned long long)spared,
	       (unsigned long long)calls);
}

static void print_counts(const struct counts *sum, const struct run *run,
			 const struct dev *dev, uint64_t ms)
{
	printf("queues: %u, ring: %u, event_idx: %s, indirect: %s\n",
	       dev->n_queues, dev->num,
	       dev_has(dev, VIRTIO_RING_F_EVENT_IDX) ? "yes" : "no",
	       run->framing.indirect ? "yes" : "no");
	printf("reads: %llu, writes: %llu, zeroes: %llu, flushes: %llu\n",
	       (unsigned long long)sum->reads, (unsigned long long)sum->writes,
	       (unsigned long long)sum->zeroes,
	       (unsigned long long)sum->flushes);
	printf("bytes: %llu, pieces: %llu, indirect tables: %llu\n",
	       (unsigned long long)sum->bytes, (unsigned long long)sum->pieces,
	       (unsigned long long)sum->indirect);
	print_queues(dev);
	printf("milliseconds: %llu, longest request: %llu\n",
	       (unsigned long long)ms, (unsigned long long)sum->longest_ms);
	printf("errors: %llu\n", (unsigned long long)sum->errors);
}

static int verify_started(struct dev *dev, struct run *run,
			  struct worker *workers)
{
	const struct verify_options *o = run->options;
	uint64_t start;
	struct counts sum;

	if (dev_start(dev, o->queues) < 0 || init_framing(run, dev) < 0)
		return 1;
	for (unsigned int i = 0; i < o->queues; i++)
		workers[i].queue = &dev->queues[i];
	start = now_ms();
	run_threads(workers, run);
	sum = sum_up(workers, o->queues);
	sum.errors += late_completions(dev);
	print_counts(&sum, run, dev, now_ms() - start);
	return sum.errors != 0;
}

/* Come to an end as if the time were over. */
static volatile sig_atomic_t enough;

static void on_sigterm(int sig)
{
	(void)sig;
	enough = 1;
}

int verify(struct dev *dev, const struct verify_options *options)
{
	struct verify_options o = *options;
	CLEANUP_FREE struct worker *workers = NULL;
	CLEANUP_FREE struct part *parts = NULL;
	struct run run = { .options = &o, .enough = &enough };
	int ret;

	(void)signal(SIGTERM, on_sigterm);

	if (!o.size)
		o.size = dev->config.capacity * SECTOR;
	if (check_options(dev, &o) < 0)
		return 1;
	workers = calloc(o.queues, sizeof(*workers));
	parts = calloc(o.queues, sizeof(*parts));
	if (!workers || !parts)
		return 1;
	ret = init_workers(workers, parts, &run, dev);
	if (ret < 0)
		complain("verify: %s", strerror(-ret));
	ret = ret < 0 ? 1 : verify_started(dev, &run, workers);
	free_workers(workers, o.queues);
	return ret;
}
