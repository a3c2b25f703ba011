// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserve of each memory node: a ring of clean pages, and who may claim
 * them.
 *
 * One ring holds everything, and counts say whose it is: what is available to
 * all, the emergency part, and each guaranteed owner's credit. The declared
 * reserve, `high`, is what is available plus what the guarantees set aside;
 * the emergency part and the CPUs' ready stacks come on top of it.
 *
 * Everything that puts is done under reserve_lock. Clean pages that have no
 * place yet stand in the node's stock, which is empty when the lock is free.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "defer.h"
#include "owner.h"
#include "reserve.h"

/* === Distribution ======================================================== */

/* Move a page from the stock into the ring. Return: false if that can't be. */
static bool lab_ring_add(struct labyrinth *lab, struct lab_node *node,
			 atomic_long_t *count)
{
	u32 index = lab_stack_take(&lab->reg, &node->stock, 0);

	if (index == LAB_NIL)
		return false;
	if (lab_ring_put(&node->ring, index, count))
		return true;
	lab_stack_put(&lab->reg, &node->stock, index);
	return false;
}

static void lab_ring_fill(struct labyrinth *lab, struct lab_node *node,
			  atomic_long_t *count, unsigned long target)
{
	while (lab_shortfall(target, count) && lab_ring_add(lab, node, count))
		;
}

/* Take what @count has above @target out of the ring, into the stock. */
static void lab_ring_trim(struct labyrinth *lab, struct lab_node *node,
			  atomic_long_t *count, unsigned long target)
{
	while (atomic_long_read(count) > (long)target && lab_claim(count))
		lab_stack_put(&lab->reg, &node->stock,
			      lab_ring_take(&node->ring));
}

static void lab_credit_settle(struct labyrinth *lab, struct lab_node *node,
			      struct labyrinth_owner *owner)
{
	atomic_long_t *available = &node->ring.available;

	while (lab_credit_lacks(owner) > 0 &&
	       (lab_ring_add(lab, node, &owner->credit) ||
		lab_credit_move(available, &owner->credit)))
		owner->aside++;
	while (lab_credit_lacks(owner) < 0 &&
	       lab_credit_move(&owner->credit, available))
		owner->aside--;
}

static void lab_cpus_fill(struct labyrinth *lab, struct lab_node *node)
{
	unsigned int cpu, depth = lab->settings.cpu_depth;
	u32 index;

	for_each_online_cpu(cpu) {
		struct lab_stack *ready = &per_cpu_ptr(lab->cpu, cpu)->ready;

		if (lab->node[cpu_to_mem(cpu)] != node)
			continue;
		while (lab_stack_count(ready) < depth) {
			index = lab_stack_take(&lab->reg, &node->stock, 0);
			if (index == LAB_NIL)
				return;
			lab_stack_put(&lab->reg, ready, index);
		}
	}
}

/* Move at most @most pages from a CPU's ready stack to the stock of its node. */
static unsigned long lab_cpu_trim(struct labyrinth *lab, unsigned int cpu,
				  unsigned long most)
{
	struct lab_stack *ready = &per_cpu_ptr(lab->cpu, cpu)->ready;
	struct lab_stack *stock = &lab->node[cpu_to_mem(cpu)]->stock;
	unsigned long n;

	for (n = 0; n < most; n++) {
		u32 index = lab_stack_take(&lab->reg, ready, 0);

		if (index == LAB_NIL)
			break;
		lab_stack_put(&lab->reg, stock, index);
	}
	return n;
}

/* A CPU that went away leaves its pages to the others. */
static void lab_cpus_trim(struct labyrinth *lab, struct lab_node *node)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu) && lab->node[cpu_to_mem(cpu)] == node)
			lab_cpu_trim(lab, cpu, ULONG_MAX);
}

/*
 * What should be available to all, with @sum set aside: up to high, or, when the
 * system was short of memory a moment ago, low.
 */
static unsigned long lab_node_goal(struct lab_node *node, unsigned long sum)
{
	unsigned long goal;

	if (node->lean && time_after_eq(jiffies, node->lean_until)) {
		node->lean = false;
		node->filling = true;
	}
	goal = node->lean ? node->low : node->high;
	return goal - min(sum, goal);
}

/**
 * lab_node_distribute - give the stock to whoever lacks most, the rest to the
 *	system
 * @lab: the instance; reserve_lock held
 * @node: the node
 */
void lab_node_distribute(struct labyrinth *lab, struct lab_node *node)
{
	unsigned long sum = 0;
	struct labyrinth_owner *owner;
	u32 index;

	lockdep_assert_held(&lab->reserve_lock);
	list_for_each_entry(owner, &node->guaranteed, guaranteed) {
		lab_credit_settle(lab, node, owner);
		sum += lab_credit_target(owner);
	}
	lab_cpus_trim(lab, node);
	lab_ring_trim(lab, node, &node->ring.available,
		      node->high - min(sum, node->high));
	lab_ring_trim(lab, node, &node->ring.emergency, node->emergency);
	lab_ring_fill(lab, node, &node->ring.emergency, node->emergency);
	lab_defer_feed(lab, node);
	lab_ring_fill(lab, node, &node->ring.available,
		      lab_node_goal(node, sum));
	lab_cpus_fill(lab, node);
	while ((index = lab_stack_take(&lab->reg, &node->stock, 0)) != LAB_NIL)
		lab_slot_to_system(lab, &lab->reg.slot[index]);

	/* What is promised first comes out of `low`: the rest is everybody's. */
	WRITE_ONCE(node->kick, max(1L, (long)node->low - (long)sum));
}

static unsigned long lab_cpus_need(struct labyrinth *lab, struct lab_node *node)
{
	unsigned int cpu, depth = lab->settings.cpu_depth;
	unsigned long need = 0;

	for_each_online_cpu(cpu) {
		unsigned int count =
			lab_stack_count(&per_cpu_ptr(lab->cpu, cpu)->ready);

		if (lab->node[cpu_to_mem(cpu)] == node && count * 2 < depth)
			need += depth - count;
	}
	return need;
}

/**
 * lab_node_need - how many pages to fetch from the system
 * @lab: the instance; reserve_lock held
 * @node: the node, distributed
 *
 * Below low it is filled to its goal; @node->filling remembers that it is under way.
 */
unsigned long lab_node_need(struct labyrinth *lab, struct lab_node *node)
{
	unsigned long need, sum = 0, lacking;
	struct labyrinth_owner *owner;

	lockdep_assert_held(&lab->reserve_lock);
	need = lab_shortfall(node->emergency, &node->ring.emergency);
	list_for_each_entry(owner, &node->guaranteed, guaranteed) {
		need += max(0L, lab_credit_lacks(owner));
		sum += lab_credit_target(owner);
	}
	lacking = lab_shortfall(lab_node_goal(node, sum),
				&node->ring.available);
	if (!lacking)
		node->filling = false;
	else if (atomic_long_read(&node->ring.available) < node->kick)
		node->filling = true;
	if (node->filling)
		need += lacking;
	return need + node->wanted + lab_cpus_need(lab, node);
}

/**
 * lab_reserve_scrape - serve deferred requests from what the CPUs keep ready
 * @lab: the instance; reserve_lock held
 *
 * For when the system gives nothing. Nobody else looks into another CPU's stack:
 * without this a request could wait for ever while clean pages lie there.
 */
void lab_reserve_scrape(struct labyrinth *lab)
{
	unsigned long wanted = 0;
	unsigned int cpu, i;

	lockdep_assert_held(&lab->reserve_lock);
	for (i = 0; i < lab->node_count; i++)
		wanted += lab->nodes[i]->wanted;
	if (!wanted)
		return;
	for_each_possible_cpu(cpu)
		wanted -= lab_cpu_trim(lab, cpu, wanted);
	for (i = 0; i < lab->node_count; i++)
		lab_node_distribute(lab, lab->nodes[i]);
}

/* === Watermarks ========================================================== */

static const char *lab_reserve_check(struct labyrinth *lab,
				     struct lab_node *node, u64 low, u64 high,
				     u64 emergency)
{
	if (!high)
		return "high must be at least 1";
	if (low > high)
		return "low is above high";
	if (low < lab_guarantee_sum(lab, node))
		return "low is below the sum of the guarantees";
	if (high > lab->reg.slots || emergency > lab->reg.slots ||
	    (high + emergency) * lab->node_count +
	    lab->settings.cpu_depth * num_possible_cpus() > lab->reg.slots)
		return "high, emergency and the CPUs' stacks exceed the registry's slots";
	if ((high + emergency) * lab->node_count +
	    lab->settings.cpu_depth * num_possible_cpus() > lab->ceiling)
		return "high, emergency and the CPUs' stacks exceed the module's ceiling";
	return NULL;
}

static const char *lab_node_change(struct labyrinth *lab, struct lab_node *node,
				   const struct lab_reserve_change *change,
				   bool apply)
{
	u64 low = change->low < 0 ? node->low : (u64)change->low;
	u64 high = change->high < 0 ? node->high : (u64)change->high;
	u64 emergency = change->emergency < 0 ? node->emergency :
						(u64)change->emergency;
	const char *why = lab_reserve_check(lab, node, low, high, emergency);

	if (why || !apply)
		return why;
	node->low = low;
	WRITE_ONCE(node->high, high);
	WRITE_ONCE(node->emergency, emergency);
	node->filling = true;
	lab_node_distribute(lab, node);
	return NULL;
}

/**
 * lab_reserve_set - change a node's watermarks, or all nodes'
 * @lab: the instance
 * @nid: a node with a reserve, or NUMA_NO_NODE for all
 * @change: what to change
 * @why: on -EINVAL, what is wrong
 *
 * Context: process, @lab->admin held.
 *
 * Return: 0, -EINVAL, or -ENOENT: no such node. On error nothing has changed.
 */
int lab_reserve_set(struct labyrinth *lab, int nid,
		    const struct lab_reserve_change *change, const char **why)
{
	bool apply, found = false;
	unsigned int i;

	*why = NULL;
	mutex_lock(&lab->reserve_lock);
	for (apply = false; !*why; apply = true) {
		for (i = 0; i < lab->node_count && !*why; i++) {
			struct lab_node *node = lab->nodes[i];

			if (nid != NUMA_NO_NODE && nid != node->nid)
				continue;
			found = true;
			*why = lab_node_change(lab, node, change, apply);
		}
		if (apply)
			break;
	}
	mutex_unlock(&lab->reserve_lock);
	lab_worker_run(lab);
	return *why ? -EINVAL : found ? 0 : -ENOENT;
}

/* What a strict request without any right could have, at this instant. */
unsigned long lab_reserve_available(struct labyrinth *lab)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < lab->node_count; i++)
		sum += max(0L, atomic_long_read(&lab->nodes[i]->ring.available));
	return sum;
}

/* What owners with the emergency right could have besides. */
unsigned long lab_emergency_available(struct labyrinth *lab)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < lab->node_count; i++)
		sum += max(0L, atomic_long_read(&lab->nodes[i]->ring.emergency));
	return sum;
}

/* What the refill may still want for a full reserve, at most. Any context. */
unsigned long lab_reserve_lacks(struct labyrinth *lab)
{
	unsigned long sum = (unsigned long)lab->settings.cpu_depth *
			    num_possible_cpus();
	unsigned int i;

	for (i = 0; i < lab->node_count; i++) {
		const struct lab_node *node = lab->nodes[i];

		sum += lab_shortfall(READ_ONCE(node->high),
				     &node->ring.available) +
		       lab_shortfall(READ_ONCE(node->emergency),
				     &node->ring.emergency);
	}
	return sum;
}

/* === Beginning and end =================================================== */

static struct lab_node *lab_node_new(struct labyrinth *lab, int nid)
{
	struct lab_node *node = kzalloc_node(sizeof(*node), GFP_KERNEL, nid);

	if (!node)
		return NULL;
	if (lab_ring_init(&node->ring, lab->settings.slots)) {
		kfree(node);
		return NULL;
	}
	lab_stack_init(&node->stock);
	INIT_LIST_HEAD(&node->guaranteed);
	node->nid = nid;
	node->low = lab->settings.low;
	node->high = lab->settings.high;
	node->emergency = lab->settings.emergency;
	node->filling = true;
	node->kick = (long)node->low;
	return node;
}

/* Nodes without memory, or that come later, share the nearest one's. */
static void lab_nodes_share(struct labyrinth *lab)
{
	int nid, i;

	for (nid = 0; nid < MAX_NUMNODES; nid++) {
		struct lab_node *best = lab->nodes[0];

		for (i = 0; i < (int)lab->node_count; i++)
			if (node_possible(nid) &&
			    node_distance(nid, lab->nodes[i]->nid) <
			    node_distance(nid, best->nid))
				best = lab->nodes[i];
		lab->node[nid] = best;
	}
}

/**
 * lab_reserve_init - make each memory node's reserve and fill it
 * @lab: with registry, per-CPU part and settings
 *
 * Return: 0; -ENOMEM: no memory, or the system did not give the pages up to the
 * low watermark. lab_reserve_exit() is right after each.
 */
int lab_reserve_init(struct labyrinth *lab)
{
	unsigned int i;
	int nid, err;

	mutex_init(&lab->admin);
	mutex_init(&lab->reserve_lock);
	init_waitqueue_head(&lab->refilled);
	lab->nodes = kcalloc(num_node_state(N_MEMORY), sizeof(*lab->nodes),
			     GFP_KERNEL);
	if (!lab->nodes)
		return -ENOMEM;
	for_each_node_state(nid, N_MEMORY) {
		struct lab_node *node = lab_node_new(lab, nid);

		if (!node)
			return -ENOMEM;
		lab->nodes[lab->node_count++] = node;
	}
	lab_nodes_share(lab);
	err = lab_worker_init(lab);
	if (err)
		return err;
	do {
		lab_worker_run(lab);
	} while (lab_worker_unfilled(lab));
	err = lab_shrink_init(lab);
	if (err)
		return err;
	for (i = 0; i < lab->node_count; i++) {
		struct lab_node *node = lab->nodes[i];
		long have = atomic_long_read(&node->ring.available);

		if (have < (long)node->low) {
			pr_err("node %d: the system gave %ld pages for the reserve, fewer than its low watermark %lu: load with a smaller reserve_high=\n",
			       node->nid, have, node->low);
			return -ENOMEM;
		}
	}
	return 0;
}

void lab_reserve_exit(struct labyrinth *lab)
{
	unsigned int i;

	lab_shrink_exit(lab);
	lab_worker_exit(lab);
	for (i = 0; i < lab->node_count; i++) {
		lab_ring_exit(&lab->nodes[i]->ring);
		kfree(lab->nodes[i]);
	}
	kfree(lab->nodes);
}
