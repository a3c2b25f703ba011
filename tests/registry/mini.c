// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small allocator made of the registry's real pieces. See mini.h.
 */
#include <string.h>

#include "mini.h"

/* What places.c promises, in accesses that another context can see. */
#define CLAIM_STEPS	6
#define RING_STEPS	2
#define STACK_STEPS	(1 + 2 * BOUND_TRIES)
#define OWN_STEPS	2
#define FREE_STEPS	4

/* === Taking ============================================================== */

static void accesses(unsigned long start, unsigned long most)
{
	CHECK(shim_steps - start <= most);
}

bool mini_claim(atomic_long_t *count)
{
	bool claimed = false;

	BOUNDED(BOUND_CLAIM)
		claimed = lab_claim(count);
	return claimed;
}

static u32 take_ring(struct mini_hand *hand, atomic_long_t *count)
{
	struct lab_ring *ring = &hand->mini->ring;
	unsigned long start = shim_steps;
	u32 index = LAB_NIL;

	if (mini_claim(count)) {
		BOUNDED(BOUND_RING_TAKE)
			index = lab_ring_take(ring);
		CHECK(index < MINI_SLOTS);
	}
	accesses(start, CLAIM_STEPS + RING_STEPS);
	return index;
}

static u32 take_stack(struct mini_hand *hand)
{
	struct mini *mini = hand->mini;
	u32 s = rng_below(&hand->rng, MINI_STACKS), index = LAB_NIL;
	unsigned long start = shim_steps;

	BOUNDED(BOUND_STACK_TAKE)
		index = lab_stack_take(&mini->reg, &mini->ready[s],
				       BOUND_TRIES);
	accesses(start, STACK_STEPS);
	return index;
}

/* Return: a handle, or 0. */
static u64 take_vacant(struct mini_hand *hand)
{
	struct mini *mini = hand->mini;
	struct lab_slot *slot = lab_vacant_take(&mini->reg);
	u32 index, order = rng_below(&hand->rng, 4);

	if (!slot)
		return 0;
	index = lab_slot_index(&mini->reg, slot);
	if (!rng_below(&hand->rng, 4)) {
		lab_vacant_put(&mini->reg, slot);
		return 0;
	}
	return lab_handle(lab_slot_enter(slot, &mini->page[index], order,
					 hand->owner), index);
}

static u64 own(struct mini_hand *hand, u32 index)
{
	unsigned long start = shim_steps;
	u64 word;

	if (index >= MINI_SLOTS)
		return 0;
	if (!CHECK(lab_slot_own(&hand->mini->reg.slot[index], hand->owner,
				&word)))
		return 0;
	accesses(start, OWN_STEPS);
	return lab_handle(word, index);
}

/* Seal it: its contents tell the handle that they were written under. */
static void seal(struct mini *mini, u64 handle)
{
	u32 index = lab_handle_index(handle), i;

	mini->reg.slot[index].tag = handle;
	for (i = 0; i < MINI_WORDS; i++)
		mini->page[index].word[i] = handle ^ i;
}

void mini_intact(struct mini *mini, u32 index)
{
	u32 i;

	for (i = 0; i < MINI_WORDS; i++)
		CHECK_EQ(mini->page[index].word[i],
			 mini->reg.slot[index].tag ^ i);
}

void mini_sign(struct mini *mini, u32 index, u32 from, u32 to)
{
	CHECK_EQ(__atomic_exchange_n(&mini->holder[index], to,
				     __ATOMIC_RELAXED), from);
}

void mini_keep(struct mini_hand *hand, u64 handle)
{
	seal(hand->mini, handle);
	hand->held[hand->count++] = handle;
}

/* Sign in; the page must be as the worker left it. */
static void move_in(struct mini_hand *hand, u64 handle)
{
	struct mini *mini = hand->mini;
	u32 index = lab_handle_index(handle), i;

	mini_sign(mini, index, 0, hand->owner);
	CHECK(mini->reg.slot[index].addr == &mini->page[index]);
	for (i = 0; i < MINI_WORDS; i++)
		CHECK_EQ(mini->page[index].word[i], 0);
	mini_keep(hand, handle);
}

u64 mini_part(struct mini_hand *hand, u32 which, u32 to)
{
	struct mini *mini = hand->mini;
	u64 handle = hand->held[which];
	u32 index = lab_handle_index(handle);

	hand->held[which] = hand->held[--hand->count];
	CHECK_EQ(mini->reg.slot[index].tag, handle);
	mini_intact(mini, index);
	mini_sign(mini, index, hand->owner, to);
	return handle;
}

static void alloc(struct mini_hand *hand)
{
	struct mini *mini = hand->mini;
	u64 handle;

	if (hand->count == MINI_HELD)
		return;
	switch (rng_below(&hand->rng, 5)) {
	case 0:
		handle = take_vacant(hand);
		break;
	case 1:
		handle = own(hand, take_ring(hand, &mini->ring.available));
		break;
	case 2:
		handle = own(hand, take_ring(hand, &mini->ring.emergency));
		break;
	case 3:
		handle = own(hand, take_ring(hand, &mini->credit[hand->owner]));
		break;
	default:
		handle = own(hand, take_stack(hand));
	}
	hand->empty++;
	if (!handle)
		return;
	hand->empty = 0;
	move_in(hand, handle);
	hand->allocs++;
	if (!rng_below(&hand->rng, 4))
		__atomic_store_n(&mini->board[rng_below(&hand->rng, MINI_BOARD)],
				 handle, __ATOMIC_RELAXED);
}

/* === Freeing ============================================================= */

struct lab_slot *mini_slot(struct mini *mini, u64 handle)
{
	return lab_registry_slot(&mini->reg, handle);
}

void mini_mark(struct mini *mini, u64 handle)
{
	BOUNDED(BOUND_MARK)
		lab_dirty_mark(&mini->reg.dirty, lab_handle_index(handle));
}

void mini_stale(struct mini_hand *hand, u64 handle)
{
	hand->stale[rng_below(&hand->rng, MINI_HELD)] = handle;
}

static void free_one(struct mini_hand *hand, u32 which)
{
	u64 handle = mini_part(hand, which, 0);
	struct lab_slot *slot = mini_slot(hand->mini, handle);
	unsigned long start;

	if (rng_below(&hand->rng, 3) == 0) {
		CHECK(lab_slot_leave(slot, handle, hand->owner));
		CHECK(!lab_slot_free(slot, handle, hand->owner));
		if (rng_below(&hand->rng, 2)) {
			CHECK(lab_slot_stay(slot, handle, hand->owner));
			CHECK(!lab_slot_gone(slot, handle, hand->owner));
			CHECK(lab_slot_leave(slot, handle, hand->owner));
		}
		CHECK(lab_slot_gone(slot, handle, hand->owner));
		mini_mark(hand->mini, handle);
	} else {
		start = shim_steps;
		CHECK(lab_slot_free(slot, handle, hand->owner));
		mini_mark(hand->mini, handle);
		accesses(start, FREE_STEPS);
	}
	mini_stale(hand, handle);
	hand->frees++;
}

static void refused(struct mini_hand *hand, u64 handle, u32 owner)
{
	struct lab_slot *slot = mini_slot(hand->mini, handle);

	if (!slot)
		return;
	CHECK(!lab_slot_free(slot, handle, owner));
	CHECK(!lab_slot_leave(slot, handle, owner));
	CHECK(!lab_slot_gone(slot, handle, owner));
	CHECK(!lab_slot_stay(slot, handle, owner));
	CHECK(!lab_slot_give(slot, handle, owner, hand->owner));
	CHECK(!lab_slot_pass(slot, handle, owner, hand->owner));
	CHECK(!lab_slot_take(slot, handle, owner));
	CHECK(!lab_slot_drop(slot, handle, owner));
	hand->refused += 8;
}

/* Stale handles, others', made up ones. */
static void misuse(struct mini_hand *hand)
{
	struct rng *rng = &hand->rng;
	u32 which = rng_below(rng, MINI_HELD);
	u64 handle;

	switch (rng_below(rng, 3)) {
	case 0:
		refused(hand, hand->stale[which], hand->owner);
		break;
	case 1:
		handle = __atomic_load_n(&hand->mini->board[which],
					 __ATOMIC_RELAXED);
		/* Nobody is owner MINI_OWNERS. */
		refused(hand, handle, MINI_OWNERS);
		break;
	default:
		if (which < hand->count)
			refused(hand, hand->held[which], MINI_OWNERS + 1);
		refused(hand, rng_next(rng), MINI_OWNERS);
	}
}

void mini_step(struct mini_hand *hand)
{
	u32 what = rng_below(&hand->rng, 10);

	if (what < 4)
		alloc(hand);
	else if (what == 4)
		mini_receive(hand);
	else if (what == 9)
		misuse(hand);
	else if (!hand->count)
		return;
	else if (what == 5)
		mini_give(hand, rng_below(&hand->rng, hand->count));
	else
		free_one(hand, rng_below(&hand->rng, hand->count));
}

void mini_let_go(struct mini_hand *hand)
{
	while (hand->count)
		free_one(hand, 0);
}
