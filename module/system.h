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
 * @pages: base pages; lab_room_put() when they have gone back, or not come
 *
 * Context: any.
 */
static inline bool lab_room_take(struct labyrinth *lab, unsigned long pages)
{
	if (atomic_long_sub_return((long)pages, &lab->room) >= 0)
		return true;
	atomic_long_add((long)pages, &lab->room);
	return false;
}

static inline void lab_room_put(struct labyrinth *lab, unsigned long pages)
{
	atomic_long_add((long)pages, &lab->room);
}

/* Preemption off until what is handed out is owned: closing waits for that. */
static inline bool lab_closed(const struct labyrinth *lab)
{
	return READ_ONCE(lab->closed);
}

#endif /* LABYRINTH_SYSTEM_H */
