// SPDX-License-Identifier: GPL-2.0-only
/* PAGE_GET: one, by handle, and all that are held. */
#include <linux/io.h>
#include <linux/ktime.h>

#include "netlink.h"
#include "owner.h"

/* A slot: all of one holder, read between two equal words. */
struct lab_page {
	u64 word;
	u32 order;
	u32 scope;
	u32 rung;
	u64 tag;
	u64 length;
	u64 born;
	phys_addr_t phys;
	bool mapped;
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
	page->mapped = page->scope != LABYRINTH_SCOPE_THREAD &&
		       /* The scope says what it is: pairs with lab_thread_add(). */
		       smp_load_acquire(&slot->place) &&
		       READ_ONCE(slot->scope) != LABYRINTH_SCOPE_THREAD;
	page->phys = virt_to_phys(READ_ONCE(slot->addr));
	/*
	 * Pairs with the arrows' full barriers: it was of the block that the word names.
	 * Tag, length and age are written behind an arrow, and can be those before it.
	 */
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
	    nla_put_u32(msg, LABYRINTH_A_PAGE_MAPPED, page->mapped) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_TAG, page->tag,
			      LABYRINTH_A_PAGE_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_USED, page->length,
			      LABYRINTH_A_PAGE_PAD) ||
	    (page->born &&
	     nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_AGE,
			       ktime_get_mono_fast_ns() - page->born,
			       LABYRINTH_A_PAGE_PAD)))
		return -EMSGSIZE;
	if (admin && nla_put_u64_64bit(msg, LABYRINTH_A_PAGE_PHYS, page->phys,
				       LABYRINTH_A_PAGE_PAD))
		return -EMSGSIZE;
	return 0;
}

static bool lab_page_visible(u64 word, const struct lab_viewer *viewer)
{
	struct labyrinth_owner *owner;
	bool visible;

	if (viewer->admin)
		return true;
	rcu_read_lock();
	owner = xa_load(&viewer->lab->owners.table, lab_word_owner(word));
	visible = owner && lab_owner_visible(owner, viewer);
	rcu_read_unlock();
	return visible;
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
	if (slot)
		found = lab_page_look(&viewer, slot, &page) &&
			lab_handle(page.word, index) == nla_get_u64(handle);
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
	struct lab_viewer viewer = lab_viewer_of_dump(cb);
	struct lab_registry *reg = &viewer.lab->reg;
	u32 index, only = (u32)cb->args[1];
	struct lab_page page;

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
	cb->args[0] = index;
	return skb->len;
}
