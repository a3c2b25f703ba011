// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferred requests. See defer.h.
 *
 * Each is charged, pending, when it is queued, so that nothing but its owner's
 * death can keep its block from coming. It goes through three lists: arriving
 * (any context puts, the worker takes all), waiting (by order, served from the
 * front), served (to be told; without a handle: cancelled).
 */
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/slab.h>

#include "block.h"
#include "defer.h"
#include "inbox.h"
#include "ladder.h"
#include "reserve.h"
#include "system.h"

void lab_defer_init(struct lab_defer *defer)
{
	unsigned int order;

	for (order = 0; order <= LAB_MAX_ORDER; order++)
		INIT_LIST_HEAD(&defer->waiting[order]);
	INIT_LIST_HEAD(&defer->served);
}

/* === Arriving ============================================================ */

/* ->next of one that has been put, and is not linked to the one before it yet. */
#define LAB_DEFER_OPEN	((struct labyrinth_deferred *)-1L)

/**
 * lab_defer_add - queue a request
 * @owner: charged for it, pending
 * @deferred: with @served and @page.order set
 *
 * One exchange: wait-free. The worker waits for the link, which is made with
 * preemption off.
 *
 * Context: any.
 */
void lab_defer_add(struct labyrinth_owner *owner,
		   struct labyrinth_deferred *deferred)
{
	struct lab_defer *defer = &owner->lab->defer;
	struct labyrinth_deferred *before;

	deferred->owner = owner;
	deferred->page.handle = 0;
	deferred->next = LAB_DEFER_OPEN;
	preempt_disable();
	lab_owner_get(owner);
	/* Full barrier: lab_defer_cancel() sees it, or the worker sees @dying. */
	atomic_inc_return(&owner->deferred);
	lab_count(owner->lab, deferred);
	before = xchg(&defer->arriving, deferred);
	/* Release pairs with lab_defer_next(). */
	smp_store_release(&deferred->next, before);
	preempt_enable();
	lab_step();
	lab_step();
	lab_step();
	lab_kick(owner->lab);
}

static struct labyrinth_deferred *
lab_defer_next(struct labyrinth_deferred *deferred)
{
	return smp_cond_load_acquire(&deferred->next, VAL != LAB_DEFER_OPEN);
}

/* Under reserve_lock. Return: true if its owner is dying. */
static bool lab_defer_wait(struct labyrinth_deferred *deferred)
{
	struct labyrinth_owner *owner = deferred->owner;
	struct lab_defer *defer = &owner->lab->defer;
	u32 order = deferred->page.order;

	list_add_tail(&deferred->link, &defer->waiting[order]);
	if (!order)
		owner->home->wanted++;
	return lab_owner_dying(owner);
}

/* Under reserve_lock. Served, or with no handle: cancelled. */
static void lab_defer_end(struct labyrinth_deferred *deferred)
{
	struct labyrinth_owner *owner = deferred->owner;

	if (!deferred->page.order)
		owner->home->wanted--;
	list_move_tail(&deferred->link, &owner->lab->defer.served);
}

static void lab_defer_cancel_dying(struct lab_defer *defer)
{
	struct labyrinth_deferred *deferred, *next;
	unsigned int order;

	for (order = 0; order <= LAB_MAX_ORDER; order++)
		list_for_each_entry_safe(deferred, next, &defer->waiting[order],
					 link)
			if (lab_owner_dying(deferred->owner))
				lab_defer_end(deferred);
}

/**
 * lab_defer_collect - look at what has been queued, and at whose owners have died
 * @lab: the instance
 *
 * Context: the worker; reserve_lock not held.
 */
void lab_defer_collect(struct labyrinth *lab)
{
	struct lab_defer *defer = &lab->defer;
	struct labyrinth_deferred *deferred, *next;
	bool cancel = false;
	LIST_HEAD(batch);

	/* The last one first: each goes before the one that came after it. */
	for (deferred = xchg(&defer->arriving, NULL); deferred; deferred = next) {
		next = lab_defer_next(deferred);
		list_add(&deferred->link, &batch);
	}
	mutex_lock(&lab->reserve_lock);
	list_for_each_entry_safe(deferred, next, &batch, link)
		cancel |= lab_defer_wait(deferred);
	/* All of an owner's at once, in their order. */
	if (xchg(&defer->cancel, false) || cancel)
		lab_defer_cancel_dying(defer);
	mutex_unlock(&lab->reserve_lock);
}

/* === Serving ============================================================= */

static void lab_defer_served(struct labyrinth_deferred *deferred,
			     const struct lab_grant *grant)
{
	struct labyrinth_page *page = &deferred->page;

	page->handle = grant->handle;
	page->address = grant->slot->addr;
	page->rung = LABYRINTH_RUNG_FALLBACK;
	page->reason = LABYRINTH_REASON_NONE;
	page->tag = 0;
	page->used = 0;
	lab_count(deferred->owner->lab, alloc[LABYRINTH_RUNG_FALLBACK]);
	lab_defer_end(deferred);
}

static u32 lab_defer_page(struct labyrinth *lab, struct lab_node *node)
{
	u32 index = lab_stack_take(&lab->reg, &node->stock, 0);

	if (index == LAB_NIL && lab_claim(&node->ring.available))
		index = lab_ring_take(&node->ring);
	return index;
}

/**
 * lab_defer_feed - serve requests for single pages, in the order they came
 * @lab: the instance; reserve_lock held
 * @node: from its stock and reserve, after what is promised to owners
 */
void lab_defer_feed(struct labyrinth *lab, struct lab_node *node)
{
	struct list_head *waiting = &lab->defer.waiting[0];
	struct labyrinth_deferred *deferred;
	struct lab_grant grant = { .rung = LABYRINTH_RUNG_FALLBACK };
	u32 index;

	lockdep_assert_held(&lab->reserve_lock);
	while (!list_empty(waiting)) {
		deferred = list_first_entry(waiting, struct labyrinth_deferred,
					    link);
		if (lab_owner_dying(deferred->owner)) {
			lab_defer_end(deferred);
			continue;
		}
		index = lab_closed(lab) ? LAB_NIL : lab_defer_page(lab, node);
		if (index == LAB_NIL)
			return;
		if (lab_grant_own(lab, deferred->owner, index, &grant))
			lab_defer_served(deferred, &grant);
	}
}

static struct labyrinth_deferred *lab_defer_first(struct labyrinth *lab,
						  unsigned int order)
{
	struct labyrinth_deferred *deferred;

	mutex_lock(&lab->reserve_lock);
	deferred = list_first_entry_or_null(&lab->defer.waiting[order],
					    struct labyrinth_deferred, link);
	mutex_unlock(&lab->reserve_lock);
	return deferred;
}

/*
 * A block straight from the system, as it comes: one user's large block is not all
 * others' wait. Return: false if there is none now.
 */
static bool lab_defer_fetch(struct labyrinth *lab,
			    struct labyrinth_deferred *deferred,
			    struct lab_grant *grant)
{
	unsigned int order = deferred->page.order;
	void *addr;

	if (lab_closed(lab) || !lab_worker_headroom(lab, 1UL << order))
		return false;
	addr = lab_fetch(lab, NUMA_NO_NODE, LAB_GFP_NOWAIT, order,
			 lab_reserve_lacks(lab));
	if (IS_ERR(addr))
		return false;
	if (lab_grant_enter(lab, deferred->owner, addr, order, grant))
		return true;
	lab_unfetch(lab, addr, order);
	return false;
}

/* Return: false if it is to wait on. */
static bool lab_defer_block(struct labyrinth *lab,
			    struct labyrinth_deferred *deferred)
{
	struct lab_grant grant = { .rung = LABYRINTH_RUNG_FALLBACK };
	bool served = !lab_owner_dying(deferred->owner) &&
		      lab_defer_fetch(lab, deferred, &grant);

	if (!served && !lab_owner_dying(deferred->owner))
		return false;
	mutex_lock(&lab->reserve_lock);
	if (served)
		lab_defer_served(deferred, &grant);
	else
		lab_defer_end(deferred);
	mutex_unlock(&lab->reserve_lock);
	return true;
}

/**
 * lab_defer_blocks - serve requests for more than a page, from the system
 * @lab: the instance
 *
 * Context: the worker, who alone takes from the lists; reserve_lock not held.
 *
 * Return: false if some wait on.
 */
bool lab_defer_blocks(struct labyrinth *lab)
{
	struct labyrinth_deferred *deferred;
	bool all = true;
	unsigned int order;

	for (order = 1; order <= LAB_MAX_ORDER; order++)
		while ((deferred = lab_defer_first(lab, order))) {
			if (!lab_defer_block(lab, deferred)) {
				all = false;
				break;
			}
			cond_resched();
		}
	return all;
}

/* === Telling ============================================================= */

static void lab_defer_tell(struct labyrinth_deferred *deferred)
{
	struct labyrinth_owner *owner = deferred->owner;
	unsigned long pages = 1UL << deferred->page.order;
	int err = deferred->page.handle ? 0 : -ESHUTDOWN;

	if (err)
		lab_uncharge_pending(owner, pages);
	else if (owner->kind == LABYRINTH_OWNER_KERNEL)
		lab_settle_pending(owner, pages);
	deferred->served(deferred, err);
	/* Last: who dies waits for us as long as there is one. */
	atomic_dec(&owner->deferred);
	lab_owner_put(owner);
}

/**
 * lab_defer_deliver - tell of what has been served and cancelled
 * @lab: the instance
 *
 * Context: the worker; no lock held.
 */
void lab_defer_deliver(struct labyrinth *lab)
{
	struct labyrinth_deferred *deferred, *next;
	LIST_HEAD(served);

	mutex_lock(&lab->reserve_lock);
	list_splice_init(&lab->defer.served, &served);
	mutex_unlock(&lab->reserve_lock);
	list_for_each_entry_safe(deferred, next, &served, link) {
		lab_defer_tell(deferred);
		cond_resched();
	}
}

/**
 * lab_defer_cancel - an owner is dying: so are its requests
 * @owner: dying
 *
 * Context: process; may sleep. A kernel owner's requests have been told when this
 * returns.
 */
void lab_defer_cancel(struct labyrinth_owner *owner)
{
	if (!atomic_read(&owner->deferred))
		return;
	WRITE_ONCE(owner->lab->defer.cancel, true);
	if (owner->kind == LABYRINTH_OWNER_KERNEL)
		lab_worker_run(owner->lab);
	else
		lab_kick(owner->lab);
}

/* === Into an inbox ======================================================= */

/**
 * struct lab_later - a request whose block goes into its owner's inbox
 * @deferred: the request
 * @tag: the block's
 */
struct lab_later {
	struct labyrinth_deferred deferred;
	u64 tag;
};

/* Served, but its owner has died since. */
static void lab_later_drop(struct labyrinth_owner *owner, struct lab_slot *slot,
			   const struct labyrinth_page *page)
{
	lab_inbox_unclaim(lab_inbox(owner), 1);
	if (!slot)
		return;
	lab_release(owner, slot, page->handle);
	lab_settle_pending(owner, 1UL << page->order);
	lab_count(owner->lab, dropped);
	lab_kick(owner->lab);
}

/* The worker's, who waits for no user's lock: as any giver, see inbox.c. */
static void lab_later_served(struct labyrinth_deferred *deferred, int err)
{
	struct lab_later *later = container_of(deferred, struct lab_later,
					       deferred);
	struct labyrinth_owner *owner = deferred->owner;
	struct labyrinth_page *page = &deferred->page;
	struct lab_slot *slot = NULL;

	if (!err)
		slot = lab_registry_slot(&owner->lab->reg, page->handle);
	preempt_disable();
	if (slot && !lab_owner_dying(owner)) {
		lab_slot_give(slot, page->handle, owner->id, owner->id);
		WRITE_ONCE(slot->tag, later->tag);
		lab_inbox_arrive(owner, slot);
	} else {
		lab_later_drop(owner, slot, page);
	}
	preempt_enable();
	kfree(later);
}

static void lab_later_free(struct list_head *later)
{
	struct lab_later *l, *next;

	list_for_each_entry_safe(l, next, later, deferred.link)
		kfree(l);
	INIT_LIST_HEAD(later);
}

static int lab_later_new(unsigned int order, u64 tag, u32 count,
			 struct list_head *later)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct lab_later *l = kzalloc(sizeof(*l), LAB_GFP_CALL);

		if (!l)
			return -ENOMEM;
		l->deferred.served = lab_later_served;
		l->deferred.page.order = order;
		l->tag = tag + i;
		list_add_tail(&l->deferred.link, later);
		cond_resched();
	}
	return 0;
}

/**
 * lab_defer_prepare - make ready to have blocks come into an owner's inbox
 * @owner: file or named; charged for them, pending
 * @order: of each
 * @tag: of the first; each further one gets one more
 * @count: how many
 * @later: gets the requests
 *
 * Return: 0, -ENOSPC: the inbox has no room, -ENOMEM, -ESHUTDOWN: nothing has
 * changed.
 */
int lab_defer_prepare(struct labyrinth_owner *owner, unsigned int order,
		      u64 tag, u32 count, struct list_head *later)
{
	u32 most = lab_inbox_capacity(owner) ?: LABYRINTH_INBOX_DEFAULT;
	int err;

	if (count > most)
		return -ENOSPC;
	/* An inbox, once made, stays: so it is last, and has room for them. */
	err = lab_later_new(order, tag, count, later);
	if (!err)
		err = lab_inbox_ensure(owner);
	if (!err && !lab_inbox_claim(lab_inbox(owner), count))
		err = -ENOSPC;
	if (err)
		lab_later_free(later);
	return err;
}

/* @count were prepared, all that @later has. */
void lab_defer_abandon(struct labyrinth_owner *owner, struct list_head *later,
		       u32 count)
{
	lab_inbox_unclaim(lab_inbox(owner), count);
	lab_later_free(later);
}

/* Can't fail: if the owner dies, they are cancelled. */
void lab_defer_commit(struct labyrinth_owner *owner, struct list_head *later)
{
	struct lab_later *l, *next;

	list_for_each_entry_safe(l, next, later, deferred.link)
		lab_defer_add(owner, &l->deferred);
}
