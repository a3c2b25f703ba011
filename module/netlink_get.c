// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the family is asked. One fill function for each kind of thing, which get
 * and dump share.
 */
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/pid.h>

#include "netlink.h"
#include "owner.h"
#include "reserve.h"
#include "version.h"

/* === INFO ================================================================ */

static u64 lab_count_of(const atomic_long_t *count)
{
	return (u64)max(0L, atomic_long_read(count));
}

static u64 lab_node_cpu_pages(struct labyrinth *lab, struct lab_node *node)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		if (lab->node[cpu_to_mem(cpu)] == node)
			sum += lab_stack_count(&per_cpu_ptr(lab->cpu, cpu)->ready);
	return sum;
}

static u64 lab_node_credit(struct labyrinth *lab, struct lab_node *node)
{
	struct labyrinth_owner *owner;
	u64 sum = 0;

	list_for_each_entry(owner, &lab->owners.guaranteed, guaranteed)
		if (owner->home == node)
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
			      lab_node_credit(lab, node),
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

	/* A node's nest is about 100 bytes, the rest about 150. */
	msg = lab_reply_new(info, 512 + 128 * lab->node_count, &head);
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
		for (i = 0; i < LAB_REASONS; i++)
			sum->fail[i] += READ_ONCE(stats->fail[i]);
		sum->free += READ_ONCE(stats->free);
	}
}

static int lab_fill_stats(struct sk_buff *msg, struct labyrinth *lab)
{
	const struct lab_work_stats *work = &lab->work_stats;
	const struct {
		int type;
		unsigned long value;
	} counts[] = {
		{ LABYRINTH_A_STATS_RECYCLED, work->recycled },
		{ LABYRINTH_A_STATS_RETURNED, work->returned },
		{ LABYRINTH_A_STATS_REFILLED, work->refilled },
		{ LABYRINTH_A_STATS_REFILL_FAILED, work->refill_failed },
		{ LABYRINTH_A_STATS_REFILL_HELD, work->refill_held },
		{ LABYRINTH_A_STATS_QUARANTINED, work->quarantined },
	};
	struct lab_stats sum;
	int i;

	lab_stats_sum(lab, &sum);
	if (lab_fill_counts(msg, LABYRINTH_A_STATS_ALLOC, sum.alloc, LAB_RUNGS) ||
	    lab_fill_counts(msg, LABYRINTH_A_STATS_FAIL, sum.fail, LAB_REASONS) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_STATS_FREE, sum.free,
			      LABYRINTH_A_STATS_PAD))
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
	struct sk_buff *msg;
	void *head;
	int err;

	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&lab->reserve_lock);
	err = lab_fill_stats(msg, lab);
	mutex_unlock(&lab->reserve_lock);
	return lab_reply_send(info, msg, head, err);
}

/* === OWNER =============================================================== */

static bool lab_owner_visible(const struct labyrinth_owner *owner,
			      const struct lab_viewer *viewer)
{
	if (viewer->admin)
		return true;
	return owner->kind != LABYRINTH_OWNER_KERNEL &&
	       uid_eq(owner->uid, viewer->uid);
}

/* A dead owner is shown for as long as pages of it are held back. */
static bool lab_owner_shown(const struct labyrinth_owner *owner,
			    const struct lab_viewer *viewer)
{
	return (!owner->dying || owner->quarantined) &&
	       lab_owner_visible(owner, viewer);
}

static int lab_fill_named(struct sk_buff *msg, struct labyrinth_owner *owner)
{
	return nla_put_u32(msg, LABYRINTH_A_OWNER_MODE, owner->mode) ||
	       nla_put_u32(msg, LABYRINTH_A_OWNER_ATTACHED, owner->attached);
}

/* Under owners->lock. */
static int lab_fill_owner(struct sk_buff *msg, struct labyrinth_owner *owner)
{
	if (nla_put_u32(msg, LABYRINTH_A_OWNER_ID, owner->id) ||
	    nla_put_u32(msg, LABYRINTH_A_OWNER_KIND, owner->kind) ||
	    nla_put_string(msg, LABYRINTH_A_OWNER_NAME, owner->name) ||
	    nla_put_u32(msg, LABYRINTH_A_OWNER_UID,
			from_kuid_munged(&init_user_ns, owner->uid)) ||
	    nla_put_u32(msg, LABYRINTH_A_OWNER_GID,
			from_kgid_munged(&init_user_ns, owner->gid)) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_USED,
			      lab_count_of(&owner->used),
			      LABYRINTH_A_OWNER_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_QUOTA, owner->quota,
			      LABYRINTH_A_OWNER_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_GUARANTEE,
			      READ_ONCE(owner->guarantee),
			      LABYRINTH_A_OWNER_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_GUARANTEE_AVAILABLE,
			      lab_count_of(&owner->credit),
			      LABYRINTH_A_OWNER_PAD) ||
	    nla_put_u32(msg, LABYRINTH_A_OWNER_EMERGENCY, owner->emergency) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_QUARANTINED,
			      READ_ONCE(owner->quarantined),
			      LABYRINTH_A_OWNER_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_AGE,
			      ktime_get_mono_fast_ns() - owner->born,
			      LABYRINTH_A_OWNER_PAD))
		return -EMSGSIZE;
	if (owner->pid &&
	    nla_put_u32(msg, LABYRINTH_A_OWNER_PID, (u32)pid_nr(owner->pid)))
		return -EMSGSIZE;
	if (owner->kind == LABYRINTH_OWNER_NAMED && lab_fill_named(msg, owner))
		return -EMSGSIZE;
	return 0;
}

/**
 * lab_nl_owner - the owner that OWNER_ID or OWNER_NAME names
 * @info: the request
 * @viewer: who asks
 *
 * Return: it with a reference, or ERR_PTR with extack set.
 */
struct labyrinth_owner *lab_nl_owner(struct genl_info *info,
				     const struct lab_viewer *viewer)
{
	struct nlattr *id = info->attrs[LABYRINTH_A_OWNER_ID];
	struct nlattr *name = info->attrs[LABYRINTH_A_OWNER_NAME];
	struct labyrinth_owner *owner;

	if (!id == !name) {
		NL_SET_ERR_MSG(info->extack,
			       "name the owner by exactly one of OWNER_ID and OWNER_NAME");
		return ERR_PTR(-EINVAL);
	}
	owner = id ? lab_owner_by_id(viewer->lab, nla_get_u32(id)) :
		     lab_owner_by_name(viewer->lab, nla_data(name));
	if (owner && !lab_owner_visible(owner, viewer)) {
		lab_owner_put(owner);
		owner = NULL;
	}
	if (!owner) {
		NL_SET_ERR_MSG_ATTR(info->extack, id ? id : name,
				    "no such owner");
		return ERR_PTR(-ENOENT);
	}
	return owner;
}

int lab_nl_owner_get(struct sk_buff *skb, struct genl_info *info)
{
	struct lab_viewer viewer = lab_viewer_of(skb);
	struct labyrinth_owner *owner = lab_nl_owner(info, &viewer);
	struct sk_buff *msg;
	void *head;
	int err = -ENOMEM;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (msg) {
		mutex_lock(&viewer.lab->owners.lock);
		err = lab_fill_owner(msg, owner);
		mutex_unlock(&viewer.lab->owners.lock);
		err = lab_reply_send(info, msg, head, err);
	}
	lab_owner_put(owner);
	return err;
}

int lab_nl_owner_start(struct netlink_callback *cb)
{
	struct nlattr *tb[LABYRINTH_A_OWNER_NAME + 1];
	static const struct nla_policy none[LABYRINTH_A_OWNER_NAME + 1];

	/* Everything is unspecified, so anything is refused. */
	return lab_dump_parse(cb, tb, LABYRINTH_A_OWNER_NAME, none);
}

int lab_nl_owner_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct lab_viewer viewer = lab_viewer_of(cb->skb);
	struct lab_owners *owners = &viewer.lab->owners;
	struct labyrinth_owner *owner;
	unsigned long id;
	int err = 0;

	mutex_lock(&owners->lock);
	/* 0 would mean that nothing is to be compared. */
	cb->seq = owners->seq | 1U << 31;
	xa_for_each_start(&owners->table, id, owner, cb->args[0]) {
		void *head;

		if (!lab_owner_shown(owner, &viewer))
			continue;
		head = lab_dump_put(skb, cb, LABYRINTH_CMD_OWNER_GET);
		err = head ? lab_fill_owner(skb, owner) : -EMSGSIZE;
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			break;
		}
		lab_dump_check(cb, head);
		genlmsg_end(skb, head);
	}
	mutex_unlock(&owners->lock);
	/* Where to go on; past the end, nowhere. */
	cb->args[0] = err ? (long)id : (long)LAB_MAX_OWNER + 1;
	return skb->len;
}

/* === PAGE ================================================================ */

/* A slot, as it was at one instant: all read between two equal words. */
struct lab_page {
	u64 word;
	u32 order;
	u32 scope;
	u32 rung;
	u64 tag;
	u64 length;
	u64 born;
	phys_addr_t phys;
};

static bool lab_page_held(u64 word)
{
	switch (lab_word_state(word)) {
	case LABYRINTH_PAGE_OWNED:
	case LABYRINTH_PAGE_LEAVING:
	case LABYRINTH_PAGE_TRANSIT:
	case LABYRINTH_PAGE_QUARANTINED:
		return true;
	default:
		return false;
	}
}

/* Return: false if it is not held, or would not stand still. */
static bool lab_page_read(struct lab_slot *slot, struct lab_page *page)
{
	page->word = lab_slot_word(slot);
	if (!lab_page_held(page->word))
		return false;
	page->order = READ_ONCE(slot->order);
	page->scope = READ_ONCE(slot->scope);
	page->rung = READ_ONCE(slot->rung);
	page->tag = READ_ONCE(slot->tag);
	page->length = READ_ONCE(slot->length);
	page->born = READ_ONCE(slot->born);
	page->phys = virt_to_phys(READ_ONCE(slot->addr));
	/* Pairs with the arrows' full barriers: nobody has written since. */
	smp_rmb();
	return lab_slot_word(slot) == page->word;
}

static int lab_fill_page(struct sk_buff *msg, const struct lab_page *page,
			 u32 index, bool admin)
{
	if (nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_HANDLE,
			      lab_handle(page->word, index),
			      LABYRINTH_A_PAGE_PAD) ||
	    nla_put_u32(msg, LABYRINTH_A_PAGE_OWNER,
			lab_word_owner(page->word)) ||
	    nla_put_u32(msg, LABYRINTH_A_PAGE_STATE,
			lab_word_state(page->word)) ||
	    nla_put_u32(msg, LABYRINTH_A_PAGE_ORDER, page->order) ||
	    nla_put_u32(msg, LABYRINTH_A_PAGE_SCOPE, page->scope) ||
	    nla_put_u32(msg, LABYRINTH_A_PAGE_RUNG, page->rung) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_TAG, page->tag,
			      LABYRINTH_A_PAGE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_USED, page->length,
			      LABYRINTH_A_PAGE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_AGE,
			      ktime_get_mono_fast_ns() - page->born,
			      LABYRINTH_A_PAGE_PAD))
		return -EMSGSIZE;
	if (admin && nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_PHYS, page->phys,
				       LABYRINTH_A_PAGE_PAD))
		return -EMSGSIZE;
	return 0;
}

static bool lab_page_visible(u64 word, const struct lab_viewer *viewer)
{
	struct labyrinth_owner *owner;

	if (viewer->admin)
		return true;
	lockdep_assert_held(&viewer->lab->owners.lock);
	owner = xa_load(&viewer->lab->owners.table, lab_word_owner(word));
	return owner && lab_owner_visible(owner, viewer);
}

/* A few tries: words change at any time, and rarely all the time. */
static bool lab_page_look(const struct lab_viewer *viewer, struct lab_slot *slot,
			  struct lab_page *page)
{
	unsigned int tries = 8;
	bool held;

	do {
		held = lab_page_read(slot, page);
	} while (!held && lab_page_held(page->word) && --tries);
	return held && lab_page_visible(page->word, viewer);
}

int lab_nl_page_get(struct sk_buff *skb, struct genl_info *info)
{
	struct lab_viewer viewer = lab_viewer_of(skb);
	struct nlattr *handle = info->attrs[LABYRINTH_A_PAGE_HANDLE];
	struct lab_page page = {};
	struct lab_slot *slot;
	struct sk_buff *msg;
	bool found = false;
	void *head;
	u32 index;

	if (!handle || info->attrs[LABYRINTH_A_PAGE_OWNER]) {
		NL_SET_ERR_MSG(info->extack,
			       "name the page by PAGE_HANDLE, and only by that");
		return -EINVAL;
	}
	slot = lab_registry_slot(&viewer.lab->reg, nla_get_u64(handle));
	index = lab_handle_index(nla_get_u64(handle));
	mutex_lock(&viewer.lab->owners.lock);
	if (slot)
		found = lab_page_look(&viewer, slot, &page) &&
			lab_handle(page.word, index) == nla_get_u64(handle);
	mutex_unlock(&viewer.lab->owners.lock);
	if (!found) {
		NL_SET_ERR_MSG_ATTR(info->extack, handle, "no such page");
		return -ENOENT;
	}
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	return lab_reply_send(info, msg, head,
			      lab_fill_page(msg, &page, index, viewer.admin));
}

/* The cursor of a page dump: cb->args[0] the next slot, [1] the owner or 0. */
int lab_nl_page_start(struct netlink_callback *cb)
{
	struct nlattr *tb[LABYRINTH_A_PAGE_MAX + 1];
	int err = lab_dump_parse(cb, tb, LABYRINTH_A_PAGE_MAX,
				 lab_nl_page_policy);

	if (err)
		return err;
	if (tb[LABYRINTH_A_PAGE_HANDLE]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, tb[LABYRINTH_A_PAGE_HANDLE],
				    "a dump takes PAGE_OWNER only");
		return -EINVAL;
	}
	if (tb[LABYRINTH_A_PAGE_OWNER])
		cb->args[1] = nla_get_u32(tb[LABYRINTH_A_PAGE_OWNER]);
	if (tb[LABYRINTH_A_PAGE_OWNER] && !cb->args[1]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, tb[LABYRINTH_A_PAGE_OWNER],
				    "no owner has the number 0");
		return -EINVAL;
	}
	return 0;
}

int lab_nl_page_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct lab_viewer viewer = lab_viewer_of(cb->skb);
	struct lab_registry *reg = &viewer.lab->reg;
	u32 index, only = (u32)cb->args[1];
	struct lab_page page;

	mutex_lock(&viewer.lab->owners.lock);
	for (index = (u32)cb->args[0]; index < reg->slots; index++) {
		void *head;

		cond_resched();
		if (!lab_page_look(&viewer, &reg->slot[index], &page) ||
		    (only && lab_word_owner(page.word) != only))
			continue;
		head = lab_dump_put(skb, cb, LABYRINTH_CMD_PAGE_GET);
		if (!head)
			break;
		if (lab_fill_page(skb, &page, index, viewer.admin)) {
			genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
	}
	mutex_unlock(&viewer.lab->owners.lock);
	cb->args[0] = index;
	return skb->len;
}
