/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the system asks of us: not to take more than a share of its memory, to hold
 * nothing when it is suspended to disk, to say no when ours is to go away, and to give
 * back what we can before it kills somebody.
 */
#ifndef LABYRINTH_SYSTEM_H
#define LABYRINTH_SYSTEM_H

#include <linux/gfp.h>

#include "core.h"

int lab_system_init(struct labyrinth *lab);
void lab_system_exit(struct labyrinth *lab);

/* Pages that may be taken in all. */
unsigned long lab_ceiling(const struct lab_settings *settings);

void *lab_fetch(struct labyrinth *lab, int nid, gfp_t gfp, unsigned int order,
		unsigned long keep);
void lab_unfetch(struct labyrinth *lab, void *addr, unsigned int order);

/* What was fetched is in slots: from now on it is found there. */
static inline void lab_fetched(struct labyrinth *lab, unsigned long pages)
{
	/* The slots' words first; pairs with lab_going_offline(). */
	smp_wmb();
	atomic_long_add((long)pages, &lab->reg.taken);
	atomic_long_sub((long)pages, &lab->fetching);
}

/* From a slot back to the system. */
static inline void lab_returned(struct labyrinth *lab, unsigned long pages)
{
	atomic_long_sub((long)pages, &lab->reg.taken);
	atomic_long_add((long)pages, &lab->room);
}

/*
 * Who hands out looks with preemption off, or after the owner was charged: closing
 * waits for the one, and then sees the other.
 */
static inline bool lab_closed(const struct labyrinth *lab)
{
	return READ_ONCE(lab->closed);
}

#endif /* LABYRINTH_SYSTEM_H */
