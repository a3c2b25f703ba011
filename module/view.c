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

/* Before a block's release or giving: no fault finds it any more, see its word. */
void lab_zap(struct lab_zap *zap, const struct lab_slot *slot)
{
	lockdep_assert_held(&zap->owner->lock);
	if (slot->scope == LABYRINTH_SCOPE_THREAD || !slot->place)
		return;
	zap->first = zap->end ? min(zap->first, slot->place) : slot->place;
	zap->end = max(zap->end, slot->place + (1UL << slot->order));
}

/* When it returns, none of those that were passed to lab_zap() is mapped. */
void lab_zap_end(const struct lab_zap *zap)
{
	if (zap->end)
		unmap_mapping_pages(zap->owner->view->mapping, zap->first,
				    zap->end - zap->first, true);
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
	struct lab_slot *slot;
	u64 word;

	lockdep_assert_held(&owner->lock);
	if (!entry || owner->view != view)
		return NULL;
	slot = &owner->lab->reg.slot[xa_to_value(entry)];
	word = lab_slot_word(slot);
	/* The word first: only its owner, under its lock, may look at the rest. */
	if (lab_word_owner(word) != owner->id ||
	    lab_word_state(word) != LABYRINTH_PAGE_OWNED || !slot->indexed ||
	    slot->scope == LABYRINTH_SCOPE_THREAD)
		return NULL;
	/* One that MAP is about to move here is not here yet. */
	if (!slot->place || place - slot->place >= 1UL << slot->order)
		return NULL;
	return slot;
}

/* For verify: is @slot, which is in @owner's index, found where it has its place? */
bool lab_view_agrees(const struct labyrinth_owner *owner,
		     const struct lab_slot *slot)
{
	u32 index = lab_slot_index(&owner->lab->reg, slot);

	if (slot->scope == LABYRINTH_SCOPE_THREAD || !slot->place)
		return true;
	return owner->view && xa_load(&owner->view->block, slot->place) ==
			      xa_mk_value(index);
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
			if (reg->slot[index].scope != LABYRINTH_SCOPE_THREAD)
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

/* Still the owner's, and its process's: also while it is LEAVING, and may stay. */
static struct lab_slot *lab_move_slot(const struct lab_move *move, u32 i)
{
	u64 handle = move->handles[i], word;
	struct lab_slot *slot;

	slot = lab_registry_slot(&move->owner->lab->reg, handle);
	word = lab_slot_word(slot);
	if (word != lab_handle_word(handle, move->owner->id,
				    LABYRINTH_PAGE_OWNED) &&
	    word != lab_handle_word(handle, move->owner->id,
				    LABYRINTH_PAGE_LEAVING))
		return NULL;
	return slot->indexed ? slot : NULL;
}

/* Where they have been until now they are not mapped any more. */
static void lab_move_zap(const struct lab_move *move)
{
	struct lab_zap zap = { .owner = move->owner };
	const struct lab_slot *slot;
	u32 i;

	for (i = 0; i < move->count; i++) {
		slot = lab_move_slot(move, i);
		if (slot)
			lab_zap(&zap, slot);
		cond_resched();
	}
	lab_zap_end(&zap);
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
	if (commit)
		lab_move_zap(move);
	for (i = 0; i < move->count; i++, place += pages) {
		pages = 1UL << move->orders[i];
		slot = commit ? lab_move_slot(move, i) : NULL;
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
