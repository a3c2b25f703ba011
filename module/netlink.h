/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family. netlink.c has the family and its rights,
 * netlink_info.c, _owner.c and _page.c what is asked, netlink_set.c what is
 * changed; netlink_latency.c has both for the latency record.
 */
#ifndef LABYRINTH_NETLINK_H
#define LABYRINTH_NETLINK_H

#include <net/genetlink.h>

#include "owner.h"

int lab_netlink_init(struct labyrinth *lab);
void lab_netlink_exit(void);

/**
 * struct lab_viewer - who asks, for what it may see
 * @lab: the instance
 * @admin: sees everything
 * @uid: sees what is this user's
 */
struct lab_viewer {
	struct labyrinth *lab;
	bool admin;
	kuid_t uid;
};

/* A count that a claim under way can take below zero for an instant. */
static inline u64 lab_count_of(const atomic_long_t *count)
{
	return (u64)max(0L, atomic_long_read(count));
}

/* cb->args: the cursor is below; whether an admin has asked. */
#define LAB_DUMP_ADMIN	5

struct lab_viewer lab_viewer_of(struct sk_buff *skb);
struct lab_viewer lab_viewer_of_dump(struct netlink_callback *cb);
int lab_admin_only(struct sk_buff *skb, struct genl_info *info);

/* An error text that is not known here, but lasts. */
static inline void lab_extack(struct genl_info *info, const char *text,
			      const struct nlattr *attr)
{
	if (!info->extack)
		return;
	info->extack->_msg = text;
	NL_SET_BAD_ATTR(info->extack, attr);
}

/* The family's: for replies. */
struct sk_buff *lab_reply_new(struct genl_info *info, size_t size, void **head);
int lab_reply_send(struct genl_info *info, struct sk_buff *msg, void *head,
		   int err);
void *lab_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
void lab_dump_check(struct netlink_callback *cb, void *head);
int lab_dump_parse(struct netlink_callback *cb, struct nlattr **tb, int max,
		   const struct nla_policy *policy);

int lab_nl_info_get(struct sk_buff *skb, struct genl_info *info);
int lab_nl_stats_get(struct sk_buff *skb, struct genl_info *info);
int lab_nl_owner_get(struct sk_buff *skb, struct genl_info *info);
int lab_nl_owner_start(struct netlink_callback *cb);
int lab_nl_owner_dump(struct sk_buff *skb, struct netlink_callback *cb);
int lab_nl_page_get(struct sk_buff *skb, struct genl_info *info);
int lab_nl_page_start(struct netlink_callback *cb);
int lab_nl_page_dump(struct sk_buff *skb, struct netlink_callback *cb);
int lab_nl_reserve_set(struct sk_buff *skb, struct genl_info *info);
int lab_nl_owner_add(struct sk_buff *skb, struct genl_info *info);
int lab_nl_owner_del(struct sk_buff *skb, struct genl_info *info);
int lab_nl_owner_set(struct sk_buff *skb, struct genl_info *info);
int lab_nl_revoke(struct sk_buff *skb, struct genl_info *info);
int lab_nl_verify(struct sk_buff *skb, struct genl_info *info);
int lab_nl_latency_get(struct sk_buff *skb, struct genl_info *info);
int lab_nl_latency_start(struct netlink_callback *cb);
int lab_nl_latency_dump(struct sk_buff *skb, struct netlink_callback *cb);
int lab_nl_latency_set(struct sk_buff *skb, struct genl_info *info);

bool lab_owner_visible(const struct labyrinth_owner *owner,
		       const struct lab_viewer *viewer);

/* The owner that OWNER_ID or OWNER_NAME names, with a reference, or ERR_PTR. */
struct labyrinth_owner *lab_nl_owner(struct genl_info *info,
				     const struct lab_viewer *viewer);

extern const struct nla_policy lab_nl_page_policy[LABYRINTH_A_PAGE_MAX + 1];

#endif /* LABYRINTH_NETLINK_H */
