// SPDX-License-Identifier: GPL-2.0-only
/*
 * What owners may hold (charges: any context), and do hold (the index).
 *
 * Steps that only together leave the books in balance run with preemption off,
 * so that verify can wait for their end: a task that was preempted half-way
 * would look like a book that is wrong.
 */
#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/user.h>

#include "reserve.h"
#include "thread.h"
#include "view.h"

/* === Charges ============================================================= */

static bool lab_account_charge(struct lab_account *account, long pages)
{
	if (!account->counted)
		return true;
	lab_step();
	lab_step();
	if (account->user &&
	    (unsigned long)atomic_long_add_return(pages, &account->user->locked_vm) >
	    READ_ONCE(account->limit)) {
		lab_step();
		atomic_long_sub(pages, &account->user->locked_vm);
		return false;
	}
	atomic_long_add(pages, &account->charged);
	return true;
}

/* Also what could not be refused. */
static void lab_account_add(struct lab_account *account, long pages)
{
	if (!account->counted)
		return;
	lab_step();
	lab_step();
	atomic_long_add(pages, &account->charged);
	if (account->user)
		atomic_long_add(pages, &account->user->locked_vm);
}

static enum labyrinth_reason lab_over_quota(const struct labyrinth_owner *owner)
{
	return lab_owner_dying(owner) ? LABYRINTH_REASON_DYING :
					LABYRINTH_REASON_QUOTA;
}

/* What is charged in vain looks full meanwhile: whoever polled then looks again. */
static void lab_room_again(struct labyrinth_owner *owner)
{
	/* The subtraction first: pairs with the worker's, see lab_kick(). */
	smp_mb__after_atomic();
	lab_kick(owner->lab);
}

static enum labyrinth_reason lab_try_charge(struct labyrinth_owner *owner,
					    unsigned long pages)
{
	long used;

	/* What can't fit is not added for an instant, at others' cost. */
	if ((unsigned long)atomic_long_read(&owner->used) + pages >
	    READ_ONCE(owner->quota))
		return lab_over_quota(owner);
	lab_step();
	used = atomic_long_add_return((long)pages, &owner->used);
	/* The addition is a full barrier: pairs with lab_owner_close_empty(). */
	if ((unsigned long)used > READ_ONCE(owner->quota)) {
		lab_step();
		atomic_long_sub((long)pages, &owner->used);
		lab_room_again(owner);
		return lab_over_quota(owner);
	}
	if (!lab_account_charge(lab_payer(owner), (long)pages)) {
		lab_step();
		atomic_long_sub((long)pages, &owner->used);
		lab_room_again(owner);
		return LABYRINTH_REASON_MEMLOCK;
	}
	return LABYRINTH_REASON_NONE;
}

/**
 * lab_charge - may @owner hold @pages more? Then charge them.
 * @owner: any
 * @pages: base pages
 *
 * An addition, undone if it was too much: wait-free, but two charges at once
 * can both be refused where one of them would have fitted.
 *
 * Context: any.
 *
 * Return: LABYRINTH_REASON_NONE, or why not.
 */
enum labyrinth_reason lab_charge(struct labyrinth_owner *owner,
				 unsigned long pages)
{
	enum labyrinth_reason reason;

	preempt_disable();
	reason = lab_try_charge(owner, pages);
	preempt_enable();
	return reason;
}

/* Context: any. */
void lab_uncharge(struct labyrinth_owner *owner, unsigned long pages)
{
	preempt_disable();
	lab_account_add(lab_payer(owner), -(long)pages);
	lab_step();
	atomic_long_sub((long)pages, &owner->used);
	preempt_enable();
}

/**
 * lab_charge_pending - lab_charge() for a call that takes a while to take
 * @owner: any
 * @pages: base pages
 *
 * @owner->pending tells verify of them until the call has published or undone.
 *
 * Return: as lab_charge().
 */
enum labyrinth_reason lab_charge_pending(struct labyrinth_owner *owner,
					 unsigned long pages)
{
	enum labyrinth_reason reason;

	preempt_disable();
	lab_step();
	atomic_long_add((long)pages, &owner->pending);
	reason = lab_charge(owner, pages);
	if (reason != LABYRINTH_REASON_NONE)
		lab_settle_pending(owner, pages);
	preempt_enable();
	return reason;
}

/* What was to be taken is not: whoever polls is told of the room. Context: any. */
void lab_uncharge_pending(struct labyrinth_owner *owner, unsigned long pages)
{
	preempt_disable();
	lab_uncharge(owner, pages);
	lab_room_again(owner);
	lab_settle_pending(owner, pages);
	preempt_enable();
}

/* They have been taken and published, or uncharged: no call is about to. */
void lab_settle_pending(struct labyrinth_owner *owner, unsigned long pages)
{
	lab_step();
	atomic_long_sub((long)pages, &owner->pending);
}

/* Charge what can't be refused: a page that was freed, but is held back. */
void lab_recharge(struct labyrinth_owner *owner, unsigned long pages)
{
	preempt_disable();
	atomic_long_add((long)pages, &owner->used);
	lab_account_add(lab_payer(owner), (long)pages);
	preempt_enable();
}

/**
 * lab_account_move - another user pays for an owner from now on
 * @owner: named; owners->lock held, and reserve_lock, for verify's sake
 * @user: who
 * @limit: of @user's, in pages
 *
 * Others' gifts are charged meanwhile, in any context: to the one or the other
 * account, as they saw it. What went to the old one after it was read is known a
 * grace period after the change.
 *
 * Context: process; sleeps.
 */
void lab_account_move(struct labyrinth_owner *owner, struct user_struct *user,
		      unsigned long limit)
{
	struct lab_account *from = lab_payer(owner);
	struct lab_account *to = &owner->account[!owner->payer];
	long moved = atomic_long_read(&from->charged), late;

	to->user = get_uid(user);
	to->limit = limit;
	atomic_long_set(&to->charged, 0);
	lab_account_add(to, moved);
	/* Who sees it sees the account: the reader's dependency is the pair. */
	smp_store_release(&owner->payer, !owner->payer);
	synchronize_rcu();
	late = atomic_long_read(&from->charged) - moved;
	lab_account_add(to, late);
	lab_account_add(from, -(moved + late));
	if (from->user)
		free_uid(from->user);
	from->user = NULL;
}

/**
 * lab_release - a block stops being held: it is DIRTY, the worker knows of it,
 *	and its owner is no longer charged
 * @owner: who held it
 * @slot: of @handle
 * @handle: OWNED, LEAVING with no mapping left, or TRANSIT and never to be taken
 *
 * Context: any. A bounded number of steps.
 *
 * Return: false if it was not @owner's any more: nothing has changed.
 */
bool lab_release(struct labyrinth_owner *owner, struct lab_slot *slot,
		 u64 handle)
{
	struct labyrinth *lab = owner->lab;
	unsigned long pages = 1UL << READ_ONCE(slot->order);
	bool covered = READ_ONCE(slot->covered), released;

	preempt_disable();
	released = lab_slot_free(slot, handle, owner->id) ||
		   lab_slot_gone(slot, handle, owner->id) ||
		   lab_slot_drop(slot, handle, owner->id);
	if (released) {
		lab_dirty_mark(&lab->reg.dirty, lab_slot_index(&lab->reg, slot));
		lab_count(lab, free);
		lab_count_add(lab, soiled, pages);
		if (covered) {
			lab_step();
			atomic_long_dec(&owner->covered);
		}
		lab_uncharge(owner, pages);
	}
	preempt_enable();
	return released;
}

/* === The index =========================================================== */

/* Links are slot indices, in the order of allocation. */
void lab_index_add(struct labyrinth_owner *owner, struct lab_slot *slot)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 index = lab_slot_index(reg, slot);

	lockdep_assert_held(&owner->lock);
	slot->index_next = LAB_NIL;
	slot->index_prev = owner->last;
	if (owner->last == LAB_NIL)
		owner->first = index;
	else
		reg->slot[owner->last].index_next = index;
	owner->last = index;
	slot->indexed = true;
	owner->indexed++;
}

/* With it goes what only its holder has: a place, or a thread. */
void lab_index_del(struct labyrinth_owner *owner, struct lab_slot *slot)
{
	struct lab_registry *reg = &owner->lab->reg;

	lockdep_assert_held(&owner->lock);
	if (slot->scope == LABYRINTH_SCOPE_THREAD)
		lab_thread_del(owner, slot);
	else
		lab_view_forget(owner, slot);
	if (slot->index_prev == LAB_NIL)
		owner->first = slot->index_next;
	else
		reg->slot[slot->index_prev].index_next = slot->index_next;
	if (slot->index_next == LAB_NIL)
		owner->last = slot->index_prev;
	else
		reg->slot[slot->index_next].index_prev = slot->index_prev;
	slot->indexed = false;
	owner->indexed--;
}

/**
 * lab_owner_slot - the slot of a block that is @owner's now, and published
 * @owner: file or named
 * @handle: any 64 bits
 *
 * Context: current acts as @owner, owner->lock held; as long as it is, the block
 * stays.
 *
 * Return: the slot, or -ENOENT; -EPERM: it is another thread's.
 */
struct lab_slot *lab_owner_slot(struct labyrinth_owner *owner, u64 handle)
{
	struct lab_slot *slot = lab_registry_slot(&owner->lab->reg, handle);

	lockdep_assert_held(&owner->lock);
	/* The word first: only its owner, under its lock, may look at the rest. */
	if (!slot || lab_slot_word(slot) !=
		     lab_handle_word(handle, owner->id, LABYRINTH_PAGE_OWNED) ||
	    !slot->indexed)
		return ERR_PTR(-ENOENT);
	return lab_thread_permits(slot) ? slot : ERR_PTR(-EPERM);
}

/**
 * lab_owner_leave - a block that current may touch is on its way out from now on
 * @owner: lock held
 * @handle: any 64 bits
 *
 * Return: its slot, LEAVING, or as lab_owner_slot().
 */
struct lab_slot *lab_owner_leave(struct labyrinth_owner *owner, u64 handle)
{
	struct lab_slot *slot = lab_owner_slot(owner, handle);

	if (IS_ERR(slot) || lab_slot_leave(slot, handle, owner->id))
		return slot;
	return ERR_PTR(-ENOENT);
}

/**
 * lab_owner_leaving - the slot of a block that a call has passed to lab_owner_leave()
 * @owner: lock held
 * @handle: likewise; 0 is none
 *
 * Return: the slot, or NULL: the owner's end, or a revocation, was faster.
 */
struct lab_slot *lab_owner_leaving(struct labyrinth_owner *owner, u64 handle)
{
	struct lab_slot *slot = lab_registry_slot(&owner->lab->reg, handle);

	lockdep_assert_held(&owner->lock);
	if (!handle || !slot ||
	    lab_slot_word(slot) !=
	    lab_handle_word(handle, owner->id, LABYRINTH_PAGE_LEAVING))
		return NULL;
	return slot;
}

/**
 * lab_owner_held - the slot of a block that is in @owner's index, whichever thread's
 *	it is, and though it may be on its way out
 * @owner: lock held
 * @handle: any 64 bits
 *
 * Return: the slot, or NULL.
 */
struct lab_slot *lab_owner_held(struct labyrinth_owner *owner, u64 handle)
{
	struct lab_slot *slot = lab_registry_slot(&owner->lab->reg, handle);
	u64 word;

	lockdep_assert_held(&owner->lock);
	if (!slot)
		return NULL;
	word = lab_slot_word(slot);
	if (word != lab_handle_word(handle, owner->id, LABYRINTH_PAGE_OWNED) &&
	    word != lab_handle_word(handle, owner->id, LABYRINTH_PAGE_LEAVING))
		return NULL;
	return slot->indexed ? slot : NULL;
}
