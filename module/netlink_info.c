// SPDX-License-Identifier: GPL-2.0-only
/* INFO_GET and STATS_GET. */
#include <linux/mm.h>

#include "netlink.h"
#include "owner.h"
#include "reserve.h"
#include "version.h"

/* === INFO ================================================================ */

static u64 lab_node_cpu_pages(struct labyrinth *lab, struct lab_node *node)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		if (lab->node[cpu_to_mem(cpu)] == node)
			sum += lab_stack_count(&per_cpu_ptr(lab->cpu, cpu)->ready);
	return sum;
}

static u64 lab_node_credit(struct lab_node *node)
{
	struct labyrinth_owner *owner;
	u64 sum = 0;

	list_for_each_entry(owner, &node->guaranteed, guaranteed)
		sum += lab_count_of(&owner->credit);
	return sum;
}

/* Under reserve_lock. */
static int lab_fill_node(struct sk_buff *msg, struct labyrinth *lab,
			 struct lab_node *node)
{
	struct nlattr *nest = nla_nest_start(msg, LABYRINTH_A_INFO_RESERVE);

	if (!nest ||
	    nla_put_u32(msg, LABYRINTH_A_RESERVE_NODE, (u32)node->nid) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_LOW, node->low,
			      LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_HIGH, node->high,
			      LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_EMERGENCY,
			      node->emergency, LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_AVAILABLE,
			      lab_count_of(&node->ring.available),
			      LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_GUARANTEED,
			      lab_node_credit(node),
			      LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_EMERGENCY_AVAILABLE,
			      lab_count_of(&node->ring.emergency),
			      LABYRINTH_A_RESERVE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_RESERVE_CPU,
			      lab_node_cpu_pages(lab, node),
			      LABYRINTH_A_RESERVE_PAD))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int lab_fill_info(struct sk_buff *msg, struct labyrinth *lab)
{
	u64 guaranteed = 0;
	unsigned int i;

	for (i = 0; i < lab->node_count; i++)
		guaranteed += lab_guarantee_sum(lab, lab->nodes[i]);
	if (nla_put_string(msg, LABYRINTH_A_INFO_VERSION, LABYRINTH_VERSION) ||
	    nla_put_u32(msg, LABYRINTH_A_INFO_PAGE_SIZE, PAGE_SIZE) ||
	    nla_put_u32(msg, LABYRINTH_A_INFO_MAX_ORDER, LAB_MAX_ORDER) ||
	    nla_put_u32(msg, LABYRINTH_A_INFO_MAX_BATCH, LAB_MAX_BATCH) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_INFO_SLOTS, lab->reg.slots,
			      LABYRINTH_A_INFO_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_INFO_SLOTS_VACANT,
			      lab_count_of(&lab->reg.vacants),
			      LABYRINTH_A_INFO_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_INFO_PAGES_TAKEN,
			      lab_count_of(&lab->reg.taken),
			      LABYRINTH_A_INFO_PAD) ||
	    nla_put_u32(msg, LABYRINTH_A_INFO_OWNERS,
			READ_ONCE(lab->owners.count)) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_INFO_GUARANTEED, guaranteed,
			      LABYRINTH_A_INFO_PAD))
		return -EMSGSIZE;
	if (nla_put_u64_64bit(msg, LABYRINTH_A_INFO_CEILING, lab->ceiling,
			      LABYRINTH_A_INFO_PAD))
		return -EMSGSIZE;
	if (IS_ENABLED(CONFIG_LABYRINTH_DEBUG) &&
	    nla_put_flag(msg, LABYRINTH_A_INFO_DEBUG))
		return -EMSGSIZE;
	for (i = 0; i < lab->node_count; i++)
		if (lab_fill_node(msg, lab, lab->nodes[i]))
			return -EMSGSIZE;
	return 0;
}

int lab_nl_info_get(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct sk_buff *msg;
	void *head;
	int err;

	/* A node's nest is about 130 bytes, the rest about 150. */
	msg = lab_reply_new(info, 512 + 192 * lab->node_count, &head);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&lab->reserve_lock);
	err = lab_fill_info(msg, lab);
	mutex_unlock(&lab->reserve_lock);
	return lab_reply_send(info, msg, head, err);
}

/* === STATS =============================================================== */

static int lab_fill_counts(struct sk_buff *msg, int type,
			   const unsigned long *count, int n)
{
	struct nlattr *nest = nla_nest_start(msg, type);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i < n; i++)
		if (nla_put_u64_64bit(msg, i, count[i], n))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static void lab_stats_sum(struct labyrinth *lab, struct lab_stats *sum)
{
	int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const struct lab_stats *stats = &per_cpu_ptr(lab->cpu, cpu)->stats;

		for (i = 0; i < LAB_RUNGS; i++)
			sum->alloc[i] += READ_ONCE(stats->alloc[i]);
		for (i = 0; i < LAB_REASONS; i++) {
			sum->fail[i] += READ_ONCE(stats->fail[i]);
			sum->refused[i] += READ_ONCE(stats->refused[i]);
		}
		sum->free += READ_ONCE(stats->free);
		sum->given += READ_ONCE(stats->given);
		sum->taken += READ_ONCE(stats->taken);
		sum->dropped += READ_ONCE(stats->dropped);
		sum->deferred += READ_ONCE(stats->deferred);
		sum->revoked += READ_ONCE(stats->revoked);
	}
}

static int lab_fill_stats(struct sk_buff *msg, struct labyrinth *lab,
			  const struct lab_stats *sum)
{
	const struct lab_work_stats *work = &lab->work_stats;
	const struct {
		int type;
		unsigned long value;
	} counts[] = {
		{ LABYRINTH_A_STATS_FREE, sum->free },
		{ LABYRINTH_A_STATS_RECYCLED, work->recycled },
		{ LABYRINTH_A_STATS_RETURNED, work->returned },
		{ LABYRINTH_A_STATS_REFILLED, work->refilled },
		{ LABYRINTH_A_STATS_REFILL_FAILED, work->refill_failed },
		{ LABYRINTH_A_STATS_REFILL_HELD, work->refill_held },
		{ LABYRINTH_A_STATS_QUARANTINED, work->quarantined },
		{ LABYRINTH_A_STATS_GIVEN, sum->given },
		{ LABYRINTH_A_STATS_TAKEN, sum->taken },
		{ LABYRINTH_A_STATS_DROPPED, sum->dropped },
		{ LABYRINTH_A_STATS_DEFERRED, sum->deferred },
		{ LABYRINTH_A_STATS_REVOKED, sum->revoked },
	};
	int i;

	if (lab_fill_counts(msg, LABYRINTH_A_STATS_ALLOC, sum->alloc, LAB_RUNGS) ||
	    lab_fill_counts(msg, LABYRINTH_A_STATS_FAIL, sum->fail, LAB_REASONS) ||
	    lab_fill_counts(msg, LABYRINTH_A_STATS_REFUSED, sum->refused,
			    LAB_REASONS))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		if (nla_put_u64_64bit(msg, counts[i].type, counts[i].value,
				      LABYRINTH_A_STATS_PAD))
			return -EMSGSIZE;
	return 0;
}

int lab_nl_stats_get(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct lab_stats sum;
	struct sk_buff *msg;
	void *head;
	int err;

	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	lab_stats_sum(lab, &sum);
	mutex_lock(&lab->reserve_lock);
	err = lab_fill_stats(msg, lab, &sum);
	mutex_unlock(&lab->reserve_lock);
	return lab_reply_send(info, msg, head, err);
}
