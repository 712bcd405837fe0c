// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's code translator: how many instructions the guest executes,
 * by address. The guest says when to begin and when to write the counts by
 * calling code at two addresses (mark.c). A block that is left early counts as a
 * whole.
 *
 * The interface is QEMU's plugin API, version 1 (its docs/devel/tcg-plugins):
 * Debian has no header of it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define BEGIN 0x13370000
#define END 0x13380000
#define BUCKETS (1 << 20)

struct qemu_plugin_tb;
struct qemu_plugin_info;
typedef void (*exec_cb)(unsigned int vcpu, void *opaque);
typedef void (*trans_cb)(uint64_t id, struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb,
					  int flags, void *opaque);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
					      void *ptr, uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);

EXPORT int qemu_plugin_version = 1;

struct block {
	uint64_t at, count, begun;
	struct block *next;
};
static struct block *buckets[BUCKETS];
static const char *path = "profile.out";
static unsigned int part;

static struct block *block_at(uint64_t at)
{
	struct block **where = &buckets[(at ^ at >> 20) % BUCKETS], *block;

	for (block = *where; block; block = block->next)
		if (block->at == at)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->at = at;
	block->next = *where;
	*where = block;
	return block;
}

static void begin(unsigned int vcpu, void *opaque)
{
	(void)vcpu;
	(void)opaque;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *b = buckets[i]; b; b = b->next)
			b->begun = b->count;
}

static void end(unsigned int vcpu, void *opaque)
{
	char name[4096];
	FILE *out;

	(void)vcpu;
	(void)opaque;
	(void)snprintf(name, sizeof(name), "%s.%u", path, part++);
	out = fopen(name, "w");
	if (!out)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct block *b = buckets[i]; b; b = b->next)
			if (b->count != b->begun)
				(void)fprintf(out, "%016" PRIx64 " C %" PRIu64 "\n",
					b->at, b->count - b->begun);
	(void)fclose(out);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);

	(void)id;
	if (at == BEGIN)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, begin, 0, NULL);
	if (at == END)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, end, 0, NULL);
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &block_at(at)->count,
						 qemu_plugin_tb_n_insns(tb));
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_plugin_info *info,
			       int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "out=", 4) == 0)
			path = strdup(argv[i] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
