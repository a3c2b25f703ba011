// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guarantees: pages of its node's ring that only one owner may claim. How many
 * are at hand is the owner's credit; the worker keeps it up (reserve.c).
 */
#include <linux/minmax.h>
#include <linux/rcupdate.h>

#include "owner.h"
#include "reserve.h"

/**
 * lab_credit_lacks - what is still to be set aside for an owner
 * @owner: any; reserve_lock held
 *
 * It does not change when the owner takes from its credit, so there is no instant
 * at which a page that it has taken seems to lack.
 *
 * Return: pages; below 0: so many too many are set aside, at hand or taken.
 */
long lab_credit_lacks(const struct labyrinth_owner *owner)
{
	return (long)owner->guarantee - owner->aside -
	       atomic_long_read(&owner->covered);
}

/**
 * lab_credit_target - what should be at hand for an owner: its guarantee less
 *	what it has of it
 * @owner: any; reserve_lock held
 */
unsigned long lab_credit_target(const struct labyrinth_owner *owner)
{
	long target = atomic_long_read(&owner->credit) +
		      lab_credit_lacks(owner);

	return (unsigned long)clamp(target, 0L, (long)owner->guarantee);
}

/**
 * lab_guarantee_sum - pages of a node that owners have been promised
 * @lab: the instance; reserve_lock held
 * @node: the node
 */
unsigned long lab_guarantee_sum(struct labyrinth *lab, struct lab_node *node)
{
	struct labyrinth_owner *owner;
	unsigned long sum = 0;

	lockdep_assert_held(&lab->reserve_lock);
	list_for_each_entry(owner, &node->guaranteed, guaranteed)
		sum += owner->guarantee;
	return sum;
}

/**
 * lab_credit_move - let others claim what was set aside, or the other way round
 * @from: a count of a ring
 * @to: another count of the same ring; the pages stay where they are
 *
 * Context: reserve_lock held.
 *
 * Return: false if @from had none.
 */
bool lab_credit_move(atomic_long_t *from, atomic_long_t *to)
{
	if (!lab_claim(from))
		return false;
	/* Release pairs with the claim, as in lab_ring_put(). */
	atomic_long_fetch_add_release(1, to);
	return true;
}

/*
 * An owner stays on its node's list until it dies: a claim that is just failing
 * may hide one of its credits, which counts for as long as it is there.
 */
static void lab_guarantee_write(struct labyrinth_owner *owner,
				unsigned long pages)
{
	if (pages && list_empty(&owner->guaranteed))
		list_add_tail(&owner->guaranteed, &owner->home->guaranteed);
	WRITE_ONCE(owner->guarantee, pages);
	lab_node_distribute(owner->lab, owner->home);
}

/* Rounds that may pass until the pages are there: they come first in each. */
#define LAB_GUARANTEE_ROUNDS	64

static bool lab_guarantee_lacks(struct labyrinth_owner *owner)
{
	bool lacks;

	mutex_lock(&owner->lab->reserve_lock);
	lacks = lab_credit_lacks(owner) > 0;
	mutex_unlock(&owner->lab->reserve_lock);
	return lacks;
}

/* Have the worker fetch what is lacking. Return: true if it did. */
static bool lab_guarantee_await(struct labyrinth_owner *owner)
{
	unsigned int rounds = LAB_GUARANTEE_ROUNDS;
	bool lacks;

	do {
		lab_worker_run(owner->lab);
		lacks = lab_guarantee_lacks(owner);
	} while (lacks && lab_worker_unfilled(owner->lab) && --rounds);
	return !lacks;
}

/**
 * lab_guarantee_set - set pages aside for an owner, and have them at hand
 * @owner: any
 * @pages: how many in all; 0 for none
 *
 * For single pages, counted from when it was set: what the owner took before, or
 * in larger blocks, or from other nodes, does not count against it.
 *
 * Context: process, @lab->admin held; may sleep on the refill.
 *
 * Return: 0; -ERANGE the node's guarantees would exceed its low watermark;
 * -ENOSPC the system did not give the pages; -ESHUTDOWN. On error nothing has
 * changed.
 */
int lab_guarantee_set(struct labyrinth_owner *owner, unsigned long pages)
{
	struct labyrinth *lab = owner->lab;
	unsigned long before;
	int err = 0;

	lockdep_assert_held(&lab->admin);
	mutex_lock(&lab->reserve_lock);
	before = owner->guarantee;
	if (lab_owner_dying(owner))
		err = -ESHUTDOWN;
	else if (pages > owner->home->low ||
		 lab_guarantee_sum(lab, owner->home) - before + pages >
		 owner->home->low)
		err = -ERANGE;
	else
		lab_guarantee_write(owner, pages);
	mutex_unlock(&lab->reserve_lock);
	if (err)
		return err;
	/* What others may have now, and what is to be fetched. */
	if (lab_guarantee_await(owner) || pages <= before)
		return 0;
	mutex_lock(&lab->reserve_lock);
	/* It may have died meanwhile, and have been taken off the list. */
	if (!lab_owner_dying(owner))
		lab_guarantee_write(owner, before);
	mutex_unlock(&lab->reserve_lock);
	return -ENOSPC;
}

/* The owner is dying: what was set aside for it is everybody's again. */
void lab_guarantee_drop(struct labyrinth_owner *owner)
{
	struct labyrinth *lab = owner->lab;

	/* Who has none has nothing to wait for. Only @admin's holders give one. */
	mutex_lock(&lab->reserve_lock);
	if (list_empty(&owner->guaranteed)) {
		mutex_unlock(&lab->reserve_lock);
		return;
	}
	lab_guarantee_write(owner, 0);
	mutex_unlock(&lab->reserve_lock);

	/* Claims run with preemption off: none hides a credit after this. */
	synchronize_rcu();
	mutex_lock(&lab->reserve_lock);
	while (lab_credit_move(&owner->credit, &owner->home->ring.available))
		owner->aside--;
	list_del_init(&owner->guaranteed);
	mutex_unlock(&lab->reserve_lock);
	lab_kick(lab);
}
