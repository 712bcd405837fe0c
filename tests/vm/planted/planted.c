// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module with defects to order: proves that the harness reports what a
 * kernel prints about them, and not only what a test writes to the log.
 * Loading it always fails, so that it never has to be unloaded.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *defect = "";
module_param(defect, charp, 0444);
MODULE_PARM_DESC(defect, "warn, refcount or atomic");

static DEFINE_SPINLOCK(planted_lock);

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

static int __init planted_init(void)
{
	if (!strcmp(defect, "warn"))
		WARN(1, "planted\n");
	else if (!strcmp(defect, "refcount"))
		underflow();
	else if (!strcmp(defect, "atomic"))
		sleep_in_atomic();
	else
		return -EINVAL;
	return -ENODEV;
}
module_init(planted_init);

MODULE_DESCRIPTION("Planted defects for the test harness");
MODULE_LICENSE("GPL");
