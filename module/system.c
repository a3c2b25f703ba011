// SPDX-License-Identifier: GPL-2.0-only
/* Ceiling, suspend to disk, removal of memory, want of it. See system.h. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/suspend.h>

#include "block.h"
#include "owner.h"
#include "reserve.h"
#include "system.h"

unsigned long lab_ceiling(const struct lab_settings *settings)
{
	return mult_frac(totalram_pages(), (unsigned long)settings->ceiling,
			 100UL);
}

static void lab_room_give(struct labyrinth *lab, unsigned long pages)
{
	atomic_long_add((long)pages, &lab->room);
	atomic_long_sub((long)pages, &lab->fetching);
}

/* Is there room for so many pages, and for @keep besides? Then it is taken. */
static bool lab_room_take(struct labyrinth *lab, unsigned long pages,
			  unsigned long keep)
{
	/* What can't fit is not taken for an instant, at others' cost. */
	if (atomic_long_read(&lab->room) < (long)(pages + keep))
		return false;
	atomic_long_add((long)pages, &lab->fetching);
	if (atomic_long_sub_return((long)pages, &lab->room) >= (long)keep)
		return true;
	lab_room_give(lab, pages);
	return false;
}

/**
 * lab_fetch - take a zeroed block from the system, below the ceiling
 * @lab: the instance
 * @nid: see lab_block_get()
 * @gfp: likewise
 * @order: likewise
 * @keep: pages that must still be within the ceiling then
 *
 * What comes is entered in slots and passed to lab_fetched(), or to lab_unfetch().
 *
 * Context: as lab_block_get().
 *
 * Return: its address; or ERR_PTR(): -ENOSPC the ceiling, -ENOMEM the system.
 */
void *lab_fetch(struct labyrinth *lab, int nid, gfp_t gfp, unsigned int order,
		unsigned long keep)
{
	void *addr;

	if (!lab_room_take(lab, 1UL << order, keep))
		return ERR_PTR(-ENOSPC);
	addr = lab_block_get(nid, gfp, order);
	if (addr)
		return addr;
	lab_room_give(lab, 1UL << order);
	return ERR_PTR(-ENOMEM);
}

/* For a block, or a part of one, that lab_fetch() has brought for nothing. */
void lab_unfetch(struct labyrinth *lab, void *addr, unsigned int order)
{
	lab_block_put(addr, order);
	lab_room_give(lab, 1UL << order);
}

/* === Suspend to disk ===================================================== */

/* The image would have what they hold in clear. */
static bool lab_somebody_holds(struct labyrinth *lab)
{
	struct labyrinth_owner *owner;
	unsigned long id;
	bool held = false;

	mutex_lock(&lab->owners.lock);
	xa_for_each(&lab->owners.table, id, owner) {
		long used = atomic_long_read(&owner->used);

		if (!used)
			continue;
		pr_warn("suspend to disk refused: owner %u (%*pE) holds or waits for %ld pages\n",
			owner->id, (int)strlen(owner->name), owner->name, used);
		held = true;
		break;
	}
	mutex_unlock(&lab->owners.lock);
	return held;
}

static void lab_close(struct labyrinth *lab)
{
	WRITE_ONCE(lab->closed, true);
	/* Who has seen it open has its page, charged, after it. */
	synchronize_rcu();
}

static void lab_reopen(struct labyrinth *lab)
{
	WRITE_ONCE(lab->closed, false);
	/* For whoever waits. */
	lab_kick(lab);
}

static int lab_hibernation_prepare(struct labyrinth *lab)
{
	if (!lab->settings.hibernation) {
		pr_warn("suspend to disk refused: the module was loaded with hibernation=0\n");
		return notifier_from_errno(-EPERM);
	}
	lab_close(lab);
	/*
	 * All that was freed is wiped, once it has been found uncharged; but what
	 * can't be is charged again.
	 */
	if (!lab_somebody_holds(lab)) {
		lab_worker_run(lab);
		if (!lab_somebody_holds(lab))
			return NOTIFY_OK;
	}
	lab_reopen(lab);
	return notifier_from_errno(-EBUSY);
}

static int lab_power(struct notifier_block *block, unsigned long event,
		     void *unused)
{
	struct labyrinth *lab = container_of(block, struct labyrinth, power);

	switch (event) {
	case PM_HIBERNATION_PREPARE:
		return lab_hibernation_prepare(lab);
	case PM_POST_HIBERNATION:
		lab_reopen(lab);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

/* === Removal of memory =================================================== */

static bool lab_slot_within(const struct lab_slot *slot, unsigned long from,
			    unsigned long to)
{
	unsigned long pfn;

	switch (lab_word_state(lab_slot_word(slot))) {
	case LABYRINTH_PAGE_VACANT:
	case LABYRINTH_PAGE_RETIRED:
		return false;
	default:
		pfn = page_to_pfn(virt_to_page(READ_ONCE(slot->addr)));
		return pfn < to && pfn + (1UL << READ_ONCE(slot->order)) > from;
	}
}

/*
 * Our pages have no references, which the kernel takes for movable. No more of
 * the range come to us from when this is called on.
 */
static int lab_going_offline(struct labyrinth *lab, unsigned long from,
			     unsigned long pages)
{
	u32 i;

	/* What is on its way to a slot may be anywhere. */
	if (atomic_long_read(&lab->fetching)) {
		pr_warn("removal of memory at %#lx refused: the reserve is being filled\n",
			from << PAGE_SHIFT);
		return notifier_from_errno(-EAGAIN);
	}
	/* Pairs with lab_fetched(): what is not on its way any more is seen. */
	smp_rmb();
	for (i = 0; i < lab->reg.slots; i++) {
		const struct lab_slot *slot = &lab->reg.slot[i];

		if (lab_slot_within(slot, from, from + pages)) {
			pr_warn("removal of memory at %#lx refused: a block of owner %u is there (0: of the reserve)\n",
				from << PAGE_SHIFT,
				lab_word_owner(lab_slot_word(slot)));
			return notifier_from_errno(-EBUSY);
		}
		if (!(i % 4096))
			cond_resched();
	}
	return NOTIFY_OK;
}

static int lab_hotplug(struct notifier_block *block, unsigned long event,
		       void *data)
{
	struct labyrinth *lab = container_of(block, struct labyrinth, hotplug);
	const struct memory_notify *range = data;

	if (event != MEM_GOING_OFFLINE)
		return NOTIFY_DONE;
	return lab_going_offline(lab, range->start_pfn, range->nr_pages);
}

/* === Want of memory ====================================================== */

/* From a call to the next, so long after, nothing is remembered. */
#define LAB_OOM_MEMORY	(10 * HZ)

/*
 * What a process had is the system's only when it has been wiped, a while after its
 * end. That is waited for before another is killed.
 *
 * Not for more than was to be wiped when the want began, and then somebody is killed:
 * or whoever takes and frees without end could keep the system from it. What the
 * victim had is waited for in its turn. What is not wiped in a second is not waited
 * for again: the oom_lock is held, and control groups need it too.
 */
static int lab_out_of_memory(struct notifier_block *block, unsigned long unused,
			     void *data)
{
	struct labyrinth *lab = container_of(block, struct labyrinth, oom.block);
	struct lab_oom *oom = &lab->oom;
	unsigned long *freed = data, returned;
	bool fresh = time_after(jiffies, oom->called + LAB_OOM_MEMORY);

	/* Neither the worker can be waited for by itself, nor reclaim be held up. */
	if (lab_worker_is_current(lab) || current->flags & PF_MEMALLOC)
		return NOTIFY_OK;
	oom->called = jiffies;
	if (oom->stuck && !fresh && !lab_wiped_to(lab, oom->mark))
		return NOTIFY_OK;
	if (fresh || !oom->helped)
		oom->mark = lab_soiled_mark(lab);
	returned = lab_wiped_to(lab, oom->mark) ? 0 :
		   lab_wait_returned(lab, oom->mark);
	oom->helped = returned;
	oom->stuck = !returned && !lab_wiped_to(lab, oom->mark);
	*freed += returned;
	return NOTIFY_OK;
}

/* === Beginning and end =================================================== */

int lab_system_init(struct labyrinth *lab)
{
	int err;

	lab->power.notifier_call = lab_power;
	lab->hotplug.notifier_call = lab_hotplug;
	lab->oom.block.notifier_call = lab_out_of_memory;
	err = register_pm_notifier(&lab->power);
	if (err)
		return err;
	err = register_memory_notifier(&lab->hotplug);
	if (err)
		goto err_power;
	err = register_oom_notifier(&lab->oom.block);
	if (err)
		goto err_hotplug;
	return 0;

err_hotplug:
	unregister_memory_notifier(&lab->hotplug);
err_power:
	unregister_pm_notifier(&lab->power);
	return err;
}

void lab_system_exit(struct labyrinth *lab)
{
	unregister_oom_notifier(&lab->oom.block);
	unregister_memory_notifier(&lab->hotplug);
	unregister_pm_notifier(&lab->power);
}
