/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the system asks of us: not to take more than a share of its memory, to hold
 * nothing when it is suspended to disk, to say no when ours is to go away.
 */
#ifndef LABYRINTH_SYSTEM_H
#define LABYRINTH_SYSTEM_H

#include "core.h"

int lab_system_init(struct labyrinth *lab);
void lab_system_exit(struct labyrinth *lab);

/* Pages that may be taken in all. */
unsigned long lab_ceiling(const struct lab_settings *settings);

/**
 * lab_room_take - may so many pages be taken from the system? Then count them
 * @lab: the instance
 * @pages: base pages; lab_room_settle() when they are in a slot, lab_room_cancel()
 *	when they have not come
 * @keep: pages that others could take then
 *
 * Context: any.
 */
static inline bool lab_room_take(struct labyrinth *lab, unsigned long pages,
				 unsigned long keep)
{
	/* What can't fit is not taken for an instant, at others' cost. */
	if (atomic_long_read(&lab->room) < (long)(pages + keep))
		return false;
	atomic_long_add((long)pages, &lab->fetching);
	if (atomic_long_sub_return((long)pages, &lab->room) >= (long)keep)
		return true;
	atomic_long_add((long)pages, &lab->room);
	atomic_long_sub((long)pages, &lab->fetching);
	return false;
}

static inline void lab_room_settle(struct labyrinth *lab, unsigned long pages)
{
	atomic_long_sub((long)pages, &lab->fetching);
}

/* From a slot back to the system. */
static inline void lab_room_put(struct labyrinth *lab, unsigned long pages)
{
	atomic_long_add((long)pages, &lab->room);
}

static inline void lab_room_cancel(struct labyrinth *lab, unsigned long pages)
{
	lab_room_put(lab, pages);
	lab_room_settle(lab, pages);
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
