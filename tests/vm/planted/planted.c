// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with defects to order: proves that the harness reports what a
 * kernel prints about them, and not only what a test writes to the log.
 * Loading it always fails, so that it never has to be unloaded. All but the
 * first four are for a kernel whose checkers see them: on others they do harm
 * or nothing.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *defect = "";
module_param(defect, charp, 0444);
MODULE_PARM_DESC(defect,
		 "warn, refcount, atomic, stuck; uaf, oob, leak, abba, ubsan or odebug");

static DEFINE_SPINLOCK(planted_lock);
static DEFINE_MUTEX(planted_a);
static DEFINE_MUTEX(planted_b);

static void warn(void)
{
	WARN(1, "planted\n");
}

static void underflow(void)
{
	refcount_t ref = REFCOUNT_INIT(0);

	if (refcount_dec_and_test(&ref))
		pr_info("the last reference\n");
}

static void sleep_in_atomic(void)
{
	spin_lock(&planted_lock);
	msleep(20);
	spin_unlock(&planted_lock);
}

/* Nobody can wake it or end its process. */
static void sleep_long(void)
{
	msleep(60 * MSEC_PER_SEC);
}

static void use_after_free(void)
{
	char *p = kzalloc(60, GFP_KERNEL);

	if (!p)
		return;
	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	pr_info("freed: %d\n", READ_ONCE(p[8]));
}

static void out_of_bounds(void)
{
	char *p = kzalloc(60, GFP_KERNEL);
	int past = 60;

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(past);
	WRITE_ONCE(p[past], 1);
	kfree(p);
}

static void leak(void)
{
	void *p;
	int i;

	for (i = 0; i < 16; i++) {
		p = kzalloc(60, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(p);
	}
}

static void lock_both_ways(void)
{
	mutex_lock(&planted_a);
	mutex_lock(&planted_b);
	mutex_unlock(&planted_b);
	mutex_unlock(&planted_a);
	mutex_lock(&planted_b);
	mutex_lock(&planted_a);
	mutex_unlock(&planted_a);
	mutex_unlock(&planted_b);
}

static void shift_too_far(void)
{
	int bits = 40;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("shifted: %d\n", 1 << bits);
}

struct planted_timer {
	struct timer_list timer;
};

static void planted_expired(struct timer_list *timer)
{
}

static void free_armed_timer(void)
{
	struct planted_timer *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return;
	timer_setup(&p->timer, planted_expired, 0);
	mod_timer(&p->timer, jiffies + 3600 * HZ);
	kfree(p);
}

static const struct planted {
	const char *name;
	void (*plant)(void);
} planted[] = {
	{ "warn", warn },
	{ "refcount", underflow },
	{ "atomic", sleep_in_atomic },
	{ "stuck", sleep_long },
	{ "uaf", use_after_free },
	{ "oob", out_of_bounds },
	{ "leak", leak },
	{ "abba", lock_both_ways },
	{ "ubsan", shift_too_far },
	{ "odebug", free_armed_timer },
};

static int __init planted_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(planted); i++) {
		if (!strcmp(defect, planted[i].name)) {
			planted[i].plant();
			return -ENODEV;
		}
	}
	return -EINVAL;
}
module_init(planted_init);

MODULE_DESCRIPTION("Planted defects for the test harness");
MODULE_LICENSE("GPL");
