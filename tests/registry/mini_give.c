// SPDX-License-Identifier: GPL-2.0-only
/*
 * The small allocator's give, take and drop, as module/inbox.c does them. See
 * mini.h.
 */
#include "mini.h"

/* What goes along with what is given: who gave it, and his how many-th it is. */
#define NOTE_SHIFT	24
#define NOTE_MASK	(BIT(NOTE_SHIFT) - 1)

/* === Giving ============================================================== */

static bool last(u64 handle)
{
	return handle >> LAB_INDEX_BITS == LAST_GEN;
}

/* Return: false if it is no longer there: a fault, whoever is to blame. */
static bool hand_over(struct mini_hand *hand, u64 handle, u32 to, bool leaving)
{
	struct lab_slot *slot = mini_slot(hand->mini, handle);
	bool moved = false;

	if (leaving) {
		CHECK(!lab_slot_give(slot, handle, hand->owner, to));
		BOUNDED(BOUND_ARROW)
			moved = lab_slot_pass(slot, handle, hand->owner, to);
	} else {
		CHECK(!lab_slot_pass(slot, handle, hand->owner, to));
		BOUNDED(BOUND_ARROW)
			moved = lab_slot_give(slot, handle, hand->owner, to);
	}
	/* Nobody takes it before it is in the queue; the giver can't even now. */
	CHECK(!lab_slot_give(slot, handle, hand->owner, to));
	CHECK(!lab_slot_free(slot, handle, hand->owner));
	return CHECK(moved);
}

static void send(struct mini_hand *hand, u64 handle, u32 to)
{
	u32 index = lab_handle_index(handle);

	/* Plain: until it is in the queue the slot is the giver's to write. */
	hand->mini->reg.slot[index].length =
		hand->owner << NOTE_SHIFT | (++hand->sent[to] & NOTE_MASK);
	hand->giving = true;
	BOUNDED(BOUND_QUEUE_PUT)
		lab_queue_put(&hand->mini->inbox[to], index);
	hand->giving = false;
	hand->gives++;
}

/* The place first; without one nothing changes. To oneself, now and then. */
void mini_give(struct mini_hand *hand, u32 which)
{
	struct mini *mini = hand->mini;
	u32 to = 1 + rng_below(&hand->rng, mini->receivers);
	bool leaving = !rng_below(&hand->rng, 3);
	u64 handle = hand->held[which];
	struct lab_slot *slot = mini_slot(mini, handle);

	if (leaving)
		CHECK(lab_slot_leave(slot, handle, hand->owner));
	if (!mini_claim(&mini->inbox[to].room)) {
		if (leaving)
			CHECK(lab_slot_stay(slot, handle, hand->owner));
		hand->full++;
		return;
	}
	mini_part(hand, which, MINI_ON_ITS_WAY + to);
	if (!hand_over(hand, handle, to, leaving))
		return;
	/* In its last generation it has the same handle, if it comes back. */
	if (!last(handle))
		mini_stale(hand, handle);
	send(hand, handle, to);
}

/* === Taking ============================================================== */

/* As its giver left it; and what one giver gave comes in the order he gave. */
static void unseal(struct mini *mini, u32 *came, u32 index, u64 handle)
{
	struct lab_slot *slot = &mini->reg.slot[index];
	u32 from = slot->length >> NOTE_SHIFT;

	if (!CHECK(from > 0 && from < MINI_OWNERS))
		return;
	if (came)
		CHECK_EQ(slot->length & NOTE_MASK, ++came[from] & NOTE_MASK);
	mini_intact(mini, index);
	CHECK_EQ(slot->tag + (last(slot->tag) ? 0 : LAB_GEN_ONE), handle);
	CHECK_EQ(slot_state(slot), LABYRINTH_PAGE_TRANSIT);
}

static void drop(struct mini *mini, u64 handle, u32 owner)
{
	struct lab_slot *slot = mini_slot(mini, handle);
	bool moved = false;

	mini_sign(mini, lab_handle_index(handle), MINI_ON_ITS_WAY + owner, 0);
	BOUNDED(BOUND_ARROW)
		moved = lab_slot_drop(slot, handle, owner);
	CHECK(moved);
	CHECK(!lab_slot_take(slot, handle, owner));
	mini_mark(mini, handle);
}

static void take(struct mini_hand *hand, u64 handle)
{
	struct mini *mini = hand->mini;
	struct lab_slot *slot = mini_slot(mini, handle);
	bool moved = false;

	CHECK(!lab_slot_free(slot, handle, hand->owner));
	CHECK(!lab_slot_take(slot, handle, MINI_OWNERS));
	BOUNDED(BOUND_ARROW)
		moved = lab_slot_take(slot, handle, hand->owner);
	CHECK(moved);
	CHECK(!lab_slot_drop(slot, handle, hand->owner));
	mini_sign(mini, lab_handle_index(handle),
		  MINI_ON_ITS_WAY + hand->owner, hand->owner);
	mini_keep(hand, handle);
	hand->takes++;
}

/* Return: a handle, or 0. */
static u64 next(struct mini *mini, u32 owner, u32 *came)
{
	u32 index = LAB_NIL;
	u64 handle;

	BOUNDED(BOUND_QUEUE_TAKE)
		index = lab_queue_take(&mini->inbox[owner]);
	if (index == LAB_NIL || !CHECK(index < MINI_SLOTS))
		return 0;
	handle = lab_handle(lab_slot_word(&mini->reg.slot[index]), index);
	unseal(mini, came, index, handle);
	return handle;
}

void mini_receive(struct mini_hand *hand)
{
	struct mini *mini = hand->mini;
	u32 ahead = lab_queue_peek(&mini->inbox[hand->owner], 0);
	u64 handle = next(mini, hand->owner, hand->came);

	if (!handle) {
		CHECK_EQ(ahead, LAB_NIL);
		return;
	}
	CHECK(ahead == LAB_NIL || ahead == lab_handle_index(handle));
	if (hand->count < MINI_HELD && rng_below(&hand->rng, 8)) {
		take(hand, handle);
		return;
	}
	drop(mini, handle, hand->owner);
	hand->drops++;
}

void mini_sweep(struct mini *mini, u32 owner)
{
	u64 handle;

	while (!test_failed() && (handle = next(mini, owner, NULL))) {
		drop(mini, handle, owner);
		mini->swept++;
	}
}
