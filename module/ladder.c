// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ladder. lab_ladder() is all of it, top to bottom.
 *
 * The rungs above the buddy allocator run a bounded number of steps, take no
 * lock and are legal in any context:
 *   cpu        LAB_CPU_TRIES exchanges at most
 *   others     a claim and a take (registry.h); the reserve's, once a node
 *   own        one exchange
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/topology.h>

#include "block.h"
#include "ladder.h"
#include "latency.h"
#include "reserve.h"
#include "system.h"

/* One for each context that can be nested in another, and one for the worker. */
#define LAB_CPU_TRIES		5
/* How long a waiter sleeps at most before it looks again. */
#define LAB_WAIT_STEP		(HZ / 50 + 1L)

static u32 lab_rung_cpu(struct labyrinth *lab)
{
	struct lab_stack *ready = &this_cpu_ptr(lab->cpu)->ready;
	u32 index = lab_stack_take(&lab->reg, ready, LAB_CPU_TRIES);

	if (lab_stack_count(ready) * 2 < lab->settings.cpu_depth)
		lab_kick(lab);
	return index;
}

static u32 lab_rung_guarantee(struct labyrinth_owner *owner)
{
	if (!lab_claim(&owner->credit))
		return LAB_NIL;
	return lab_ring_take(&owner->home->ring);
}

static u32 lab_rung_node(struct labyrinth *lab, struct lab_node *node)
{
	bool claimed = lab_claim(&node->ring.available);

	if (atomic_long_read(&node->ring.available) < READ_ONCE(node->kick))
		lab_kick(lab);
	return claimed ? lab_ring_take(&node->ring) : LAB_NIL;
}

/* This node's first, then the others': all of the reserve is for everybody. */
static u32 lab_rung_reserve(struct labyrinth *lab)
{
	struct lab_node *own = lab->node[numa_mem_id()];
	u32 index = lab_rung_node(lab, own);
	unsigned int i;

	for (i = 0; i < lab->node_count && index == LAB_NIL; i++)
		if (lab->nodes[i] != own)
			index = lab_rung_node(lab, lab->nodes[i]);
	return index;
}

static u32 lab_rung_emergency(struct labyrinth *lab)
{
	unsigned int i;

	for (i = 0; i < lab->node_count; i++) {
		struct lab_ring *ring = &lab->nodes[i]->ring;

		if (lab_claim(&ring->emergency)) {
			lab_kick(lab);
			return lab_ring_take(ring);
		}
	}
	return LAB_NIL;
}

/* Why is nothing handed out? NONE: it is. */
static enum labyrinth_reason lab_shut(const struct labyrinth_owner *owner)
{
	if (lab_owner_dying(owner))
		return LABYRINTH_REASON_DYING;
	return lab_closed(owner->lab) ? LABYRINTH_REASON_CLOSED :
					LABYRINTH_REASON_NONE;
}

/**
 * lab_grant_enter - a block straight from the system becomes an owner's
 * @lab: the instance
 * @owner: charged for it
 * @addr: the block, from lab_fetch()
 * @order: of it
 * @grant: with @rung set
 *
 * At once, with preemption off: or verify would see a slot in no book, and the
 * sweep of an owner that is dying would miss one.
 *
 * Return: false: no slot is vacant, the owner is dying, or the hand-out closed.
 */
bool lab_grant_enter(struct labyrinth *lab, struct labyrinth_owner *owner,
		     void *addr, unsigned int order, struct lab_grant *grant)
{
	struct lab_slot *slot = NULL;

	preempt_disable();
	if (!lab_shut(owner))
		slot = lab_vacant_take(&lab->reg);
	if (slot) {
		WRITE_ONCE(slot->covered, 0);
		WRITE_ONCE(slot->rung, (u8)grant->rung);
		grant->handle = lab_handle(lab_slot_enter(slot, addr, order,
							  owner->id),
					   lab_slot_index(&lab->reg, slot));
		lab_fetched(lab, 1UL << order);
		grant->slot = slot;
	}
	preempt_enable();
	return slot;
}

/*
 * What has been freed and not wiped yet is nobody's charge: whoever frees faster
 * than the worker wipes must not have the system's memory for it.
 */
static bool lab_rung_buddy(struct labyrinth *lab, struct labyrinth_owner *owner,
			   unsigned int order, struct lab_grant *grant)
{
	bool emergency = READ_ONCE(owner->emergency);
	void *addr;

	grant->reason = LABYRINTH_REASON_CONTEXT;
	if (!lab_buddy_legal())
		return false;
	grant->reason = LABYRINTH_REASON_SLOTS;
	if (atomic_long_read(&lab->reg.vacants) <= 0)
		return false;
	grant->reason = LABYRINTH_REASON_SOILED;
	if (!emergency && lab_too_soiled(lab)) {
		lab_kick(lab);
		return false;
	}
	/* What the reserve lacks is not for whoever comes first. */
	addr = lab_fetch(lab, NUMA_NO_NODE,
			 emergency ? LAB_GFP_ATOMIC : LAB_GFP_NOWAIT, order,
			 lab_reserve_lacks(lab));
	if (IS_ERR(addr)) {
		grant->reason = PTR_ERR(addr) == -ENOSPC ?
				LABYRINTH_REASON_CEILING :
				LABYRINTH_REASON_SYSTEM;
		return false;
	}
	grant->reason = LABYRINTH_REASON_SLOTS;
	if (lab_grant_enter(lab, owner, addr, order, grant))
		return true;
	lab_unfetch(lab, addr, order);
	return false;
}

/* Does a page of @slot's use up what @owner has been guaranteed? */
static bool lab_covered(const struct labyrinth_owner *owner,
			const struct lab_slot *slot)
{
	return READ_ONCE(owner->guarantee) &&
	       owner->lab->node[page_to_nid(virt_to_page(slot->addr))] ==
	       owner->home;
}

/**
 * lab_grant_own - a page out of a stack or ring becomes an owner's
 * @lab: the instance
 * @owner: charged for it
 * @index: its slot
 * @grant: with @rung set
 *
 * Preemption off, from the taking on: until it is owned no book has the slot.
 *
 * Return: false only if the registry is broken.
 */
bool lab_grant_own(struct labyrinth *lab, struct labyrinth_owner *owner,
		   u32 index, struct lab_grant *grant)
{
	struct lab_slot *slot = &lab->reg.slot[index];
	bool credited = grant->rung == LABYRINTH_RUNG_GUARANTEE;
	bool covered = credited || lab_covered(owner, slot);
	u64 word;

	WRITE_ONCE(slot->covered, covered);
	WRITE_ONCE(slot->rung, (u8)grant->rung);
	/* What comes out of its credit was counted when it was set aside. */
	if (covered && !credited) {
		lab_step();
		atomic_long_inc(&owner->covered);
	}
	if (covered)
		lab_kick(lab);
	/* A slot that was on a stack or in a ring is READY, and only ours. */
	if (WARN_ON_ONCE(!lab_slot_own(slot, owner->id, &word)))
		return false;
	grant->handle = lab_handle(word, index);
	grant->slot = slot;
	return true;
}

/* === The ladder ========================================================== */

/* Return: true if served: @grant's slot is OWNED and its pages are zero. */
static bool lab_ladder(struct labyrinth *lab, struct labyrinth_owner *owner,
		       const struct lab_request *rq, struct lab_grant *grant)
{
	u32 index = LAB_NIL;
	bool owned = false;

	/* Only single pages are kept ready. */
	if (!rq->order) {
		preempt_disable();
		/* From here on a sweep waits for us, or has not begun. */
		grant->rung = LABYRINTH_RUNG_NONE;
		grant->reason = lab_shut(owner);
		if (grant->reason) {
			preempt_enable();
			return false;
		}
		grant->rung = LABYRINTH_RUNG_CPU;
		index = lab_rung_cpu(lab);
		if (index == LAB_NIL) {
			grant->rung = LABYRINTH_RUNG_GUARANTEE;
			index = lab_rung_guarantee(owner);
		}
		if (index == LAB_NIL) {
			grant->rung = LABYRINTH_RUNG_RESERVE;
			index = lab_rung_reserve(lab);
		}
		if (index == LAB_NIL && READ_ONCE(owner->emergency)) {
			grant->rung = LABYRINTH_RUNG_EMERGENCY;
			index = lab_rung_emergency(lab);
		}
		if (index != LAB_NIL)
			owned = lab_grant_own(lab, owner, index, grant);
		preempt_enable();
	}
	if (owned)
		return true;

	grant->reason = LABYRINTH_REASON_EMPTY;
	if (rq->strict)
		return false;
	grant->rung = LABYRINTH_RUNG_BUDDY;
	return lab_rung_buddy(lab, owner, rq->order, grant);
}

/* === Fallbacks =========================================================== */

/**
 * lab_request_timeout - how long may be waited for it, from now on
 * @rq: the request; its fallback is set
 * @timeout_ns: in ns; 0: no limit
 *
 * By the clock and not in jiffies, which stand still while a CPU holds up the tick:
 * nobody is to be told before its time that it has passed.
 *
 * Context: any; the clock can be read only where a caller can wait.
 */
void lab_request_timeout(struct lab_request *rq, u64 timeout_ns)
{
	rq->deadline = KTIME_MAX;
	if (rq->fallback == LABYRINTH_FALLBACK_WAIT && timeout_ns)
		rq->deadline = ktime_add_safe(ktime_get(),
					      min_t(u64, timeout_ns, KTIME_MAX));
}

/* How long to sleep before looking again, in jiffies; 0: the time is up. */
static long lab_wait_step(const struct lab_request *rq)
{
	s64 left = ktime_to_ns(ktime_sub(rq->deadline, ktime_get()));

	if (left <= 0)
		return 0;
	return min_t(u64, nsecs_to_jiffies64(left) + 1, LAB_WAIT_STEP);
}

/*
 * Return: above 0: served; 0: not yet; below 0: killed. Freezable, or whoever
 * waits for a page would keep the machine from being suspended.
 */
static long lab_wait_once(struct labyrinth *lab, struct labyrinth_owner *owner,
			  const struct lab_request *rq, struct lab_grant *grant)
{
	return ___wait_event(lab->refilled,
			     ___wait_cond_timeout(lab_ladder(lab, owner, rq, grant)),
			     (TASK_KILLABLE | TASK_FREEZABLE), 0,
			     lab_wait_step(rq), __ret = schedule_timeout(__ret));
}

/* Sleeps on the refill. What it waits for is charged already: no quota here. */
static int lab_fallback_wait(struct labyrinth *lab,
			     struct labyrinth_owner *owner,
			     const struct lab_request *rq,
			     struct lab_grant *grant)
{
	long left;

	might_sleep();
	for (;;) {
		lab_kick(lab);
		left = lab_wait_once(lab, owner, rq, grant);
		if (left > 0)
			return 0;
		grant->rung = LABYRINTH_RUNG_FALLBACK;
		grant->reason = LABYRINTH_REASON_KILLED;
		if (left < 0)
			return -EINTR;
		grant->reason = LABYRINTH_REASON_DYING;
		if (lab_owner_dying(owner))
			return -ESHUTDOWN;
		grant->reason = LABYRINTH_REASON_TIMEOUT;
		if (!lab_wait_step(rq))
			return -ETIMEDOUT;
	}
}

void lab_count_failure(struct labyrinth_owner *owner,
		       const struct lab_grant *grant)
{
	lab_count(owner->lab, fail[grant->reason]);
}

/**
 * lab_take - take one block for an owner
 * @owner: it has been charged for the block, and stays so on failure
 * @rq: what is asked for, valid
 * @grant: what came of it
 *
 * Context: any; process where @rq's fallback is WAIT.
 *
 * Return: 0: @grant's slot is OWNED and known to nobody else; -ENOMEM,
 * -ETIMEDOUT, -EINTR, -ESHUTDOWN with @grant's reason.
 */
int lab_take(struct labyrinth_owner *owner, const struct lab_request *rq,
	     struct lab_grant *grant)
{
	struct labyrinth *lab = owner->lab;
	u64 begin = lab_latency_begin();
	enum labyrinth_reason shut;
	bool waited = false;
	int err = 0;

	grant->slot = NULL;
	if (!lab_ladder(lab, owner, rq, grant)) {
		err = -ENOMEM;
		shut = lab_shut(owner);
		if (shut) {
			grant->reason = shut;
			err = -ESHUTDOWN;
		}
		waited = rq->fallback == LABYRINTH_FALLBACK_WAIT;
		if (waited)
			err = lab_fallback_wait(lab, owner, rq, grant);
	}
	/* What is deferred has not failed. */
	if (err && rq->fallback != LABYRINTH_FALLBACK_DEFER)
		lab_count_failure(owner, grant);
	if (err)
		return err;
	grant->reason = LABYRINTH_REASON_NONE;
	lab_count(lab, alloc[grant->rung]);
	/* The sleep is the fallback's, whichever rung served in the end. */
	lab_latency_end(lab, begin,
			waited ? LABYRINTH_RUNG_FALLBACK : grant->rung);
	return 0;
}

/**
 * lab_free_unpublished - undo lab_take()
 * @owner: who took it, and is uncharged
 * @grant: what was taken
 *
 * Context: any.
 */
void lab_free_unpublished(struct labyrinth_owner *owner,
			  const struct lab_grant *grant)
{
	WARN_ON_ONCE(!lab_release(owner, grant->slot, grant->handle));
	lab_kick(owner->lab);
}
