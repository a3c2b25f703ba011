/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every way in which a few short threads can take turns, one after another: the
 * threads are coroutines that can be switched before each step (compiler.h).
 *
 * Switches away from a thread that could go on are limited: few are enough for
 * nearly all faults, and make "every" mean thousands instead of billions.
 */
#ifndef REGISTRY_SCHEDULES_H
#define REGISTRY_SCHEDULES_H

#include <linux/types.h>

#define SCHEDULE_THREADS	4

/**
 * struct scenario - what takes turns
 * @begin: makes the state anew, before each run
 * @thread: what each thread does; NULL ends them
 * @end: looks at what came of it, after each run
 * @switches: most switches away from a thread that could go on
 */
struct scenario {
	void (*begin)(void);
	void (*thread[SCHEDULE_THREADS + 1])(void);
	void (*end)(void);
	unsigned int switches;
};

/* Return: in how many ways; it stops at the first that fails. */
u64 schedule_all(const struct scenario *scenario);

/* Steps that the calling thread alone has made in this run. */
unsigned int schedule_steps(void);

#endif /* REGISTRY_SCHEDULES_H */
