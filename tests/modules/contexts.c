// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a function once in a context, and waits for its end. Real ones: a tasklet
 * and not local_bh_disable(), a hard hrtimer and not local_irq_save().
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include <module/samples/compat.h>
#include "context.h"

#define LT_PATIENCE	(60 * HZ)

const char *const lt_context_name[LT_CONTEXTS] = {
	[LT_PROCESS] = "process",
	[LT_SOFTIRQ] = "softirq",
	[LT_HARDIRQ] = "hard interrupt",
	[LT_RAW] = "raw spinlock",
	[LT_NMI] = "NMI",
};

/* One call at a time: tests do not run beside each other. */
static struct {
	lt_fn fn;
	void *arg;
	struct completion done;
	struct tasklet_struct tasklet;
	struct hrtimer timer;
	raw_spinlock_t lock; /* for being held */
} lt_call;

bool lt_is_context(enum lt_context context)
{
	switch (context) {
	case LT_PROCESS:
		return preemptible() && !in_interrupt();
	case LT_SOFTIRQ:
		return in_serving_softirq() && !in_hardirq() && !in_nmi();
	case LT_HARDIRQ:
		return in_hardirq() && !in_nmi();
	case LT_RAW:
		return in_task() && irqs_disabled() &&
		       raw_spin_is_locked(&lt_call.lock);
	case LT_NMI:
		return in_nmi();
	default:
		return false;
	}
}

/* What the documentation says, not how labyrinth finds out. */
bool lt_buddy_legal(enum lt_context context)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return context == LT_PROCESS || context == LT_SOFTIRQ;
	return context != LT_NMI;
}

static void lt_call_fn(enum lt_context context)
{
	if (!lt_is_context(context))
		lt_fault(LT_MISPLACED, context);
	lt_call.fn(context, lt_call.arg);
}

static void lt_call_softirq(struct tasklet_struct *tasklet)
{
	lt_call_fn(LT_SOFTIRQ);
	complete(&lt_call.done);
}

static enum hrtimer_restart lt_call_hardirq(struct hrtimer *timer)
{
	lt_call_fn(LT_HARDIRQ);
	complete(&lt_call.done);
	return HRTIMER_NORESTART;
}

static void lt_call_raw(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&lt_call.lock, flags);
	lt_call_fn(LT_RAW);
	raw_spin_unlock_irqrestore(&lt_call.lock, flags);
}

static void lt_call_nmi(unsigned int cpu, void *arg)
{
	lt_call_fn(LT_NMI);
}

/* On this CPU; preemption stays on, so that whoever waits is not in the way. */
static int lt_send_nmi(void)
{
	unsigned long end = jiffies + LT_PATIENCE;
	unsigned int cpu = raw_smp_processor_id();

	lt_nmi_set(lt_call_nmi, NULL);
	if (!lt_nmi_send(cpu))
		return -EBUSY;
	while (lt_nmi_pending(cpu)) {
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}

static int lt_wait_done(void)
{
	return wait_for_completion_timeout(&lt_call.done, LT_PATIENCE) ? 0 :
									  -ETIMEDOUT;
}

/**
 * lt_in_context - run a function in a context, on this CPU
 * @context: which
 * @fn: function
 * @arg: its argument
 *
 * Return: 0 after its end; -ETIMEDOUT: it was not run.
 */
int lt_in_context(enum lt_context context, lt_fn fn, void *arg)
{
	int err = 0;

	lt_call.fn = fn;
	lt_call.arg = arg;
	reinit_completion(&lt_call.done);
	switch (context) {
	case LT_SOFTIRQ:
		tasklet_schedule(&lt_call.tasklet);
		err = lt_wait_done();
		break;
	case LT_HARDIRQ:
		hrtimer_start(&lt_call.timer, ns_to_ktime(1000),
			      HRTIMER_MODE_REL_PINNED_HARD);
		err = lt_wait_done();
		break;
	case LT_RAW:
		lt_call_raw();
		break;
	case LT_NMI:
		err = lt_send_nmi();
		break;
	default:
		lt_call_fn(context);
	}
	return err;
}

int lt_on_cpu(unsigned int cpu, enum lt_context context, lt_fn fn, void *arg)
{
	int err = set_cpus_allowed_ptr(current, cpumask_of(cpu));

	if (err)
		return err;
	err = lt_in_context(context, fn, arg);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return err;
}

int lt_contexts_init(void)
{
	init_completion(&lt_call.done);
	raw_spin_lock_init(&lt_call.lock);
	tasklet_setup(&lt_call.tasklet, lt_call_softirq);
	hrtimer_setup(&lt_call.timer, lt_call_hardirq, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	return lt_nmi_init();
}

void lt_contexts_exit(void)
{
	lt_nmi_exit();
	hrtimer_cancel(&lt_call.timer);
	tasklet_kill(&lt_call.tasklet);
}
