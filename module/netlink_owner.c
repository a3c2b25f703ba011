// SPDX-License-Identifier: GPL-2.0-only
/* OWNER_GET: one, by number or name, and all. */
#include <linux/ktime.h>
#include <linux/pid.h>

#include "inbox.h"
#include "netlink.h"

/**
 * lab_owner_visible - may @viewer know of @owner?
 * @owner: any
 * @viewer: who asks
 */
bool lab_owner_visible(const struct labyrinth_owner *owner,
		       const struct lab_viewer *viewer)
{
	if (viewer->admin)
		return true;
	return owner->kind != LABYRINTH_OWNER_KERNEL &&
	       uid_eq(READ_ONCE(owner->uid), viewer->uid);
}

/* A dead owner is shown for as long as pages of it are held back. */
static bool lab_owner_shown(const struct labyrinth_owner *owner,
			    const struct lab_viewer *viewer)
{
	return (!owner->dying || READ_ONCE(owner->quarantined)) &&
	       lab_owner_visible(owner, viewer);
}

static int lab_fill_named(struct sk_buff *msg, struct labyrinth_owner *owner)
{
	return nla_put_u32(msg, LABYRINTH_A_OWNER_MODE, owner->mode) ||
	       nla_put_u32(msg, LABYRINTH_A_OWNER_ATTACHED, owner->attached);
}

static int lab_fill_inbox(struct sk_buff *msg, struct labyrinth_owner *owner)
{
	return nla_put_u32(msg, LABYRINTH_A_OWNER_ACCEPT, owner->accept) ||
	       (owner->inbox &&
		(nla_put_u32(msg, LABYRINTH_A_OWNER_INBOX,
			     lab_inbox_capacity(owner)) ||
		 nla_put_u32(msg, LABYRINTH_A_OWNER_INBOX_USED,
			     lab_inbox_used(owner)) ||
		 nla_put_u32(msg, LABYRINTH_A_OWNER_DEFERRED,
			     (u32)atomic_read(&owner->deferred))));
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
	if (lab_fill_inbox(msg, owner))
		return -EMSGSIZE;
	if (owner->pid &&
	    nla_put_u32(msg, LABYRINTH_A_OWNER_PID, (u32)pid_nr(owner->pid)))
		return -EMSGSIZE;
	if (owner->kind == LABYRINTH_OWNER_NAMED && lab_fill_named(msg, owner))
		return -EMSGSIZE;
	return 0;
}

static int lab_nl_owner_key(struct genl_info *info)
{
	if (!info->attrs[LABYRINTH_A_OWNER_ID] !=
	    !info->attrs[LABYRINTH_A_OWNER_NAME])
		return 0;
	NL_SET_ERR_MSG(info->extack,
		       "name the owner by exactly one of OWNER_ID and OWNER_NAME");
	return -EINVAL;
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
	int err = lab_nl_owner_key(info);

	if (err)
		return ERR_PTR(err);
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

/* Under owners->lock. The dead have lost their names, not their numbers. */
static struct labyrinth_owner *lab_nl_owner_seen(struct genl_info *info,
						 const struct lab_viewer *viewer)
{
	struct nlattr *id = info->attrs[LABYRINTH_A_OWNER_ID];
	struct nlattr *name = info->attrs[LABYRINTH_A_OWNER_NAME];
	struct labyrinth_owner *owner;

	owner = id ? xa_load(&viewer->lab->owners.table, nla_get_u32(id)) :
		     lab_owner_named(viewer->lab, nla_data(name));
	if (owner && lab_owner_shown(owner, viewer))
		return owner;
	NL_SET_ERR_MSG_ATTR(info->extack, id ? id : name, "no such owner");
	return NULL;
}

int lab_nl_owner_get(struct sk_buff *skb, struct genl_info *info)
{
	struct lab_viewer viewer = lab_viewer_of(skb);
	struct labyrinth_owner *owner;
	struct sk_buff *msg;
	void *head;
	int err;

	err = lab_nl_owner_key(info);
	if (err)
		return err;
	msg = lab_reply_new(info, NLMSG_DEFAULT_SIZE, &head);
	if (!msg)
		return -ENOMEM;
	mutex_lock(&viewer.lab->owners.lock);
	owner = lab_nl_owner_seen(info, &viewer);
	err = owner ? lab_fill_owner(msg, owner) : -ENOENT;
	mutex_unlock(&viewer.lab->owners.lock);
	return lab_reply_send(info, msg, head, err);
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
	struct lab_viewer viewer = lab_viewer_of_dump(cb);
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
