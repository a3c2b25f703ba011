// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks are taken from their owner, whatever it does: at its end, and by an
 * administrator. A call of its own that is under way finds them gone; what it is
 * just allocating is not there yet.
 */
#include <linux/sched.h>

#include "inbox.h"
#include "reserve.h"
#include "view.h"

/**
 * lab_owner_strip - release all that an owner's index has
 * @owner: lock held
 *
 * Context: process; may sleep.
 *
 * Return: pages.
 */
unsigned long lab_owner_strip(struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &owner->lab->reg;
	unsigned long pages = 0;

	/* No fault comes between: it needs the lock. */
	lab_zap_all(owner);
	while (owner->first != LAB_NIL) {
		struct lab_slot *slot = &reg->slot[owner->first];
		u64 handle = lab_handle(lab_slot_word(slot), owner->first);

		pages += 1UL << slot->order;
		lab_index_del(owner, slot);
		lab_release(owner, slot, handle);
		cond_resched();
	}
	return pages;
}

static unsigned long lab_revoke_all(struct labyrinth_owner *owner)
{
	unsigned long blocks = owner->indexed, pages = lab_owner_strip(owner);
	u64 waiting;

	pages += lab_inbox_drain(owner, &waiting);
	lab_count_add(owner->lab, revoked, blocks + waiting);
	return pages;
}

/* Return: pages, or -ENOENT, -EBUSY. */
static long lab_revoke_one(struct labyrinth_owner *owner, u64 handle)
{
	struct lab_slot *slot = lab_registry_slot(&owner->lab->reg, handle);
	long pages;

	/* Its place in the inbox can't be taken from between the others'. */
	if (slot && lab_slot_word(slot) ==
		    lab_handle_word(handle, owner->id, LABYRINTH_PAGE_TRANSIT))
		return -EBUSY;
	slot = lab_owner_held(owner, handle);
	if (!slot)
		return -ENOENT;
	pages = 1L << slot->order;
	lab_zap_blocks(owner, &handle, 1);
	lab_index_del(owner, slot);
	lab_release(owner, slot, handle);
	lab_count(owner->lab, revoked);
	return pages;
}

/**
 * lab_owner_revoke - take blocks from an owner
 * @owner: file or named
 * @handle: which; NULL for all, those in its inbox too
 *
 * When it returns, neither a call nor a mapping reaches them.
 *
 * Context: process; may sleep.
 *
 * Return: pages; -ENOENT: the block is not @owner's; -EBUSY: it waits in its
 * inbox.
 */
long lab_owner_revoke(struct labyrinth_owner *owner, const u64 *handle)
{
	long pages;

	/* What was given before stands in the inbox after it: no put is half-way. */
	if (!handle)
		synchronize_rcu();
	mutex_lock(&owner->lock);
	pages = handle ? lab_revoke_one(owner, *handle) :
			 (long)lab_revoke_all(owner);
	mutex_unlock(&owner->lock);
	lab_kick(owner->lab);
	return pages;
}
