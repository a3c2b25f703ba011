/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reserve: clean pages at hand. The worker fills it, wipes what was freed,
 * and gives back what is too much.
 */
#ifndef LABYRINTH_RESERVE_H
#define LABYRINTH_RESERVE_H

#include <linux/minmax.h>

#include "core.h"

struct labyrinth_owner;

/**
 * struct lab_reserve_change - new watermarks; a negative one stays as it is
 */
struct lab_reserve_change {
	s64 low;
	s64 high;
	s64 emergency;
};

int lab_reserve_init(struct labyrinth *lab);
void lab_reserve_exit(struct labyrinth *lab);
int lab_reserve_set(struct labyrinth *lab, int nid,
		    const struct lab_reserve_change *change, const char **why);

/* guarantee.c */
int lab_guarantee_set(struct labyrinth_owner *owner, unsigned long pages);
void lab_guarantee_drop(struct labyrinth_owner *owner);
unsigned long lab_guarantee_sum(struct labyrinth *lab, struct lab_node *node);
long lab_credit_lacks(const struct labyrinth_owner *owner);
unsigned long lab_credit_target(const struct labyrinth_owner *owner);
bool lab_credit_move(atomic_long_t *from, atomic_long_t *to);

/* What @count lacks of @target. */
static inline unsigned long lab_shortfall(unsigned long target,
					  const atomic_long_t *count)
{
	unsigned long have = (unsigned long)max(0L, atomic_long_read(count));

	return target - min(have, target);
}

unsigned long lab_reserve_available(struct labyrinth *lab);
unsigned long lab_emergency_available(struct labyrinth *lab);
unsigned long lab_reserve_lacks(struct labyrinth *lab);

/* What the worker does under reserve_lock, for one node, and for all. */
void lab_node_distribute(struct labyrinth *lab, struct lab_node *node);
unsigned long lab_node_need(struct labyrinth *lab, struct lab_node *node);
void lab_reserve_scrape(struct labyrinth *lab);

/* soiled.c */
unsigned long lab_soiled_mark(struct labyrinth *lab);
long lab_soiled(struct labyrinth *lab);
bool lab_wiped_to(struct labyrinth *lab, unsigned long mark);
bool lab_too_soiled(struct labyrinth *lab);
void lab_wait_wiped(struct labyrinth *lab);
unsigned long lab_wait_returned(struct labyrinth *lab, unsigned long mark);

/* shrink.c */
int lab_shrink_init(struct labyrinth *lab);
void lab_shrink_exit(struct labyrinth *lab);

/* worker.c */
int lab_worker_init(struct labyrinth *lab);
void lab_worker_exit(struct labyrinth *lab);
void lab_worker_run(struct labyrinth *lab);
bool lab_worker_unfilled(struct labyrinth *lab);
bool lab_worker_is_current(struct labyrinth *lab);
bool lab_worker_headroom(struct labyrinth *lab, unsigned long pages);
void lab_slot_to_system(struct labyrinth *lab, struct lab_slot *slot);
void __lab_kick(struct labyrinth *lab);

/**
 * lab_kick - wake the worker
 * @lab: the instance
 *
 * Fully ordered against what the caller did before, if that was an atomic
 * read-modify-write: the worker clears @kicked before it looks around.
 *
 * Context: any.
 */
static inline void lab_kick(struct labyrinth *lab)
{
	lab_step();
	if (!atomic_read(&lab->kicked))
		__lab_kick(lab);
}

#endif /* LABYRINTH_RESERVE_H */
