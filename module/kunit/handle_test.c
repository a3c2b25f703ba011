// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words and handles: what is packed comes out again, at each field's bounds, and a
 * handle opens nothing but the one word that it was made of.
 */
#include "suite.h"

/* === Packing ============================================================= */

struct word_param {
	const char *name;
	u64 gen;
	u32 owner;
	u32 index;
};

static const struct word_param word_params[] = {
	{ "least", 1, 1, 0 },
	{ "generation 0", 0, 1, 1 },
	{ "second of each", 2, 2, 1 },
	{ "past 32 bits of generation", BIT_ULL(32), 7, 4095 },
	{ "highest bit of each", BIT_ULL(39), BIT(19), BIT(23) },
	{ "last but one of each", LAB_LAST_GEN - 1, LAB_MAX_OWNER - 1,
	  LAB_MAX_SLOTS - 2 },
	{ "last of each", LAB_LAST_GEN, LAB_MAX_OWNER, LAB_MAX_SLOTS - 1 },
};

static void word_name(const struct word_param *param, char *desc)
{
	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(word, word_params, word_name);

static void word_round_trip(struct kunit *test)
{
	const struct word_param *p = test->param_value;
	u32 state;

	for (state = 0; state < LAB_STATES; state++) {
		u64 word = lab_word(p->gen, p->owner, state);

		KUNIT_EXPECT_EQ(test, lab_word_gen(word), p->gen);
		KUNIT_EXPECT_EQ(test, lab_word_owner(word), p->owner);
		KUNIT_EXPECT_EQ(test, (u32)lab_word_state(word), state);
	}
}

static void handle_round_trip(struct kunit *test)
{
	const struct word_param *p = test->param_value;
	u32 state;

	for (state = 0; state < LAB_STATES; state++) {
		u64 word = lab_word(p->gen, p->owner, state);
		u64 handle = lab_handle(word, p->index);

		KUNIT_EXPECT_EQ(test, lab_handle_index(handle), p->index);
		KUNIT_EXPECT_EQ(test, lab_handle_word(handle, p->owner, state),
				word);
		/* Neither owner nor state is in it: knowing it tells nothing. */
		KUNIT_EXPECT_EQ(test, handle,
				lab_handle(lab_word(p->gen, 0, 0), p->index));
	}
}

/* A bit of a field changes that field alone. */
static void word_fields_apart(struct kunit *test)
{
	u64 all = LAB_STATE_MASK | LAB_OWNER_MASK | LAB_GEN_MASK;

	KUNIT_EXPECT_EQ(test, all, U64_MAX);
	KUNIT_EXPECT_EQ(test, LAB_STATE_MASK & LAB_OWNER_MASK, 0);
	KUNIT_EXPECT_EQ(test, LAB_OWNER_MASK & LAB_GEN_MASK, 0);
	KUNIT_EXPECT_EQ(test, lab_word(LAB_LAST_GEN, 0, 0), LAB_GEN_MASK);
	KUNIT_EXPECT_EQ(test, lab_word(0, LAB_MAX_OWNER, 0), LAB_OWNER_MASK);
	KUNIT_EXPECT_EQ(test, lab_word(1, 0, 0), LAB_GEN_ONE);
	/* States fit, with room for more. */
	KUNIT_EXPECT_LE(test, (u64)LABYRINTH_PAGE_RETIRED, LAB_STATE_MASK);
	/* An index that is none is none of a handle's. */
	KUNIT_EXPECT_EQ(test, LAB_MAX_SLOTS, BIT(LAB_INDEX_BITS));
	KUNIT_EXPECT_EQ(test, LAB_NIL, LAB_MAX_SLOTS);
}

/* === The slot that a handle names ======================================== */

static void handle_slot(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 3);
	u32 i;

	for (i = 0; i < reg->slots; i++) {
		KUNIT_EXPECT_PTR_EQ(test, lab_registry_slot(reg, i),
				    &reg->slot[i]);
		KUNIT_EXPECT_PTR_EQ(test, lab_registry_slot(reg, LAB_GEN_MASK | i),
				    &reg->slot[i]);
		KUNIT_EXPECT_EQ(test, lab_slot_index(reg, &reg->slot[i]), i);
	}
	KUNIT_EXPECT_NULL(test, lab_registry_slot(reg, 3));
	KUNIT_EXPECT_NULL(test, lab_registry_slot(reg, LAB_MAX_SLOTS - 1));
	KUNIT_EXPECT_NULL(test, lab_registry_slot(reg, U64_MAX));
	KUNIT_EXPECT_NULL(test, lab_registry_slot(reg, LAB_GEN_MASK | 3));
}

/* No slot ever has generation 0, so a handle is never 0. */
static void handle_zero(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 2);
	struct lab_slot *slot = lab_vacant_take(reg);
	u64 word;

	KUNIT_EXPECT_PTR_EQ(test, slot, &reg->slot[0]);
	lab_slot_fill(slot, reg);
	KUNIT_EXPECT_TRUE(test, lab_slot_own(slot, 1, &word));
	KUNIT_EXPECT_NE(test, lab_handle(word, 0), 0);
	KUNIT_EXPECT_FALSE(test, lab_slot_free(slot, 0, 1));
	KUNIT_EXPECT_EQ(test, lab_slot_word(slot), word);
}

/* === What is not the caller's is refused ================================= */

/* Each differs from what the slot has in one thing. */
struct guess_param {
	const char *name;
	s64 gen;
	u32 owner;
	bool fits;
};

static const struct guess_param guess_params[] = {
	{ "its own", 0, 7, true },
	{ "the generation before", -1, 7 },
	{ "the generation after", 1, 7 },
	{ "a generation far off", BIT_ULL(38), 7 },
	{ "another owner", 0, 8 },
	{ "nobody", 0, 0 },
	{ "an owner with one bit more", 0, 7 | BIT(19) },
};

static void guess_name(const struct guess_param *param, char *desc)
{
	strscpy(desc, param->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(guess, guess_params, guess_name);

static void handle_guess(struct kunit *test)
{
	const struct guess_param *p = test->param_value;
	u64 gen = 1000, handle = lab_handle(lab_word(gen + (u64)p->gen, 0, 0), 5);
	u64 before = lab_word(gen, 7, LABYRINTH_PAGE_OWNED);
	struct lab_slot slot = {};

	lab_slot_set(&slot, gen, 7, LABYRINTH_PAGE_OWNED);
	KUNIT_EXPECT_EQ(test, lab_slot_leave(&slot, handle, p->owner), p->fits);
	KUNIT_EXPECT_EQ(test, lab_slot_stay(&slot, handle, p->owner), p->fits);
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot), before);
	KUNIT_EXPECT_EQ(test, lab_slot_free(&slot, handle, p->owner), p->fits);
	KUNIT_EXPECT_EQ(test, lab_slot_word(&slot), p->fits ?
			lab_word(gen, 7, LABYRINTH_PAGE_DIRTY) : before);
}

/* What was freed and is had again has another handle; so on, for a while. */
static void handle_stale(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 1);
	struct lab_slot *slot = lab_vacant_take(reg);
	u64 word, handle, last = 0;
	u32 i;

	lab_slot_fill(slot, reg);
	for (i = 0; i < 1000; i++) {
		KUNIT_ASSERT_TRUE(test, lab_slot_own(slot, 7, &word));
		handle = lab_handle(word, 0);
		KUNIT_ASSERT_GT(test, handle, last);
		KUNIT_ASSERT_FALSE(test, lab_slot_free(slot, last, 7));
		KUNIT_ASSERT_TRUE(test, lab_slot_free(slot, handle, 7));
		KUNIT_ASSERT_FALSE(test, lab_slot_free(slot, handle, 7));
		KUNIT_ASSERT_TRUE(test, lab_slot_clean(slot));
		last = handle;
	}
}

static struct kunit_case handle_cases[] = {
	KUNIT_CASE_PARAM(word_round_trip, word_gen_params),
	KUNIT_CASE_PARAM(handle_round_trip, word_gen_params),
	KUNIT_CASE(word_fields_apart),
	KUNIT_CASE(handle_slot),
	KUNIT_CASE(handle_zero),
	KUNIT_CASE_PARAM(handle_guess, guess_gen_params),
	KUNIT_CASE(handle_stale),
	{}
};

static struct kunit_suite handle_suite = {
	.name = "labyrinth-handle",
	.test_cases = handle_cases,
};

kunit_test_suite(handle_suite);
