// SPDX-License-Identifier: GPL-2.0-only
/*
 * QUERY, READ, WRITE and SET: what a holder does with a block.
 *
 * The caller's memory is never touched under the owner's lock: contents go
 * through a bounce page, which is wiped after.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "chardev.h"
#include "thread.h"

/* === QUERY and SET ======================================================= */

/* What is leaving is on its way out, and not shown any more. */
static bool lab_query_shows(const struct lab_slot *slot)
{
	return lab_word_state(lab_slot_word(slot)) == LABYRINTH_PAGE_OWNED &&
	       lab_thread_permits(slot);
}

static struct lab_slot *lab_query_slot(struct labyrinth_owner *owner,
				       const struct labyrinth_query *query)
{
	struct lab_registry *reg = &owner->lab->reg;
	struct lab_slot *slot = lab_owner_slot(owner, query->handle);
	u32 next;

	if (!(query->flags & LABYRINTH_QUERY_NEXT) ||
	    (query->handle && IS_ERR(slot)))
		return slot;
	next = query->handle ? slot->index_next : owner->first;
	while (next != LAB_NIL && !lab_query_shows(&reg->slot[next])) {
		next = reg->slot[next].index_next;
		cond_resched();
	}
	return next == LAB_NIL ? ERR_PTR(-ENODATA) : &reg->slot[next];
}

static void lab_query_fill(struct labyrinth_owner *owner, struct lab_slot *slot,
			   struct labyrinth_query *query)
{
	query->out_handle = lab_handle(lab_slot_word(slot),
				       lab_slot_index(&owner->lab->reg, slot));
	query->out_tag = slot->tag;
	query->out_used = slot->length;
	query->out_age_ns = ktime_get_mono_fast_ns() - slot->born;
	query->out_phys = virt_to_phys(slot->addr);
	query->out_order = slot->order;
	query->out_scope = slot->scope;
	query->out_rung = slot->rung;
	query->out_offset = (u64)lab_slot_place(slot) << PAGE_SHIFT;
	query->out_flags = query->out_offset ? LABYRINTH_PAGE_MAPPED : 0;
}

int lab_ioctl_query(struct lab_call *call)
{
	struct labyrinth_query *query = call->arg;
	struct labyrinth_owner *owner = call->owner;
	struct lab_slot *slot;

	if (query->flags & ~LABYRINTH_QUERY_NEXT)
		return -EINVAL;
	mutex_lock(&owner->lock);
	slot = lab_query_slot(owner, query);
	if (!IS_ERR(slot))
		lab_query_fill(owner, slot, query);
	mutex_unlock(&owner->lock);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	/* Not a refusal, so nothing for the audit log. */
	if (!ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN))
		query->out_phys = 0;
	return lab_respond(call);
}

int lab_ioctl_set(struct lab_call *call)
{
	struct labyrinth_set *set = call->arg;
	struct labyrinth_owner *owner = call->owner;
	struct lab_slot *slot;
	int err = 0;

	if (!set->flags ||
	    set->flags & ~(LABYRINTH_SET_TAG | LABYRINTH_SET_USED) ||
	    (set->tag && !(set->flags & LABYRINTH_SET_TAG)) ||
	    (set->used && !(set->flags & LABYRINTH_SET_USED)))
		return -EINVAL;
	mutex_lock(&owner->lock);
	slot = lab_owner_slot(owner, set->handle);
	if (IS_ERR(slot))
		err = PTR_ERR(slot);
	else if (set->used > PAGE_SIZE << slot->order)
		err = -EINVAL;
	if (!err && set->flags & LABYRINTH_SET_TAG)
		WRITE_ONCE(slot->tag, set->tag);
	if (!err && set->flags & LABYRINTH_SET_USED)
		WRITE_ONCE(slot->length, (u32)set->used);
	mutex_unlock(&owner->lock);
	return err;
}

/* === READ and WRITE ====================================================== */

static int lab_rw_check(struct labyrinth_owner *owner,
			const struct labyrinth_rw *rw)
{
	struct lab_slot *slot;
	int err = 0;

	if (rw->flags || rw->__reserved)
		return -EINVAL;
	mutex_lock(&owner->lock);
	slot = lab_owner_slot(owner, rw->handle);
	if (IS_ERR(slot))
		err = PTR_ERR(slot);
	else if ((u64)rw->offset + rw->length > PAGE_SIZE << slot->order)
		err = -EINVAL;
	mutex_unlock(&owner->lock);
	return err;
}

/* Between the block and the bounce page, under the owner's lock. */
static int lab_rw_move(struct labyrinth_owner *owner,
		       const struct labyrinth_rw *rw, u32 done, u32 length,
		       void *bounce, bool write)
{
	u32 offset = rw->offset + done;
	struct lab_slot *slot;
	int err = 0;

	mutex_lock(&owner->lock);
	slot = lab_owner_slot(owner, rw->handle);
	if (IS_ERR(slot)) {
		err = PTR_ERR(slot);
	} else if (write) {
		memcpy(slot->addr + offset, bounce, length);
		WRITE_ONCE(slot->length, max(slot->length, offset + length));
	} else {
		memcpy(bounce, slot->addr + offset, length);
	}
	mutex_unlock(&owner->lock);
	return err;
}

static int lab_rw_page(struct labyrinth_owner *owner,
		       const struct labyrinth_rw *rw, u32 done, u32 length,
		       void *bounce, bool write)
{
	void __user *user = u64_to_user_ptr(rw->buffer) + done;
	int err;

	if (write && copy_from_user(bounce, user, length))
		return -EFAULT;
	err = lab_rw_move(owner, rw, done, length, bounce, write);
	if (!err && !write && copy_to_user(user, bounce, length))
		return -EFAULT;
	return err;
}

static int lab_ioctl_rw(struct lab_call *call, bool write)
{
	struct labyrinth_rw *rw = call->arg;
	struct labyrinth_owner *owner = call->owner;
	void *bounce;
	int err = lab_rw_check(owner, rw);

	if (err)
		return err;
	rw->out_length = 0;
	/* Who can't be told how far it went is not served at all. */
	if (lab_respond(call))
		return -EFAULT;
	bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;
	while (!err && rw->out_length < rw->length) {
		u32 at = (rw->offset + rw->out_length) % PAGE_SIZE;
		u32 length = min_t(u32, rw->length - rw->out_length,
				   PAGE_SIZE - at);

		err = fatal_signal_pending(current) ? -EINTR :
		      lab_rw_page(owner, rw, rw->out_length, length, bounce,
				  write);
		if (!err)
			rw->out_length += length;
	}
	memzero_explicit(bounce, PAGE_SIZE);
	free_page((unsigned long)bounce);
	return lab_respond(call) ? -EFAULT : err;
}

int lab_ioctl_read(struct lab_call *call)
{
	return lab_ioctl_rw(call, false);
}

int lab_ioctl_write(struct lab_call *call)
{
	return lab_ioctl_rw(call, true);
}
