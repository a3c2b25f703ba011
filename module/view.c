// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places of blocks in a file, and the removal of their PTEs. See view.h.
 */
#include <linux/compat.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "view.h"

/* === Removing PTEs ======================================================= */

/* Before a block's release or giving: no fault finds it any more, see its word. */
void lab_zap(struct lab_zap *zap, const struct lab_slot *slot)
{
	lockdep_assert_held(&zap->owner->lock);
	if (slot->scope == LABYRINTH_SCOPE_THREAD || !slot->place)
		return;
	if (!zap->pages || slot->place != zap->first + zap->pages) {
		lab_zap_end(zap);
		zap->first = slot->place;
	}
	zap->pages += 1UL << slot->order;
}

/* When it returns, none of those that were passed to lab_zap() is mapped. */
void lab_zap_end(struct lab_zap *zap)
{
	if (zap->pages)
		unmap_mapping_pages(zap->owner->view->mapping, zap->first,
				    zap->pages, true);
	zap->pages = 0;
}

/* Before an owner's end, under the lock until its blocks have been released. */
void lab_zap_all(struct labyrinth_owner *owner)
{
	lockdep_assert_held(&owner->lock);
	if (owner->view && !xa_empty(&owner->view->block))
		unmap_mapping_range(owner->view->mapping, 0, 0, true);
}

/* === Places ============================================================== */

/* Offset 0 is nowhere: no program maps by mistake what it has not asked for. */
#define LAB_FIRST_PLACE		1UL

void lab_view_init(struct lab_view *view, struct address_space *mapping)
{
	view->mapping = mapping;
	view->next = LAB_FIRST_PLACE;
	xa_init_flags(&view->block, XA_FLAGS_ACCOUNT);
}

/* @owner's blocks have places in @view from now on. */
void lab_view_open(struct labyrinth_owner *owner, struct lab_view *view)
{
	mutex_lock(&owner->lock);
	owner->view = view;
	mutex_unlock(&owner->lock);
}

/* Remove a run of entries. */
static void lab_view_erase(struct lab_view *view, unsigned long first,
			   unsigned long pages)
{
	while (pages--)
		xa_erase(&view->block, first++);
}

/**
 * lab_view_forget - a block that is not its owner's any more has no place
 * @owner: lock held; it has let go of the block's PTEs
 * @slot: its block, not of scope `thread`
 */
void lab_view_forget(struct labyrinth_owner *owner, struct lab_slot *slot)
{
	lockdep_assert_held(&owner->lock);
	if (!slot->place)
		return;
	lab_view_erase(owner->view, slot->place, 1UL << slot->order);
	WRITE_ONCE(slot->place, 0);
}

/* The block of @owner's that has its place there, whatever its state. */
static struct lab_slot *lab_view_slot(struct labyrinth_owner *owner,
				      struct lab_view *view,
				      unsigned long place)
{
	void *entry = xa_load(&view->block, place);
	struct lab_slot *slot;

	lockdep_assert_held(&owner->lock);
	if (!entry)
		return NULL;
	slot = &owner->lab->reg.slot[xa_to_value(entry)];
	/* The word first: only its owner, under its lock, may look at the rest. */
	if (lab_word_owner(lab_slot_word(slot)) != owner->id ||
	    !slot->indexed || slot->scope == LABYRINTH_SCOPE_THREAD)
		return NULL;
	/* One that MAP is about to move here is not here yet. */
	if (!slot->place || place - slot->place >= 1UL << slot->order)
		return NULL;
	return slot;
}

/**
 * lab_view_block - which block is at a place?
 * @owner: whom the file acts as, lock held: as long as it is, the block stays
 * @view: the file's
 * @place: page offset
 *
 * Return: its slot, OWNED by @owner and to be found there; or NULL.
 */
struct lab_slot *lab_view_block(struct labyrinth_owner *owner,
				struct lab_view *view, unsigned long place)
{
	struct lab_slot *slot;

	if (owner->view != view)
		return NULL;
	slot = lab_view_slot(owner, view, place);
	return slot && lab_word_state(lab_slot_word(slot)) ==
		       LABYRINTH_PAGE_OWNED ? slot : NULL;
}

/**
 * lab_view_close - the file that acts as @owner goes: nothing is mapped any more
 * @owner: with a view, or without: then nothing happens
 *
 * Context: process; may sleep. The blocks stay.
 */
void lab_view_close(struct labyrinth_owner *owner)
{
	struct lab_slot *slot;
	struct lab_view *view;
	unsigned long place;
	void *entry;

	mutex_lock(&owner->lock);
	view = owner->view;
	if (view) {
		lab_zap_all(owner);
		xa_for_each(&view->block, place, entry) {
			slot = lab_view_slot(owner, view, place);
			if (slot)
				lab_view_forget(owner, slot);
		}
		xa_destroy(&view->block);
		owner->view = NULL;
	}
	mutex_unlock(&owner->lock);
}

/* === MAP ================================================================= */

/* Return: pages of all; or -errno with @bad: none is marked any more. */
static long lab_place_check(struct labyrinth_owner *owner, const u64 *handles,
			    u32 count, u32 *bad)
{
	struct lab_registry *reg = &owner->lab->reg;
	long pages = 0;
	int err = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		struct lab_slot *slot = lab_owner_slot(owner, handles[i]);

		if (IS_ERR(slot))
			err = PTR_ERR(slot);
		else if (slot->scope == LABYRINTH_SCOPE_THREAD)
			err = -EOPNOTSUPP;
		else if (slot->placing)
			err = -EINVAL;
		if (err)
			break;
		slot->placing = true;
		pages += 1L << slot->order;
		cond_resched();
	}
	*bad = i;
	while (i--)
		lab_registry_slot(reg, handles[i])->placing = false;
	return err ?: pages;
}

/* What has been entered is taken out again if there is no memory for the rest. */
static int lab_place_enter(struct labyrinth_owner *owner, struct lab_view *view,
			   const u64 *handles, u32 count, unsigned long first)
{
	struct lab_registry *reg = &owner->lab->reg;
	unsigned long place = first;
	u32 i, j;

	for (i = 0; i < count; i++) {
		u32 index = lab_handle_index(handles[i]);

		for (j = 0; j < 1U << reg->slot[index].order; j++, place++) {
			int err = xa_err(xa_store(&view->block, place,
						  xa_mk_value(index),
						  GFP_KERNEL));

			if (err) {
				lab_view_erase(view, first, place - first);
				return err;
			}
		}
		cond_resched();
	}
	return 0;
}

/* 32-bit callers have 32 bits for a page offset. */
static unsigned long lab_place_limit(void)
{
	return in_compat_syscall() ? U32_MAX : ULONG_MAX >> PAGE_SHIFT;
}

/**
 * lab_view_place - find a place for blocks, in which no fault finds them yet
 * @owner: whose they are; lock not held
 * @view: of the file that acts as it
 * @handles: untrusted
 * @count: of them
 * @bad: index of the one that was refused, or @count
 * @first: the page offset of the first block
 *
 * lab_view_move() is to follow.
 *
 * Return: pages of all; -ENOENT, -EPERM, -EOPNOTSUPP of one; -EINVAL: it is there
 * twice; -EOVERFLOW, -ENOMEM: nothing has changed.
 */
long lab_view_place(struct labyrinth_owner *owner, struct lab_view *view,
		    const u64 *handles, u32 count, u32 *bad,
		    unsigned long *first)
{
	long pages, err = 0;

	mutex_lock(&owner->lock);
	pages = lab_place_check(owner, handles, count, bad);
	if (pages < 0)
		err = pages;
	else if (owner->view != view)
		err = -ESHUTDOWN;
	else if ((unsigned long)pages > lab_place_limit() - view->next)
		err = -EOVERFLOW;
	else
		err = lab_place_enter(owner, view, handles, count, view->next);
	if (!err) {
		*first = view->next;
		view->next += pages;
	}
	mutex_unlock(&owner->lock);
	return err ?: pages;
}

/* How far the entries of one block go: each block is there once. */
static unsigned long lab_place_run(struct lab_view *view, unsigned long first,
				   u32 index)
{
	unsigned long place = first;

	while (xa_load(&view->block, place) == xa_mk_value(index))
		place++;
	return place - first;
}

static void lab_place_leave(struct labyrinth_owner *owner, const u64 *handles,
			    u32 count)
{
	struct lab_zap zap = { .owner = owner };
	u32 i;

	for (i = 0; i < count; i++) {
		struct lab_slot *slot = lab_owner_slot(owner, handles[i]);

		if (!IS_ERR(slot))
			lab_zap(&zap, slot);
		cond_resched();
	}
	lab_zap_end(&zap);
}

/**
 * lab_view_move - let blocks be found where lab_view_place() has put them
 * @owner: whose they are; lock not held
 * @view: as it was given there
 * @handles: likewise
 * @count: likewise
 * @first: what it said
 * @commit: false: don't; what was done there is undone
 *
 * What was freed meanwhile leaves its place empty.
 */
void lab_view_move(struct labyrinth_owner *owner, struct lab_view *view,
		   const u64 *handles, u32 count, unsigned long first,
		   bool commit)
{
	unsigned long place = first, pages;
	u32 i;

	mutex_lock(&owner->lock);
	if (commit)
		lab_place_leave(owner, handles, count);
	for (i = 0; i < count; i++, place += pages) {
		struct lab_slot *slot = lab_owner_slot(owner, handles[i]);

		pages = lab_place_run(view, place, lab_handle_index(handles[i]));
		if (!commit || IS_ERR(slot) || owner->view != view) {
			lab_view_erase(view, place, pages);
			continue;
		}
		lab_view_forget(owner, slot);
		WRITE_ONCE(slot->place, place);
		cond_resched();
	}
	mutex_unlock(&owner->lock);
}
