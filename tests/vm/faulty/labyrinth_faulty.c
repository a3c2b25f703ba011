// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does on loading what one of the debug kernels' detectors must see: which, the
 * parameter says. For tests/vm/detectors, which proves that each is alive.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/page_ref.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>

static char *fault = "none";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "what to do");

/* The compiler knows nothing of what it is. */
static unsigned int number = 40;
module_param(number, uint, 0);
MODULE_PARM_DESC(number, "of bits to shift by, and the index of an element that isn't there");

static noinline int nothing(void)
{
	return 0;
}

static noinline int use_after_free(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	kfree(p);
	return READ_ONCE(p[number % 64]) ? 0 : 0;
}

static noinline int out_of_bounds(void)
{
	char *p = kmalloc(24, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	WRITE_ONCE(p[24 + number % 8], 1);
	kfree(p);
	return 0;
}

static noinline int leak(void)
{
	int i;

	/* Several: of one, an old copy may be left in some register or stack. */
	for (i = 0; i < 16; i++)
		if (!kmalloc(1000, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static noinline int shift(void)
{
	return (1 << READ_ONCE(number)) == 1 ? 0 : 0;
}

static noinline int bounds(void)
{
	static int elements[4];

	return READ_ONCE(elements[READ_ONCE(number)]) ? 0 : 0;
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

/* A spinlock alone would do, but not on PREEMPT_RT. */
static noinline int sleep(void)
{
	preempt_disable();
	mutex_lock(&first);
	mutex_unlock(&first);
	preempt_enable();
	return 0;
}

static noinline int inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

/* Harmless here, a deadlock or worse on PREEMPT_RT. */
static noinline int nesting(void)
{
	static DEFINE_RAW_SPINLOCK(raw);
	static DEFINE_SPINLOCK(sleeping);

	raw_spin_lock(&raw);
	spin_lock(&sleeping);
	spin_unlock(&sleeping);
	raw_spin_unlock(&raw);
	return 0;
}

static noinline int rcu(void)
{
	static int __rcu *pointer;

	return rcu_dereference(pointer) ? 0 : 0;
}

static void too_late(struct timer_list *timer)
{
}

static noinline int timer(void)
{
	struct timer_list *t = kmalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	timer_setup(t, too_late, 0);
	mod_timer(t, jiffies + 3600 * HZ);
	kfree(t);
	return 0;
}

/* A reference that nobody has is dropped. */
static noinline int reference(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	page_ref_freeze(page, 1);
	put_page(page);
	return 0;
}

static unsigned long shared;

static int increment(void *unused)
{
	while (!kthread_should_stop()) {
		shared++;
		cond_resched();
	}
	return 0;
}

static noinline int race(void)
{
	struct task_struct *one, *other;

	one = kthread_run(increment, NULL, "increment");
	if (IS_ERR(one))
		return PTR_ERR(one);
	other = kthread_run(increment, NULL, "increment");
	msleep(10000);
	if (!IS_ERR(other))
		kthread_stop(other);
	kthread_stop(one);
	return PTR_ERR_OR_ZERO(other);
}

static const struct {
	const char *name;
	int (*act)(void);
} faults[] = {
	{ "none", nothing }, { "use_after_free", use_after_free },
	{ "out_of_bounds", out_of_bounds }, { "leak", leak },
	{ "shift", shift }, { "bounds", bounds }, { "sleep", sleep },
	{ "inversion", inversion }, { "nesting", nesting }, { "rcu", rcu },
	{ "timer", timer }, { "reference", reference }, { "race", race },
};

static int __init labyrinth_faulty_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name))
			return faults[i].act();
	return -EINVAL;
}

static void __exit labyrinth_faulty_exit(void)
{
}

module_init(labyrinth_faulty_init);
module_exit(labyrinth_faulty_exit);
MODULE_DESCRIPTION("What the debug kernels' detectors must see");
MODULE_LICENSE("GPL");
