// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small allocator made of the registry's real pieces. See mini.h.
 */
#include <string.h>

#include "mini.h"

#define MINI_TRIES	5

/* What places.c promises, in accesses that another context can see. */
#define CLAIM_STEPS	6
#define RING_STEPS	2
#define STACK_STEPS	(1 + 2 * MINI_TRIES)
#define OWN_STEPS	2
#define FREE_STEPS	4

/* === Taking ============================================================== */

static void bound(const struct mini_hand *hand, unsigned long start,
		  unsigned long steps)
{
	if (!hand->nested)
		CHECK(shim_steps - start <= steps);
}

static u32 take_ring(struct mini_hand *hand, atomic_long_t *count)
{
	struct lab_ring *ring = &hand->mini->ring;
	unsigned long start = shim_steps;
	u32 index = LAB_NIL;

	if (lab_claim(count)) {
		index = lab_ring_take(ring);
		CHECK(index < MINI_SLOTS);
	}
	bound(hand, start, CLAIM_STEPS + RING_STEPS);
	return index;
}

static u32 take_stack(struct mini_hand *hand)
{
	struct mini *mini = hand->mini;
	unsigned long start = shim_steps;
	u32 index = lab_stack_take(&mini->reg,
				   &mini->ready[rng_below(&hand->rng,
							  MINI_STACKS)],
				   MINI_TRIES);

	bound(hand, start, STACK_STEPS);
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
	bound(hand, start, OWN_STEPS);
	return lab_handle(word, index);
}

/* Sign in; the page must be as the worker left it. */
static void move_in(struct mini_hand *hand, u64 handle)
{
	struct mini *mini = hand->mini;
	u32 index = lab_handle_index(handle), i;
	struct lab_slot *slot = &mini->reg.slot[index];

	CHECK_EQ(__atomic_exchange_n(&mini->holder[index], hand->owner,
				     __ATOMIC_RELAXED), 0);
	CHECK(slot->addr == &mini->page[index]);
	slot->tag = handle;
	for (i = 0; i < MINI_WORDS; i++) {
		CHECK_EQ(mini->page[index].word[i], 0);
		mini->page[index].word[i] = handle ^ i;
	}
}

/* Before the word changes: after it, somebody else may come. */
static void move_out(struct mini_hand *hand, u64 handle)
{
	struct mini *mini = hand->mini;
	u32 index = lab_handle_index(handle), i;

	CHECK_EQ(mini->reg.slot[index].tag, handle);
	for (i = 0; i < MINI_WORDS; i++)
		CHECK_EQ(mini->page[index].word[i], handle ^ i);
	CHECK_EQ(__atomic_exchange_n(&mini->holder[index], 0,
				     __ATOMIC_RELAXED), hand->owner);
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
	hand->held[hand->count++] = handle;
	hand->allocs++;
	if (!rng_below(&hand->rng, 4))
		__atomic_store_n(&mini->board[rng_below(&hand->rng, MINI_BOARD)],
				 handle, __ATOMIC_RELAXED);
}

/* === Freeing ============================================================= */

static struct lab_slot *slot_of(struct mini_hand *hand, u64 handle)
{
	return lab_registry_slot(&hand->mini->reg, handle);
}

static void free_one(struct mini_hand *hand, u32 which)
{
	u64 handle = hand->held[which];
	struct lab_slot *slot = slot_of(hand, handle);
	unsigned long start;

	hand->held[which] = hand->held[--hand->count];
	move_out(hand, handle);
	if (rng_below(&hand->rng, 3) == 0) {
		CHECK(lab_slot_leave(slot, handle, hand->owner));
		CHECK(!lab_slot_free(slot, handle, hand->owner));
		if (rng_below(&hand->rng, 2)) {
			CHECK(lab_slot_stay(slot, handle, hand->owner));
			CHECK(!lab_slot_gone(slot, handle, hand->owner));
			CHECK(lab_slot_leave(slot, handle, hand->owner));
		}
		CHECK(lab_slot_gone(slot, handle, hand->owner));
		lab_dirty_mark(&hand->mini->reg.dirty, lab_handle_index(handle));
	} else {
		start = shim_steps;
		CHECK(lab_slot_free(slot, handle, hand->owner));
		lab_dirty_mark(&hand->mini->reg.dirty, lab_handle_index(handle));
		bound(hand, start, FREE_STEPS);
	}
	hand->stale[rng_below(&hand->rng, MINI_HELD)] = handle;
	hand->frees++;
}

static void refused(struct mini_hand *hand, u64 handle, u32 owner)
{
	struct lab_slot *slot = slot_of(hand, handle);

	if (!slot)
		return;
	CHECK(!lab_slot_free(slot, handle, owner));
	CHECK(!lab_slot_leave(slot, handle, owner));
	CHECK(!lab_slot_gone(slot, handle, owner));
	CHECK(!lab_slot_stay(slot, handle, owner));
	hand->refused += 4;
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
	u32 what = rng_below(&hand->rng, 8);

	if (what < 4)
		alloc(hand);
	else if (what == 7)
		misuse(hand);
	else if (hand->count)
		free_one(hand, rng_below(&hand->rng, hand->count));
}

void mini_let_go(struct mini_hand *hand)
{
	while (hand->count)
		free_one(hand, 0);
}

/* === The worker ========================================================== */

static atomic_long_t *any_count(struct mini *mini)
{
	u32 c = rng_below(&mini->rng, MINI_OWNERS + 8);

	return c >= MINI_OWNERS + 4 ? &mini->ring.emergency :
	       c >= MINI_OWNERS || !c ? &mini->ring.available :
					&mini->credit[c];
}

static void distribute(struct mini *mini, u32 index)
{
	u32 s = rng_below(&mini->rng, 2 * MINI_STACKS);

	if (s >= MINI_STACKS &&
	    lab_ring_put(&mini->ring, index, any_count(mini)))
		return;
	lab_stack_put(&mini->reg, &mini->ready[s % MINI_STACKS], index);
}

static void vacate(struct mini *mini, struct lab_slot *slot)
{
	if (lab_slot_vacate(slot))
		lab_vacant_put(&mini->reg, slot);
	else
		CHECK_EQ(lab_word_gen(lab_slot_word(slot)), LAST_GEN);
}

bool mini_recycle(struct mini *mini)
{
	u32 index = lab_dirty_next(&mini->reg.dirty, 0), i;
	struct lab_slot *slot;

	if (index == LAB_NIL || !CHECK(index < MINI_SLOTS))
		return false;
	slot = &mini->reg.slot[index];
	/* No look at the word before: the map alone hands the page over. */
	for (i = 0; i < MINI_WORDS; i++) {
		CHECK_EQ(mini->page[index].word[i], slot->tag ^ i);
		mini->page[index].word[i] = 0;
	}
	CHECK_EQ(slot_state(slot), LABYRINTH_PAGE_DIRTY);
	if (mini->quarantined < MINI_QUARANTINE &&
	    !rng_below(&mini->rng, 1000)) {
		CHECK(lab_slot_quarantine(slot));
		mini->quarantined++;
	} else if (slot->order || !rng_below(&mini->rng, 4) ||
		   !lab_slot_clean(slot)) {
		vacate(mini, slot);
	} else {
		distribute(mini, index);
	}
	return true;
}

static bool refill(struct mini *mini)
{
	struct lab_slot *slot = lab_vacant_take(&mini->reg);
	u32 index;

	if (!slot)
		return false;
	index = lab_slot_index(&mini->reg, slot);
	lab_slot_fill(slot, &mini->page[index]);
	distribute(mini, index);
	return true;
}

static void trim(struct mini *mini)
{
	u32 index;

	if (lab_claim(any_count(mini))) {
		index = lab_ring_take(&mini->ring);
		if (CHECK(index < MINI_SLOTS))
			vacate(mini, &mini->reg.slot[index]);
	}
}

/* Entries stay where they are; only who may claim them changes. */
static void move_credit(struct mini *mini)
{
	if (lab_claim(any_count(mini)))
		atomic_long_inc(any_count(mini));
}

bool mini_work(struct mini *mini)
{
	switch (rng_below(&mini->rng, 8)) {
	case 0:
		trim(mini);
		return false;
	case 1:
		move_credit(mini);
		return false;
	case 2:
		return refill(mini);
	default:
		return mini_recycle(mini) || refill(mini);
	}
}

/* === Beginning and end =================================================== */

bool mini_begin(struct mini *mini, u64 stream)
{
	u32 i;

	memset(mini, 0, sizeof(*mini));
	mini->rng = rng_of(stream);
	if (!CHECK_EQ(lab_registry_init(&mini->reg, MINI_SLOTS), 0) ||
	    !CHECK_EQ(lab_ring_init(&mini->ring, MINI_RING), 0))
		return false;
	for (i = 0; i < MINI_STACKS; i++)
		lab_stack_init(&mini->ready[i]);
	/* The ends of the ring wrap, and some slots retire, under way. */
	mini->ring.tail = 0U - 1000;
	atomic_set(&mini->ring.head, (int)mini->ring.tail);
	for (i = 0; i < MINI_SLOTS; i += 16)
		slot_set(&mini->reg.slot[i], LAST_GEN - 50, 0,
			 LABYRINTH_PAGE_VACANT);
	return true;
}

static void found(struct mini *mini, u32 *times, u32 index,
		  enum labyrinth_page_state state)
{
	if (!CHECK(index < MINI_SLOTS))
		return;
	times[index]++;
	CHECK_EQ(slot_state(&mini->reg.slot[index]), state);
}

static u32 walk(struct mini *mini, u32 *times, const struct lab_stack *stack,
		enum labyrinth_page_state state)
{
	u32 index = lab_stack_top(stack), n = 0;

	while (index != LAB_NIL && !test_failed()) {
		found(mini, times, index, state);
		CHECK_EQ(times[index], 1);
		index = mini->reg.slot[index].next;
		n++;
	}
	return n;
}

static void audit_ring(struct mini *mini, u32 *times)
{
	u64 entries = 0, claimable = 0;
	u32 i, index;

	for (i = 0; i <= mini->ring.mask; i++) {
		index = (u32)atomic_read(&mini->ring.entry[i]);
		if (index == LAB_NIL)
			continue;
		found(mini, times, index, LABYRINTH_PAGE_READY);
		entries++;
	}
	for (i = 0; i < MINI_OWNERS; i++)
		claimable += (u64)atomic_long_read(&mini->credit[i]);
	claimable += (u64)atomic_long_read(&mini->ring.available);
	claimable += (u64)atomic_long_read(&mini->ring.emergency);
	CHECK_EQ(entries, claimable);
	CHECK_EQ(mini->ring.tail - (u32)atomic_read(&mini->ring.head), entries);
}

static void audit_slot(struct mini *mini, u32 i, u32 times, u32 *quarantined)
{
	enum labyrinth_page_state state = slot_state(&mini->reg.slot[i]);
	u32 w;

	if (state == LABYRINTH_PAGE_RETIRED) {
		CHECK_EQ(times, 0);
	} else if (state == LABYRINTH_PAGE_QUARANTINED) {
		CHECK_EQ(times, 0);
		++*quarantined;
	} else {
		CHECK_EQ(times, 1);
	}
	CHECK_EQ(mini->holder[i], 0);
	CHECK(!lab_dirty_test(&mini->reg.dirty, i));
	for (w = 0; w < MINI_WORDS; w++)
		CHECK_EQ(mini->page[i].word[w], 0);
}

void mini_end(struct mini *mini)
{
	u32 times[MINI_SLOTS] = {}, i, n, quarantined = 0;

	while (mini_recycle(mini) && !test_failed())
		;
	n = walk(mini, times, &mini->reg.vacant, LABYRINTH_PAGE_VACANT);
	CHECK_EQ(n, atomic_long_read(&mini->reg.vacants));
	for (i = 0; i < MINI_STACKS; i++) {
		n = walk(mini, times, &mini->ready[i], LABYRINTH_PAGE_READY);
		CHECK_EQ(n, lab_stack_count(&mini->ready[i]));
	}
	audit_ring(mini, times);
	for (i = 0; i < MINI_SLOTS; i++)
		audit_slot(mini, i, times[i], &quarantined);
	CHECK_EQ(quarantined, mini->quarantined);
	lab_ring_exit(&mini->ring);
	lab_registry_exit(&mini->reg);
}
