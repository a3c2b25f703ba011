// SPDX-License-Identifier: GPL-2.0-only
/* INFO and ATTACH: who a descriptor acts as, and how that owner stands. */
#include <linux/sched/user.h>

#include "chardev.h"
#include "reserve.h"

int lab_ioctl_info(struct lab_call *call)
{
	struct labyrinth_info *info = call->arg;
	struct labyrinth_owner *owner = call->owner;
	struct labyrinth *lab = call->file->lab;
	struct lab_account *account;
	unsigned long limit;
	unsigned int i;

	if (info->flags)
		return -EINVAL;
	info->out_features = 0;
	info->out_page_size = PAGE_SIZE;
	info->out_max_order = LAB_MAX_ORDER;
	info->out_max_batch = LAB_MAX_BATCH;
	info->out_slots = lab->reg.slots;
	info->out_owner = owner->id;
	info->out_kind = owner->kind;
	info->out_used = (u64)atomic_long_read(&owner->used);
	info->out_quota = READ_ONCE(owner->quota);
	info->out_guarantee = READ_ONCE(owner->guarantee);
	/* A change of who pays waits for us. */
	preempt_disable();
	account = lab_payer(owner);
	limit = READ_ONCE(account->limit);
	info->out_memlock_used = !account->user ? 0 :
		(u64)atomic_long_read(&account->user->locked_vm);
	preempt_enable();
	info->out_memlock_limit = limit == ULONG_MAX ? LABYRINTH_UNLIMITED :
						       limit;
	info->out_reserve_available = lab_reserve_available(lab);
	info->out_reserve_high = 0;
	for (i = 0; i < lab->node_count; i++)
		info->out_reserve_high += READ_ONCE(lab->nodes[i]->high);
	info->out_accept = READ_ONCE(owner->accept);
	info->out_inbox = lab_inbox_capacity(owner);
	info->out_inbox_used = lab_inbox_used(owner);
	info->out_deferred = (u32)atomic_read(&owner->deferred);
	return lab_respond(call);
}

/* Everything that can refuse, and can be taken back by lab_owner_detach(). */
static int lab_attach_begin(struct lab_file *file, struct labyrinth_owner *owner)
{
	int err = -EBUSY;

	mutex_lock(&file->lock);
	if (file->acting == file->self &&
	    !atomic_long_read(&file->self->used))
		err = lab_owner_attach(owner, file->mode);
	mutex_unlock(&file->lock);
	return err;
}

/* What can't be taken back: the file's own owner is shut for good. */
static int lab_attach_finish(struct lab_file *file,
			     struct labyrinth_owner *owner)
{
	int err = -EBUSY;

	mutex_lock(&file->lock);
	/* Another thread may have been faster, or be taking pages. */
	if (file->acting == file->self && lab_owner_close_empty(file->self)) {
		lab_owner_pay(owner);
		lab_view_close(file->self);
		lab_view_open(owner, &file->view);
		/* Pairs with lab_file_acting(). */
		smp_store_release(&file->acting, owner);
		lab_inbox_listen(file->self, NULL);
		lab_inbox_listen(owner, &file->listener);
		err = 0;
	}
	mutex_unlock(&file->lock);
	/* What waits there already has come for whoever polls. */
	if (!err)
		wake_up_all(&file->listener.wait);
	return err;
}

int lab_ioctl_attach(struct lab_call *call)
{
	struct labyrinth_attach *attach = call->arg;
	struct labyrinth_owner *owner;
	int err;

	if (attach->flags || attach->__reserved ||
	    !lab_name_valid((const char *)attach->name, sizeof(attach->name)))
		return -EINVAL;
	owner = lab_owner_by_name(call->file->lab, (const char *)attach->name);
	if (!owner)
		return -ENOENT;
	err = lab_attach_begin(call->file, owner);
	if (err)
		goto out;
	attach->out_owner = owner->id;
	err = lab_respond(call);
	if (!err)
		err = lab_attach_finish(call->file, owner);
	if (err)
		lab_owner_detach(owner);
out:
	lab_owner_put(owner);
	return err;
}
