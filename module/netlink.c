// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: operations, policies, rights.
 *
 * Operations are struct genl_ops with a policy each, which 6.1 and 6.12 have
 * alike. Everything is validated strictly: an unknown attribute is refused.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <net/sock.h>

#include "netlink.h"

/* Not const: 6.1 points to them without. */
static struct netlink_range_validation lab_pages_range = {
	.max = LAB_MAX_SLOTS,
};

static struct netlink_range_validation lab_inbox_range = {
	.min = 1,
	.max = LABYRINTH_INBOX_MAX,
};

#define LAB_NLA_PAGES	NLA_POLICY_FULL_RANGE(NLA_U64, &lab_pages_range)
#define LAB_NLA_NAME	{ .type = NLA_NUL_STRING,			\
			  .len = LABYRINTH_NAME_SIZE - 1 }

static const struct nla_policy lab_nl_reserve_policy[] = {
	[LABYRINTH_A_RESERVE_NODE] = { .type = NLA_U32 },
	[LABYRINTH_A_RESERVE_LOW] = LAB_NLA_PAGES,
	[LABYRINTH_A_RESERVE_HIGH] = LAB_NLA_PAGES,
	[LABYRINTH_A_RESERVE_EMERGENCY] = LAB_NLA_PAGES,
};

static const struct nla_policy lab_nl_owner_name_policy[] = {
	[LABYRINTH_A_OWNER_ID] = { .type = NLA_U32 },
	[LABYRINTH_A_OWNER_NAME] = LAB_NLA_NAME,
};

static const struct nla_policy lab_nl_owner_policy[] = {
	[LABYRINTH_A_OWNER_ID] = { .type = NLA_U32 },
	[LABYRINTH_A_OWNER_NAME] = LAB_NLA_NAME,
	[LABYRINTH_A_OWNER_UID] = { .type = NLA_U32 },
	[LABYRINTH_A_OWNER_GID] = { .type = NLA_U32 },
	[LABYRINTH_A_OWNER_MODE] = NLA_POLICY_MAX(NLA_U32, 0777),
	[LABYRINTH_A_OWNER_QUOTA] = { .type = NLA_U64 },
	[LABYRINTH_A_OWNER_GUARANTEE] = LAB_NLA_PAGES,
	[LABYRINTH_A_OWNER_EMERGENCY] = NLA_POLICY_MAX(NLA_U32, 1),
	[LABYRINTH_A_OWNER_ACCEPT] = NLA_POLICY_MAX(NLA_U32,
						    LABYRINTH_ACCEPT_ANY),
	[LABYRINTH_A_OWNER_INBOX] = NLA_POLICY_FULL_RANGE(NLA_U32,
							  &lab_inbox_range),
};

const struct nla_policy lab_nl_page_policy[LABYRINTH_A_PAGE_MAX + 1] = {
	[LABYRINTH_A_PAGE_HANDLE] = { .type = NLA_U64 },
	[LABYRINTH_A_PAGE_OWNER] = { .type = NLA_U32 },
};

static const struct nla_policy lab_nl_revoke_policy[] = {
	[LABYRINTH_A_OWNER_ID] = { .type = NLA_U32 },
	[LABYRINTH_A_OWNER_NAME] = LAB_NLA_NAME,
	[LABYRINTH_A_OWNER_HANDLE] = { .type = NLA_U64 },
};

static const struct nla_policy lab_nl_latency_policy[] = {
	[LABYRINTH_A_LATENCY_ENABLED] = NLA_POLICY_MAX(NLA_U32, 1),
	[LABYRINTH_A_LATENCY_DEADLINE] = { .type = NLA_U64 },
	[LABYRINTH_A_LATENCY_RESET] = { .type = NLA_FLAG },
};

/*
 * An operation that takes nothing. Not an empty policy: with a maxattr of 0,
 * attributes would be ignored.
 */
static const struct nla_policy lab_nl_none_policy[] = {
	[1] = { .type = NLA_REJECT },
};

static const struct genl_ops lab_nl_ops[] = {
	{
		.cmd = LABYRINTH_CMD_INFO_GET,
		.doit = lab_nl_info_get,
		.policy = lab_nl_none_policy,
		.maxattr = ARRAY_SIZE(lab_nl_none_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_STATS_GET,
		.doit = lab_nl_stats_get,
		.policy = lab_nl_none_policy,
		.maxattr = ARRAY_SIZE(lab_nl_none_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_OWNER_GET,
		.doit = lab_nl_owner_get,
		.start = lab_nl_owner_start,
		.dumpit = lab_nl_owner_dump,
		.policy = lab_nl_owner_name_policy,
		.maxattr = ARRAY_SIZE(lab_nl_owner_name_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_PAGE_GET,
		.doit = lab_nl_page_get,
		.start = lab_nl_page_start,
		.dumpit = lab_nl_page_dump,
		.policy = lab_nl_page_policy,
		.maxattr = ARRAY_SIZE(lab_nl_page_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_RESERVE_SET,
		.doit = lab_nl_reserve_set,
		.policy = lab_nl_reserve_policy,
		.maxattr = ARRAY_SIZE(lab_nl_reserve_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_OWNER_ADD,
		.doit = lab_nl_owner_add,
		.policy = lab_nl_owner_policy,
		.maxattr = ARRAY_SIZE(lab_nl_owner_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_OWNER_DEL,
		.doit = lab_nl_owner_del,
		.policy = lab_nl_owner_name_policy,
		.maxattr = ARRAY_SIZE(lab_nl_owner_name_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_OWNER_SET,
		.doit = lab_nl_owner_set,
		.policy = lab_nl_owner_policy,
		.maxattr = ARRAY_SIZE(lab_nl_owner_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_VERIFY,
		.doit = lab_nl_verify,
		.policy = lab_nl_none_policy,
		.maxattr = ARRAY_SIZE(lab_nl_none_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_LATENCY_GET,
		.doit = lab_nl_latency_get,
		.start = lab_nl_latency_start,
		.dumpit = lab_nl_latency_dump,
		.policy = lab_nl_none_policy,
		.maxattr = ARRAY_SIZE(lab_nl_none_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_LATENCY_SET,
		.doit = lab_nl_latency_set,
		.policy = lab_nl_latency_policy,
		.maxattr = ARRAY_SIZE(lab_nl_latency_policy) - 1,
	},
	{
		.cmd = LABYRINTH_CMD_REVOKE,
		.doit = lab_nl_revoke,
		.policy = lab_nl_revoke_policy,
		.maxattr = ARRAY_SIZE(lab_nl_revoke_policy) - 1,
	},
};

static struct genl_family lab_nl_family __ro_after_init = {
	.name = LABYRINTH_GENL_NAME,
	.version = LABYRINTH_GENL_VERSION,
	.module = THIS_MODULE,
	.ops = lab_nl_ops,
	.n_ops = ARRAY_SIZE(lab_nl_ops),
	.resv_start_op = LABYRINTH_CMD_INFO_GET,
	.parallel_ops = true,
};

/* The instance, for the operations: a family has no room for a pointer. */
static struct labyrinth *lab_nl_lab;

/* === Rights ============================================================== */

/*
 * A user's own are shown to a sender who is that user, on a socket that was opened
 * by that user, or by an admin who gave it away.
 */
static kuid_t lab_viewer_uid(struct sk_buff *skb)
{
	const struct file *opened = NETLINK_CB(skb).sk->sk_socket->file;
	kuid_t uid = NETLINK_CREDS(skb)->uid;

	return uid_eq(opened->f_cred->uid, uid) ||
	       file_ns_capable(opened, &init_user_ns, CAP_SYS_ADMIN) ?
	       uid : INVALID_UID;
}

/* Of the sender and of whoever opened the socket: netlink_capable() asks both. */
struct lab_viewer lab_viewer_of(struct sk_buff *skb)
{
	return (struct lab_viewer){
		.lab = lab_nl_lab,
		.admin = netlink_capable(skb, CAP_SYS_ADMIN),
		.uid = lab_viewer_uid(skb),
	};
}

/* While a dump goes on, current is who reads: lab_dump_parse() has seen who asked. */
struct lab_viewer lab_viewer_of_dump(struct netlink_callback *cb)
{
	return (struct lab_viewer){
		.lab = lab_nl_lab,
		.admin = cb->args[LAB_DUMP_ADMIN],
		.uid = lab_viewer_uid(cb->skb),
	};
}

int lab_admin_only(struct sk_buff *skb, struct genl_info *info)
{
	if (netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(info->extack,
		       "needs CAP_SYS_ADMIN, of the sender and of the socket's opener");
	return -EPERM;
}

/* === Messages ============================================================ */

struct sk_buff *lab_reply_new(struct genl_info *info, size_t size, void **head)
{
	struct sk_buff *msg = genlmsg_new(size, GFP_KERNEL);

	if (!msg)
		return NULL;
	*head = genlmsg_put_reply(msg, info, &lab_nl_family, 0,
				  info->genlhdr->cmd);
	if (!*head) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Send what was filled in, or on @err drop it. */
int lab_reply_send(struct genl_info *info, struct sk_buff *msg, void *head,
		   int err)
{
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

void *lab_dump_put(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &lab_nl_family, NLM_F_MULTI, cmd);
}

void lab_dump_check(struct netlink_callback *cb, void *head)
{
	genl_dump_check_consistent(cb, head);
}

/*
 * A dump begins: what is asked, and by whom, see lab_viewer_of_dump(). struct
 * genl_dumpit_info differs between 6.1 and 6.12; parsing does not.
 */
int lab_dump_parse(struct netlink_callback *cb, struct nlattr **tb, int max,
		   const struct nla_policy *policy)
{
	cb->args[LAB_DUMP_ADMIN] = netlink_capable(cb->skb, CAP_SYS_ADMIN);
	return genlmsg_parse(cb->nlh, &lab_nl_family, tb, max, policy,
			     cb->extack);
}

int lab_netlink_init(struct labyrinth *lab)
{
	lab_nl_lab = lab;
	return genl_register_family(&lab_nl_family);
}

void lab_netlink_exit(void)
{
	genl_unregister_family(&lab_nl_family);
}

/*
 * No MODULE_ALIAS_GENL_FAMILY(): any user who asks for the family would load a
 * module that sets memory aside.
 */
