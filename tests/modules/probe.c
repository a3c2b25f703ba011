// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who reaches the page allocator? Probes on its doors count the calls by the
 * context that a test was in when they came: a reason code says what labyrinth
 * thinks that it does, this says what it does.
 */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/percpu.h>

#include "context.h"

#define LT_NOWHERE	LT_CONTEXTS

static DEFINE_PER_CPU(int, lt_probe_now) = LT_NOWHERE;
static atomic_long_t lt_probe_count[LT_CONTEXTS + 1];

/* What a test's interrupt has interrupted goes on where it was. */
int lt_probe_enter(enum lt_context context)
{
	return this_cpu_xchg(lt_probe_now, context);
}

void lt_probe_leave(int before)
{
	this_cpu_write(lt_probe_now, before);
}

static int lt_probe_hit(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_long_inc(&lt_probe_count[this_cpu_read(lt_probe_now)]);
	return 0;
}

/* The first is what the second was called before 6.10. */
static struct kprobe lt_probe_alloc[] = {
	{ .symbol_name = "__alloc_pages", .pre_handler = lt_probe_hit },
	{ .symbol_name = "__alloc_pages_noprof", .pre_handler = lt_probe_hit },
};

static struct kprobe lt_probe_free = {
	.symbol_name = "__free_pages",
	.pre_handler = lt_probe_hit,
};

static struct kprobe *lt_probe_allocs;

/* Return: 0, or an error. */
int lt_probe_start(void)
{
	int err, i;

	for (i = 0; i <= LT_CONTEXTS; i++)
		atomic_long_set(&lt_probe_count[i], 0);
	lt_probe_allocs = &lt_probe_alloc[0];
	err = register_kprobe(lt_probe_allocs);
	if (err) {
		lt_probe_allocs = &lt_probe_alloc[1];
		err = register_kprobe(lt_probe_allocs);
	}
	if (err)
		return err;
	err = register_kprobe(&lt_probe_free);
	if (err)
		unregister_kprobe(lt_probe_allocs);
	return err;
}

static void lt_probe_end(struct kprobe *probe)
{
	unregister_kprobe(probe);
	/* Where it was found, which the next start has to find anew. */
	probe->addr = NULL;
	probe->flags = 0;
}

void lt_probe_stop(void)
{
	lt_note("probes missed: %lu and %lu", lt_probe_allocs->nmissed,
		lt_probe_free.nmissed);
	lt_probe_end(lt_probe_allocs);
	lt_probe_end(&lt_probe_free);
}

/* A probe that counts nothing where it should proves nothing where it should not. */
void lt_probe_report(void)
{
	enum lt_context context;
	long count;

	for (context = 0; context < LT_CONTEXTS; context++) {
		count = atomic_long_read(&lt_probe_count[context]);
		lt_result(lt_buddy_legal(context) ? count > 0 : !count,
			  "%s: the page allocator was %s: %ld times",
			  lt_context_name[context],
			  lt_buddy_legal(context) ? "reached" : "never reached",
			  count);
	}
}
