// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners: their table and life. Charges and index are in account.c, a file's
 * acting as a named owner in attach.c.
 *
 * An owner ends in three steps, each waiting for the one before:
 *   killed   quota 0, so that no charge succeeds; swept: every page DIRTY
 *   put      the last file that acted as it, with its calls, has gone
 *   buried   the worker has been through the dirty map since, so no slot names
 *            the number: it may be used again (not so while pages of it are
 *            quarantined: these go on naming it)
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "defer.h"
#include "inbox.h"
#include "owner.h"
#include "reserve.h"

/* === The table =========================================================== */

void lab_owners_init(struct lab_owners *owners)
{
	mutex_init(&owners->lock);
	xa_init_flags(&owners->table, XA_FLAGS_ALLOC1);
	INIT_LIST_HEAD(&owners->named);
	init_llist_head(&owners->graves);
}

static void lab_owner_release(struct labyrinth_owner *owner)
{
	struct lab_account *account = lab_payer(owner);

	if (account->user) {
		atomic_long_sub(atomic_long_read(&account->charged),
				&account->user->locked_vm);
		free_uid(account->user);
	}
	put_pid(owner->pid);
	lab_inbox_free(owner);
	/* A dump of pages may be looking at it. */
	kfree_rcu(owner, rcu);
}

/* At unload: whoever is left is in the graves, for its quarantined pages. */
void lab_owners_exit(struct labyrinth *lab)
{
	struct labyrinth_owner *owner;
	unsigned long id;

	xa_for_each(&lab->owners.table, id, owner)
		lab_owner_release(owner);
	xa_destroy(&lab->owners.table);
}

/**
 * lab_name_valid - may an owner be called this?
 * @name: untrusted bytes
 * @size: bytes that may be read
 */
bool lab_name_valid(const char *name, size_t size)
{
	size_t length = strnlen(name, size), i;

	if (!length || length == size || length >= LABYRINTH_NAME_SIZE)
		return false;
	for (i = 0; i < length; i++)
		if (!isascii(name[i]) ||
		    !(isalnum(name[i]) || strchr("._-", name[i])))
			return false;
	return true;
}

/**
 * lab_owner_named - the named owner of a name
 * @lab: the instance; owners->lock held, which keeps the owner
 * @name: its name; a dying owner has lost it
 */
struct labyrinth_owner *lab_owner_named(struct labyrinth *lab, const char *name)
{
	struct labyrinth_owner *owner;

	lockdep_assert_held(&lab->owners.lock);
	list_for_each_entry(owner, &lab->owners.named, named)
		if (!strcmp(owner->name, name))
			return owner;
	return NULL;
}

/**
 * lab_owner_by_name - look up a named owner
 * @lab: the instance
 * @name: its name
 *
 * Return: the owner with a reference, or NULL.
 */
struct labyrinth_owner *lab_owner_by_name(struct labyrinth *lab,
					  const char *name)
{
	struct labyrinth_owner *owner;

	mutex_lock(&lab->owners.lock);
	owner = lab_owner_named(lab, name);
	if (owner)
		lab_owner_get(owner);
	mutex_unlock(&lab->owners.lock);
	return owner;
}

/**
 * lab_owner_by_id - look up an owner
 * @lab: the instance
 * @id: its number
 *
 * Return: the owner with a reference, or NULL: there is none, or it is dying.
 */
struct labyrinth_owner *lab_owner_by_id(struct labyrinth *lab, u32 id)
{
	struct labyrinth_owner *owner;

	mutex_lock(&lab->owners.lock);
	owner = xa_load(&lab->owners.table, id);
	if (owner && (owner->dying || !kref_get_unless_zero(&owner->ref)))
		owner = NULL;
	mutex_unlock(&lab->owners.lock);
	return owner;
}

/* === Life ================================================================ */

static void lab_owner_end(struct work_struct *work);

static struct labyrinth_owner *lab_owner_new(struct labyrinth *lab,
					     const struct lab_owner_spec *spec)
{
	struct labyrinth_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);

	if (!owner)
		return NULL;
	owner->lab = lab;
	owner->kind = spec->kind;
	owner->quota = spec->quota;
	owner->emergency = spec->emergency;
	owner->uid = spec->uid;
	owner->gid = spec->gid;
	owner->mode = spec->mode;
	owner->born = ktime_get_mono_fast_ns();
	owner->account[0].counted = spec->kind != LABYRINTH_OWNER_KERNEL;
	owner->account[0].limit = ULONG_MAX;
	owner->account[1] = owner->account[0];
	owner->arrived = spec->arrived;
	owner->arrived_data = spec->arrived_data;
	owner->first = LAB_NIL;
	owner->last = LAB_NIL;
	owner->home = lab->node[numa_mem_id()];
	strscpy(owner->name, spec->name, sizeof(owner->name));
	mutex_init(&owner->lock);
	mutex_init(&owner->tell_lock);
	INIT_RCU_WORK(&owner->end, lab_owner_end);
	kref_init(&owner->ref);
	INIT_LIST_HEAD(&owner->named);
	INIT_LIST_HEAD(&owner->guaranteed);
	INIT_LIST_HEAD(&owner->threads);
	INIT_LIST_HEAD(&owner->threaded);
	return owner;
}

/* A file's owner is charged to the user who opened it, as that user stands now. */
static void lab_owner_of_current(struct labyrinth_owner *owner)
{
	owner->pid = get_pid(task_tgid(current));
	owner->account[0].user = get_uid(current_user());
	if (!capable(CAP_IPC_LOCK))
		owner->account[0].limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

/* Numbers that files can't use up, however many a user opens. */
#define LAB_NAMED_NUMBERS	4096

/*
 * Before the lock that every death needs: whoever is killed for want of memory must
 * not wait for who wants it.
 */
static int lab_owner_number(struct lab_owners *owners,
			    struct labyrinth_owner *owner)
{
	bool file = owner->kind == LABYRINTH_OWNER_FILE;
	int err = xa_alloc_cyclic(&owners->table, &owner->id, NULL,
				  XA_LIMIT(file ? LAB_NAMED_NUMBERS : 1,
					   LAB_MAX_OWNER),
				  file ? &owners->next : &owners->next_named,
				  GFP_KERNEL);

	return min(err, 0);
}

static int lab_owner_enrol(struct labyrinth_owner *owner)
{
	struct lab_owners *owners = &owner->lab->owners;
	int err = lab_owner_number(owners, owner);

	if (err)
		return err;
	mutex_lock(&owners->lock);
	if (owner->kind == LABYRINTH_OWNER_NAMED &&
	    lab_owner_named(owner->lab, owner->name)) {
		err = -EEXIST;
		xa_release(&owners->table, owner->id);
	} else {
		/* It has its place there: no memory is wanted. */
		xa_store(&owners->table, owner->id, owner, GFP_NOWAIT);
		if (owner->kind == LABYRINTH_OWNER_NAMED)
			list_add_tail(&owner->named, &owners->named);
		WRITE_ONCE(owners->count, owners->count + 1);
		owners->seq++;
	}
	mutex_unlock(&owners->lock);
	return err;
}

/**
 * lab_owner_create - make an owner, with its guarantee at hand
 * @lab: the instance
 * @spec: what it is to be; a named owner's name is valid
 *
 * Return: the owner with a reference, or ERR_PTR: -EEXIST the name is taken,
 * -ENOMEM, -EBUSY no number is free, -ERANGE and -ENOSPC as lab_guarantee_set().
 */
struct labyrinth_owner *lab_owner_create(struct labyrinth *lab,
					 const struct lab_owner_spec *spec)
{
	struct labyrinth_owner *owner = lab_owner_new(lab, spec);
	int err;

	if (!owner)
		return ERR_PTR(-ENOMEM);
	if (spec->kind == LABYRINTH_OWNER_FILE)
		lab_owner_of_current(owner);
	/* The caller's: once enrolled, it can be found, and killed. */
	lab_owner_get(owner);
	err = lab_owner_enrol(owner);
	if (err) {
		lab_owner_release(owner);
		return ERR_PTR(err);
	}
	if (spec->accept != LABYRINTH_ACCEPT_NONE || spec->inbox)
		err = lab_accept_set(owner, &spec->accept, spec->inbox);
	if (!err && spec->guarantee)
		err = lab_guarantee_set(owner, spec->guarantee);
	if (err) {
		lab_owner_kill(owner, true);
		lab_owner_put(owner);
		return ERR_PTR(err);
	}
	return owner;
}

/* A kernel owner has no index: whatever names it, a chunk at a time. */
#define LAB_SWEEP_CHUNK	4096

static void lab_owner_sweep_all(struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 i;

	for (i = 0; i < reg->slots; i++) {
		u64 word = lab_slot_word(&reg->slot[i]);

		if (lab_word_owner(word) == owner->id)
			lab_release(owner, &reg->slot[i], lab_handle(word, i));
		if (!(i % LAB_SWEEP_CHUNK))
			cond_resched();
	}
}

/* Every page it holds becomes DIRTY, wherever a call of its own has left it. */
static void lab_owner_sweep(struct labyrinth_owner *owner)
{
	mutex_lock(&owner->lock);
	owner->dead = true;
	lab_owner_strip(owner);
	mutex_unlock(&owner->lock);
}

/* A grace period after an owner began to die: nobody puts any more. */
static void lab_owner_drain(struct labyrinth_owner *owner)
{
	u64 dropped;

	mutex_lock(&owner->lock);
	lab_inbox_drain(owner, &dropped);
	mutex_unlock(&owner->lock);
	lab_count_add(owner->lab, dropped, dropped);
	if (owner->kind == LABYRINTH_OWNER_KERNEL)
		lab_owner_sweep_all(owner);
	lab_kick(owner->lab);
}

static void lab_owner_end(struct work_struct *work)
{
	struct labyrinth_owner *owner = container_of(to_rcu_work(work),
						     struct labyrinth_owner, end);

	lab_owner_drain(owner);
	lab_owner_put(owner);
}

/*
 * What others, or a module in any context, have begun while it was not dying has
 * ended a grace period later; what begins now is refused.
 */
static void lab_owner_settle(struct labyrinth_owner *owner, bool wait)
{
	if (owner->kind != LABYRINTH_OWNER_KERNEL && !lab_inbox(owner))
		return;
	if (!wait) {
		lab_defer_cancel(owner);
		lab_owner_get(owner);
		queue_rcu_work(owner->lab->tell_queue, &owner->end);
		return;
	}
	synchronize_rcu();
	lab_defer_cancel(owner);
	mutex_lock(&owner->tell_lock);
	owner->arrived = NULL;
	mutex_unlock(&owner->tell_lock);
	lab_owner_drain(owner);
}

/**
 * lab_owner_kill - end an owner: nothing of it is left when this returns but
 *	pages that wait to be wiped
 * @owner: any; a second call does nothing
 * @wait: for a grace period, if it has an inbox; else what is in transit to it is
 *	wiped later: a process that dies with many descriptors does not wait for
 *	one after the other
 *
 * A call of its own that is under way (a page taken, not yet published) finds
 * @dead under owner->lock and undoes itself.
 *
 * Context: process; may sleep. Drops the table's reference.
 */
void lab_owner_kill(struct labyrinth_owner *owner, bool wait)
{
	struct lab_owners *owners = &owner->lab->owners;
	bool first;

	mutex_lock(&owners->lock);
	first = !owner->dying;
	if (first) {
		WRITE_ONCE(owner->dying, true);
		WRITE_ONCE(owner->quota, 0);
		list_del_init(&owner->named);
		WRITE_ONCE(owners->count, owners->count - 1);
		owners->seq++;
	}
	mutex_unlock(&owners->lock);
	if (!first)
		return;

	lab_guarantee_drop(owner);
	lab_owner_sweep(owner);
	lab_owner_settle(owner, wait);
	lab_kick(owner->lab);
	lab_owner_put(owner);
}

static void lab_owner_last_put(struct kref *ref)
{
	struct labyrinth_owner *owner =
		container_of(ref, struct labyrinth_owner, ref);
	struct labyrinth *lab = owner->lab;

	/* Not a lock: a module's last put may come in any context. */
	llist_add(&owner->grave, &lab->owners.graves);
	lab_kick(lab);
}

void lab_owner_put(struct labyrinth_owner *owner)
{
	kref_put(&owner->ref, lab_owner_last_put);
}

/**
 * lab_owners_dig - the dead whose last page is in the dirty map by now
 * @lab: the instance
 *
 * Context: the worker, before it goes through the dirty map.
 */
struct llist_node *lab_owners_dig(struct labyrinth *lab)
{
	return llist_del_all(&lab->owners.graves);
}

/**
 * lab_owners_bury - free the numbers of the dead
 * @lab: the instance
 * @graves: from lab_owners_dig(), the dirty map gone through since
 *
 * Context: the worker; reserve_lock not held.
 */
void lab_owners_bury(struct labyrinth *lab, struct llist_node *graves)
{
	struct labyrinth_owner *owner, *next;

	llist_for_each_entry_safe(owner, next, graves, grave) {
		if (owner->quarantined) {
			llist_add(&owner->grave, &lab->owners.graves);
			continue;
		}
		mutex_lock(&lab->owners.lock);
		xa_erase(&lab->owners.table, owner->id);
		mutex_unlock(&lab->owners.lock);
		lab_owner_release(owner);
	}
}

/* Some owner that is not dying, with a reference; or NULL. */
static struct labyrinth_owner *lab_owner_any(struct labyrinth *lab)
{
	struct labyrinth_owner *owner, *found = NULL;
	unsigned long id;

	mutex_lock(&lab->owners.lock);
	xa_for_each(&lab->owners.table, id, owner) {
		if (owner->dying)
			continue;
		lab_owner_get(owner);
		found = owner;
		break;
	}
	mutex_unlock(&lab->owners.lock);
	return found;
}

/**
 * lab_owners_kill - end every owner that is left
 * @lab: the instance
 *
 * Context: unload: no face is there any more to make one.
 */
void lab_owners_kill(struct labyrinth *lab)
{
	struct labyrinth_owner *owner;

	while ((owner = lab_owner_any(lab))) {
		lab_owner_kill(owner, true);
		lab_owner_put(owner);
	}
}

/**
 * lab_owner_set_quota - change how much an owner may hold
 * @owner: any
 * @quota: in pages; below what it holds, it keeps that and gets no more
 *
 * Return: 0, or -ESHUTDOWN: it is dying, or shut.
 */
int lab_owner_set_quota(struct labyrinth_owner *owner, unsigned long quota)
{
	struct lab_owners *owners = &owner->lab->owners;
	int err = -ESHUTDOWN;

	mutex_lock(&owners->lock);
	if (!owner->dying && !owner->shut) {
		WRITE_ONCE(owner->quota, quota);
		err = 0;
	}
	mutex_unlock(&owners->lock);
	return err;
}
