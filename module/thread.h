/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scope `thread`: blocks that only the thread that allocated them may touch, and
 * that end with it.
 *
 * Identity is struct pid: its number may come back, it does not as long as we
 * hold it. No hook tells of a thread's end, so while there are such blocks a
 * work looks for it, a few times a second.
 */
#ifndef LABYRINTH_THREAD_H
#define LABYRINTH_THREAD_H

#include <linux/pid.h>
#include <linux/sched.h>

#include "owner.h"

/**
 * struct lab_thread - a thread that holds blocks of its own
 * @pid: which; with a reference
 * @mm: its address space, which the owner's file keeps: an exec ends it too
 * @blocks: how many; it goes with the last one
 * @ended: found to have ended
 * @link: in owner->threads
 *
 * Under the owner's lock.
 */
struct lab_thread {
	struct pid *pid;
	const struct mm_struct *mm;
	u32 blocks;
	bool ended;
	struct list_head link;
};

/* May current touch a block? @slot is of the owner whose lock is held. */
static inline bool lab_thread_permits(const struct lab_slot *slot)
{
	return slot->scope != LABYRINTH_SCOPE_THREAD ||
	       slot->thread->pid == task_pid(current);
}

/* A record for current, should there be none; or NULL. */
struct lab_thread *lab_thread_new(void);
void lab_thread_free(struct lab_thread *thread);

/* owner->lock held. */
struct lab_thread *lab_thread_enter(struct labyrinth_owner *owner,
				    struct lab_thread **spare);
void lab_thread_add(struct lab_thread *thread, struct lab_slot *slot);
void lab_thread_del(struct labyrinth_owner *owner, struct lab_slot *slot);

void lab_threads_end(struct labyrinth_owner *owner);

void lab_threads_init(struct labyrinth *lab);
void lab_threads_exit(struct labyrinth *lab);

#endif /* LABYRINTH_THREAD_H */
