/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a file's blocks are mapped.
 *
 * MAP gives a block its place: page offsets in the file's own address_space. A
 * fault finds the block by the place and inserts its PTE under the owner's lock;
 * whatever ends the holding of a block removes its PTEs under that lock first,
 * after which no fault finds the block. So once it has been released, no mapping
 * reaches it, and none will.
 *
 * All of it under the lock of the owner that the file acts as (a MAP that began
 * before ATTACH has none of its blocks left, and finds nothing).
 */
#ifndef LABYRINTH_VIEW_H
#define LABYRINTH_VIEW_H

#include <linux/xarray.h>

#include "owner.h"

/**
 * struct lab_view - a file's places
 * @mapping: the file's own: nobody else's mappings are in it
 * @block: by page offset: the slot of the block that is to be there
 * @next: the first page offset that has never been a place
 */
struct lab_view {
	struct address_space *mapping;
	struct xarray block;
	unsigned long next;
};

void lab_view_init(struct lab_view *view, struct address_space *mapping);
void lab_view_open(struct labyrinth_owner *owner, struct lab_view *view);
void lab_view_close(struct labyrinth_owner *owner);

/**
 * struct lab_move - blocks on their way to a place
 * @owner: whose they are
 * @view: of the file that acts as it
 * @handles: of them: untrusted
 * @orders: theirs, once they have been looked up
 * @count: of both
 * @first: page offset of the first one
 */
struct lab_move {
	struct labyrinth_owner *owner;
	struct lab_view *view;
	const u64 *handles;
	u8 *orders;
	u32 count;
	unsigned long first;
};

/* Two steps: between them the caller is told where. */
long lab_view_place(struct lab_move *move, u32 *bad);
void lab_view_move(const struct lab_move *move, bool commit);

/* The rest: owner->lock held. */
struct lab_slot *lab_view_block(struct labyrinth_owner *owner,
				struct lab_view *view, unsigned long place);
void lab_view_forget(struct labyrinth_owner *owner, struct lab_slot *slot);
bool lab_view_agrees(const struct labyrinth_owner *owner,
		     const struct lab_slot *slot);

/* Where a block is mapped: page offset; 0 for nowhere. Its owner's lock held. */
static inline unsigned long lab_slot_place(const struct lab_slot *slot)
{
	return slot->scope == LABYRINTH_SCOPE_THREAD ? 0 : slot->place;
}

void lab_zap_blocks(struct labyrinth_owner *owner, const u64 *handles, u32 count);
void lab_zap_all(struct labyrinth_owner *owner);

#endif /* LABYRINTH_VIEW_H */
