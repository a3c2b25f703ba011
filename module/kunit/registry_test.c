// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry: each arrow of a block's life from each state, and what comes of a
 * generation that is the last one.
 */
#include "suite.h"

#define ME	7U
#define YOU	9U

/* === Arrows ============================================================== */

/* An arrow, called as by owner ME with the handle that the slot has now. */
struct arrow {
	const char *name;
	bool (*move)(struct lab_slot *slot, u64 handle);
	/* Bit by bit: the states that it starts from. */
	u32 from;
	enum labyrinth_page_state to;
	/* The new word's. */
	u32 owner;
	u32 more_gen;
};

static bool move_own(struct lab_slot *slot, u64 handle)
{
	u64 word;

	return lab_slot_own(slot, ME, &word) && word == lab_slot_word(slot);
}

static bool move_leave(struct lab_slot *slot, u64 handle)
{
	return lab_slot_leave(slot, handle, ME);
}

static bool move_stay(struct lab_slot *slot, u64 handle)
{
	return lab_slot_stay(slot, handle, ME);
}

static bool move_free(struct lab_slot *slot, u64 handle)
{
	return lab_slot_free(slot, handle, ME);
}

static bool move_gone(struct lab_slot *slot, u64 handle)
{
	return lab_slot_gone(slot, handle, ME);
}

static bool move_give(struct lab_slot *slot, u64 handle)
{
	return lab_slot_give(slot, handle, ME, YOU);
}

static bool move_pass(struct lab_slot *slot, u64 handle)
{
	return lab_slot_pass(slot, handle, ME, YOU);
}

static bool move_take(struct lab_slot *slot, u64 handle)
{
	return lab_slot_take(slot, handle, ME);
}

static bool move_drop(struct lab_slot *slot, u64 handle)
{
	return lab_slot_drop(slot, handle, ME);
}

static bool move_clean(struct lab_slot *slot, u64 handle)
{
	return lab_slot_clean(slot);
}

static bool move_quarantine(struct lab_slot *slot, u64 handle)
{
	return lab_slot_quarantine(slot);
}

#define OF(state)	BIT(LABYRINTH_PAGE_ ## state)
#define TO(state)	LABYRINTH_PAGE_ ## state

static const struct arrow arrows[] = {
	{ "own", move_own, OF(READY), TO(OWNED), ME, 0 },
	{ "leave", move_leave, OF(OWNED), TO(LEAVING), ME, 0 },
	{ "stay", move_stay, OF(LEAVING), TO(OWNED), ME, 0 },
	{ "free", move_free, OF(OWNED), TO(DIRTY), ME, 0 },
	{ "gone", move_gone, OF(LEAVING), TO(DIRTY), ME, 0 },
	{ "give", move_give, OF(OWNED), TO(TRANSIT), YOU, 1 },
	{ "pass", move_pass, OF(LEAVING), TO(TRANSIT), YOU, 1 },
	{ "take", move_take, OF(TRANSIT), TO(OWNED), ME, 0 },
	{ "drop", move_drop, OF(TRANSIT), TO(DIRTY), ME, 0 },
	{ "clean", move_clean, OF(DIRTY), TO(READY), 0, 1 },
	{ "quarantine", move_quarantine, OF(DIRTY), TO(QUARANTINED), ME, 0 },
};

static void arrow_name(const struct arrow *arrow, char *desc)
{
	strscpy(desc, arrow->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(arrow, arrows, arrow_name);

static void arrow_from(struct kunit *test, const struct arrow *arrow,
		       enum labyrinth_page_state state, u64 gen)
{
	struct lab_slot slot = {};
	bool legal = arrow->from & BIT(state);
	/* READY is nobody's; all else that has an owner here has ME. */
	u32 owner = state == LABYRINTH_PAGE_READY ? 0 : ME;
	u64 before = lab_word(gen, owner, state);

	lab_slot_set(&slot, gen, owner, state);
	KUNIT_EXPECT_EQ_MSG(test, arrow->move(&slot, lab_handle(before, 3)),
			    legal, "from state %u, generation %llu", state, gen);
	KUNIT_EXPECT_EQ_MSG(test, lab_slot_word(&slot),
			    legal ? lab_word(gen + arrow->more_gen, arrow->owner,
					     arrow->to) : before,
			    "from state %u, generation %llu", state, gen);
}

static void arrow_from_each_state(struct kunit *test)
{
	enum labyrinth_page_state state;

	for (state = 0; state < LAB_STATES; state++) {
		arrow_from(test, test->param_value, state, 1);
		arrow_from(test, test->param_value, state, BIT_ULL(32));
		arrow_from(test, test->param_value, state, LAB_LAST_GEN - 1);
	}
}

/* Done once is done: whoever comes second is refused. */
static void arrow_happens_once(struct kunit *test)
{
	const struct arrow *arrow = test->param_value;
	enum labyrinth_page_state state = __ffs(arrow->from);
	u32 owner = state == LABYRINTH_PAGE_READY ? 0 : ME;
	u64 handle = lab_handle(lab_word(5, owner, state), 3);
	struct lab_slot slot = {};

	lab_slot_set(&slot, 5, owner, state);
	KUNIT_EXPECT_TRUE(test, arrow->move(&slot, handle));
	KUNIT_EXPECT_FALSE(test, arrow->move(&slot, handle));
}

/* === Arrows of who holds a slot alone ==================================== */

static void registry_fill_enter(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 2);
	struct lab_slot *filled = lab_vacant_take(reg);
	struct lab_slot *entered = lab_vacant_take(reg);
	u64 word;

	KUNIT_ASSERT_NOT_NULL(test, filled);
	KUNIT_ASSERT_NOT_NULL(test, entered);
	lab_slot_fill(filled, test);
	KUNIT_EXPECT_EQ(test, lab_slot_word(filled),
			lab_word(1, 0, LABYRINTH_PAGE_READY));
	KUNIT_EXPECT_PTR_EQ(test, filled->addr, (void *)test);
	KUNIT_EXPECT_EQ(test, filled->order, 0);
	word = lab_slot_enter(entered, reg, LAB_MAX_ORDER, ME);
	KUNIT_EXPECT_EQ(test, word, lab_word(1, ME, LABYRINTH_PAGE_OWNED));
	KUNIT_EXPECT_EQ(test, lab_slot_word(entered), word);
	KUNIT_EXPECT_PTR_EQ(test, entered->addr, (void *)reg);
	KUNIT_EXPECT_EQ(test, entered->order, LAB_MAX_ORDER);
}

static void registry_vacate(struct kunit *test)
{
	struct lab_slot slot = {};

	lab_slot_set(&slot, 4, 0, LABYRINTH_PAGE_READY);
	KUNIT_EXPECT_TRUE(test, lab_slot_vacate(&slot));
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot),
			lab_word(4, 0, LABYRINTH_PAGE_VACANT));
	/* Somebody had a handle to what is DIRTY. */
	lab_slot_set(&slot, 4, ME, LABYRINTH_PAGE_DIRTY);
	KUNIT_EXPECT_TRUE(test, lab_slot_vacate(&slot));
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot),
			lab_word(5, 0, LABYRINTH_PAGE_VACANT));
}

/* === The last generation ================================================= */

static void registry_wrap_clean(struct kunit *test)
{
	struct lab_slot slot = {};

	lab_slot_set(&slot, LAB_LAST_GEN, ME, LABYRINTH_PAGE_DIRTY);
	KUNIT_EXPECT_FALSE(test, lab_slot_clean(&slot));
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot),
			lab_word(LAB_LAST_GEN, ME, LABYRINTH_PAGE_DIRTY));
	KUNIT_EXPECT_FALSE(test, lab_slot_vacate(&slot));
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot),
			lab_word(LAB_LAST_GEN, 0, LABYRINTH_PAGE_RETIRED));
}

/* One that nobody has had yet may be had with it, once. */
static void registry_wrap_ready(struct kunit *test)
{
	struct lab_slot slot = {};
	u64 word;

	lab_slot_set(&slot, LAB_LAST_GEN, 0, LABYRINTH_PAGE_READY);
	KUNIT_EXPECT_TRUE(test, lab_slot_own(&slot, ME, &word));
	KUNIT_EXPECT_EQ(test, lab_word_gen(word), LAB_LAST_GEN);
	KUNIT_EXPECT_TRUE(test, lab_slot_free(&slot, lab_handle(word, 0), ME));
	KUNIT_EXPECT_FALSE(test, lab_slot_clean(&slot));
}

/* It can't go up when given; another owner makes it another word all the same. */
static void registry_wrap_give(struct kunit *test)
{
	u64 handle = lab_handle(lab_word(LAB_LAST_GEN, 0, 0), 3);
	struct lab_slot slot = {};

	lab_slot_set(&slot, LAB_LAST_GEN, ME, LABYRINTH_PAGE_OWNED);
	KUNIT_EXPECT_TRUE(test, lab_slot_give(&slot, handle, ME, YOU));
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot),
			lab_word(LAB_LAST_GEN, YOU, LABYRINTH_PAGE_TRANSIT));
	KUNIT_EXPECT_FALSE(test, lab_slot_free(&slot, handle, ME));
	KUNIT_EXPECT_TRUE(test, lab_slot_take(&slot, handle, YOU));
	KUNIT_EXPECT_FALSE(test, lab_slot_free(&slot, handle, ME));
}

/* === Giving ============================================================== */

static void registry_give_take(struct kunit *test)
{
	struct lab_slot slot = {};
	u64 mine, yours;

	lab_slot_set(&slot, 8, ME, LABYRINTH_PAGE_OWNED);
	mine = lab_handle(lab_slot_word(&slot), 3);
	KUNIT_ASSERT_TRUE(test, lab_slot_give(&slot, mine, ME, YOU));
	yours = lab_handle(lab_slot_word(&slot), 3);
	KUNIT_EXPECT_NE(test, mine, yours);
	/* In transit it is the receiver's, and no one's to use. */
	KUNIT_EXPECT_FALSE(test, lab_slot_free(&slot, yours, YOU));
	KUNIT_EXPECT_FALSE(test, lab_slot_leave(&slot, yours, YOU));
	KUNIT_EXPECT_FALSE(test, lab_slot_take(&slot, mine, YOU));
	KUNIT_EXPECT_FALSE(test, lab_slot_take(&slot, yours, ME));
	KUNIT_EXPECT_TRUE(test, lab_slot_take(&slot, yours, YOU));
	/* The giver's handle stays worthless, to the receiver too. */
	KUNIT_EXPECT_FALSE(test, lab_slot_free(&slot, mine, ME));
	KUNIT_EXPECT_FALSE(test, lab_slot_free(&slot, mine, YOU));
	KUNIT_EXPECT_TRUE(test, lab_slot_free(&slot, yours, YOU));
}

static void registry_give_oneself(struct kunit *test)
{
	struct lab_slot slot = {};
	u64 handle, later;

	lab_slot_set(&slot, 8, ME, LABYRINTH_PAGE_OWNED);
	handle = lab_handle(lab_slot_word(&slot), 3);
	KUNIT_ASSERT_TRUE(test, lab_slot_give(&slot, handle, ME, ME));
	later = lab_handle(lab_slot_word(&slot), 3);
	KUNIT_EXPECT_NE(test, handle, later);
	KUNIT_EXPECT_FALSE(test, lab_slot_take(&slot, handle, ME));
	KUNIT_EXPECT_TRUE(test, lab_slot_take(&slot, later, ME));
}

/* === Capacity ============================================================ */

static void registry_capacity(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 5);
	struct lab_registry bad = {};
	struct lab_slot *slot;
	u32 i;

	KUNIT_EXPECT_EQ(test, lab_registry_init(&bad, 0), -EINVAL);
	lab_registry_exit(&bad);
	KUNIT_EXPECT_EQ(test, lab_registry_init(&bad, LAB_MAX_SLOTS + 1), -EINVAL);
	lab_registry_exit(&bad);
	KUNIT_EXPECT_EQ(test, reg->slots, 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&reg->vacants), 5);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&reg->taken), 0);
	for (i = 0; i < 5; i++) {
		slot = lab_vacant_take(reg);
		KUNIT_EXPECT_PTR_EQ(test, slot, &reg->slot[i]);
		KUNIT_EXPECT_EQ(test, lab_slot_word(slot),
				lab_word(1, 0, LABYRINTH_PAGE_VACANT));
	}
	KUNIT_EXPECT_NULL(test, lab_vacant_take(reg));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&reg->vacants), 0);
	lab_vacant_put(reg, slot);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&reg->vacants), 1);
	KUNIT_EXPECT_PTR_EQ(test, lab_vacant_take(reg), slot);
}

static struct kunit_case registry_cases[] = {
	KUNIT_CASE_PARAM(arrow_from_each_state, arrow_gen_params),
	KUNIT_CASE_PARAM(arrow_happens_once, arrow_gen_params),
	KUNIT_CASE(registry_fill_enter),
	KUNIT_CASE(registry_vacate),
	KUNIT_CASE(registry_wrap_clean),
	KUNIT_CASE(registry_wrap_ready),
	KUNIT_CASE(registry_wrap_give),
	KUNIT_CASE(registry_give_take),
	KUNIT_CASE(registry_give_oneself),
	KUNIT_CASE(registry_capacity),
	{}
};

static struct kunit_suite registry_suite = {
	.name = "labyrinth-registry",
	.test_cases = registry_cases,
};

kunit_test_suite(registry_suite);
