// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inboxes, and what giving to one needs: that the receiver accepts, may hold,
 * and has room. See inbox.h.
 *
 * Whoever puts does so with preemption off, from the look at @dying on: a dying
 * owner's end waits a grace period before it drains, so its drain misses
 * nothing.
 */
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "inbox.h"
#include "steps.h"
#include "reserve.h"

/* === Telling of arrivals ================================================= */

/*
 * An irq_work may run on two CPUs at once; a work does not run beside itself. So
 * the one only queues the other. Each, while it is queued, has a reference.
 */
static void lab_inbox_notify(struct irq_work *work)
{
	struct lab_inbox *inbox = container_of(work, struct lab_inbox, notify);
	struct labyrinth_owner *owner = inbox->owner;
	u32 steps = lab_steps_begin();

	if (!queue_work(owner->lab->tell_queue, &inbox->tell))
		lab_owner_put(owner);
	lab_steps_resume(steps);
}

static void lab_inbox_tell(struct work_struct *work)
{
	struct lab_inbox *inbox = container_of(work, struct lab_inbox, tell);
	struct labyrinth_owner *owner = inbox->owner;
	struct lab_listener *listener;

	mutex_lock(&owner->tell_lock);
	listener = owner->listener;
	if (owner->arrived)
		owner->arrived(owner, owner->arrived_data);
	if (listener)
		wake_up_all(&listener->wait);
	if (listener && listener->eventfd)
		lab_eventfd_signal(listener->eventfd);
	mutex_unlock(&owner->tell_lock);
	lab_owner_put(owner);
}

/* Any context. */
static void lab_inbox_notice(struct lab_inbox *inbox)
{
	lab_owner_get(inbox->owner);
	lab_step();
	lab_step();
	if (irq_work_queue(&inbox->notify))
		return;
	/* It is on its way already, with a reference of its own. */
	lab_step();
	lab_owner_put(inbox->owner);
}

/**
 * lab_inbox_waiting - is there anything to be taken?
 * @owner: file or named
 *
 * Context: process; takes owner->lock: of a take that is under way all is seen, or
 * nothing.
 */
bool lab_inbox_waiting(struct labyrinth_owner *owner)
{
	struct lab_inbox *inbox = lab_inbox(owner);
	bool waiting;

	if (!inbox)
		return false;
	mutex_lock(&owner->lock);
	waiting = lab_queue_peek(&inbox->queue, 0) != LAB_NIL;
	mutex_unlock(&owner->lock);
	return waiting;
}

/**
 * lab_inbox_listen - say which file is told of an owner's arrivals
 * @owner: file or named
 * @listener: the file's; NULL: nobody. The one before may go when this returns
 *
 * What is there already is told at once.
 *
 * Context: process; may sleep.
 */
void lab_inbox_listen(struct labyrinth_owner *owner,
		      struct lab_listener *listener)
{
	mutex_lock(&owner->tell_lock);
	owner->listener = listener;
	mutex_unlock(&owner->tell_lock);
	if (listener && lab_inbox_waiting(owner))
		lab_inbox_notice(lab_inbox(owner));
}

/**
 * lab_inbox_eventfd - change a listener's eventfd
 * @owner: whose listener it is, if anybody's
 * @listener: a file's
 * @eventfd: with a reference, or NULL
 *
 * Return: the one before, which is not signalled any more.
 */
struct eventfd_ctx *lab_inbox_eventfd(struct labyrinth_owner *owner,
				      struct lab_listener *listener,
				      struct eventfd_ctx *eventfd)
{
	mutex_lock(&owner->tell_lock);
	swap(listener->eventfd, eventfd);
	mutex_unlock(&owner->tell_lock);
	if (listener->eventfd && lab_inbox_waiting(owner))
		lab_inbox_notice(lab_inbox(owner));
	return eventfd;
}

/* === Life ================================================================ */

static void lab_inbox_destroy(struct lab_inbox *inbox)
{
	if (inbox)
		lab_queue_exit(&inbox->queue);
	kfree(inbox);
}

static struct lab_inbox *lab_inbox_new(struct labyrinth_owner *owner,
				       u32 capacity)
{
	struct lab_inbox *inbox = kzalloc(sizeof(*inbox), LAB_GFP_CALL);

	if (!inbox)
		return NULL;
	if (lab_queue_init(&inbox->queue, capacity ?: LABYRINTH_INBOX_DEFAULT)) {
		kfree(inbox);
		return NULL;
	}
	inbox->owner = owner;
	inbox->notify = IRQ_WORK_INIT_HARD(lab_inbox_notify);
	INIT_WORK(&inbox->tell, lab_inbox_tell);
	return inbox;
}

/* Under owners->lock. What is of use of @inbox is taken. */
static int lab_inbox_install(struct labyrinth_owner *owner, u32 capacity,
			     struct lab_inbox **inbox)
{
	if (lab_owner_dying(owner))
		return -ESHUTDOWN;
	if (owner->inbox)
		return !capacity || capacity == lab_inbox_capacity(owner) ?
			0 : -EBUSY;
	if (!*inbox)
		return -ENOMEM;
	/* Pairs with lab_inbox(). */
	smp_store_release(&owner->inbox, *inbox);
	*inbox = NULL;
	return 0;
}

static int lab_inbox_set(struct labyrinth_owner *owner, u32 capacity,
			 const u32 *accept)
{
	struct lab_inbox *inbox = NULL;
	int err;

	/* Before the lock that every open, close and death needs. */
	if (!lab_inbox(owner))
		inbox = lab_inbox_new(owner, capacity);
	mutex_lock(&owner->lab->owners.lock);
	err = lab_inbox_install(owner, capacity, &inbox);
	if (!err && accept)
		WRITE_ONCE(owner->accept, *accept);
	mutex_unlock(&owner->lab->owners.lock);
	lab_inbox_destroy(inbox);
	return err;
}

/* The owner's last reference is gone. */
void lab_inbox_free(struct labyrinth_owner *owner)
{
	lab_inbox_destroy(owner->inbox);
}

/**
 * lab_inbox_ensure - an owner is about to have something come into its inbox
 * @owner: any
 *
 * Context: process; may sleep.
 *
 * Return: 0, -ENOMEM or -ESHUTDOWN.
 */
int lab_inbox_ensure(struct labyrinth_owner *owner)
{
	return lab_inbox_set(owner, 0, NULL);
}

/**
 * lab_accept_set - say whom an owner takes blocks from
 * @owner: any
 * @accept: enum labyrinth_accept; NULL: as before
 * @capacity: of its inbox, which is made if there is none; 0: what it has, or
 *	LABYRINTH_INBOX_DEFAULT
 *
 * Return: 0, -EBUSY, -ENOMEM or -ESHUTDOWN: nothing has changed.
 */
int lab_accept_set(struct labyrinth_owner *owner, const u32 *accept,
		   u32 capacity)
{
	/* Who takes from nobody needs none. */
	if (accept && *accept == LABYRINTH_ACCEPT_NONE && !capacity &&
	    !lab_inbox(owner))
		return 0;
	return lab_inbox_set(owner, capacity, accept);
}

/* === Giving ============================================================== */

/**
 * lab_inbox_claim - keep places for blocks that are to come
 * @inbox: where
 * @blocks: how many
 *
 * Context: any; @blocks claims.
 *
 * Return: false if there is no room for all: none has been claimed.
 */
bool lab_inbox_claim(struct lab_inbox *inbox, u32 blocks)
{
	u32 n;

	/* What can't fit is not claimed for an instant, at others' cost. */
	if (atomic_long_read(&inbox->queue.room) < (long)blocks)
		return false;
	preempt_disable();
	for (n = 0; n < blocks; n++)
		if (!lab_claim(&inbox->queue.room))
			break;
	if (n < blocks)
		lab_inbox_unclaim(inbox, n);
	preempt_enable();
	return n == blocks;
}

void lab_inbox_unclaim(struct lab_inbox *inbox, u32 blocks)
{
	lab_step();
	atomic_long_add(blocks, &inbox->queue.room);
}

static bool lab_accepts(const struct labyrinth_owner *to,
			const struct labyrinth_owner *owner)
{
	switch (READ_ONCE(to->accept)) {
	case LABYRINTH_ACCEPT_ANY:
		return true;
	case LABYRINTH_ACCEPT_UID:
		return to->kind != LABYRINTH_OWNER_KERNEL &&
		       owner->kind != LABYRINTH_OWNER_KERNEL &&
		       uid_eq(READ_ONCE(to->uid), READ_ONCE(owner->uid));
	default:
		return false;
	}
}

/* What a giver is told. */
int lab_give_errno(enum labyrinth_reason reason)
{
	switch (reason) {
	case LABYRINTH_REASON_NONE:
		return 0;
	case LABYRINTH_REASON_REFUSED:
		return -EACCES;
	case LABYRINTH_REASON_INBOX:
		return -ENOSPC;
	case LABYRINTH_REASON_DYING:
		return -ESRCH;
	default:
		return -EDQUOT;
	}
}

static enum labyrinth_reason lab_give_try(struct labyrinth_owner *owner,
					  struct labyrinth_owner *to,
					  unsigned long pages, u32 blocks)
{
	struct lab_inbox *inbox = lab_inbox(to);
	enum labyrinth_reason reason;

	if (!inbox || !lab_accepts(to, owner))
		return LABYRINTH_REASON_REFUSED;
	reason = lab_charge_pending(to, pages);
	if (reason != LABYRINTH_REASON_NONE)
		return reason;
	if (lab_inbox_claim(inbox, blocks))
		return LABYRINTH_REASON_NONE;
	lab_uncharge_pending(to, pages);
	return LABYRINTH_REASON_INBOX;
}

/**
 * lab_give_admit - may @owner give to @to? Then charge it, and keep the places
 * @owner: the giver
 * @to: the receiver; pending until lab_settle_pending(), or lab_give_revoke()
 * @pages: base pages
 * @blocks: of them
 *
 * Context: any.
 *
 * Return: LABYRINTH_REASON_NONE, or why not: nothing has changed.
 */
enum labyrinth_reason lab_give_admit(struct labyrinth_owner *owner,
				     struct labyrinth_owner *to,
				     unsigned long pages, u32 blocks)
{
	enum labyrinth_reason reason = lab_give_try(owner, to, pages, blocks);

	if (reason != LABYRINTH_REASON_NONE)
		lab_count_add(owner->lab, refused[reason], blocks);
	return reason;
}

/* What was admitted does not come. */
void lab_give_revoke(struct labyrinth_owner *to, unsigned long pages,
		     u32 blocks)
{
	lab_inbox_unclaim(lab_inbox(to), blocks);
	lab_uncharge_pending(to, pages);
}

/**
 * lab_inbox_arrive - put a block where a place is kept for it, and tell of it
 * @to: the receiver, charged for it, pending
 * @slot: in transit to it
 *
 * Context: any, preemption off since before @to was seen not to be dying.
 */
void lab_inbox_arrive(struct labyrinth_owner *to, struct lab_slot *slot)
{
	struct lab_inbox *inbox = lab_inbox(to);
	unsigned long pages = 1UL << slot->order;

	lab_queue_put(&inbox->queue, lab_slot_index(&to->lab->reg, slot));
	lab_settle_pending(to, pages);
	lab_inbox_notice(inbox);
}

/**
 * lab_give_commit - give a block that has been admitted
 * @owner: the giver
 * @to: the receiver: not dying when it was looked at, preemption off since
 * @slot: of @handle
 * @handle: OWNED by @owner, or LEAVING with no mapping left
 * @note: to be written on it; NULL leaves what stands there
 *
 * Context: any, preemption off.
 *
 * Return: its pages; 0: it was not @owner's any more, and the admission is left.
 */
unsigned long lab_give_commit(struct labyrinth_owner *owner,
			      struct labyrinth_owner *to, struct lab_slot *slot,
			      u64 handle, const struct lab_note *note)
{
	unsigned long pages = 1UL << READ_ONCE(slot->order);
	bool covered = READ_ONCE(slot->covered);

	if (!lab_slot_give(slot, handle, owner->id, to->id) &&
	    !lab_slot_pass(slot, handle, owner->id, to->id))
		return 0;
	/* Nobody takes it before it has arrived: until then the slot is ours. */
	WRITE_ONCE(slot->covered, 0);
	if (note) {
		WRITE_ONCE(slot->tag, note->tag);
		WRITE_ONCE(slot->length, note->used);
	}
	if (covered) {
		lab_step();
		atomic_long_dec(&owner->covered);
	}
	lab_inbox_arrive(to, slot);
	lab_uncharge(owner, pages);
	lab_count(owner->lab, given);
	/* Its guarantee lacks a page from now on: what was put came between. */
	if (covered)
		lab_kick(owner->lab);
	return pages;
}

/* === Taking ============================================================== */

/**
 * lab_inbox_take - take what has waited longest
 * @owner: with an inbox; the caller is its one receiver
 * @handle: of what was taken
 *
 * Context: any.
 *
 * Return: the slot, OWNED; NULL: there is none, or the owner's end has come.
 */
struct lab_slot *lab_inbox_take(struct labyrinth_owner *owner, u64 *handle)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 index = lab_queue_take(&lab_inbox(owner)->queue);
	struct lab_slot *slot;

	if (index == LAB_NIL)
		return NULL;
	slot = &reg->slot[index];
	*handle = lab_handle(lab_slot_word(slot), index);
	if (!lab_slot_take(slot, *handle, owner->id))
		return NULL;
	lab_count(owner->lab, taken);
	return slot;
}

/**
 * lab_inbox_drain - what is in transit to an owner is wiped
 * @owner: owner->lock held. Nothing is left, and nothing will come, if it has been
 *	dying for a grace period; else who goes on giving does not keep us here
 * @blocks: gets how many
 *
 * Context: process; may sleep.
 *
 * Return: pages.
 */
unsigned long lab_inbox_drain(struct labyrinth_owner *owner, u64 *blocks)
{
	struct lab_registry *reg = &owner->lab->reg;
	struct lab_inbox *inbox = lab_inbox(owner);
	unsigned long pages = 0;
	u32 i;

	lockdep_assert_held(&owner->lock);
	*blocks = 0;
	for (i = 0; inbox && i < inbox->queue.capacity; i++) {
		u32 index = lab_queue_take(&inbox->queue);
		struct lab_slot *slot;
		unsigned long size;

		if (index == LAB_NIL)
			break;
		slot = &reg->slot[index];
		size = 1UL << slot->order;

		if (lab_release(owner, slot,
				lab_handle(lab_slot_word(slot), index))) {
			++*blocks;
			pages += size;
		}
		cond_resched();
	}
	return pages;
}
