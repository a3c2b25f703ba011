// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file acts as a named owner: who may, one at a time, and whose account pays.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "owner.h"

/* As generic_permission() does for a file. */
static bool lab_owner_permits(const struct labyrinth_owner *owner, umode_t want)
{
	umode_t mode = owner->mode;

	if (uid_eq(current_fsuid(), owner->uid))
		mode >>= 6;
	else if (in_group_p(owner->gid))
		mode >>= 3;
	return (mode & want) == want || capable(CAP_DAC_OVERRIDE);
}

/* As open(2) asks of a file; for O_ACCMODE, which is neither, it asks for both. */
static umode_t lab_mode_wanted(fmode_t mode)
{
	umode_t want = 0;

	if (mode & FMODE_READ)
		want |= 04;
	if (mode & FMODE_WRITE)
		want |= 02;
	return want ?: 06;
}

/*
 * Who pays: the owner's uid, as soon as it has attached once (before, a module
 * can't come by its account); until then, and after the owner has been given
 * away, whoever attaches. What the owner holds already is charged whatever the
 * limit is; it gets no more until it is below.
 */
static void lab_owner_charge_to_current(struct labyrinth_owner *owner)
{
	unsigned long limit = capable(CAP_IPC_LOCK) ? ULONG_MAX :
			      rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct lab_account *account = lab_payer(owner);
	const struct user_struct *payer = account->user;

	if (payer == current_user())
		WRITE_ONCE(account->limit, limit);
	else if (!payer || uid_eq(current_uid(), owner->uid) ||
		 !uid_eq(payer->uid, owner->uid))
		lab_account_move(owner, current_user(), limit);
}

/**
 * lab_owner_attach - let a file of current's act as a named owner
 * @owner: a named owner
 * @mode: what the file was opened for: FMODE_READ, FMODE_WRITE
 *
 * Nothing that lab_owner_detach() does not take back: who pays is another step.
 *
 * Return: 0, -EACCES, -EBUSY, or -ESHUTDOWN. With 0, the file has a reference.
 */
int lab_owner_attach(struct labyrinth_owner *owner, fmode_t mode)
{
	struct labyrinth *lab = owner->lab;
	int err = 0;

	mutex_lock(&lab->owners.lock);
	if (owner->dying)
		err = -ESHUTDOWN;
	else if (!lab_owner_permits(owner, lab_mode_wanted(mode)))
		err = -EACCES;
	else if (owner->attached)
		err = -EBUSY;
	if (!err) {
		owner->attached = true;
		owner->pid = get_pid(task_tgid(current));
		lab_owner_get(owner);
	}
	mutex_unlock(&lab->owners.lock);
	return err;
}

/**
 * lab_owner_pay - current's user pays for what @owner holds, as it has attached
 * @owner: attached, by a file of current's that does not act as it yet
 */
void lab_owner_pay(struct labyrinth_owner *owner)
{
	struct labyrinth *lab = owner->lab;

	mutex_lock(&lab->owners.lock);
	/* For verify's sake: see lab_account_move(). */
	mutex_lock(&lab->reserve_lock);
	if (!owner->dying)
		lab_owner_charge_to_current(owner);
	mutex_unlock(&lab->reserve_lock);
	mutex_unlock(&lab->owners.lock);
}

/**
 * lab_owner_detach - the file that acted as @owner has gone; the pages stay
 * @owner: attached by it
 */
void lab_owner_detach(struct labyrinth_owner *owner)
{
	mutex_lock(&owner->lab->owners.lock);
	owner->attached = false;
	put_pid(owner->pid);
	owner->pid = NULL;
	mutex_unlock(&owner->lab->owners.lock);
	lab_owner_put(owner);
}

/**
 * lab_owner_close_empty - shut an owner for good if it holds nothing
 * @owner: a file's own, whose file is about to act as another
 *
 * Return: false if it holds pages, or is just taking some.
 */
bool lab_owner_close_empty(struct labyrinth_owner *owner)
{
	unsigned long quota;
	bool empty;

	mutex_lock(&owner->lab->owners.lock);
	quota = owner->quota;
	WRITE_ONCE(owner->quota, 0);
	/* Pairs with lab_charge(): it sees the quota, or this sees its charge. */
	smp_mb();
	empty = !atomic_long_read(&owner->used);
	if (empty)
		WRITE_ONCE(owner->shut, true);
	else
		WRITE_ONCE(owner->quota, quota);
	mutex_unlock(&owner->lab->owners.lock);
	return empty;
}
