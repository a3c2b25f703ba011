// SPDX-License-Identifier: GPL-2.0-only
/* The exported API: give and take. See api.c. */
#include <linux/export.h>
#include <linux/labyrinth.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "api.h"
#include "inbox.h"
#include "steps.h"

static int lab_api_give(struct labyrinth_owner *owner,
			labyrinth_handle_t handle, struct labyrinth_owner *to,
			const struct lab_note *note, u32 *reason)
{
	struct lab_slot *slot = lab_registry_slot(&owner->lab->reg, handle);
	unsigned long pages;

	/* The word first: only then is the rest this owner's to look at. */
	if (!slot || lab_slot_word(slot) !=
		     lab_handle_word(handle, owner->id, LABYRINTH_PAGE_OWNED))
		return -ENOENT;
	if (owner == to || note->used > PAGE_SIZE << READ_ONCE(slot->order))
		return -EINVAL;
	pages = 1UL << READ_ONCE(slot->order);
	*reason = lab_give_admit(owner, to, pages, 1);
	if (*reason != LABYRINTH_REASON_NONE)
		return lab_give_errno(*reason);
	if (lab_give_commit(owner, to, slot, handle, note))
		return 0;
	lab_give_revoke(to, pages, 1);
	return -ENOENT;
}

/**
 * labyrinth_give - give a block to another owner, contents and all
 * @owner: who holds it
 * @handle: of it
 * @to: who gets it, and must accept it
 * @tag: goes along with it
 * @used: goes along with it: bytes of it that are used
 * @reason: if not NULL, gets enum labyrinth_reason why @to can't have it
 *
 * After it @handle is worth nothing, and @to is charged for the block.
 *
 * Context: any. At most LABYRINTH_STEPS_GIVE steps.
 *
 * Return: 0. Else @owner has it still, but for -ENOENT, it is not @owner's now:
 * -EACCES @to does not accept; -EDQUOT its quota, or its user's RLIMIT_MEMLOCK;
 * -ENOSPC its inbox has no room; -ESRCH it is being removed; -EINVAL @to is
 * @owner, or @used more than the block has.
 */
int labyrinth_give(struct labyrinth_owner *owner, labyrinth_handle_t handle,
		   struct labyrinth_owner *to, u64 tag, u32 used, u32 *reason)
{
	const struct lab_note note = { .tag = tag, .used = used };
	u32 why = LABYRINTH_REASON_NONE, steps;
	int err;

	preempt_disable();
	steps = lab_steps_begin();
	err = lab_api_give(owner, handle, to, &note, &why);
	lab_steps_end(LAB_STEPS_GIVE, steps);
	preempt_enable();
	if (reason)
		*reason = why;
	return err;
}
EXPORT_SYMBOL_GPL(labyrinth_give);

/**
 * labyrinth_take - take the block that has waited longest in the inbox
 * @owner: whose inbox
 * @page: gets it
 *
 * One at a time for each owner: the caller sees to that.
 *
 * Context: any. At most LABYRINTH_STEPS_TAKE steps.
 *
 * Return: 0, -EAGAIN: there is none, or -ESHUTDOWN.
 */
int labyrinth_take(struct labyrinth_owner *owner, struct labyrinth_page *page)
{
	struct lab_slot *slot = NULL;
	int err = -EAGAIN;
	u32 steps;
	u64 handle;

	memset(page, 0, sizeof(*page));
	preempt_disable();
	steps = lab_steps_begin();
	if (lab_owner_dying(owner))
		err = -ESHUTDOWN;
	else if (lab_inbox(owner))
		slot = lab_inbox_take(owner, &handle);
	if (slot) {
		lab_api_page(page, slot, handle);
		page->rung = slot->rung;
		err = 0;
	}
	lab_steps_end(LAB_STEPS_TAKE, steps);
	preempt_enable();
	return err;
}
EXPORT_SYMBOL_GPL(labyrinth_take);
