// SPDX-License-Identifier: GPL-2.0-only
/* Verify: where each slot can be found: stacks, rings, inboxes, indexes. */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "audit.h"
#include "inbox.h"
#include "owner.h"
#include "view.h"

static bool lab_place(struct lab_audit *audit, u32 index, enum lab_place place,
		      const char *book)
{
	if (index >= audit->lab->reg.slots)
		return lab_differ(audit, book, "no such slot", 0, index);
	if (audit->place[index])
		return lab_differ(audit, book, "slot found in two places",
				  audit->place[index], index);
	audit->place[index] = place;
	return true;
}

/* Ends: a slot that comes twice is found in two places. */
static bool lab_place_stack(struct lab_audit *audit, struct lab_stack *stack,
			    enum lab_place place)
{
	u32 index;

	for (index = lab_stack_top(stack); index != LAB_NIL;
	     index = READ_ONCE(audit->lab->reg.slot[index].next)) {
		if (!lab_place(audit, index, place, "stacks"))
			return false;
		cond_resched();
	}
	return true;
}

static bool lab_place_stacks(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	unsigned int cpu, i;

	if (!lab_place_stack(audit, &lab->reg.vacant, LAB_PLACE_VACANT))
		return false;
	for (i = 0; i < lab->node_count; i++)
		if (!lab_place_stack(audit, &lab->nodes[i]->stock,
				     LAB_PLACE_READY))
			return false;
	for_each_possible_cpu(cpu)
		if (!lab_place_stack(audit, &per_cpu_ptr(lab->cpu, cpu)->ready,
				     LAB_PLACE_READY))
			return false;
	return true;
}

static bool lab_place_ring(struct lab_audit *audit, struct lab_node *node)
{
	struct labyrinth_owner *owner;
	u64 entries = 0, claimable;
	u32 i;

	for (i = 0; i <= node->ring.mask; i++) {
		u32 index = (u32)atomic_read(&node->ring.entry[i]);

		cond_resched();
		if (index == LAB_NIL)
			continue;
		if (!lab_place(audit, index, LAB_PLACE_RING, "rings"))
			return false;
		entries++;
	}
	claimable = (u64)atomic_long_read(&node->ring.available) +
		    (u64)atomic_long_read(&node->ring.emergency);
	list_for_each_entry(owner, &node->guaranteed, guaranteed)
		claimable += (u64)atomic_long_read(&owner->credit);
	return lab_expect(audit, "rings", "entries and what may be claimed",
			  entries, claimable);
}

/* Under owner->lock; a module takes at any time, and then it is tried again. */
static bool lab_place_inbox(struct lab_audit *audit,
			    struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &audit->lab->reg;
	struct lab_inbox *inbox = lab_inbox(owner);
	u32 n, index;
	u64 found;

	for (n = 0; inbox && n < inbox->queue.capacity; n++) {
		index = lab_queue_peek(&inbox->queue, n);
		if (index == LAB_NIL)
			break;
		if (!lab_place(audit, index, LAB_PLACE_INBOX, "inboxes") ||
		    !lab_expect(audit, "inboxes", "receiver of a block",
				owner->id,
				lab_word_owner(lab_slot_word(&reg->slot[index]))))
			return false;
		cond_resched();
	}
	if (!inbox)
		return true;
	found = n + (u64)atomic_long_read(&inbox->queue.room);
	/* A place is claimed for each block that is pending to come. */
	if (found > inbox->queue.capacity ||
	    inbox->queue.capacity - found > (u64)atomic_long_read(&owner->pending))
		return lab_differ(audit, "inboxes", "blocks and room",
				  inbox->queue.capacity, found);
	return true;
}

/*
 * A user can hold its owner's lock for long, as it has many mappings to be removed;
 * all others wait for the locks that we hold meanwhile.
 */
static bool lab_audit_lock(struct lab_audit *audit,
			   struct labyrinth_owner *owner)
{
	while (!mutex_trylock(&owner->lock)) {
		if (time_after(jiffies, audit->until)) {
			audit->busy = true;
			return lab_differ(audit, "index", "owner is busy", 0,
					  owner->id);
		}
		usleep_range(50, 200);
	}
	return true;
}

static bool lab_place_index(struct lab_audit *audit,
			    struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &audit->lab->reg;
	u64 blocks = 0;
	bool fine = true;
	u32 index;

	owner->audit_pages = 0;
	owner->audit_loose = 0;
	if (!lab_audit_lock(audit, owner))
		return false;
	for (index = owner->first; fine && index != LAB_NIL;
	     index = reg->slot[index].index_next) {
		fine = lab_place(audit, index, LAB_PLACE_INDEX, "index") &&
		       lab_expect(audit, "index", "owner of an indexed slot",
				  lab_word_owner(lab_slot_word(&reg->slot[index])),
				  owner->id) &&
		       (lab_view_agrees(owner, &reg->slot[index]) ||
			lab_differ(audit, "index", "block is not at its place",
				   reg->slot[index].place, index));
		blocks++;
		cond_resched();
	}
	fine = fine && lab_expect(audit, "index", "blocks in an owner's index",
				  owner->indexed, blocks) &&
	       lab_place_inbox(audit, owner);
	mutex_unlock(&owner->lock);
	return fine;
}

bool lab_place_all(struct lab_audit *audit)
{
	struct labyrinth *lab = audit->lab;
	struct labyrinth_owner *owner;
	unsigned long id;
	unsigned int i;

	if (!lab_place_stacks(audit))
		return false;
	for (i = 0; i < lab->node_count; i++)
		if (!lab_place_ring(audit, lab->nodes[i]))
			return false;
	xa_for_each(&lab->owners.table, id, owner)
		if (!lab_place_index(audit, owner))
			return false;
	return true;
}
