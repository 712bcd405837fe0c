// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbered places of one size, given out and taken back in any context and on
 * all processors: each has a stack of its own for that, and goes to the common
 * one, with a lock, for many at a time.
 */
#include <linux/percpu.h>
#include <linux/slab.h>

#include "domain.h"

/**
 * vduse_pool_init - make a pool
 * @pool: zeroed
 * @n: how many places; they get the numbers from 0 on
 *
 * Return: 0 or -ENOMEM; vduse_pool_exit() in either case.
 */
int vduse_pool_init(struct vduse_pool *pool, u32 n)
{
	u32 i;

	raw_spin_lock_init(&pool->lock);
	if (!n)
		return 0;
	pool->stacks = alloc_percpu(struct vduse_stack);
	pool->free = kvmalloc_array(n, sizeof(*pool->free), GFP_KERNEL);
	if (!pool->stacks || !pool->free)
		return -ENOMEM;
	/* The lowest are on top: their pages are made first, and stay. */
	for (i = 0; i < n; i++)
		pool->free[i] = n - 1 - i;
	pool->n = n;
	return 0;
}

void vduse_pool_exit(struct vduse_pool *pool)
{
	free_percpu(pool->stacks);
	kvfree(pool->free);
}

/**
 * vduse_pool_fill - bring places to a processor that has none
 * @pool: the pool
 * @stack: of this processor
 *
 * Context: interrupts off.
 */
void vduse_pool_fill(struct vduse_pool *pool, struct vduse_stack *stack)
{
	raw_spin_lock(&pool->lock);
	while (stack->n < VDUSE_STACK_SIZE / 2 && pool->n)
		stack->at[stack->n++] = pool->free[--pool->n];
	raw_spin_unlock(&pool->lock);
}

/**
 * vduse_pool_drain - take places from a processor that has too many
 * @pool: the pool
 * @stack: of this processor
 *
 * Context: interrupts off.
 */
void vduse_pool_drain(struct vduse_pool *pool, struct vduse_stack *stack)
{
	raw_spin_lock(&pool->lock);
	while (stack->n > VDUSE_STACK_SIZE / 2)
		pool->free[pool->n++] = stack->at[--stack->n];
	raw_spin_unlock(&pool->lock);
}
