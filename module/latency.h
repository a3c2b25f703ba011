/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The latency record: how long served allocations took, by context and rung.
 * Off by default, and then a nop at either end of lab_take().
 */
#ifndef LABYRINTH_LATENCY_H
#define LABYRINTH_LATENCY_H

#include <linux/jump_label.h>
#include <linux/timekeeping.h>

#include "core.h"
#include "latency_bucket.h"

#define LAB_CONTEXTS	(LABYRINTH_CONTEXT_NMI + 1)

/* A global, because its address is patched into the code. */
DECLARE_STATIC_KEY_FALSE(lab_latency_key);

/**
 * struct lab_latency_change - what an administrator sets
 * @enabled: 0 or 1; below 0: stays as it is
 * @deadline: new deadline in ns, with @has_deadline
 * @has_deadline: there is one
 * @reset: forget what has been recorded
 */
struct lab_latency_change {
	int enabled;
	u64 deadline;
	bool has_deadline;
	bool reset;
};

/**
 * struct lab_latency_sum - one context and rung, all CPUs together
 * @count: sum of @bucket
 * @late: of them, those beyond the deadline
 * @longest: in ns, since the last reset
 * @bucket: the histogram
 */
struct lab_latency_sum {
	u64 count;
	u64 late;
	u64 longest;
	u64 bucket[LABYRINTH_LATENCY_BUCKETS];
};

int lab_latency_init(struct labyrinth *lab);
void lab_latency_exit(struct labyrinth *lab);
int lab_latency_set(struct labyrinth *lab,
		    const struct lab_latency_change *change);
bool lab_latency_enabled(void);
bool lab_latency_read(struct labyrinth *lab, enum labyrinth_context context,
		      enum labyrinth_rung rung, struct lab_latency_sum *sum);
void lab_latency_record(struct labyrinth *lab, u64 begin,
			enum labyrinth_rung rung);

/* Return: the time, or 0 while nothing is recorded. */
static __always_inline u64 lab_latency_begin(void)
{
	if (static_branch_unlikely(&lab_latency_key))
		return ktime_get_mono_fast_ns();
	return 0;
}

/* What began before recording did has no time to be counted from. */
static __always_inline void lab_latency_end(struct labyrinth *lab, u64 begin,
					    enum labyrinth_rung rung)
{
	if (static_branch_unlikely(&lab_latency_key) && begin)
		lab_latency_record(lab, begin, rung);
}

#endif /* LABYRINTH_LATENCY_H */
