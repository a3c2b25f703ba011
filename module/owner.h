/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Owners: whoever may hold pages; what they may hold, and what they do hold.
 */
#ifndef LABYRINTH_OWNER_H
#define LABYRINTH_OWNER_H

#include <linux/kref.h>
#include <linux/llist.h>
#include <linux/sched/user.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>

#include "core.h"

/**
 * struct lab_account - what counts against RLIMIT_MEMLOCK
 * @user: who is charged, NULL for nobody; stable while it is the owner's @payer,
 *	and a grace period longer
 * @counted: @charged is kept, with or without @user; not for kernel owners
 * @limit: most pages of @user's, by all who charge it; ULONG_MAX for no limit
 * @charged: what this owner has charged to @user: a book of its own
 */
struct lab_account {
	struct user_struct *user;
	bool counted;
	unsigned long limit;
	atomic_long_t charged;
};

/**
 * struct labyrinth_owner - an owner
 * @used: pages held and charged; any context
 * @quota: most pages it may hold; set to 0 when it starts to die
 * @id: its number
 * @dying: on its way out: tells why @quota refuses; under owners->lock
 * @emergency: has the emergency right
 * @guarantee: pages set aside; under reserve_lock
 * @credit: pages of its guarantee that are at hand
 * @aside: pages put into @credit, less those taken back; under reserve_lock. What
 *	is no more in @credit the owner has taken
 * @covered: others that count against its guarantee, single ones of @home's that it
 *	took since it has one, less all that did and are its no more; any context
 * @home: the node whose ring holds its guarantee
 * @account: RLIMIT_MEMLOCK: who pays, and a spare for whoever will
 * @payer: which of @account pays; read once by each charge; written under
 *	owners->lock
 * @pending: of @used, what calls under way have been charged and not published
 * @accept: enum labyrinth_accept; written under owners->lock
 * @inbox: what comes from others; made under owners->lock, then it stays
 * @deferred: requests that wait for their blocks
 * @tell_lock: guards @listener and its eventfd, @arrived, and their being told
 * @listener: the file that is told of arrivals
 * @arrived: @arrived_data: the module that is told of arrivals, until it destroys
 * @end: drains the inbox when the owner has died
 * @lock: guards @first, @last, @indexed, @dead, @view, @threads
 * @first: @last: its blocks, in the order of allocation
 * @indexed: how many
 * @dead: swept; nothing may be published to it any more
 * @view: where its blocks are mapped: the file's that acts as it, or NULL
 * @threads: threads that hold blocks of their own
 * @threaded: in lab->threads
 * @ref: the table's (until buried), and one for each file that acts as it
 * @kind: enum labyrinth_owner_kind
 * @name: of a named owner; comm of a file owner's opener
 * @uid: @gid: @mode: of a named owner; @uid also of a file owner's opener;
 *	under owners->lock; @uid and @gid are read without it
 * @pid: of the process that opened or is attached; under owners->lock
 * @attached: a file acts as this named owner; under owners->lock
 * @shut: a file's own, whose file acts as another: it never holds a page again;
 *	written under owners->lock
 * @quarantined: pages held back, still charged; the worker's
 * @born: ns of the monotonic clock
 * @named: in owners->named
 * @guaranteed: in @home's list
 * @grave: in owners->graves
 * @audit_pages: @audit_loose: verify's sums, under reserve_lock
 * @lab: where it lives
 * @rcu: for freeing
 */
struct labyrinth_owner {
	atomic_long_t used ____cacheline_aligned;
	unsigned long quota;
	u32 id;
	bool dying;
	bool emergency;
	unsigned long guarantee;
	atomic_long_t credit;
	long aside;
	atomic_long_t covered;
	struct lab_node *home;
	struct lab_account account[2];
	unsigned int payer;
	atomic_long_t pending;
	u32 accept;
	struct lab_inbox *inbox;
	atomic_t deferred;
	struct mutex tell_lock; /* who is told */
	struct lab_listener *listener;
	void (*arrived)(struct labyrinth_owner *owner, void *data);
	void *arrived_data;
	struct rcu_work end;

	struct mutex lock ____cacheline_aligned;
	u32 first;
	u32 last;
	unsigned long indexed;
	bool dead;
	struct lab_view *view;
	struct list_head threads;
	struct list_head threaded;

	struct kref ref;
	enum labyrinth_owner_kind kind;
	char name[LABYRINTH_NAME_SIZE];
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	struct pid *pid;
	bool attached;
	bool shut;
	unsigned long quarantined;
	u64 born;
	struct list_head named;
	struct list_head guaranteed;
	struct llist_node grave;
	unsigned long audit_pages;
	unsigned long audit_loose;
	struct labyrinth *lab;
	struct rcu_head rcu;
};

/**
 * struct lab_owner_spec - what a new owner is to be
 */
struct lab_owner_spec {
	enum labyrinth_owner_kind kind;
	const char *name;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	unsigned long quota;
	unsigned long guarantee;
	bool emergency;
	u32 accept;
	u32 inbox;
	void (*arrived)(struct labyrinth_owner *owner, void *data);
	void *arrived_data;
};

void lab_owners_init(struct lab_owners *owners);
void lab_owners_exit(struct labyrinth *lab);
void lab_owners_kill(struct labyrinth *lab);

bool lab_name_valid(const char *name, size_t size);

/* Life. All of it in process context, but for put: any. */
struct labyrinth_owner *lab_owner_create(struct labyrinth *lab,
					 const struct lab_owner_spec *spec);
void lab_owner_kill(struct labyrinth_owner *owner, bool wait);
void lab_owner_put(struct labyrinth_owner *owner);
struct llist_node *lab_owners_dig(struct labyrinth *lab);
void lab_owners_bury(struct labyrinth *lab, struct llist_node *graves);

static inline void lab_owner_get(struct labyrinth_owner *owner)
{
	kref_get(&owner->ref);
}

unsigned long lab_owner_strip(struct labyrinth_owner *owner);
long lab_owner_revoke(struct labyrinth_owner *owner, const u64 *handle);

struct labyrinth_owner *lab_owner_named(struct labyrinth *lab, const char *name);
struct labyrinth_owner *lab_owner_by_id(struct labyrinth *lab, u32 id);
struct labyrinth_owner *lab_owner_by_name(struct labyrinth *lab,
					  const char *name);
int lab_owner_set_quota(struct labyrinth_owner *owner, unsigned long quota);

/* A file's acting as a named owner. */
int lab_owner_attach(struct labyrinth_owner *owner, fmode_t mode);
void lab_owner_pay(struct labyrinth_owner *owner);
void lab_owner_detach(struct labyrinth_owner *owner);
bool lab_owner_close_empty(struct labyrinth_owner *owner);

/* Charges. Any context. */
enum labyrinth_reason lab_charge(struct labyrinth_owner *owner,
				 unsigned long pages);
void lab_uncharge(struct labyrinth_owner *owner, unsigned long pages);
enum labyrinth_reason lab_charge_pending(struct labyrinth_owner *owner,
					 unsigned long pages);
void lab_settle_pending(struct labyrinth_owner *owner, unsigned long pages);
void lab_uncharge_pending(struct labyrinth_owner *owner, unsigned long pages);
void lab_account_move(struct labyrinth_owner *owner, struct user_struct *user,
		      unsigned long limit);
void lab_recharge(struct labyrinth_owner *owner, unsigned long pages);

/* Preemption off while it is used, or owners->lock held. */
static inline struct lab_account *lab_payer(struct labyrinth_owner *owner)
{
	return &owner->account[READ_ONCE(owner->payer)];
}

static inline bool lab_owner_dying(const struct labyrinth_owner *owner)
{
	return READ_ONCE(owner->dying);
}

/* The end of a block's being held: one step, for whoever looks. Any context. */
bool lab_release(struct labyrinth_owner *owner, struct lab_slot *slot,
		 u64 handle);

/* The index. Under owner->lock. */
void lab_index_add(struct labyrinth_owner *owner, struct lab_slot *slot);
void lab_index_del(struct labyrinth_owner *owner, struct lab_slot *slot);
struct lab_slot *lab_owner_slot(struct labyrinth_owner *owner, u64 handle);
struct lab_slot *lab_owner_leave(struct labyrinth_owner *owner, u64 handle);
struct lab_slot *lab_owner_leaving(struct labyrinth_owner *owner, u64 handle);
struct lab_slot *lab_owner_held(struct labyrinth_owner *owner, u64 handle);

#endif /* LABYRINTH_OWNER_H */
