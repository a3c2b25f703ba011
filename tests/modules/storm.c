// SPDX-License-Identifier: GPL-2.0-only
/*
 * All contexts on all CPUs at once. Each CPU has a hard hrtimer, which does the
 * hard interrupt's part, schedules a tasklet, and sends NMIs; and a thread for
 * process context and the raw spinlock, which sends NMIs to its neighbour so that
 * they fall anywhere. Beside these, threads that take and free pages of the page
 * allocator: what an interrupt finds there must be in use, or on PREEMPT_RT
 * nothing is proved.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include <module/samples/compat.h>
#include "context.h"

#define LT_BUDDY_HELD	32
#define LT_BUDDY_ORDERS	4
#define LT_BUDDY_EACH	2	/* threads on each CPU */

struct lt_storm_cpu {
	unsigned int cpu;
	struct task_struct *task;
	struct task_struct *buddy[LT_BUDDY_EACH];
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	raw_spinlock_t lock; /* for being held */
	unsigned long count[LT_CONTEXTS];
	unsigned long taken;
};

static DEFINE_PER_CPU(struct lt_storm_cpu, lt_storm_cpus);
static const struct lt_storm *lt_storm;

/* The raw spinlock here is another one than lt_is_context() knows. */
static void lt_storm_op(struct lt_storm_cpu *sc, enum lt_context context)
{
	bool there = context == LT_RAW ? irqs_disabled() && in_task() :
					 lt_is_context(context);
	int before;

	if (!there || sc->cpu != raw_smp_processor_id())
		lt_fault(LT_MISPLACED, context);
	before = lt_probe_enter(context);
	lt_storm->op(context, sc->cpu, lt_storm->arg);
	lt_probe_leave(before);
	WRITE_ONCE(sc->count[context], sc->count[context] + 1);
}

static void lt_storm_nmi(unsigned int cpu, void *arg)
{
	lt_storm_op(per_cpu_ptr(&lt_storm_cpus, cpu), LT_NMI);
}

static void lt_storm_softirq(struct tasklet_struct *tasklet)
{
	lt_storm_op(from_tasklet(per_cpu_ptr(&lt_storm_cpus, 0), tasklet, tasklet),
		    LT_SOFTIRQ);
}

static ktime_t lt_period(void)
{
	return ns_to_ktime(lt_period_us * NSEC_PER_USEC);
}

/* From now on, and not from when it should have been: slow machines get through. */
static enum hrtimer_restart lt_storm_hardirq(struct hrtimer *timer)
{
	struct lt_storm_cpu *sc = container_of(timer, struct lt_storm_cpu, timer);

	lt_storm_op(sc, LT_HARDIRQ);
	tasklet_schedule(&sc->tasklet);
	lt_nmi_send(sc->cpu);
	hrtimer_forward_now(timer, lt_period());
	return HRTIMER_RESTART;
}

static unsigned int lt_neighbour(unsigned int cpu)
{
	unsigned int next = cpumask_next(cpu, cpu_online_mask);

	return next < nr_cpu_ids ? next : cpumask_first(cpu_online_mask);
}

static int lt_storm_thread(void *data)
{
	struct lt_storm_cpu *sc = data;
	unsigned long flags;

	hrtimer_start(&sc->timer, lt_period(),
		      HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		lt_storm_op(sc, LT_PROCESS);
		lt_nmi_send(lt_neighbour(sc->cpu));
		raw_spin_lock_irqsave(&sc->lock, flags);
		lt_storm_op(sc, LT_RAW);
		raw_spin_unlock_irqrestore(&sc->lock, flags);
		cond_resched();
	}
	hrtimer_cancel(&sc->timer);
	tasklet_kill(&sc->tasklet);
	return 0;
}

static int lt_buddy_thread(void *data)
{
	struct page *held[LT_BUDDY_HELD] = {};
	struct lt_storm_cpu *sc = data;
	unsigned int i;

	for (i = 0; !kthread_should_stop(); i = (i + 1) % LT_BUDDY_HELD) {
		unsigned int order = i % LT_BUDDY_ORDERS;

		if (held[i])
			__free_pages(held[i], order);
		held[i] = alloc_pages(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN,
				      order);
		WRITE_ONCE(sc->taken, sc->taken + 1);
		cond_resched();
	}
	for (i = 0; i < LT_BUDDY_HELD; i++)
		if (held[i])
			__free_pages(held[i], i % LT_BUDDY_ORDERS);
	return 0;
}

static struct task_struct *lt_thread(int (*fn)(void *), struct lt_storm_cpu *sc,
				     const char *name)
{
	struct task_struct *task = kthread_create(fn, sc, "%s/%u", name, sc->cpu);

	if (IS_ERR(task))
		return NULL;
	kthread_bind(task, sc->cpu);
	/* Stopped by us alone, and not before we have let go of it. */
	get_task_struct(task);
	return task;
}

static bool lt_storm_make(struct lt_storm_cpu *sc, bool buddy)
{
	int i;

	memset(sc->count, 0, sizeof(sc->count));
	sc->taken = 0;
	sc->task = lt_thread(lt_storm_thread, sc, "lt_storm");
	for (i = 0; i < LT_BUDDY_EACH && buddy; i++)
		sc->buddy[i] = lt_thread(lt_buddy_thread, sc, "lt_buddy");
	return sc->task && (!buddy || (sc->buddy[0] && sc->buddy[1]));
}

static void lt_thread_stop(struct task_struct **task)
{
	if (!*task)
		return;
	kthread_stop(*task);
	put_task_struct(*task);
	*task = NULL;
}

/**
 * lt_storm_start - have an operation done in all contexts of all CPUs
 * @storm: what; stays until lt_storm_stop()
 *
 * Return: 0, or -ENOMEM.
 */
int lt_storm_start(const struct lt_storm *storm)
{
	struct lt_storm_cpu *sc;
	bool made = true;
	unsigned int cpu;
	int i;

	lt_storm = storm;
	lt_nmi_set(lt_storm_nmi, NULL);
	cpus_read_lock();
	for_each_online_cpu(cpu)
		made &= lt_storm_make(per_cpu_ptr(&lt_storm_cpus, cpu),
				      storm->buddy);
	for_each_online_cpu(cpu) {
		sc = per_cpu_ptr(&lt_storm_cpus, cpu);
		for (i = 0; i < LT_BUDDY_EACH && made && sc->buddy[i]; i++)
			wake_up_process(sc->buddy[i]);
		if (made)
			wake_up_process(sc->task);
	}
	cpus_read_unlock();
	if (!made)
		lt_storm_stop();
	return made ? 0 : -ENOMEM;
}

/* After it no operation runs any more, in no context. */
void lt_storm_stop(void)
{
	struct lt_storm_cpu *sc;
	unsigned int cpu;
	int i;

	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(&lt_storm_cpus, cpu);
		lt_thread_stop(&sc->task);
		for (i = 0; i < LT_BUDDY_EACH; i++)
			lt_thread_stop(&sc->buddy[i]);
	}
	for_each_possible_cpu(cpu)
		while (lt_nmi_pending(cpu))
			msleep(20);
}

unsigned long lt_storm_count(enum lt_context context)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(&lt_storm_cpus, cpu)->count[context]);
	return sum;
}

unsigned long lt_storm_buddy_count(void)
{
	unsigned long sum = 0;
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(&lt_storm_cpus, cpu)->taken);
	return sum;
}

/* For its time, and until there were enough NMIs; but not for ever. */
bool lt_storm_enough(unsigned long started)
{
	unsigned long now = jiffies;

	if (time_after(now, started + 20 * lt_seconds * HZ))
		return true;
	return time_after(now, started + lt_seconds * HZ) &&
	       lt_storm_count(LT_NMI) >= lt_nmis;
}

void lt_storm_report(void)
{
	enum lt_context context;

	for (context = 0; context < LT_CONTEXTS; context++)
		lt_note("%s: %lu times", lt_context_name[context],
			lt_storm_count(context));
	lt_note("pages taken from the page allocator meanwhile: %lu times",
		lt_storm_buddy_count());
}

int lt_storm_init(void)
{
	struct lt_storm_cpu *sc;
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(&lt_storm_cpus, cpu);
		sc->cpu = cpu;
		raw_spin_lock_init(&sc->lock);
		tasklet_setup(&sc->tasklet, lt_storm_softirq);
		hrtimer_setup(&sc->timer, lt_storm_hardirq, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
	}
	return 0;
}

void lt_storm_exit(void)
{
}
