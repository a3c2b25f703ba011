// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the family changes. Administrators only.
 */
#include <linux/cred.h>

#include "inbox.h"
#include "netlink.h"
#include "reserve.h"
#include "verify.h"

/* === RESERVE_SET ========================================================= */

static s64 lab_pages_or_keep(const struct nlattr *attr)
{
	return attr ? (s64)nla_get_u64(attr) : -1;
}

/* The first watermark that was given, to point at when they do not fit. */
static struct nlattr *lab_reserve_given(struct genl_info *info)
{
	int i;

	for (i = LABYRINTH_A_RESERVE_LOW; i < LABYRINTH_A_RESERVE_EMERGENCY; i++)
		if (info->attrs[i])
			break;
	return info->attrs[i];
}

int lab_nl_reserve_set(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct nlattr *node = info->attrs[LABYRINTH_A_RESERVE_NODE];
	struct lab_reserve_change change = {
		.low = lab_pages_or_keep(info->attrs[LABYRINTH_A_RESERVE_LOW]),
		.high = lab_pages_or_keep(info->attrs[LABYRINTH_A_RESERVE_HIGH]),
		.emergency =
			lab_pages_or_keep(info->attrs[LABYRINTH_A_RESERVE_EMERGENCY]),
	};
	const char *why = NULL;
	int nid = NUMA_NO_NODE, err = lab_admin_only(skb, info);

	if (err)
		return err;
	if (change.low < 0 && change.high < 0 && change.emergency < 0) {
		NL_SET_ERR_MSG(info->extack,
			       "nothing to set: give RESERVE_LOW, RESERVE_HIGH or RESERVE_EMERGENCY");
		return -EINVAL;
	}
	/* What is no node at all is none of ours either: -2 names nothing. */
	if (node)
		nid = nla_get_u32(node) < MAX_NUMNODES ? (int)nla_get_u32(node) :
							 -2;
	mutex_lock(&lab->admin);
	err = lab_reserve_set(lab, nid, &change, &why);
	mutex_unlock(&lab->admin);
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, node, "no such node");
	else if (why)
		lab_extack(info, why, lab_reserve_given(info));
	return err;
}

/* === OWNER_ADD, OWNER_DEL ================================================ */

static int lab_nl_uid(struct genl_info *info, kuid_t *uid)
{
	struct nlattr *attr = info->attrs[LABYRINTH_A_OWNER_UID];

	if (attr)
		*uid = make_kuid(&init_user_ns, nla_get_u32(attr));
	if (uid_valid(*uid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such user id");
	return -EINVAL;
}

static int lab_nl_gid(struct genl_info *info, kgid_t *gid)
{
	struct nlattr *attr = info->attrs[LABYRINTH_A_OWNER_GID];

	if (attr)
		*gid = make_kgid(&init_user_ns, nla_get_u32(attr));
	if (gid_valid(*gid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such group id");
	return -EINVAL;
}

static int lab_nl_spec(struct sk_buff *skb, struct genl_info *info,
		       struct lab_owner_spec *spec)
{
	struct nlattr *name = info->attrs[LABYRINTH_A_OWNER_NAME];
	int err;

	if (info->attrs[LABYRINTH_A_OWNER_ID]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[LABYRINTH_A_OWNER_ID],
				    "numbers are given by the kernel");
		return -EINVAL;
	}
	if (!name || !lab_name_valid(nla_data(name), nla_len(name))) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "OWNER_NAME must be 1 to 31 of [A-Za-z0-9._-]");
		return -EINVAL;
	}
	spec->name = nla_data(name);
	spec->uid = NETLINK_CREDS(skb)->uid;
	spec->gid = NETLINK_CREDS(skb)->gid;
	err = lab_nl_uid(info, &spec->uid);
	if (err)
		return err;
	err = lab_nl_gid(info, &spec->gid);
	if (err)
		return err;
	if (info->attrs[LABYRINTH_A_OWNER_MODE])
		spec->mode = nla_get_u32(info->attrs[LABYRINTH_A_OWNER_MODE]);
	if (info->attrs[LABYRINTH_A_OWNER_QUOTA])
		spec->quota = nla_get_u64(info->attrs[LABYRINTH_A_OWNER_QUOTA]);
	if (info->attrs[LABYRINTH_A_OWNER_GUARANTEE])
		spec->guarantee =
			nla_get_u64(info->attrs[LABYRINTH_A_OWNER_GUARANTEE]);
	if (info->attrs[LABYRINTH_A_OWNER_EMERGENCY])
		spec->emergency =
			nla_get_u32(info->attrs[LABYRINTH_A_OWNER_EMERGENCY]);
	if (info->attrs[LABYRINTH_A_OWNER_ACCEPT])
		spec->accept = nla_get_u32(info->attrs[LABYRINTH_A_OWNER_ACCEPT]);
	if (info->attrs[LABYRINTH_A_OWNER_INBOX])
		spec->inbox = nla_get_u32(info->attrs[LABYRINTH_A_OWNER_INBOX]);
	return 0;
}

static void lab_guarantee_extack(struct genl_info *info, int err)
{
	struct nlattr *attr = info->attrs[LABYRINTH_A_OWNER_GUARANTEE];

	if (err == -ERANGE)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the node's guarantees would exceed its low watermark");
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the system did not give the pages for the guarantee");
}

static int lab_reply_id(struct genl_info *info, struct sk_buff *msg, void *head,
			u32 id)
{
	return lab_reply_send(info, msg, head,
			      nla_put_u32(msg, LABYRINTH_A_OWNER_ID, id));
}

int lab_nl_owner_add(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth *lab = lab_viewer_of(skb).lab;
	struct lab_owner_spec spec = {
		.kind = LABYRINTH_OWNER_NAMED,
		.mode = 0600,
		.quota = lab->settings.file_quota,
	};
	struct labyrinth_owner *owner;
	struct sk_buff *msg;
	void *head;
	int err = lab_admin_only(skb, info);

	if (!err)
		err = lab_nl_spec(skb, info, &spec);
	if (err)
		return err;
	/* The reply first: what has been made can't fail to be told. */
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&lab->admin);
	owner = lab_owner_create(lab, &spec);
	mutex_unlock(&lab->admin);
	if (IS_ERR(owner)) {
		err = PTR_ERR(owner);
		if (err == -EEXIST)
			NL_SET_ERR_MSG_ATTR(info->extack,
					    info->attrs[LABYRINTH_A_OWNER_NAME],
					    "an owner of that name exists");
		if (err == -EBUSY)
			NL_SET_ERR_MSG(info->extack, "no owner's number is free");
		lab_guarantee_extack(info, err);
		nlmsg_free(msg);
		return err;
	}
	err = lab_reply_id(info, msg, head, owner->id);
	lab_owner_put(owner);
	return err;
}

static struct labyrinth_owner *lab_nl_owner_to_change(struct sk_buff *skb,
						      struct genl_info *info)
{
	struct lab_viewer viewer = lab_viewer_of(skb);
	int err = lab_admin_only(skb, info);

	return err ? ERR_PTR(err) : lab_nl_owner(info, &viewer);
}

int lab_nl_owner_del(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth_owner *owner = lab_nl_owner_to_change(skb, info);
	int err = 0;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	if (owner->kind == LABYRINTH_OWNER_NAMED) {
		lab_owner_kill(owner, true);
	} else {
		NL_SET_ERR_MSG(info->extack,
			       "only named owners can be removed; a file's ends with its file");
		err = -EOPNOTSUPP;
	}
	lab_owner_put(owner);
	return err;
}

/* === REVOKE ============================================================== */

static long lab_nl_revoke_pages(struct labyrinth_owner *owner,
				struct genl_info *info)
{
	struct nlattr *attr = info->attrs[LABYRINTH_A_OWNER_HANDLE];
	u64 handle = attr ? nla_get_u64(attr) : 0;
	long pages;

	if (owner->kind == LABYRINTH_OWNER_KERNEL) {
		NL_SET_ERR_MSG(info->extack,
			       "a module's pages can't be revoked: it may be using them");
		return -EOPNOTSUPP;
	}
	pages = lab_owner_revoke(owner, attr ? &handle : NULL);
	if (pages == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "no block of this owner's");
	else if (pages == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "it waits in the owner's inbox: revoke all, or when it has been taken");
	return pages;
}

int lab_nl_revoke(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth_owner *owner = lab_nl_owner_to_change(skb, info);
	struct sk_buff *msg;
	long pages;
	void *head;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	/* The reply first: what has been done can't fail to be told. */
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	pages = msg ? lab_nl_revoke_pages(owner, info) : -ENOMEM;
	lab_owner_put(owner);
	if (pages < 0) {
		nlmsg_free(msg);
		return (int)pages;
	}
	return lab_reply_send(info, msg, head,
			      nla_put_u64_64bit(msg, LABYRINTH_A_OWNER_REVOKED,
						(u64)pages,
						LABYRINTH_A_OWNER_PAD));
}

/* === OWNER_SET =========================================================== */

static bool lab_set_permissions(struct genl_info *info)
{
	return info->attrs[LABYRINTH_A_OWNER_UID] ||
	       info->attrs[LABYRINTH_A_OWNER_GID] ||
	       info->attrs[LABYRINTH_A_OWNER_MODE];
}

static bool lab_set_inbox(struct genl_info *info)
{
	return info->attrs[LABYRINTH_A_OWNER_ACCEPT] ||
	       info->attrs[LABYRINTH_A_OWNER_INBOX];
}

static int lab_owner_set_inbox(struct labyrinth_owner *owner,
			       struct genl_info *info)
{
	struct nlattr *accept = info->attrs[LABYRINTH_A_OWNER_ACCEPT];
	struct nlattr *inbox = info->attrs[LABYRINTH_A_OWNER_INBOX];
	u32 whom = accept ? nla_get_u32(accept) : 0;
	int err = lab_accept_set(owner, accept ? &whom : NULL,
				 inbox ? nla_get_u32(inbox) : 0);

	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, inbox,
				    "the inbox has another capacity, which stays");
	return err;
}

static int lab_owner_set_check(struct labyrinth_owner *owner,
			       struct genl_info *info)
{
	if (!lab_set_permissions(info) &&
	    !info->attrs[LABYRINTH_A_OWNER_QUOTA] &&
	    !info->attrs[LABYRINTH_A_OWNER_GUARANTEE] &&
	    !info->attrs[LABYRINTH_A_OWNER_EMERGENCY] &&
	    !lab_set_inbox(info)) {
		NL_SET_ERR_MSG(info->extack,
			       "nothing to set: give UID, GID, MODE, QUOTA, GUARANTEE, EMERGENCY, ACCEPT or INBOX");
		return -EINVAL;
	}
	if (lab_set_permissions(info) && owner->kind != LABYRINTH_OWNER_NAMED) {
		NL_SET_ERR_MSG(info->extack,
			       "only named owners have UID, GID and MODE to set");
		return -EOPNOTSUPP;
	}
	if (READ_ONCE(owner->shut)) {
		NL_SET_ERR_MSG(info->extack,
			       "its file acts as another owner: this one holds nothing any more");
		return -ESHUTDOWN;
	}
	return 0;
}

/* What can fail has been done: these can't. */
static void lab_owner_set_rest(struct labyrinth_owner *owner,
			       struct genl_info *info, kuid_t uid, kgid_t gid)
{
	mutex_lock(&owner->lab->owners.lock);
	if (info->attrs[LABYRINTH_A_OWNER_UID])
		WRITE_ONCE(owner->uid, uid);
	if (info->attrs[LABYRINTH_A_OWNER_GID])
		WRITE_ONCE(owner->gid, gid);
	if (info->attrs[LABYRINTH_A_OWNER_MODE])
		owner->mode = nla_get_u32(info->attrs[LABYRINTH_A_OWNER_MODE]);
	if (info->attrs[LABYRINTH_A_OWNER_EMERGENCY])
		WRITE_ONCE(owner->emergency,
			   nla_get_u32(info->attrs[LABYRINTH_A_OWNER_EMERGENCY]));
	mutex_unlock(&owner->lab->owners.lock);
	/* Whoever polls may have room now, or may come to more: lab_kick() after it. */
	smp_mb();
	lab_kick(owner->lab);
}

/* Guarantee and inbox: for these there may be no memory. Both or neither. */
static int lab_owner_set_pages(struct labyrinth_owner *owner,
			       struct genl_info *info)
{
	struct nlattr *guarantee = info->attrs[LABYRINTH_A_OWNER_GUARANTEE];
	unsigned long before = READ_ONCE(owner->guarantee);
	int err = 0;

	if (guarantee) {
		err = lab_guarantee_set(owner, nla_get_u64(guarantee));
		lab_guarantee_extack(info, err);
	}
	if (err || !lab_set_inbox(info))
		return err;
	err = lab_owner_set_inbox(owner, info);
	if (err && guarantee)
		lab_guarantee_set(owner, before);
	return err;
}

/* It can only have come to its end meanwhile: then nothing that was set matters. */
static int lab_owner_set_limit(struct labyrinth_owner *owner,
			       struct genl_info *info)
{
	struct nlattr *quota = info->attrs[LABYRINTH_A_OWNER_QUOTA];

	return quota ? lab_owner_set_quota(owner, nla_get_u64(quota)) : 0;
}

static int lab_owner_set(struct labyrinth_owner *owner, struct genl_info *info)
{
	kuid_t uid = READ_ONCE(owner->uid);
	kgid_t gid = READ_ONCE(owner->gid);
	int err = lab_owner_set_check(owner, info);

	if (!err)
		err = lab_nl_uid(info, &uid);
	if (!err)
		err = lab_nl_gid(info, &gid);
	if (!err)
		err = lab_owner_set_pages(owner, info);
	if (!err)
		err = lab_owner_set_limit(owner, info);
	if (!err)
		lab_owner_set_rest(owner, info, uid, gid);
	return err;
}

int lab_nl_owner_set(struct sk_buff *skb, struct genl_info *info)
{
	struct labyrinth_owner *owner = lab_nl_owner_to_change(skb, info);
	int err;

	if (IS_ERR(owner))
		return PTR_ERR(owner);
	mutex_lock(&owner->lab->admin);
	err = lab_owner_set(owner, info);
	mutex_unlock(&owner->lab->admin);
	lab_owner_put(owner);
	return err;
}

/* === VERIFY ============================================================== */

static int lab_fill_verdict(struct sk_buff *msg, const struct lab_verdict *v)
{
	if (nla_put_u32(msg, LABYRINTH_A_VERIFY_RESULT, v->result) ||
	    nla_put_u32(msg, LABYRINTH_A_VERIFY_TRIES, v->tries) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_VERIFY_SLOTS, v->slots,
			      LABYRINTH_A_VERIFY_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_VERIFY_PAGES, v->pages,
			      LABYRINTH_A_VERIFY_PAD))
		return -EMSGSIZE;
	if (v->result == LAB_VERIFY_OK)
		return 0;
	if (nla_put_string(msg, LABYRINTH_A_VERIFY_BOOK, v->book) ||
	    nla_put_string(msg, LABYRINTH_A_VERIFY_TEXT, v->text) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_VERIFY_EXPECTED, v->expected,
			      LABYRINTH_A_VERIFY_PAD) ||
	    nla_put_u64_64bit(msg, LABYRINTH_A_VERIFY_FOUND, v->found,
			      LABYRINTH_A_VERIFY_PAD))
		return -EMSGSIZE;
	return 0;
}

int lab_nl_verify(struct sk_buff *skb, struct genl_info *info)
{
	struct lab_verdict verdict;
	struct sk_buff *msg;
	void *head;
	int err = lab_admin_only(skb, info);

	if (!err)
		err = lab_verify(lab_viewer_of(skb).lab, &verdict);
	if (err)
		return err;
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	return lab_reply_send(info, msg, head, lab_fill_verdict(msg, &verdict));
}
