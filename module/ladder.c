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
#include <linux/preempt.h>
#include <linux/sched/signal.h>
#include <linux/topology.h>

#include "block.h"
#include "ladder.h"
#include "reserve.h"

/* One for each context that can be nested in another, and one for the worker. */
#define LAB_CPU_TRIES		5
/* How long a waiter sleeps at most before it looks again. */
#define LAB_WAIT_STEP		(HZ / 50 + 1)

static u32 lab_rung_cpu(struct labyrinth *lab)
{
	struct lab_stack *ready = &this_cpu_ptr(lab->cpu)->ready;
	u32 index = lab_stack_take(&lab->reg, ready, LAB_CPU_TRIES);

	if (lab_stack_count(ready) * 2 < lab->settings.cpu_depth)
		lab_kick(lab);
	return index;
}

static u32 lab_rung_guarantee(struct labyrinth *lab,
			      struct labyrinth_owner *owner)
{
	if (!lab_claim(&owner->credit))
		return LAB_NIL;
	lab_kick(lab);
	return lab_ring_take(&owner->home->ring);
}

/* This node's first, then the others': all of the reserve is for everybody. */
static u32 lab_rung_reserve(struct labyrinth *lab)
{
	struct lab_node *node = lab->node[numa_mem_id()];
	unsigned int i = 0;

	do {
		struct lab_ring *ring = &node->ring;
		bool claimed = lab_claim(&ring->available);

		if (atomic_long_read(&ring->available) < READ_ONCE(node->kick))
			lab_kick(lab);
		if (claimed)
			return lab_ring_take(ring);
		node = lab->nodes[i];
	} while (i++ < lab->node_count);
	return LAB_NIL;
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

/* A slot first: a page that has none would have to go back from here. */
static bool lab_rung_buddy(struct labyrinth *lab, struct labyrinth_owner *owner,
			   unsigned int order, struct lab_grant *grant)
{
	gfp_t gfp = READ_ONCE(owner->emergency) ? LAB_GFP_ATOMIC :
						  LAB_GFP_NOWAIT;
	struct lab_slot *slot;
	void *addr;

	grant->reason = LABYRINTH_REASON_CONTEXT;
	if (!lab_buddy_legal())
		return false;
	grant->reason = LABYRINTH_REASON_SLOTS;
	slot = lab_vacant_take(&lab->reg);
	if (!slot)
		return false;
	grant->reason = LABYRINTH_REASON_SYSTEM;
	addr = lab_block_get(NUMA_NO_NODE, gfp, order);
	if (!addr) {
		lab_vacant_put(&lab->reg, slot);
		return false;
	}
	atomic_long_add(1L << order, &lab->reg.taken);
	grant->handle = lab_handle(lab_slot_enter(slot, addr, order, owner->id),
				   lab_slot_index(&lab->reg, slot));
	grant->slot = slot;
	return true;
}

static bool lab_own(struct labyrinth *lab, struct labyrinth_owner *owner,
		    u32 index, struct lab_grant *grant)
{
	struct lab_slot *slot = &lab->reg.slot[index];
	u64 word;

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

	/* Only single pages are kept ready. */
	if (!rq->order) {
		preempt_disable();
		grant->rung = LABYRINTH_RUNG_CPU;
		index = lab_rung_cpu(lab);
		if (index == LAB_NIL) {
			grant->rung = LABYRINTH_RUNG_GUARANTEE;
			index = lab_rung_guarantee(lab, owner);
		}
		if (index == LAB_NIL) {
			grant->rung = LABYRINTH_RUNG_RESERVE;
			index = lab_rung_reserve(lab);
		}
		if (index == LAB_NIL && READ_ONCE(owner->emergency)) {
			grant->rung = LABYRINTH_RUNG_EMERGENCY;
			index = lab_rung_emergency(lab);
		}
		preempt_enable();
	}
	if (index != LAB_NIL)
		return lab_own(lab, owner, index, grant);

	grant->reason = LABYRINTH_REASON_EMPTY;
	if (rq->strict)
		return false;
	grant->rung = LABYRINTH_RUNG_BUDDY;
	return lab_rung_buddy(lab, owner, rq->order, grant);
}

/* === Fallbacks =========================================================== */

static bool lab_wait_over(const struct lab_request *rq)
{
	return !rq->forever && time_after_eq(jiffies, rq->deadline);
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
		left = wait_event_killable_timeout(lab->refilled,
						   lab_ladder(lab, owner, rq,
							      grant),
						   LAB_WAIT_STEP);
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
		if (lab_wait_over(rq))
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
	int err = 0;

	grant->slot = NULL;
	if (!lab_ladder(lab, owner, rq, grant)) {
		err = -ENOMEM;
		if (rq->fallback == LABYRINTH_FALLBACK_WAIT)
			err = lab_fallback_wait(lab, owner, rq, grant);
	}
	if (err) {
		lab_count_failure(owner, grant);
		return err;
	}
	grant->reason = LABYRINTH_REASON_NONE;
	WRITE_ONCE(grant->slot->rung, (u8)grant->rung);
	lab_count(lab, alloc[grant->rung]);
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
	struct lab_registry *reg = &owner->lab->reg;
	unsigned long pages = 1UL << grant->slot->order;

	if (WARN_ON_ONCE(!lab_slot_free(grant->slot, grant->handle, owner->id)))
		return;
	lab_dirty_mark(&reg->dirty, lab_slot_index(reg, grant->slot));
	lab_count(owner->lab, free);
	lab_uncharge(owner, pages);
	lab_kick(owner->lab);
}
