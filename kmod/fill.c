// SPDX-License-Identifier: GPL-2.0-only
/*
 * The server gives data to a driver's buffer itself, from any memory that it
 * has: one copy, where a buffer that it fills through its window takes two.
 *
 * A buffer may be taken back at any time, also from under a server that lies
 * about being done. So a slot is claimed (busy) for each piece of the copy, with
 * interrupts off and without page faults, and who takes a buffer back waits for
 * that:
 *
 *	server				driver's side
 *	busy = 1			orig = free
 *	full barrier			full barrier
 *	orig free? then nothing		wait until busy = 0
 *	copy, filled = 1		filled? then nothing to copy
 *	busy = 0
 */
#include <linux/bitmap.h>
#include <linux/instrumented.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "domain.h"
#include "vduse.h"

/**
 * vduse_fill_init - allow servers to fill buffers
 * @domain: the address space
 *
 * Return: 0 or -ENOMEM; vduse_fill_exit() in either case.
 */
int vduse_fill_init(struct vduse_domain *domain)
{
	size_t slots = domain->bounce_size >> VDUSE_SLOT_SHIFT;

	domain->busy = kvcalloc(BITS_TO_LONGS(slots), sizeof(long), GFP_KERNEL);
	domain->filled = kvcalloc(BITS_TO_LONGS(slots), sizeof(long),
				  GFP_KERNEL);
	domain->span = kvcalloc(slots, sizeof(*domain->span), GFP_KERNEL);
	return domain->busy && domain->filled && domain->span ? 0 : -ENOMEM;
}

void vduse_fill_exit(struct vduse_domain *domain)
{
	kvfree(domain->busy);
	kvfree(domain->filled);
	kvfree(domain->span);
}

/**
 * vduse_fill_end - a buffer was taken back
 * @domain: the address space
 * @slot: of the buffer; its orig says so, with a full barrier behind it
 *
 * Waits for a copy into it, which is short.
 *
 * Context: any.
 * Return: true if the server has filled it.
 */
bool vduse_fill_end(struct vduse_domain *domain, size_t slot)
{
	while (test_bit_acquire(slot, domain->busy))
		cpu_relax();
	if (!test_bit(slot, domain->filled))
		return false;
	clear_bit(slot, domain->filled);
	return true;
}

/*
 * The server's memory is at hand, or it is not. Not copy_from_user(), which does
 * not like all that a driver may read into.
 */
static bool vduse_fill_copy(void *to, const void __user *from, size_t len)
{
	unsigned long left = len;

	if (access_ok(from, len)) {
		instrument_write(to, len);
		pagefault_disable();
		left = raw_copy_from_user(to, from, len);
		pagefault_enable();
	}
	return !left;
}

/* How many bytes of a slot were copied: all that the driver has there, or 0. */
static size_t vduse_fill_slot(struct vduse_domain *domain, size_t slot,
			      const void __user *from, size_t len)
{
	phys_addr_t orig;
	size_t span = 0;

	/* A full barrier: see above. Another thread has it: then not we. */
	if (test_and_set_bit(slot, domain->busy))
		return 0;
	/* Pairs with vduse_bounce_set_slot(): the span belongs to it. */
	orig = smp_load_acquire(&domain->orig[slot]);
	if (orig != VDUSE_SLOT_FREE)
		span = READ_ONCE(domain->span[slot]);
	if (span > len ||
	    (span && !vduse_fill_copy(phys_to_virt(orig), from, span)))
		span = 0;
	if (span)
		set_bit(slot, domain->filled);
	else
		clear_bit(slot, domain->filled);
	clear_bit_unlock(slot, domain->busy);
	return span;
}

/* Stops where it cannot be done; how many bytes were. */
static u64 vduse_fill_piece(struct vduse_domain *domain,
			    const struct vduse_conn *conn,
			    const struct vduse_ext_piece *piece)
{
	const char __user *from = u64_to_user_ptr(piece->from);
	unsigned long flags;
	u64 done = 0;
	size_t n;

	while (done < piece->len) {
		local_irq_save(flags);
		/* Who cuts a server off waits for those that did not see it. */
		n = READ_ONCE(conn->cut) ? 0 :
		    vduse_fill_slot(domain,
				    (piece->iova + done) >> VDUSE_SLOT_SHIFT,
				    from + done, piece->len - done);
		local_irq_restore(flags);
		done += n;
		if (n < VDUSE_SLOT_SIZE || fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/* Small buffers share a slot: they are not filled in this way. */
static bool vduse_fill_valid(const struct vduse_domain *domain,
			     const struct vduse_ext_piece *piece)
{
	return IS_ALIGNED(piece->iova, VDUSE_SLOT_SIZE) &&
	       piece->iova >= domain->small_end &&
	       piece->iova >= VDUSE_SLOT_SIZE &&
	       piece->iova < domain->bounce_size &&
	       piece->len <= domain->bounce_size - piece->iova;
}

/**
 * vduse_fill - answer VDUSE_EXT_FILL
 * @conn: the server
 * @argp: from user space
 *
 * Return: 0, and @argp tells how much was done, or an error.
 */
int vduse_fill(const struct vduse_conn *conn,
	       struct vduse_ext_fill __user *argp)
{
	struct vduse_domain *domain = vduse_dev_domain(conn->dev);
	const struct vduse_ext_piece __user *pieces;
	struct vduse_ext_piece piece;
	struct vduse_ext_fill args;
	u64 n;
	u32 i;

	if (copy_from_user(&args, argp, sizeof(args)))
		return -EFAULT;
	if (!args.n || args.n > VDUSE_EXT_PIECES_MAX || args.reserved ||
	    args.done)
		return -EINVAL;
	pieces = u64_to_user_ptr(args.pieces);
	for (i = 0; domain && i < args.n; i++) {
		if (copy_from_user(&piece, &pieces[i], sizeof(piece)))
			return -EFAULT;
		if (!vduse_fill_valid(domain, &piece))
			return -EINVAL;
		n = vduse_fill_piece(domain, conn, &piece);
		args.done += n;
		if (n < piece.len)
			break;
	}
	return put_user(args.done, &argp->done);
}
