// SPDX-License-Identifier: GPL-2.0-only
/*
 * GIVE, TAKE, EVENTFD and ACCEPT.
 *
 * GIVE and TAKE answer the caller first, as ALLOC and FREE do. What is being given
 * is LEAVING until then, and can come back; what is being taken is only looked
 * at, and stays in the inbox.
 */
#include <linux/eventfd.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "chardev.h"
#include "inbox.h"
#include "reserve.h"
#include "view.h"

/* === GIVE ================================================================ */

/* What one may know of is told from what is not there: ESRCH. */
static bool lab_give_visible(const struct labyrinth_owner *to,
			     const struct labyrinth_owner *owner)
{
	return READ_ONCE(to->accept) == LABYRINTH_ACCEPT_ANY ||
	       (to->kind != LABYRINTH_OWNER_KERNEL &&
		uid_eq(READ_ONCE(to->uid), READ_ONCE(owner->uid)));
}

/* Return: the receiver with a reference, or ERR_PTR. */
static struct labyrinth_owner *lab_give_to(struct labyrinth_owner *owner,
					   const struct labyrinth_give *give)
{
	struct labyrinth_owner *to;

	to = give->to ? lab_owner_by_id(owner->lab, give->to) :
			lab_owner_by_name(owner->lab, (const char *)give->name);
	if (!to)
		return ERR_PTR(-ESRCH);
	if (to != owner && lab_give_visible(to, owner))
		return to;
	lab_owner_put(to);
	return ERR_PTR(to == owner ? -EINVAL : -ESRCH);
}

static int lab_give_check(const struct labyrinth_give *give)
{
	if (give->flags || !give->count || give->count > LAB_MAX_BATCH)
		return -EINVAL;
	if (give->to)
		return memchr_inv(give->name, 0, sizeof(give->name)) ? -EINVAL :
								       0;
	return lab_name_valid((const char *)give->name, sizeof(give->name)) ?
		0 : -EINVAL;
}

/*
 * Return: pages of all, LEAVING now; or why the one at out_bad can't: those before
 * it are LEAVING.
 */
static long lab_give_leave(struct labyrinth_owner *owner, const u64 *handles,
			   struct labyrinth_give *give)
{
	struct lab_slot *slot;
	long pages = 0;
	int err = 0;
	u32 i;

	mutex_lock(&owner->lock);
	for (i = 0; i < give->count; i++) {
		slot = lab_owner_leave(owner, handles[i]);
		if (IS_ERR(slot)) {
			err = PTR_ERR(slot);
			break;
		}
		pages += 1L << slot->order;
		cond_resched();
	}
	give->out_bad = i;
	mutex_unlock(&owner->lock);
	return err ?: pages;
}

static void lab_give_stay(struct labyrinth_owner *owner, const u64 *handles,
			  u32 count)
{
	u32 i;

	mutex_lock(&owner->lock);
	for (i = 0; i < count; i++) {
		lab_slot_stay(lab_registry_slot(&owner->lab->reg, handles[i]),
			      handles[i], owner->id);
		cond_resched();
	}
	mutex_unlock(&owner->lock);
}

/* Return: pages that went to @to. */
static unsigned long lab_give_one(struct labyrinth_owner *owner,
				  struct labyrinth_owner *to, u64 handle)
{
	struct lab_slot *slot = lab_owner_leaving(owner, handle);
	unsigned long pages = 0;

	/* Under our lock: no sweep before, none now. */
	if (!slot)
		return 0;
	lab_index_del(owner, slot);
	preempt_disable();
	if (!lab_owner_dying(to)) {
		pages = lab_give_commit(owner, to, slot, handle, NULL);
	} else if (lab_release(owner, slot, handle)) {
		/* As if @to had died a moment later. */
		lab_count(owner->lab, given);
		lab_count(owner->lab, dropped);
	}
	preempt_enable();
	return pages;
}

/* What does not come any more, because an end has come, is taken back. */
static void lab_give_finish(struct labyrinth_owner *owner,
			    struct labyrinth_owner *to, const u64 *handles,
			    u32 blocks, unsigned long pages)
{
	u32 i, left = blocks;

	mutex_lock(&owner->lock);
	lab_zap_blocks(owner, handles, blocks);
	for (i = 0; i < blocks; i++) {
		unsigned long given = lab_give_one(owner, to, handles[i]);

		pages -= given;
		left -= !!given;
		cond_resched();
	}
	mutex_unlock(&owner->lock);
	if (left)
		lab_give_revoke(to, pages, left);
	lab_kick(owner->lab);
	/* For a receiver that died it is as freeing. */
	if (left)
		lab_wait_wiped(owner->lab);
}

static int lab_give_all(struct lab_call *call, struct labyrinth_owner *to,
			const u64 *handles)
{
	struct labyrinth_give *give = call->arg;
	struct labyrinth_owner *owner = call->owner;
	long pages = lab_give_leave(owner, handles, give);
	int err;

	if (pages < 0) {
		lab_give_stay(owner, handles, give->out_bad);
		return lab_respond(call) ? -EFAULT : (int)pages;
	}
	/* Before admission: the receiver's room is not kept while we fault. */
	err = lab_respond(call);
	if (!err) {
		give->out_reason = lab_give_admit(owner, to, pages, give->count);
		err = lab_give_errno(give->out_reason);
	}
	if (!err) {
		lab_give_finish(owner, to, handles, give->count, pages);
		return 0;
	}
	lab_give_stay(owner, handles, give->count);
	return lab_respond(call) ? -EFAULT : err;
}

int lab_ioctl_give(struct lab_call *call)
{
	struct labyrinth_give *give = call->arg;
	struct labyrinth_owner *to;
	u64 *handles;
	int err = lab_give_check(give);

	if (err)
		return err;
	give->out_bad = give->count;
	give->out_reason = LABYRINTH_REASON_NONE;
	handles = vmemdup_user(u64_to_user_ptr(give->handles),
			       array_size(give->count, sizeof(*handles)));
	if (IS_ERR(handles))
		return PTR_ERR(handles);
	to = lab_give_to(call->owner, give);
	if (IS_ERR(to)) {
		err = PTR_ERR(to);
		if (err == -ESRCH && lab_respond(call))
			err = -EFAULT;
	} else {
		err = lab_give_all(call, to, handles);
		lab_owner_put(to);
	}
	kvfree(handles);
	return err;
}

/* === TAKE ================================================================ */

/* What would be taken. Under the owner's lock. */
static u32 lab_take_look(struct labyrinth_owner *owner, u64 *handles, u32 most)
{
	struct lab_inbox *inbox = lab_inbox(owner);
	u32 n, index;

	if (!inbox)
		return 0;
	for (n = 0; n < most; n++) {
		index = lab_queue_peek(&inbox->queue, n);
		if (index == LAB_NIL)
			break;
		handles[n] = lab_handle(lab_slot_word(&owner->lab->reg.slot[index]),
					index);
		cond_resched();
	}
	return n;
}

static void lab_take_publish(struct labyrinth_owner *owner,
			     struct lab_slot *slot)
{
	/* Where it comes from nobody looked at a clock. */
	if (!slot->born)
		WRITE_ONCE(slot->born, ktime_get_mono_fast_ns());
	lab_index_add(owner, slot);
}

/* Return: false if another thread was faster: look again. */
static bool lab_take_commit(struct labyrinth_owner *owner, u32 head, u32 count)
{
	struct lab_slot *slot;
	u64 handle;
	u32 i;

	if (lab_inbox(owner)->queue.head != head)
		return false;
	for (i = 0; i < count; i++) {
		slot = lab_inbox_take(owner, &handle);
		if (slot)
			lab_take_publish(owner, slot);
		cond_resched();
	}
	return true;
}

static int lab_take_once(struct lab_call *call, u64 *handles, bool *done)
{
	struct labyrinth_take *take = call->arg;
	struct labyrinth_owner *owner = call->owner;
	u32 head = 0;
	int err;

	mutex_lock(&owner->lock);
	take->out_count = lab_take_look(owner, handles, take->count);
	if (take->out_count)
		head = lab_inbox(owner)->queue.head;
	mutex_unlock(&owner->lock);
	if (!take->out_count)
		return -EAGAIN;
	if (copy_to_user(u64_to_user_ptr(take->handles), handles,
			 array_size(take->out_count, sizeof(*handles))))
		return -EFAULT;
	err = lab_respond(call);
	if (err)
		return err;

	mutex_lock(&owner->lock);
	if (owner->dead)
		err = -ESHUTDOWN;
	else
		*done = lab_take_commit(owner, head, take->out_count);
	mutex_unlock(&owner->lock);
	return err;
}

int lab_ioctl_take(struct lab_call *call)
{
	struct labyrinth_take *take = call->arg;
	bool done = false;
	u64 *handles;
	int err;

	if (take->flags || !take->count || take->count > LAB_MAX_BATCH)
		return -EINVAL;
	handles = kvmalloc_array(take->count, sizeof(*handles), LAB_GFP_CALL);
	if (!handles)
		return -ENOMEM;
	do {
		err = lab_take_once(call, handles, &done);
	} while (!err && !done && !fatal_signal_pending(current));
	kvfree(handles);
	return !err && !done ? -EINTR : err;
}

/* === EVENTFD, ACCEPT ===================================================== */

int lab_ioctl_eventfd(struct lab_call *call)
{
	struct labyrinth_eventfd *args = call->arg;
	struct eventfd_ctx *eventfd = NULL;

	if (args->flags || args->__reserved || args->fd < -1)
		return -EINVAL;
	if (args->fd >= 0) {
		eventfd = eventfd_ctx_fdget(args->fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd) == -EINVAL ? -EINVAL : -EBADF;
	}
	lab_file_eventfd(call->file, eventfd);
	return 0;
}

int lab_ioctl_accept(struct lab_call *call)
{
	struct labyrinth_accept_set *args = call->arg;

	if (args->flags || args->accept > LABYRINTH_ACCEPT_ANY ||
	    args->inbox > LABYRINTH_INBOX_MAX)
		return -EINVAL;
	if (call->owner->kind != LABYRINTH_OWNER_FILE)
		return -EOPNOTSUPP;
	return lab_accept_set(call->owner, &args->accept, args->inbox);
}
