// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places of blocks in a file, and the removal of their PTEs. See view.h.
 */
#include <linux/compat.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "view.h"

/* === Removing PTEs ======================================================= */

/**
 * lab_zap_blocks - no mapping reaches blocks any more, where they are now
 * @owner: lock held until they have been released, given or moved
 * @handles: of them; those that it does not hold are passed over
 * @count: of these
 *
 * One range is unmapped at once, or whoever has many mappings of many blocks could
 * keep us busy for hours; what else lies there comes back by a fault.
 *
 * Context: process; may sleep.
 */
void lab_zap_blocks(struct labyrinth_owner *owner, const u64 *handles, u32 count)
{
	unsigned long place, first = ULONG_MAX, end = 0;
	const struct lab_slot *slot;
	u32 i;

	for (i = 0; i < count; i++) {
		slot = lab_owner_held(owner, handles[i]);
		place = slot ? lab_slot_place(slot) : 0;
		if (place) {
			first = min(first, place);
			end = max(end, place + (1UL << slot->order));
		}
		cond_resched();
	}
	if (end)
		unmap_mapping_pages(owner->view->mapping, first, end - first,
				    true);
}

/* Before an owner's end, under the lock until its blocks have been released. */
void lab_zap_all(struct labyrinth_owner *owner)
{
	lockdep_assert_held(&owner->lock);
	if (owner->view)
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
 * @slot: its block
 */
void lab_view_forget(struct labyrinth_owner *owner, struct lab_slot *slot)
{
	unsigned long place = lab_slot_place(slot);

	lockdep_assert_held(&owner->lock);
	if (!place)
		return;
	lab_view_erase(owner->view, place, 1UL << slot->order);
	WRITE_ONCE(slot->place, 0);
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
	void *entry = xa_load(&view->block, place);
	unsigned long first;
	struct lab_slot *slot;
	u64 word;

	lockdep_assert_held(&owner->lock);
	if (!entry || owner->view != view)
		return NULL;
	slot = &owner->lab->reg.slot[xa_to_value(entry)];
	word = lab_slot_word(slot);
	/* The word first: only its owner, under its lock, may look at the rest. */
	if (lab_word_owner(word) != owner->id ||
	    lab_word_state(word) != LABYRINTH_PAGE_OWNED || !slot->indexed)
		return NULL;
	/* One that MAP is about to move here is not here yet. */
	first = lab_slot_place(slot);
	if (!first || place - first >= 1UL << slot->order)
		return NULL;
	return slot;
}

/* For verify: is @slot, which is in @owner's index, found where it has its place? */
bool lab_view_agrees(const struct labyrinth_owner *owner,
		     const struct lab_slot *slot)
{
	u32 index = lab_slot_index(&owner->lab->reg, slot);
	unsigned long place = lab_slot_place(slot);

	return !place ||
	       (owner->view && xa_load(&owner->view->block, place) ==
			       xa_mk_value(index));
}

/**
 * lab_view_close - the file that acts as @owner goes: nothing is mapped any more
 * @owner: with a view, or without: then nothing happens
 *
 * Context: process; may sleep. The blocks stay.
 */
void lab_view_close(struct labyrinth_owner *owner)
{
	struct lab_registry *reg = &owner->lab->reg;
	u32 index;

	mutex_lock(&owner->lock);
	if (owner->view) {
		lab_zap_all(owner);
		for (index = owner->first; index != LAB_NIL;
		     index = reg->slot[index].index_next) {
			lab_view_forget(owner, &reg->slot[index]);
			cond_resched();
		}
		xa_destroy(&owner->view->block);
		owner->view = NULL;
	}
	mutex_unlock(&owner->lock);
}

/* === MAP ================================================================= */

/* Return: pages of all; or -errno with @bad: none is marked any more. */
static long lab_place_check(const struct lab_move *move, u32 *bad)
{
	struct lab_registry *reg = &move->owner->lab->reg;
	long pages = 0;
	int err = 0;
	u32 i;

	for (i = 0; i < move->count; i++) {
		struct lab_slot *slot = lab_owner_slot(move->owner,
						       move->handles[i]);

		if (IS_ERR(slot))
			err = PTR_ERR(slot);
		else if (slot->scope == LABYRINTH_SCOPE_THREAD)
			err = -EOPNOTSUPP;
		else if (slot->placing)
			err = -EINVAL;
		if (err)
			break;
		slot->placing = true;
		move->orders[i] = slot->order;
		pages += 1L << slot->order;
		cond_resched();
	}
	*bad = i;
	while (i--)
		lab_registry_slot(reg, move->handles[i])->placing = false;
	return err ?: pages;
}

/* What has been entered is taken out again if there is no memory for the rest. */
static int lab_place_enter(const struct lab_move *move)
{
	struct xarray *block = &move->view->block;
	unsigned long place = move->first;
	u32 i, j;

	for (i = 0; i < move->count; i++) {
		void *entry = xa_mk_value(lab_handle_index(move->handles[i]));

		for (j = 0; j < 1U << move->orders[i]; j++, place++) {
			int err = xa_err(xa_store(block, place, entry,
						  GFP_KERNEL));

			if (err) {
				lab_view_erase(move->view, move->first,
					       place - move->first);
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

static int lab_place_find(struct lab_move *move, unsigned long pages)
{
	struct lab_view *view = move->view;
	int err;

	if (move->owner->view != view)
		return -ESHUTDOWN;
	if (view->next > lab_place_limit() ||
	    pages > lab_place_limit() - view->next)
		return -EOVERFLOW;
	move->first = view->next;
	err = lab_place_enter(move);
	if (!err)
		view->next += pages;
	return err;
}

/**
 * lab_view_place - find a place for blocks, in which no fault finds them yet
 * @move: which; its owner's lock not held
 * @bad: index of the one that was refused, or the count
 *
 * lab_view_move() is to follow.
 *
 * Return: pages of all; -ENOENT, -EPERM, -EOPNOTSUPP of one; -EINVAL: it is there
 * twice; -EOVERFLOW, -ENOMEM, -ESHUTDOWN: nothing has changed.
 */
long lab_view_place(struct lab_move *move, u32 *bad)
{
	long pages;
	int err;

	mutex_lock(&move->owner->lock);
	pages = lab_place_check(move, bad);
	err = pages < 0 ? (int)pages :
			  lab_place_find(move, (unsigned long)pages);
	mutex_unlock(&move->owner->lock);
	return err ?: pages;
}

/**
 * lab_view_move - let blocks be found where lab_view_place() has put them
 * @move: which; its owner's lock not held
 * @commit: false: don't; what was done there is undone
 *
 * What was freed meanwhile leaves its place empty. Of two moves of one block the
 * later one holds.
 */
void lab_view_move(const struct lab_move *move, bool commit)
{
	unsigned long place = move->first, pages;
	struct lab_slot *slot;
	u32 i;

	mutex_lock(&move->owner->lock);
	/* Where they have been until now they are not mapped any more. */
	if (commit)
		lab_zap_blocks(move->owner, move->handles, move->count);
	for (i = 0; i < move->count; i++, place += pages) {
		pages = 1UL << move->orders[i];
		/* Also one that is LEAVING: it may stay. */
		slot = commit ? lab_owner_held(move->owner, move->handles[i]) :
				NULL;
		if (!slot) {
			lab_view_erase(move->view, place, pages);
			continue;
		}
		lab_view_forget(move->owner, slot);
		WRITE_ONCE(slot->place, place);
		cond_resched();
	}
	mutex_unlock(&move->owner->lock);
}
