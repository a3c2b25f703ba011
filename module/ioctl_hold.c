// SPDX-License-Identifier: GPL-2.0-only
/*
 * ALLOC and FREE, in batches.
 *
 * Both answer the caller first and publish after, so that whoever can't be told
 * has changed nothing. Pages that ALLOC took are OWNED but in nobody's index
 * until then: no call finds them. Handles that FREE was given are LEAVING until
 * then: every call refuses them, and they can come back.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "chardev.h"
#include "defer.h"
#include "ladder.h"
#include "reserve.h"
#include "thread.h"
#include "view.h"

#define LAB_ALLOC_FLAGS	(LABYRINTH_ALLOC_STRICT | LABYRINTH_ALLOC_PARTIAL)

/* === ALLOC =============================================================== */

static int lab_alloc_check(const struct labyrinth_alloc *alloc)
{
	if (alloc->flags & ~LAB_ALLOC_FLAGS || alloc->__reserved ||
	    !alloc->count || alloc->count > LAB_MAX_BATCH ||
	    alloc->order > LAB_MAX_ORDER ||
	    alloc->scope > LABYRINTH_SCOPE_THREAD ||
	    alloc->fallback == LABYRINTH_FALLBACK_UNSET ||
	    alloc->fallback > LABYRINTH_FALLBACK_DEFER)
		return -EINVAL;
	if (alloc->timeout_ns && alloc->fallback != LABYRINTH_FALLBACK_WAIT)
		return -EINVAL;
	if (alloc->flags & LABYRINTH_ALLOC_PARTIAL &&
	    alloc->fallback == LABYRINTH_FALLBACK_DEFER)
		return -EINVAL;
	/* It comes into the inbox, which is every thread's. */
	if (alloc->scope == LABYRINTH_SCOPE_THREAD &&
	    alloc->fallback == LABYRINTH_FALLBACK_DEFER)
		return -EOPNOTSUPP;
	if (alloc->flags & LABYRINTH_ALLOC_STRICT && alloc->order)
		return -EOPNOTSUPP;
	return 0;
}

static void lab_alloc_request(const struct labyrinth_alloc *alloc,
			      struct lab_request *rq)
{
	rq->order = alloc->order;
	rq->strict = alloc->flags & LABYRINTH_ALLOC_STRICT;
	rq->fallback = alloc->fallback;
	lab_request_timeout(rq, alloc->timeout_ns);
}

static int lab_refused(enum labyrinth_reason reason)
{
	return reason == LABYRINTH_REASON_DYING ? -ESHUTDOWN : -EDQUOT;
}

/* A refusal before the ladder: no rung was reached. */
static int lab_alloc_charge(struct labyrinth_owner *owner, unsigned long pages,
			    struct lab_grant *grant)
{
	grant->reason = lab_charge_pending(owner, pages);
	if (grant->reason == LABYRINTH_REASON_NONE)
		return 0;
	grant->rung = LABYRINTH_RUNG_NONE;
	lab_count_failure(owner, grant);
	return lab_refused(grant->reason);
}

/* A large batch takes a while; who is killed meanwhile is not kept waiting. */
static int lab_alloc_one(struct labyrinth_owner *owner,
			 const struct lab_request *rq, struct lab_grant *grant)
{
	/* First in, first out: behind what is still to come. */
	if (rq->fallback == LABYRINTH_FALLBACK_DEFER &&
	    atomic_read(&owner->deferred)) {
		grant->rung = LABYRINTH_RUNG_FALLBACK;
		grant->reason = LABYRINTH_REASON_EMPTY;
		return -ENOMEM;
	}
	if (!fatal_signal_pending(current))
		return lab_take(owner, rq, grant);
	grant->reason = LABYRINTH_REASON_KILLED;
	lab_count_failure(owner, grant);
	return -EINTR;
}

/* Those of a whole batch that could not be had: later, or not at all. */
static int lab_alloc_rest(struct labyrinth_owner *owner,
			  const struct labyrinth_alloc *alloc, int err,
			  struct lab_grant *grant, struct list_head *later)
{
	u32 rest = alloc->count - alloc->out_count;

	if (err == -ENOMEM && alloc->fallback == LABYRINTH_FALLBACK_DEFER) {
		err = lab_defer_prepare(owner, alloc->order,
					alloc->tag + alloc->out_count, rest,
					later);
		if (err == -ENOSPC) {
			grant->reason = LABYRINTH_REASON_INBOX;
			lab_count_failure(owner, grant);
		}
		/* No memory for the request itself: that is no rung's reason. */
		if (err == -ENOMEM) {
			grant->rung = LABYRINTH_RUNG_NONE;
			grant->reason = LABYRINTH_REASON_NONE;
		}
	}
	if (err)
		lab_uncharge_pending(owner, (unsigned long)rest << alloc->order);
	return err;
}

/*
 * Take up to @alloc->count blocks into @handles. Whole batches are charged at
 * once, before the first page is taken; others block by block.
 */
static int lab_alloc_take(struct labyrinth_owner *owner,
			  struct labyrinth_alloc *alloc, u64 *handles,
			  struct list_head *later)
{
	bool partial = alloc->flags & LABYRINTH_ALLOC_PARTIAL;
	unsigned long pages = 1UL << alloc->order;
	struct lab_grant grant = {};
	struct lab_request rq;
	int err = 0;

	lab_alloc_request(alloc, &rq);
	if (!partial)
		err = lab_alloc_charge(owner, pages * alloc->count, &grant);
	while (!err && alloc->out_count < alloc->count && list_empty(later)) {
		if (partial)
			err = lab_alloc_charge(owner, pages, &grant);
		if (err)
			break;
		err = lab_alloc_one(owner, &rq, &grant);
		if (!err) {
			handles[alloc->out_count++] = grant.handle;
			alloc->out_rung = max_t(u32, alloc->out_rung, grant.rung);
		} else if (partial) {
			lab_uncharge_pending(owner, pages);
		} else {
			err = lab_alloc_rest(owner, alloc, err, &grant, later);
		}
		cond_resched();
	}
	/* What was had was had from the deepest rung that served it. */
	if (err && (!partial || !alloc->out_count))
		alloc->out_rung = grant.rung;
	alloc->out_reason = grant.reason;
	return err;
}

static void lab_alloc_undo(struct labyrinth_owner *owner,
			   const struct labyrinth_alloc *alloc,
			   const u64 *handles)
{
	struct lab_grant grant;
	u32 i;

	for (i = 0; i < alloc->out_count; i++) {
		grant.slot = lab_registry_slot(&owner->lab->reg, handles[i]);
		grant.handle = handles[i];
		lab_free_unpublished(owner, &grant);
		lab_settle_pending(owner, 1UL << alloc->order);
		cond_resched();
	}
	/* Or whoever fails on purpose would not be held back as who frees is. */
	if (alloc->out_count)
		lab_wait_wiped(owner->lab);
}

static void lab_alloc_forget(struct labyrinth_owner *owner,
			     const struct labyrinth_alloc *alloc,
			     struct list_head *later)
{
	u32 rest = alloc->count - alloc->out_count;

	if (list_empty(later))
		return;
	lab_defer_abandon(owner, later, rest);
	lab_uncharge_pending(owner, (unsigned long)rest << alloc->order);
}

/*
 * Can't fail, but for an owner that has been removed meanwhile. @spare is used up
 * if it is of use.
 */
static int lab_alloc_publish(struct labyrinth_owner *owner,
			     const struct labyrinth_alloc *alloc,
			     const u64 *handles, struct lab_thread **spare)
{
	u64 now = ktime_get_mono_fast_ns();
	struct lab_thread *thread = NULL;
	int err = 0;
	u32 i;

	mutex_lock(&owner->lock);
	if (owner->dead)
		err = -ESHUTDOWN;
	else if (*spare)
		thread = lab_thread_enter(owner, spare);
	for (i = 0; !err && i < alloc->out_count; i++) {
		struct lab_slot *slot = lab_registry_slot(&owner->lab->reg,
							  handles[i]);

		if (thread)
			lab_thread_add(thread, slot);
		WRITE_ONCE(slot->tag, alloc->tag + i);
		WRITE_ONCE(slot->length, 0);
		WRITE_ONCE(slot->born, now);
		lab_index_add(owner, slot);
		lab_settle_pending(owner, 1UL << alloc->order);
		cond_resched();
	}
	mutex_unlock(&owner->lock);
	return err;
}

static int lab_alloc_answer(struct lab_call *call, const u64 *handles)
{
	struct labyrinth_alloc *alloc = call->arg;

	if (copy_to_user(u64_to_user_ptr(alloc->handles), handles,
			 array_size(alloc->out_count, sizeof(*handles))))
		return -EFAULT;
	return lab_respond(call);
}

/* Nothing was taken: say why, as far as the caller can be told. */
static int lab_alloc_fail(struct lab_call *call, int err)
{
	struct labyrinth_alloc *alloc = call->arg;

	alloc->out_count = 0;
	return lab_respond(call) ? -EFAULT : err;
}

int lab_ioctl_alloc(struct lab_call *call)
{
	struct labyrinth_owner *owner = call->owner;
	struct labyrinth_alloc *alloc = call->arg;
	struct lab_thread *spare = NULL;
	LIST_HEAD(later);
	u64 *handles;
	int err = lab_alloc_check(alloc);

	if (err)
		return err;
	alloc->out_count = 0;
	alloc->out_rung = LABYRINTH_RUNG_NONE;
	alloc->out_reason = LABYRINTH_REASON_NONE;
	handles = kvmalloc_array(alloc->count, sizeof(*handles), LAB_GFP_CALL);
	if (alloc->scope == LABYRINTH_SCOPE_THREAD)
		spare = lab_thread_new();
	if (!handles || (alloc->scope == LABYRINTH_SCOPE_THREAD && !spare)) {
		err = lab_alloc_fail(call, -ENOMEM);
		goto out;
	}

	err = lab_alloc_take(owner, alloc, handles, &later);
	if (err && alloc->out_count && alloc->flags & LABYRINTH_ALLOC_PARTIAL)
		err = 0;
	if (err) {
		lab_alloc_undo(owner, alloc, handles);
		err = lab_alloc_fail(call, err);
		goto out;
	}
	err = lab_alloc_answer(call, handles);
	if (!err)
		err = lab_alloc_publish(owner, alloc, handles, &spare);
	if (err) {
		lab_alloc_undo(owner, alloc, handles);
		lab_alloc_forget(owner, alloc, &later);
		/* Removed since the caller was told of handles: they are void. */
		if (err == -ESHUTDOWN) {
			alloc->out_reason = LABYRINTH_REASON_DYING;
			err = lab_alloc_fail(call, err);
		}
	} else {
		lab_defer_commit(owner, &later);
	}
out:
	lab_thread_free(spare);
	kvfree(handles);
	return err;
}

/* === FREE ================================================================ */

/*
 * Mark what can be freed; the handles that can't become 0, which none is. Return:
 * why the first of these can't, or 0.
 */
static int lab_free_leave(struct labyrinth_owner *owner, u64 *handles,
			  struct labyrinth_free *args)
{
	struct lab_slot *slot;
	int err = 0;
	u32 i;

	args->out_count = 0;
	args->out_bad = args->count;
	mutex_lock(&owner->lock);
	for (i = 0; i < args->count; i++) {
		cond_resched();
		slot = lab_owner_leave(owner, handles[i]);
		if (!IS_ERR(slot)) {
			args->out_count++;
			continue;
		}
		if (!err) {
			args->out_bad = i;
			err = PTR_ERR(slot);
		}
		handles[i] = 0;
	}
	mutex_unlock(&owner->lock);
	return err;
}

/* What the owner's sweep has taken meanwhile is not in the index any more. */
static void lab_free_finish(struct labyrinth_owner *owner, const u64 *handles,
			    u32 count, bool commit)
{
	struct lab_slot *slot;
	u32 i;

	mutex_lock(&owner->lock);
	if (commit)
		lab_zap_blocks(owner, handles, count);
	for (i = 0; i < count; i++) {
		/* Under our lock: no sweep before, none now. */
		slot = lab_owner_leaving(owner, handles[i]);
		if (!slot)
			continue;
		if (commit) {
			lab_index_del(owner, slot);
			lab_release(owner, slot, handles[i]);
		} else {
			lab_slot_stay(slot, handles[i], owner->id);
		}
		cond_resched();
	}
	mutex_unlock(&owner->lock);
	if (commit) {
		lab_kick(owner->lab);
		lab_wait_wiped(owner->lab);
	}
}

int lab_ioctl_free(struct lab_call *call)
{
	struct labyrinth_free *args = call->arg;
	struct labyrinth_owner *owner = call->owner;
	u64 *handles;
	bool commit;
	int err, refused;

	if (args->flags & ~LABYRINTH_FREE_PARTIAL || args->__reserved ||
	    !args->count || args->count > LAB_MAX_BATCH)
		return -EINVAL;
	handles = vmemdup_user(u64_to_user_ptr(args->handles),
			       array_size(args->count, sizeof(*handles)));
	if (IS_ERR(handles))
		return PTR_ERR(handles);

	refused = lab_free_leave(owner, handles, args);
	commit = args->out_count == args->count ||
		 (args->flags & LABYRINTH_FREE_PARTIAL && args->out_count);
	if (!commit)
		args->out_count = 0;
	err = lab_respond(call);
	lab_free_finish(owner, handles, args->count, commit && !err);
	if (!err && !commit)
		err = refused;
	kvfree(handles);
	return err;
}
