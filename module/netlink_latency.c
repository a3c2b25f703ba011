// SPDX-License-Identifier: GPL-2.0-only
/* LATENCY_GET and LATENCY_SET. */
#include <linux/slab.h>

#include "latency.h"
#include "netlink.h"

/* === LATENCY_GET ========================================================= */

int lab_nl_latency_get(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct sk_buff *msg;
	int err = 0;
	void *head;

	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	if (nla_put_u32(msg, LABYRINTH_A_LATENCY_ENABLED,
			lab_latency_enabled()) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_LATENCY_DEADLINE,
			      READ_ONCE(lab->latency.deadline),
			      LABYRINTH_A_LATENCY_PAD))
		err = -EMSGSIZE;
	return lab_reply_send(info, msg, head, err);
}

static int lab_fill_buckets(struct sk_buff *msg,
			    const struct lab_latency_sum *sum)
{
	struct nlattr *nest = nla_nest_start(msg, LABYRINTH_A_LATENCY_BUCKET);
	int i;

	if (!nest)
		return -EMSGSIZE;
	/* Padded, where it must be, with a type that no bucket has. */
	for (i = 0; i < LABYRINTH_LATENCY_BUCKETS; i++)
		if (sum->bucket[i] &&
		    nla_put_u64_64bit(msg, i + 1, sum->bucket[i],
				      LABYRINTH_LATENCY_BUCKETS + 1))
			return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int lab_fill_latency(struct sk_buff *msg, u32 context, u32 rung,
			    const struct lab_latency_sum *sum)
{
	if (nla_put_u32(msg, LABYRINTH_A_LATENCY_CONTEXT, context) ||
	    nla_put_u32(msg, LABYRINTH_A_LATENCY_RUNG, rung) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_LATENCY_COUNT, sum->count,
			      LABYRINTH_A_LATENCY_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_LATENCY_LONGEST, sum->longest,
			      LABYRINTH_A_LATENCY_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_LATENCY_LATE, sum->late,
			      LABYRINTH_A_LATENCY_PAD))
		return -EMSGSIZE;
	return lab_fill_buckets(msg, sum);
}

/*
 * A message with no bucket empty is 3.1 KiB, which always fits; where u64 must
 * be aligned it is 4.1 KiB, which needs to be asked for.
 */
int lab_nl_latency_start(struct netlink_callback *cb)
{
	cb->min_dump_alloc = nlmsg_total_size(GENL_HDRLEN) +
			     2 * nla_total_size(sizeof(u32)) +
			     3 * nla_total_size_64bit(sizeof(u64)) +
			     nla_total_size(LABYRINTH_LATENCY_BUCKETS *
					    nla_total_size_64bit(sizeof(u64)));
	return 0;
}

/* The cursor of the dump, cb->args[0]: the next context and rung. */
int lab_nl_latency_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct labyrinth *lab = lab_viewer_of(cb->skb).lab;
	struct lab_latency_sum *sum = kmalloc(sizeof(*sum), GFP_KERNEL);
	u32 at, context, rung;
	int err = 0;

	if (!sum)
		return -ENOMEM;
	for (at = (u32)cb->args[0]; at < LAB_CONTEXTS * LAB_RUNGS; at++) {
		void *head;

		context = at / LAB_RUNGS;
		rung = at % LAB_RUNGS;
		if (!lab_latency_read(lab, context, rung, sum))
			continue;
		head = lab_dump_put(skb, cb, LABYRINTH_CMD_LATENCY_GET);
		if (!head || lab_fill_latency(skb, context, rung, sum)) {
			genlmsg_cancel(skb, head);
			err = -EMSGSIZE;
			break;
		}
		genlmsg_end(skb, head);
	}
	cb->args[0] = at;
	kfree(sum);
	return skb->len ?: err;
}

/* === LATENCY_SET ========================================================= */

int lab_nl_latency_set(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct nlattr *enabled = info->attrs[LABYRINTH_A_LATENCY_ENABLED];
	struct nlattr *deadline = info->attrs[LABYRINTH_A_LATENCY_DEADLINE];
	struct lab_latency_change change = {
		.enabled = enabled ? (int)nla_get_u32(enabled) : -1,
		.deadline = deadline ? nla_get_u64(deadline) : 0,
		.has_deadline = deadline,
		.reset = info->attrs[LABYRINTH_A_LATENCY_RESET],
	};
	int err = lab_admin_only(skb, info);

	if (err)
		return err;
	if (!enabled && !deadline && !change.reset) {
		NL_SET_ERR_MSG(info->extack,
			       "nothing to set: give LATENCY_ENABLED, LATENCY_DEADLINE or LATENCY_RESET");
		return -EINVAL;
	}
	mutex_lock(&lab->admin);
	err = lab_latency_set(lab, &change);
	mutex_unlock(&lab->admin);
	return err;
}
