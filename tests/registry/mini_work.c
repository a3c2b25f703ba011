// SPDX-License-Identifier: GPL-2.0-only
/*
 * The small allocator's worker, its beginning, and the audit at its end. See
 * mini.h.
 */
#include <string.h>

#include "mini.h"

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
	mini_intact(mini, index);
	for (i = 0; i < MINI_WORDS; i++)
		mini->page[index].word[i] = 0;
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

static bool begin_inboxes(struct mini *mini)
{
	u32 i;

	for (i = 1; i <= mini->receivers; i++) {
		struct lab_queue *inbox = &mini->inbox[i];

		if (!CHECK_EQ(lab_queue_init(inbox, MINI_INBOX), 0))
			return false;
		/* The tickets wrap under way. */
		inbox->head = 0U - 1000;
		atomic_set(&inbox->tail, (int)inbox->head);
	}
	return true;
}

bool mini_begin(struct mini *mini, u32 receivers, u64 stream)
{
	u32 i;

	memset(mini, 0, sizeof(*mini));
	mini->rng = rng_of(stream);
	mini->receivers = receivers;
	if (!CHECK_EQ(lab_registry_init(&mini->reg, MINI_SLOTS), 0) ||
	    !CHECK_EQ(lab_ring_init(&mini->ring, MINI_RING), 0) ||
	    !begin_inboxes(mini))
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

static void end_inbox(struct mini *mini, u32 owner)
{
	struct lab_queue *inbox = &mini->inbox[owner];
	u32 i;

	mini_sweep(mini, owner);
	CHECK_EQ(atomic_long_read(&inbox->room), MINI_INBOX);
	CHECK_EQ((u32)atomic_read(&inbox->tail), inbox->head);
	for (i = 0; i <= inbox->mask; i++)
		CHECK_EQ(atomic_read(&inbox->entry[i]), LAB_NIL);
	lab_queue_exit(inbox);
}

void mini_end(struct mini *mini)
{
	u32 times[MINI_SLOTS] = {}, i, n, quarantined = 0;

	for (i = 1; i <= mini->receivers; i++)
		end_inbox(mini, i);
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

void mini_sum(struct mini_hand *sum, const struct mini_hand *hand)
{
	sum->allocs += hand->allocs;
	sum->frees += hand->frees;
	sum->gives += hand->gives;
	sum->takes += hand->takes;
	sum->drops += hand->drops;
	sum->refused += hand->refused;
	sum->full += hand->full;
}

void mini_balance(const struct mini *mini, const struct mini_hand *sum)
{
	CHECK_EQ(sum->gives, sum->takes + sum->drops + mini->swept);
	CHECK_EQ(sum->allocs, sum->frees + sum->drops + mini->swept);
	test_note("%llu taken and freed; %llu given, %llu received, %llu dropped, %u swept, %llu times no room",
		  sum->allocs, sum->gives, sum->takes, sum->drops, mini->swept,
		  sum->full);
}
