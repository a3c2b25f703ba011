// SPDX-License-Identifier: GPL-2.0-only
/*
 * The latency record: each CPU has a table of histograms by context and rung.
 *
 * Whoever records may be interrupted by who records too, up to an NMI, may have
 * moved to another CPU since it looked which one it is on, and may find the
 * table being reset by another. Hence atomics, which no architecture tears:
 * per-CPU operations are not NMI-safe on those that only turn interrupts off.
 *
 * Exact: each call that was recorded is in one bucket, once, and in none if a
 * reset came later. Approximate: a call that is being recorded during a reset
 * or a reading can be in the bucket and not yet in "late" or "longest", or be
 * left in these alone. lab_latency_fit() keeps what is told free of that.
 */
#include <linux/hardirq.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "latency.h"

/*
 * One for each context that can be nested in another, and one for a reset. Who
 * still fails leaves the maximum to lab_latency_fit(), to within a bucket.
 */
#define LAB_LONGEST_TRIES	5

DEFINE_STATIC_KEY_FALSE(lab_latency_key);

/**
 * struct lab_latency_cell - one CPU's record of one context and rung
 * @late: calls beyond the deadline
 * @longest: in ns
 * @bucket: calls; their sum is the number of calls
 */
struct lab_latency_cell {
	atomic_long_t late;
	atomic_long_t longest;
	atomic_long_t bucket[LABYRINTH_LATENCY_BUCKETS];
};

/**
 * struct lab_latency_table - one CPU's record
 * @cell: by context and rung
 */
struct lab_latency_table {
	struct lab_latency_cell cell[LAB_CONTEXTS][LAB_RUNGS];
};

/* === Recording: any context ============================================== */

static enum labyrinth_context lab_context(void)
{
	if (in_nmi())
		return LABYRINTH_CONTEXT_NMI;
	if (in_hardirq())
		return LABYRINTH_CONTEXT_HARDIRQ;
	if (in_serving_softirq())
		return LABYRINTH_CONTEXT_SOFTIRQ;
	return LABYRINTH_CONTEXT_PROCESS;
}

static void lab_longest(atomic_long_t *longest, long ns)
{
	long old = atomic_long_read(longest);
	unsigned int tries = LAB_LONGEST_TRIES;

	while (ns > old && tries--)
		if (atomic_long_try_cmpxchg(longest, &old, ns))
			return;
}

/**
 * lab_latency_record - count a call that ends now
 * @lab: the instance
 * @begin: when it began, as lab_latency_begin() said
 * @rung: that served it
 *
 * Context: any. Not inlined: it is not there for who does not record.
 */
void lab_latency_record(struct labyrinth *lab, u64 begin,
			enum labyrinth_rung rung)
{
	/* This clock can step back by a little, in an NMI. */
	s64 ns = max_t(s64, ktime_get_mono_fast_ns() - begin, 0);
	u64 deadline = READ_ONCE(lab->latency.deadline);
	struct lab_latency_table *table;
	struct lab_latency_cell *cell;

	/* Pairs with lab_latency_alloc(): what is there is zeroed. */
	table = smp_load_acquire(raw_cpu_ptr(lab->latency.table));
	if (WARN_ON_ONCE(!table))
		return;
	cell = &table->cell[lab_context()][rung];
	atomic_long_inc(&cell->bucket[lab_latency_bucket((u64)ns)]);
	if (deadline && (u64)ns > deadline)
		atomic_long_inc(&cell->late);
	lab_longest(&cell->longest, ns);
}

/* === Reading ============================================================= */

static u64 lab_bucket_ceiling(u32 bucket)
{
	if (bucket == LABYRINTH_LATENCY_BUCKETS - 1)
		return U64_MAX;
	return lab_latency_floor(bucket + 1) - 1;
}

/* Whatever was recorded halfway: the buckets are right, the rest fits them. */
static void lab_latency_fit(struct lab_latency_sum *sum)
{
	u32 i, top = 0;

	for (i = 0; i < LABYRINTH_LATENCY_BUCKETS; i++) {
		sum->count += sum->bucket[i];
		if (sum->bucket[i])
			top = i;
	}
	sum->late = min(sum->late, sum->count);
	sum->longest = clamp(sum->longest, lab_latency_floor(top),
			     lab_bucket_ceiling(top));
}

static void lab_latency_add(struct lab_latency_sum *sum,
			    const struct lab_latency_cell *cell)
{
	u32 i;

	sum->late += (u64)atomic_long_read(&cell->late);
	sum->longest = max_t(u64, sum->longest,
			     atomic_long_read(&cell->longest));
	for (i = 0; i < LABYRINTH_LATENCY_BUCKETS; i++)
		sum->bucket[i] += (u64)atomic_long_read(&cell->bucket[i]);
}

/**
 * lab_latency_read - what has been recorded
 * @lab: the instance
 * @context: the calls were made from
 * @rung: that served them
 * @sum: the record of it
 *
 * Context: process.
 *
 * Return: false if there is none.
 */
bool lab_latency_read(struct labyrinth *lab, enum labyrinth_context context,
		      enum labyrinth_rung rung, struct lab_latency_sum *sum)
{
	const struct lab_latency_table *table;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	mutex_lock(&lab->latency.lock);
	for_each_possible_cpu(cpu) {
		table = *per_cpu_ptr(lab->latency.table, cpu);
		if (table)
			lab_latency_add(sum, &table->cell[context][rung]);
	}
	mutex_unlock(&lab->latency.lock);
	lab_latency_fit(sum);
	return sum->count;
}

/**
 * lab_latency_enabled - is it being recorded?
 *
 * Context: any.
 *
 * Return: true if so.
 */
bool lab_latency_enabled(void)
{
	return static_key_enabled(&lab_latency_key);
}

/* === Setting ============================================================= */

static void lab_cell_clear(struct lab_latency_cell *cell)
{
	u32 i;

	for (i = 0; i < LABYRINTH_LATENCY_BUCKETS; i++)
		atomic_long_set(&cell->bucket[i], 0);
	atomic_long_set(&cell->late, 0);
	atomic_long_set(&cell->longest, 0);
}

static void lab_table_clear(struct lab_latency_table *table)
{
	unsigned int context, rung;

	for (context = 0; context < LAB_CONTEXTS; context++)
		for (rung = 0; rung < LAB_RUNGS; rung++)
			lab_cell_clear(&table->cell[context][rung]);
}

static void lab_latency_reset(struct labyrinth *lab)
{
	int cpu;

	mutex_lock(&lab->latency.lock);
	for_each_possible_cpu(cpu) {
		if (*per_cpu_ptr(lab->latency.table, cpu))
			lab_table_clear(*per_cpu_ptr(lab->latency.table, cpu));
		cond_resched();
	}
	mutex_unlock(&lab->latency.lock);
}

static void lab_latency_free(struct labyrinth *lab)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kvfree(*per_cpu_ptr(lab->latency.table, cpu));
		*per_cpu_ptr(lab->latency.table, cpu) = NULL;
	}
}

/*
 * All CPUs' or none: if it fails, it has never been recorded, and nobody knows of
 * the tables but who reads, under the lock.
 */
static int lab_latency_alloc(struct labyrinth *lab)
{
	struct lab_latency_table *table;
	int cpu, err = 0;

	mutex_lock(&lab->latency.lock);
	for_each_possible_cpu(cpu) {
		if (*per_cpu_ptr(lab->latency.table, cpu))
			continue;
		table = kvzalloc_node(sizeof(*table), GFP_KERNEL | __GFP_NOWARN,
				      cpu_to_node(cpu));
		if (!table) {
			lab_latency_free(lab);
			err = -ENOMEM;
			break;
		}
		/* Pairs with lab_latency_record(). */
		smp_store_release(per_cpu_ptr(lab->latency.table, cpu), table);
	}
	mutex_unlock(&lab->latency.lock);
	return err;
}

/**
 * lab_latency_set - change what is recorded
 * @lab: the instance
 * @change: in what way
 *
 * Turned off before a reset, and on after it: what remains was recorded since,
 * or is a call that was about to be counted when it was turned off.
 *
 * Context: process, @lab->admin held.
 *
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int lab_latency_set(struct labyrinth *lab,
		    const struct lab_latency_change *change)
{
	int err = 0;

	lockdep_assert_held(&lab->admin);
	if (change->enabled > 0)
		err = lab_latency_alloc(lab);
	if (err)
		return err;
	if (!change->enabled)
		static_branch_disable(&lab_latency_key);
	if (change->has_deadline)
		WRITE_ONCE(lab->latency.deadline, change->deadline);
	if (change->reset)
		lab_latency_reset(lab);
	if (change->enabled > 0)
		static_branch_enable(&lab_latency_key);
	return 0;
}

/**
 * lab_latency_init - nothing is recorded yet
 * @lab: the instance
 *
 * Return: 0 or -ENOMEM; lab_latency_exit() is due in either case.
 */
int lab_latency_init(struct labyrinth *lab)
{
	mutex_init(&lab->latency.lock);
	lab->latency.table = alloc_percpu_gfp(struct lab_latency_table *,
					      GFP_KERNEL | __GFP_NOWARN);
	return lab->latency.table ? 0 : -ENOMEM;
}

/**
 * lab_latency_exit - free the tables
 * @lab: the instance; nobody takes pages any more
 */
void lab_latency_exit(struct labyrinth *lab)
{
	if (!lab->latency.table)
		return;
	lab_latency_free(lab);
	free_percpu(lab->latency.table);
}
