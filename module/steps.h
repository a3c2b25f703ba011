/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In the test build, calls of the exported API count their steps: each kind's
 * maximum stands in debugfs, beside its bound.
 */
#ifndef LABYRINTH_STEPS_H
#define LABYRINTH_STEPS_H

#include <linux/types.h>

enum lab_steps_of {
	LAB_STEPS_ALLOC,
	LAB_STEPS_FREE,
	LAB_STEPS_GIVE,
	LAB_STEPS_TAKE,
	LAB_STEPS_DEFER,
	LAB_STEPS_KINDS,
};

#ifdef LAB_COUNT_STEPS
struct dentry;
struct labyrinth;

u32 lab_steps_begin(void);
void lab_steps_end(enum lab_steps_of kind, u32 before);
void lab_steps_resume(u32 before);
void lab_steps_register(struct labyrinth *lab, struct dentry *dir);
#else
static inline u32 lab_steps_begin(void)
{
	return 0;
}

static inline void lab_steps_end(enum lab_steps_of kind, u32 before)
{
}

static inline void lab_steps_resume(u32 before)
{
}
#endif

#endif /* LABYRINTH_STEPS_H */
