// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker: wipes what was freed, fills what has run low, gives back what is
 * too much, wakes who waits and frees the numbers of dead owners.
 *
 * It can be woken from any context: a flag, an irq_work, a work item. It takes
 * reserve_lock for a chunk at a time, and never while it calls the page
 * allocator to get something.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "block.h"
#include "defer.h"
#include "owner.h"
#include "reserve.h"
#include "system.h"

/* Pages wiped before reserve_lock is let go; a block is not interrupted. */
#define LAB_RECYCLE_CHUNK	256
/* Pages fetched for a node before what was freed is looked at again: 8 MiB. */
#define LAB_REFILL_TURN		2048U
#define LAB_RETRY_DELAY		(HZ / 10)

/* === Slots and the system ================================================ */

/**
 * lab_slot_to_system - give a clean slot's block back
 * @lab: the instance; reserve_lock held
 * @slot: READY, or DIRTY and wiped; held by the caller alone
 */
void lab_slot_to_system(struct labyrinth *lab, struct lab_slot *slot)
{
	unsigned int order = slot->order;
	void *addr = slot->addr;
	bool vacant = lab_slot_vacate(slot);

	lab_block_put(addr, order);
	lab_returned(lab, 1UL << order);
	lab->work_stats.returned++;
	if (vacant)
		lab_vacant_put(&lab->reg, slot);
}

/* Fill vacant slots with the pages of a block; without slots they go back. */
static bool lab_stock_block(struct labyrinth *lab, struct lab_node *node,
			    void *addr, unsigned int order)
{
	unsigned int i, pages = 1U << order;

	for (i = 0; i < pages; i++) {
		struct lab_slot *slot = lab_vacant_take(&lab->reg);

		if (!slot)
			break;
		lab_slot_fill(slot, addr + i * PAGE_SIZE);
		lab_stack_put(&lab->reg, &node->stock,
			      lab_slot_index(&lab->reg, slot));
	}
	lab_fetched(lab, i);
	lab->work_stats.refilled += i;
	if (i == pages)
		return true;
	for (; i < pages; i++)
		lab_unfetch(lab, addr + i * PAGE_SIZE, 0);
	return false;
}

/* === Recycling =========================================================== */

static void lab_quarantine(struct labyrinth *lab, struct lab_slot *slot)
{
	u32 id = lab_word_owner(lab_slot_word(slot));
	struct labyrinth_owner *owner = xa_load(&lab->owners.table, id);

	/* Only this worker frees numbers: @owner stays. */
	if (WARN_ON_ONCE(!owner) || !lab_slot_quarantine(slot))
		return;
	WRITE_ONCE(owner->quarantined,
		   owner->quarantined + (1UL << slot->order));
	lab_recharge(owner, 1UL << slot->order);
	lab->work_stats.quarantined++;
	pr_warn_ratelimited("block of owner %u (%*pE) is still referenced or poisoned: quarantined\n",
			    id, (int)strlen(owner->name), owner->name);
}

/* Nor is anything left of what its last owner kept with it. */
static void lab_slot_forget(struct lab_slot *slot)
{
	WRITE_ONCE(slot->tag, 0);
	WRITE_ONCE(slot->length, 0);
	WRITE_ONCE(slot->born, 0);
	WRITE_ONCE(slot->scope, 0);
	WRITE_ONCE(slot->rung, 0);
}

static void lab_recycle(struct labyrinth *lab, struct lab_slot *slot)
{
	struct lab_node *node;

	/* A mark comes after the word: whatever else this is, hands off. */
	if (WARN_ON_ONCE(lab_word_state(lab_slot_word(slot)) !=
			 LABYRINTH_PAGE_DIRTY))
		return;
	if (!lab_block_wipe(slot->addr, slot->order)) {
		lab_quarantine(lab, slot);
		return;
	}
	lab_slot_forget(slot);
	if (!slot->order && lab_slot_clean(slot)) {
		node = lab->node[page_to_nid(virt_to_page(slot->addr))];
		lab->work_stats.recycled++;
		lab_stack_put(&lab->reg, &node->stock,
			      lab_slot_index(&lab->reg, slot));
		return;
	}
	lab_slot_to_system(lab, slot);
}

static void lab_distribute(struct labyrinth *lab)
{
	unsigned int i;

	for (i = 0; i < lab->node_count; i++)
		lab_node_distribute(lab, lab->nodes[i]);
}

static void lab_wake(struct labyrinth *lab)
{
	if (wq_has_sleeper(&lab->refilled))
		wake_up_all(&lab->refilled);
}

/* One pass: what is freed behind it has kicked for the next. */
static void lab_recycle_all(struct labyrinth *lab)
{
	u32 index = 0, from = 0;
	unsigned int n;

	while (index != LAB_NIL) {
		mutex_lock(&lab->reserve_lock);
		for (n = 0; n < LAB_RECYCLE_CHUNK; ) {
			index = lab_dirty_next(&lab->reg.dirty, from);
			if (index == LAB_NIL)
				break;
			from = index + 1;
			n += 1U << lab->reg.slot[index].order;
			lab_recycle(lab, &lab->reg.slot[index]);
		}
		lab_distribute(lab);
		/* Only now has it gone where it belongs. Read without the lock. */
		WRITE_ONCE(lab->work_stats.cleaned,
			   lab->work_stats.cleaned + n);
		mutex_unlock(&lab->reserve_lock);
		lab_wake(lab);
		cond_resched();
	}
}

/* === Refill ============================================================== */

/* May so many pages be taken from the system without crowding it? */
bool lab_worker_headroom(struct labyrinth *lab, unsigned long pages)
{
	return si_mem_available() >= (long)(lab->settings.headroom + pages);
}

/* Big blocks only as they come; the reclaiming is done for single pages. */
static gfp_t lab_refill_gfp(unsigned int order)
{
	gfp_t gfp = LAB_GFP_REFILL | __GFP_THISNODE;

	return order ? gfp & ~__GFP_DIRECT_RECLAIM : gfp;
}

static void lab_refill_count(struct labyrinth *lab, unsigned long *counter)
{
	mutex_lock(&lab->reserve_lock);
	++*counter;
	mutex_unlock(&lab->reserve_lock);
}

/**
 * lab_refill_block - fetch one block for a node, as large as is of use
 * @lab: the instance; no lock held
 * @node: the node
 * @need: pages, at least 1
 * @order: of the last block on entry, at most which is tried; of this one
 *
 * Return: its address, or NULL.
 */
static void *lab_refill_block(struct labyrinth *lab, struct lab_node *node,
			      unsigned long need, unsigned int *order)
{
	unsigned long vacant = (unsigned long)atomic_long_read(&lab->reg.vacants);
	void *addr;

	need = min(need, vacant);
	if (!need)
		return NULL;
	*order = min_t(unsigned int, *order, ilog2(need));
	if (!lab_worker_headroom(lab, 1UL << *order)) {
		lab_refill_count(lab, &lab->work_stats.refill_held);
		return NULL;
	}
	for (;;) {
		addr = lab_fetch(lab, node->nid, lab_refill_gfp(*order), *order,
				 0);
		if (!IS_ERR(addr))
			return addr;
		if (!*order)
			break;
		--*order;
	}
	lab_refill_count(lab, &lab->work_stats.refill_failed);
	return NULL;
}

enum lab_filled {
	LAB_FILLED,
	LAB_FILLED_PARTLY,
	LAB_FILLED_REFUSED,
};

/*
 * One turn. What was freed comes back by itself when it is wiped, so it is not
 * fetched, and goes first: LAB_FILLED_PARTLY.
 */
static enum lab_filled lab_refill_node(struct labyrinth *lab,
				       struct lab_node *node)
{
	unsigned int order = LAB_MAX_ORDER;
	unsigned long fetched = 0;
	bool stocked = true;
	long need;
	void *addr;

	for (;;) {
		mutex_lock(&lab->reserve_lock);
		need = (long)lab_node_need(lab, node);
		mutex_unlock(&lab->reserve_lock);
		if (!need)
			return LAB_FILLED;
		if (!stocked)
			return LAB_FILLED_REFUSED;
		need -= max(0L, lab_soiled(lab));
		if (need <= 0 || fetched >= LAB_REFILL_TURN)
			return LAB_FILLED_PARTLY;

		addr = lab_refill_block(lab, node, (unsigned long)need, &order);
		if (!addr)
			return LAB_FILLED_REFUSED;
		fetched += 1UL << order;

		mutex_lock(&lab->reserve_lock);
		stocked = lab_stock_block(lab, node, addr, order);
		lab_node_distribute(lab, node);
		mutex_unlock(&lab->reserve_lock);
		cond_resched();
	}
}

/* A turn for each node. Return: the worst that came of it. */
static enum lab_filled lab_refill_all(struct labyrinth *lab)
{
	enum lab_filled filled = LAB_FILLED;
	unsigned int i;

	for (i = 0; i < lab->node_count; i++)
		filled = max(filled, lab_refill_node(lab, lab->nodes[i]));
	if (filled == LAB_FILLED_REFUSED) {
		mutex_lock(&lab->reserve_lock);
		lab_reserve_scrape(lab);
		mutex_unlock(&lab->reserve_lock);
	}
	return filled;
}

/* === The work ============================================================ */

/* A refusal ends it for now; else there is more to be had at once. */
static void lab_work_again(struct labyrinth *lab, enum lab_filled filled)
{
	WRITE_ONCE(lab->unfilled, filled == LAB_FILLED_PARTLY);
	if (filled == LAB_FILLED || READ_ONCE(lab->closing))
		return;
	if (filled == LAB_FILLED_PARTLY)
		queue_work(lab->queue, &lab->work);
	else
		queue_delayed_work(lab->queue, &lab->retry, LAB_RETRY_DELAY);
}

/* One round, which ends however much is made dirty meanwhile. */
static void lab_work(struct work_struct *work)
{
	struct labyrinth *lab = container_of(work, struct labyrinth, work);
	struct llist_node *graves;
	enum lab_filled filled;

	/* Full barrier: pairs with lab_kick(). What comes later kicks again. */
	atomic_xchg(&lab->kicked, 0);
	graves = lab_owners_dig(lab);
	lab_defer_collect(lab);
	lab_recycle_all(lab);
	lab_defer_deliver(lab);
	filled = lab_refill_all(lab);
	if (!lab_defer_blocks(lab))
		filled = LAB_FILLED_REFUSED;
	lab_work_again(lab, filled);
	lab_defer_deliver(lab);
	lab_owners_bury(lab, graves);
	lab_wake(lab);
}

static void lab_work_retry(struct work_struct *work)
{
	struct labyrinth *lab = container_of(to_delayed_work(work),
					     struct labyrinth, retry);

	queue_work(lab->queue, &lab->work);
}

static void lab_work_lean_end(struct work_struct *work)
{
	struct labyrinth *lab = container_of(to_delayed_work(work),
					     struct labyrinth, lean_end);

	queue_work(lab->queue, &lab->work);
}

static void lab_work_kick(struct irq_work *kick)
{
	struct labyrinth *lab = container_of(kick, struct labyrinth, kick);

	queue_work(lab->queue, &lab->work);
}

void __lab_kick(struct labyrinth *lab)
{
	/* Between the two, nobody else's kick does anything. */
	preempt_disable();
	if (!atomic_xchg(&lab->kicked, 1))
		irq_work_queue(&lab->kick);
	preempt_enable();
	lab_step();
}

/**
 * lab_worker_run - have the worker go one round, and wait for it
 * @lab: the instance
 *
 * What was freed before is wiped after it; what is lacking may take more rounds,
 * see lab_worker_unfilled().
 *
 * Context: process.
 */
void lab_worker_run(struct labyrinth *lab)
{
	queue_work(lab->queue, &lab->work);
	flush_work(&lab->work);
}

/**
 * lab_worker_unfilled - did the last round leave something to be fetched?
 * @lab: the instance
 *
 * Context: any; right after lab_worker_run() it says whether another is of use.
 */
bool lab_worker_unfilled(struct labyrinth *lab)
{
	return READ_ONCE(lab->unfilled);
}

/* Is it the worker that asks? Then it can't be waited for. */
bool lab_worker_is_current(struct labyrinth *lab)
{
	return current_work() == &lab->work;
}

int lab_worker_init(struct labyrinth *lab)
{
	/*
	 * Hard, on PREEMPT_RT too: all that it does is queue_work(), whose
	 * locks are raw.
	 */
	lab->kick = IRQ_WORK_INIT_HARD(lab_work_kick);
	INIT_WORK(&lab->work, lab_work);
	INIT_DELAYED_WORK(&lab->retry, lab_work_retry);
	INIT_DELAYED_WORK(&lab->lean_end, lab_work_lean_end);
	/*
	 * Its priority is the administrator's, in sysfs: users make it wipe. With a
	 * thread of its own in need: what it wipes is what the system lacks then.
	 */
	lab->queue = alloc_workqueue("labyrinth",
				     WQ_UNBOUND | WQ_SYSFS | WQ_MEM_RECLAIM, 1);
	lab->tell_queue = alloc_workqueue("labyrinth_tell",
					  WQ_UNBOUND | WQ_HIGHPRI | WQ_SYSFS, 0);
	return lab->queue && lab->tell_queue ? 0 : -ENOMEM;
}

/* Whatever still has pages here is nobody's: owners and faces have gone. */
static void lab_slots_to_system(struct labyrinth *lab)
{
	u32 i, kept = 0;

	for (i = 0; i < lab->reg.slots; i++) {
		struct lab_slot *slot = &lab->reg.slot[i];
		enum labyrinth_page_state state =
			lab_word_state(lab_slot_word(slot));

		if (state == LABYRINTH_PAGE_READY)
			lab_block_put(slot->addr, slot->order);
		kept += state != LABYRINTH_PAGE_READY &&
			state != LABYRINTH_PAGE_VACANT &&
			state != LABYRINTH_PAGE_RETIRED;
		if (!(i % 4096))
			cond_resched();
	}
	if (kept)
		pr_warn("%u blocks stay behind: quarantined\n", kept);
}

void lab_worker_exit(struct labyrinth *lab)
{
	/* Drains that wait for a grace period, then whoever is being told. */
	rcu_barrier();
	if (lab->tell_queue)
		destroy_workqueue(lab->tell_queue);
	if (!lab->queue)
		return;
	/* The work queues neither itself nor the retry from now on. */
	WRITE_ONCE(lab->closing, true);
	irq_work_sync(&lab->kick);
	/* The last dead are buried, the last pages wiped. */
	lab_worker_run(lab);
	cancel_delayed_work_sync(&lab->lean_end);
	/* A round that began before, or the retry, may have queued the other. */
	cancel_work_sync(&lab->work);
	cancel_delayed_work_sync(&lab->retry);
	cancel_work_sync(&lab->work);
	destroy_workqueue(lab->queue);
	lab_slots_to_system(lab);
}
