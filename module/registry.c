// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: the table of slots, and the arrows between their words' states.
 * See registry.h; where slots are found is in places.c.
 */
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/vmalloc.h>

#include "registry.h"

/* === The ownership word ================================================== */

/*
 * VACANT -fill-> READY -own-> OWNED -leave-> LEAVING -gone-> DIRTY -clean-> READY
 *    |             |           ^ |  <-stay-   |              ^  |
 *    |             |           | '-----------free------------'  +-vacate-> VACANT
 *    '----enter----|-----------'              |              |  |      or RETIRED
 *                  '-vacate-> VACANT          |              |  '-quarantine->
 *                                             |              |     QUARANTINED
 *    OWNED -give-> TRANSIT -take-> OWNED    <-pass           |
 *                     '-----------------drop-----------------'
 *
 * fill and enter are made by whoever took the slot from the vacant stack and
 * so holds it alone; own by whoever took it from a ready stack or ring; leave,
 * stay, free, gone, give and pass race with each other, and the word decides; so
 * do take and drop; clean, vacate and quarantine are the worker's.
 */

/*
 * The only place where a word changes. Release: what the caller wrote to slot
 * and page before is seen by whoever reads the new word (lab_slot_word(), or
 * the acquire half of the next arrow's exchange here).
 */
static bool lab_slot_move(struct lab_slot *slot, u64 from, u64 to)
{
	s64 old = (s64)from;

	lab_step();
	return atomic64_try_cmpxchg(&slot->word, &old, (s64)to);
}

/**
 * lab_slot_fill - VACANT to READY: a clean page has come from the system
 * @slot: taken from the vacant stack by the caller
 * @addr: the page, zeroed, its reference count frozen
 */
void lab_slot_fill(struct lab_slot *slot, void *addr)
{
	u64 word = lab_slot_word(slot);

	WRITE_ONCE(slot->addr, addr);
	WRITE_ONCE(slot->order, 0);
	lab_slot_move(slot, word, lab_word(lab_word_gen(word), 0,
					   LABYRINTH_PAGE_READY));
}

/**
 * lab_slot_enter - VACANT to OWNED: a block straight from the system
 * @slot: taken from the vacant stack by the caller
 * @addr: the block, zeroed, its pages' reference counts frozen
 * @order: 2^order pages
 * @owner: who gets it
 *
 * Return: the new word.
 */
u64 lab_slot_enter(struct lab_slot *slot, void *addr, u32 order, u32 owner)
{
	u64 word = lab_slot_word(slot);
	u64 to = lab_word(lab_word_gen(word), owner, LABYRINTH_PAGE_OWNED);

	WRITE_ONCE(slot->addr, addr);
	WRITE_ONCE(slot->order, (u8)order);
	lab_slot_move(slot, word, to);
	return to;
}

/**
 * lab_slot_own - READY to OWNED: alloc
 * @slot: taken from a ready stack or ring by the caller
 * @owner: who gets it
 * @word: the new word
 *
 * Return: false only if the registry is broken (a slot was READY twice).
 */
bool lab_slot_own(struct lab_slot *slot, u32 owner, u64 *word)
{
	u64 from = lab_slot_word(slot);

	*word = lab_word(lab_word_gen(from), owner, LABYRINTH_PAGE_OWNED);
	return lab_word_state(from) == LABYRINTH_PAGE_READY &&
	       lab_slot_move(slot, from, *word);
}

/**
 * lab_slot_leave - OWNED to LEAVING: its mappings are about to be removed
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if @handle is not @owner's now.
 */
bool lab_slot_leave(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING));
}

/**
 * lab_slot_stay - LEAVING to OWNED: what made it leave was called off
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if it has gone meanwhile (its owner died).
 */
bool lab_slot_stay(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED));
}

/**
 * lab_slot_free - OWNED to DIRTY: free, where nothing can be mapped
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if @handle is not @owner's now.
 */
bool lab_slot_free(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY));
}

/**
 * lab_slot_gone - LEAVING to DIRTY: no mapping is left
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 *
 * Return: false if somebody else (the owner's sweep) was first.
 */
bool lab_slot_gone(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY));
}

static bool lab_last_generation(u64 word)
{
	return (word & LAB_GEN_MASK) == LAB_GEN_MASK;
}

/* In transit to @to. The giver's handle is worth nothing, even to who gets it. */
static u64 lab_word_given(u64 handle, u32 to)
{
	u64 gen = handle >> LAB_INDEX_BITS;

	/* Where there is none left, @to still makes it another word. */
	return lab_word(gen + !lab_last_generation(handle), to,
			LABYRINTH_PAGE_TRANSIT);
}

/**
 * lab_slot_give - OWNED to TRANSIT: give, where nothing can be mapped
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 * @to: the receiver, whose it is from now on; may be @owner
 *
 * Return: false if @handle is not @owner's now.
 */
bool lab_slot_give(struct lab_slot *slot, u64 handle, u32 owner, u32 to)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED),
			     lab_word_given(handle, to));
}

/**
 * lab_slot_pass - LEAVING to TRANSIT: give, no mapping is left
 * @slot: of @handle
 * @handle: what the caller holds
 * @owner: the caller
 * @to: the receiver, whose it is from now on
 *
 * Return: false if somebody else (the owner's sweep) was first.
 */
bool lab_slot_pass(struct lab_slot *slot, u64 handle, u32 owner, u32 to)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_LEAVING),
			     lab_word_given(handle, to));
}

/**
 * lab_slot_take - TRANSIT to OWNED: the receiver has it
 * @slot: out of the receiver's queue
 * @handle: what the receiver is going to hold
 * @owner: the receiver
 *
 * Return: false if somebody else (the owner's sweep) was first.
 */
bool lab_slot_take(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_OWNED));
}

/**
 * lab_slot_drop - TRANSIT to DIRTY: the receiver has died
 * @slot: of @handle
 * @handle: what the receiver would have held
 * @owner: the receiver
 *
 * Return: false if it has been taken meanwhile.
 */
bool lab_slot_drop(struct lab_slot *slot, u64 handle, u32 owner)
{
	return lab_slot_move(slot,
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_TRANSIT),
			     lab_handle_word(handle, owner, LABYRINTH_PAGE_DIRTY));
}

/**
 * lab_slot_clean - DIRTY to READY: checked and wiped
 * @slot: taken from the dirty map by the worker
 *
 * The generation goes up, so that every handle of the past is refused.
 *
 * Return: false if it has no generation left; lab_slot_vacate() retires it.
 */
bool lab_slot_clean(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);

	if (lab_word_state(word) != LABYRINTH_PAGE_DIRTY ||
	    lab_last_generation(word))
		return false;
	return lab_slot_move(slot, word, lab_word(lab_word_gen(word) + 1, 0,
						  LABYRINTH_PAGE_READY));
}

/**
 * lab_slot_vacate - DIRTY or READY to VACANT: the block goes to the system
 * @slot: taken from the dirty map, a stack or a ring by the worker
 *
 * A DIRTY slot's generation goes up; one that has none left is RETIRED.
 *
 * Return: true if it is VACANT, false if RETIRED.
 */
bool lab_slot_vacate(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);
	bool dirty = lab_word_state(word) == LABYRINTH_PAGE_DIRTY;

	if (dirty && lab_last_generation(word)) {
		lab_slot_move(slot, word, lab_word(lab_word_gen(word), 0,
						   LABYRINTH_PAGE_RETIRED));
		return false;
	}
	lab_slot_move(slot, word, lab_word(lab_word_gen(word) + dirty, 0,
					   LABYRINTH_PAGE_VACANT));
	return true;
}

/**
 * lab_slot_quarantine - DIRTY to QUARANTINED: it can't be proved clean
 * @slot: taken from the dirty map by the worker
 *
 * It goes on naming its last owner.
 *
 * Return: false if it is not DIRTY.
 */
bool lab_slot_quarantine(struct lab_slot *slot)
{
	u64 word = lab_slot_word(slot);

	return lab_word_state(word) == LABYRINTH_PAGE_DIRTY &&
	       lab_slot_move(slot, word, lab_word(lab_word_gen(word),
						  lab_word_owner(word),
						  LABYRINTH_PAGE_QUARANTINED));
}

/* === The registry ======================================================== */

/**
 * lab_registry_init - make a registry with every slot VACANT
 * @reg: zeroed
 * @slots: capacity, 1 to LAB_MAX_SLOTS
 *
 * Return: 0, -EINVAL, or -ENOMEM; lab_registry_exit() is right after each.
 */
int lab_registry_init(struct lab_registry *reg, u32 slots)
{
	u32 i;

	if (!slots || slots > LAB_MAX_SLOTS)
		return -EINVAL;
	reg->slot = __vmalloc(slots * sizeof(*reg->slot), LAB_GFP_TABLE);
	if (!reg->slot || lab_dirty_init(&reg->dirty, slots))
		return -ENOMEM;
	reg->slots = slots;
	for (i = 0; i < slots; i++) {
		/* Generation 0 is nobody's, so that no handle is 0. */
		atomic64_set(&reg->slot[i].word,
			     (s64)lab_word(1, 0, LABYRINTH_PAGE_VACANT));
		reg->slot[i].next = i + 1 < slots ? i + 1 : LAB_NIL;
	}
	atomic64_set(&reg->vacant.head, 0);
	atomic_long_set(&reg->vacants, slots);
	atomic_long_set(&reg->taken, 0);
	return 0;
}

void lab_registry_exit(struct lab_registry *reg)
{
	lab_dirty_exit(&reg->dirty);
	vfree(reg->slot);
}

/**
 * lab_registry_slot - the slot that a handle names, whoever made it up
 * @reg: the registry
 * @handle: any 64 bits
 *
 * Context: any.
 *
 * Return: the slot, or NULL if there is none of that index.
 */
struct lab_slot *lab_registry_slot(const struct lab_registry *reg, u64 handle)
{
	u32 index = lab_handle_index(handle);

	if (index >= reg->slots)
		return NULL;
	return &reg->slot[array_index_nospec(index, reg->slots)];
}
