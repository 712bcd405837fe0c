// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real request code over a ring and an in-flight log in shared memory, and
 * a death after each single store to that memory: the next server must answer
 * every request of the driver exactly once, and take up those that were taken
 * in their order.
 *
 * The memory is write-protected: each store faults, is let through alone by the
 * processor's trap flag, and then a copy of everything is recovered and checked.
 * At random the server really ends there, and the next one goes on. All that
 * with a split ring, and with a packed one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "lib/server/queue.h"

#ifndef __x86_64__
int main(void)
{
	printf("1..0 # SKIP the trap flag is x86-64's\n");
	return 0;
}
#else

#define NUM 16U			/* descriptors: two for each request */
#define REQUESTS (NUM / 2)
#define TRAP_FLAG 0x100
#define FAULT_WRITE 2
#define MEM_BYTES 8192
/* virtio 1.2, 2.8.1. */
#define AVAIL_USED(wrap) ((wrap) ? 1U << 7 : 1U << 15)

/* What outlives a server: driver memory, and its log. */
struct mem {
	_Alignas(16) struct vring_desc desc[NUM];
	_Alignas(16) uint16_t avail[2 + NUM + 1];
	_Alignas(16) uint8_t used[4 + NUM * 8 + 2];
	_Alignas(16) struct {
		struct virtio_blk_outhdr header;
		uint8_t status;
	} req[REQUESTS];
	_Alignas(16) struct vdu__inflight_queue log;
	uint64_t order[NUM];	/* the log's */
	_Alignas(16) struct vdu__packed_keep keep;
	struct vdu__packed_cell cell[NUM];	/* the keep's */
};

/* The driver: it lives on, too, and nobody else writes to this. */
struct driver {
	bool flying[REQUESTS];
	uint16_t avail_idx, last_used;
	/* packed: slots that have passed, and what an id has of them */
	unsigned int avail_slot, used_slot, free_slots;
	unsigned int slots_of[REQUESTS];
	uint64_t sent, answered;
};

/* A server's own memory: gone with it. */
struct server {
	struct mem *mem;
	struct vdu__queue queue;
	struct vdu__backend backend;
	struct vdu__iotlb *iotlb;
	struct vdu__slot *with_backend[REQUESTS];
	unsigned int n_with_backend;
};

static struct {
	struct mem *mem;
	struct driver driver;
	bool packed;
	uint64_t seed;
	bool armed;		/* a store counts */
	unsigned int deaths_in;	/* stores until the server really ends */
	uint64_t stores, deaths;
	sigjmp_buf next_server;
} world;

static unsigned int roll(unsigned int n)
{
	world.seed ^= world.seed << 13;
	world.seed ^= world.seed >> 7;
	world.seed ^= world.seed << 17;
	return (unsigned int)(world.seed % n);
}

/* --- the driver -------------------------------------------------------- */

/* A packed descriptor; the flags of the first of a list come last. */
static void put_slot(struct mem *mem, unsigned int slot, uint64_t addr,
		     uint32_t len, unsigned int id, unsigned int flags)
{
	struct vring_desc *desc = &mem->desc[slot % NUM];

	desc->addr = addr;
	desc->len = len;
	desc->flags = (uint16_t)id;	/* where the split one has its flags */
	desc->next = (uint16_t)(flags | AVAIL_USED(!(slot / NUM % 2)));
}

/* In two descriptors, or with a third one that is empty. */
static void packed_send(struct driver *driver, struct mem *mem, unsigned int n)
{
	unsigned int slots = 2 + roll(2), at = driver->avail_slot;

	driver->slots_of[n] = slots;
	driver->free_slots -= slots;
	driver->avail_slot += slots;
	if (slots == 3)
		put_slot(mem, at + 1, 0, 0, 0x5555, VRING_DESC_F_NEXT);
	put_slot(mem, at + slots - 1, offsetof(struct mem, req[n].status), 1, n,
		 VRING_DESC_F_WRITE);
	put_slot(mem, at, offsetof(struct mem, req[n].header), 16, 0x5555,
		 VRING_DESC_F_NEXT);
}

static void packed_reap(struct driver *driver, const struct mem *mem)
{
	for (;;) {
		const struct vring_desc *desc =
			&mem->desc[driver->used_slot % NUM];
		bool wrap = !(driver->used_slot / NUM % 2);
		unsigned int n = desc->flags;

		if (!(desc->next & 1U << 7) == wrap ||
		    !(desc->next & 1U << 15) == wrap)
			return;
		assert_true(n < REQUESTS && driver->flying[n]);
		driver->flying[n] = false;
		assert_true(mem->req[n].status != 0xff);
		driver->answered++;
		driver->used_slot += driver->slots_of[n];
		driver->free_slots += driver->slots_of[n];
	}
}

static void driver_send(struct driver *driver, struct mem *mem)
{
	unsigned int n = roll(REQUESTS);

	if (driver->flying[n] || (world.packed && driver->free_slots < 3))
		return;
	driver->flying[n] = true;
	driver->sent++;
	/* One is answered at once, the other goes to the backend. */
	mem->req[n].header.type = roll(3) ? VIRTIO_BLK_T_FLUSH : 0x7777;
	mem->req[n].status = 0xff;
	if (world.packed) {
		packed_send(driver, mem, n);
		return;
	}
	mem->desc[2 * n] = (struct vring_desc){
		offsetof(struct mem, req[n].header), 16, VRING_DESC_F_NEXT,
		(uint16_t)(2 * n + 1),
	};
	mem->desc[2 * n + 1] = (struct vring_desc){
		offsetof(struct mem, req[n].status), 1, VRING_DESC_F_WRITE, 0,
	};
	mem->avail[2 + driver->avail_idx % NUM] = (uint16_t)(2 * n);
	mem->avail[1] = ++driver->avail_idx;
}

static void driver_reap(struct driver *driver, const struct mem *mem)
{
	uint16_t used_idx;
	uint32_t head;

	if (world.packed) {
		packed_reap(driver, mem);
		return;
	}
	memcpy(&used_idx, mem->used + 2, 2);
	for (; driver->last_used != used_idx; driver->last_used++) {
		memcpy(&head, mem->used + 4 + driver->last_used % NUM * 8, 4);
		assert_true(head < NUM && head % 2 == 0);
		/* Answered, and not twice. */
		assert_true(driver->flying[head / 2]);
		driver->flying[head / 2] = false;
		assert_true(mem->req[head / 2].status != 0xff);
		driver->answered++;
	}
}

/* --- a server ---------------------------------------------------------- */

static void *translate(void *opaque, uint64_t iova, uint64_t *len, bool write)
{
	struct vdu__queue *queue = opaque;
	struct server *server = (struct server *)(void *)
		((char *)queue - offsetof(struct server, queue));

	(void)write;
	if (iova >= sizeof(struct mem))
		return NULL;
	*len = MIN(*len, sizeof(struct mem) - iova);
	return (char *)server->mem + iova;
}

static int backend_submit(struct vdu__backend *backend, struct vdu__io *io,
			  struct io_uring *uring)
{
	struct server *server = (struct server *)(void *)
		((char *)backend - offsetof(struct server, backend));

	(void)uring;
	assert_true(server->n_with_backend < REQUESTS);
	server->with_backend[server->n_with_backend++] =
		(struct vdu__slot *)(void *)io;
	return VDU_IO_PENDING;
}

static int backend_complete(struct vdu__backend *backend, struct vdu__io *io,
			    int res, struct io_uring *uring)
{
	(void)backend;
	(void)io;
	(void)uring;
	return res;
}

static const struct vdu__backend_ops backend_ops = {
	.name = "test",
	.submit = backend_submit,
	.complete = backend_complete,
};

static _Atomic uint32_t none_lost;

/* As begin_running() does. */
static void server_begin(struct server *server, struct mem *mem,
			 struct vdu__iotlb *iotlb, char *slots, bool recover)
{
	struct vdu__queue *queue = &server->queue;
	uint16_t used_idx;

	memset(server, 0, sizeof(*server));
	server->mem = mem;
	server->backend.ops = &backend_ops;
	queue->max_size = NUM;
	queue->backend = &server->backend;
	queue->iotlb = iotlb;
	queue->ack_fd = -1;
	queue->lost = &none_lost;
	queue->mem = (struct vdu__mem){ .translate = translate, .opaque = queue };
	queue->inflight = &mem->log;
	queue->rules.features = 1ULL << VIRTIO_BLK_F_FLUSH;
	queue->slots = slots;
	queue->slot_bytes = (sizeof(struct vdu__slot) +
			     NUM * sizeof(struct iovec) + 63) & ~63UL;
	memcpy(&used_idx, mem->used + 2, 2);
	if (world.packed)
		assert_int_equal(vdu__packed_init(&queue->ring, &queue->mem,
				NUM, mem->desc, mem->avail, mem->used,
				&mem->keep, VDU_PACKED_WRAP, false, false), 0);
	else
		assert_int_equal(vdu__ring_init(&queue->ring, &queue->mem, NUM,
				mem->desc, mem->avail, mem->used,
				recover ? used_idx : 0, false, false), 0);
	if (recover)
		vdu__requests_recover(queue);
	else
		vdu__inflight_reset(queue->inflight, &queue->ring);
}

static void server_complete(struct server *server, unsigned int which)
{
	struct vdu__slot *slot = server->with_backend[which];

	server->n_with_backend--;
	memmove(&server->with_backend[which], &server->with_backend[which + 1],
		(server->n_with_backend - which) * sizeof(slot));
	vdu__request_complete(&server->queue, slot, 0);
}

/* As publish() does. */
static void server_publish(struct server *server)
{
	(void)vdu__ring_publish(&server->queue.ring);
	vdu__inflight_settle(server->queue.inflight, &server->queue.ring);
}

/* --- what holds after every store -------------------------------------- */

static char slots_of_check[NUM * 2048], slots_of_server[NUM * 2048];
static struct vdu__iotlb *no_iotlb;

/* Those that the log has come first, and as they were taken. */
static void check_order(const struct server *server)
{
	const struct mem *mem = server->mem;
	uint64_t last = 0;

	for (unsigned int i = 0; i < server->n_with_backend; i++) {
		uint16_t head = server->with_backend[i]->chain.head;
		uint64_t order = world.packed ? mem->cell[head].order :
						mem->order[head];

		assert_true(order > last);
		last = order;
	}
}

static void check_death(void)
{
	static struct server server;
	static struct mem copy;
	struct driver driver = world.driver;

	copy = *world.mem;
	server_begin(&server, &copy, no_iotlb, slots_of_check, true);
	check_order(&server);
	vdu__requests_take(&server.queue);
	while (server.n_with_backend)
		server_complete(&server, server.n_with_backend - 1);
	server_publish(&server);
	driver_reap(&driver, &copy);
	assert_int_equal(driver.answered, driver.sent);
	assert_int_equal(driver.last_used, driver.avail_idx);
	assert_int_equal(driver.used_slot, driver.avail_slot);
	for (unsigned int i = 0; i < NUM; i++)
		assert_int_equal(copy.order[i] + copy.cell[i].order, 0);
}

/* --- one store at a time ----------------------------------------------- */

static void protect(bool on)
{
	world.armed = on;
	(void)mprotect(world.mem, MEM_BYTES, on ? PROT_READ :
					     PROT_READ | PROT_WRITE);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	char *at = info->si_addr, *mem = (char *)world.mem;

	if (!world.armed || at < mem || at >= mem + MEM_BYTES) {
		(void)signal(sig, SIG_DFL);
		return;
	}
	protect(false);
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)sig;
	(void)info;
	u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	world.stores++;
	check_death();
	if (!--world.deaths_in) {
		world.deaths++;
		siglongjmp(world.next_server, 1);
	}
	protect(true);
}

static void server_step(struct server *server)
{
	unsigned int dice = roll(4);

	protect(true);
	if (dice < 2)
		vdu__requests_take(&server->queue);
	else if (dice == 2 && server->n_with_backend)
		server_complete(server, roll(server->n_with_backend));
	else
		server_publish(server);
	protect(false);
}

static void run(unsigned int steps)
{
	static struct server server;
	static volatile unsigned int left;
	static volatile bool recover;

	left = steps;
	recover = false;
	/* A dead server's successor begins here. */
	(void)sigsetjmp(world.next_server, 1);
	world.deaths_in = 1 + roll(200);
	protect(true);
	server_begin(&server, world.mem, no_iotlb, slots_of_server, recover);
	protect(false);
	recover = true;
	while (left) {
		left--;
		if (roll(2))
			driver_send(&world.driver, world.mem);
		if (!roll(4))
			driver_reap(&world.driver, world.mem);
		server_step(&server);
	}
	check_death();
}

static void kill_after_any_store(bool packed)
{
	struct sigaction fault = { .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction trap = fault;
	const char *seed = getenv("SEED"), *rounds = getenv("ROUNDS");
	unsigned int n = rounds ? (unsigned int)atoi(rounds) : 2000;

	world.packed = packed;
	world.stores = world.deaths = 0;
	fault.sa_sigaction = on_fault;
	trap.sa_sigaction = on_trap;
	(void)sigaction(SIGSEGV, &fault, NULL);
	(void)sigaction(SIGTRAP, &trap, NULL);
	no_iotlb = calloc(1, sizeof(*no_iotlb));
	world.mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(no_iotlb && world.mem != MAP_FAILED);
	assert_true(sizeof(struct mem) <= MEM_BYTES);
	/* More stores for each request: as many in all. */
	if (packed)
		n /= 4;
	for (unsigned int i = 0; i < n; i++) {
		world.seed = (seed ? strtoull(seed, NULL, 0) : 1) + i * 7919;
		world.driver = (struct driver){ .free_slots = NUM };
		/*
		 * Of the life before, the log may have anything; the keep is
		 * empty after a reset.
		 */
		memset(world.mem, 0, packed ? sizeof(struct mem) :
					      offsetof(struct mem, log));
		run(40);
	}
	printf("# %u rounds, %llu stores, %llu deaths\n", n,
	       (unsigned long long)world.stores,
	       (unsigned long long)world.deaths);
	assert_true(world.stores > n && world.deaths > n / 10);
	assert_int_equal(munmap(world.mem, MEM_BYTES), 0);
	free(no_iotlb);
}

static void killed_after_any_store_nothing_is_lost(void **state)
{
	(void)state;
	kill_after_any_store(false);
}

static void nor_with_a_packed_ring(void **state)
{
	(void)state;
	kill_after_any_store(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_after_any_store_nothing_is_lost),
		cmocka_unit_test(nor_with_a_packed_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
