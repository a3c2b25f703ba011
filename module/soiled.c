// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has been freed and not wiped yet: nobody's charge, and nobody's to have. How
 * much that is, and waiting for it to become less.
 */
#include <linux/minmax.h>
#include <linux/wait.h>

#include "reserve.h"

/* Pages that may wait to be wiped before the buddy rung is closed: 16 MiB. */
#define LAB_MAX_SOILED		4096U

/**
 * lab_soiled_mark - how far the wiping has to get for what is soiled now
 * @lab: the instance
 *
 * Context: any; a sum over CPUs.
 */
unsigned long lab_soiled_mark(struct labyrinth *lab)
{
	unsigned long pages = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		pages += READ_ONCE(per_cpu_ptr(lab->cpu, cpu)->stats.soiled);
	return pages;
}

/**
 * lab_soiled - pages that have been freed and not wiped yet
 * @lab: the instance
 *
 * Context: any; a sum over CPUs.
 *
 * Return: not of one instant, so it can come out below zero.
 */
long lab_soiled(struct labyrinth *lab)
{
	return (long)(lab_soiled_mark(lab) -
		      READ_ONCE(lab->work_stats.cleaned));
}

/**
 * lab_wiped_to - has the wiping got so far?
 * @lab: the instance
 * @mark: from lab_soiled_mark()
 *
 * Context: any.
 */
bool lab_wiped_to(struct labyrinth *lab, unsigned long mark)
{
	return (long)(READ_ONCE(lab->work_stats.cleaned) - mark) >= 0;
}

/**
 * lab_too_soiled - is more waiting to be wiped than may be?
 * @lab: the instance
 *
 * Context: any; a sum over CPUs.
 */
bool lab_too_soiled(struct labyrinth *lab)
{
	return lab_soiled(lab) > (long)min(LAB_MAX_SOILED, lab->reg.slots / 4);
}

/**
 * lab_wait_wiped - hold back whoever makes pages dirty faster than they are wiped
 * @lab: the instance
 *
 * Freed pages are nobody's charge, so without this one user could have all of
 * the registry waiting to be wiped.
 *
 * Context: process, no lock held; sleeps for a second at most, killable.
 */
void lab_wait_wiped(struct labyrinth *lab)
{
	wait_event_killable_timeout(lab->refilled, !lab_too_soiled(lab), HZ);
}

/**
 * lab_wait_returned - wait for something of what was freed to go back to the system
 * @lab: the instance
 * @mark: from lab_soiled_mark(): what was freed after that is not waited for
 *
 * Context: process, whatever locks of others' are held; none of ours that the
 * worker takes, or this is a second lost. A second at most, killable.
 *
 * Return: pages that went back meanwhile.
 */
unsigned long lab_wait_returned(struct labyrinth *lab, unsigned long mark)
{
	long before = atomic_long_read(&lab->reg.taken);

	lab_kick(lab);
	wait_event_killable_timeout(lab->refilled,
				    atomic_long_read(&lab->reg.taken) < before ||
				    lab_wiped_to(lab, mark), HZ);
	return (unsigned long)max(0L, before - atomic_long_read(&lab->reg.taken));
}
