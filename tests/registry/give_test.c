// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ownership word on its way from one owner to another: give, pass, take and
 * drop from each state, and what becomes of the giver's handle.
 */
#include "test.h"

#define STATES	(LABYRINTH_PAGE_RETIRED + 1)
#define GIVER	7
#define GETTER	8
#define INDEX	5

static const u64 gens[] = { 1, 2, 0x80000000ULL, LAST_GEN - 1, LAST_GEN };
static const u32 owners[] = { 1, 2, 0x80000, LAB_MAX_OWNER - 1, LAB_MAX_OWNER };

static struct lab_slot one_slot(u64 gen, u32 owner,
				enum labyrinth_page_state state)
{
	struct lab_slot slot = {};

	slot_set(&slot, gen, owner, state);
	return slot;
}

static u64 handle_of(u64 gen)
{
	return lab_handle(lab_word(gen, 0, 0), INDEX);
}

/* The generation goes up once for a give, as long as there is one left. */
static u64 given(u64 gen)
{
	return gen == LAST_GEN ? gen : gen + 1;
}

/* === Each arrow from each word =========================================== */

static const struct giving {
	bool (*move)(struct lab_slot *slot, u64 handle, u32 owner, u32 to);
	enum labyrinth_page_state from;
} givings[] = {
	{ lab_slot_give, LABYRINTH_PAGE_OWNED },
	{ lab_slot_pass, LABYRINTH_PAGE_LEAVING },
};

static void try_giving(const struct giving *giving, u64 gen, u32 owner,
		       enum labyrinth_page_state state, u64 claimed_gen,
		       u32 claimed_owner)
{
	bool mine = state == giving->from && claimed_gen == gen &&
		    claimed_owner == owner;
	size_t t;

	for (t = 0; t < ARRAY_SIZE(owners); t++) {
		struct lab_slot slot = one_slot(gen, owner, state);
		u64 before = lab_slot_word(&slot);

		CHECK_EQ(giving->move(&slot, handle_of(claimed_gen),
				      claimed_owner, owners[t]), mine);
		CHECK_EQ(lab_slot_word(&slot),
			 mine ? lab_word(given(gen), owners[t],
					 LABYRINTH_PAGE_TRANSIT) : before);
		test_ops(1);
	}
}

static void giving_arrows(void)
{
	enum labyrinth_page_state state;
	size_t a, g, o, cg, co;

	for (a = 0; a < ARRAY_SIZE(givings); a++)
	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++)
	for (cg = 0; cg < ARRAY_SIZE(gens); cg++)
	for (co = 0; co < ARRAY_SIZE(owners); co++)
		try_giving(&givings[a], gens[g], owners[o], state, gens[cg],
			   owners[co]);
}

static const struct getting {
	bool (*move)(struct lab_slot *slot, u64 handle, u32 owner);
	enum labyrinth_page_state to;
} gettings[] = {
	{ lab_slot_take, LABYRINTH_PAGE_OWNED },
	{ lab_slot_drop, LABYRINTH_PAGE_DIRTY },
};

static void try_getting(const struct getting *getting, u64 gen, u32 owner,
			enum labyrinth_page_state state, u64 claimed_gen,
			u32 claimed_owner)
{
	struct lab_slot slot = one_slot(gen, owner, state);
	u64 before = lab_slot_word(&slot);
	bool mine = state == LABYRINTH_PAGE_TRANSIT && claimed_gen == gen &&
		    claimed_owner == owner;

	CHECK_EQ(getting->move(&slot, handle_of(claimed_gen), claimed_owner),
		 mine);
	CHECK_EQ(lab_slot_word(&slot),
		 mine ? lab_word(gen, owner, getting->to) : before);
	test_ops(1);
}

static void getting_arrows(void)
{
	enum labyrinth_page_state state;
	size_t a, g, o, cg, co;

	for (a = 0; a < ARRAY_SIZE(gettings); a++)
	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++)
	for (cg = 0; cg < ARRAY_SIZE(gens); cg++)
	for (co = 0; co < ARRAY_SIZE(owners); co++)
		try_getting(&gettings[a], gens[g], owners[o], state, gens[cg],
			    owners[co]);
}

static void guesses(void)
{
	struct rng rng = rng_of(4);
	u64 i, hits = 0;

	for (i = 0; i < TEST_ROUNDS(1000000); i++) {
		u64 handle = rng_next(&rng) >> rng_below(&rng, 64);
		u64 gen = 1 + rng_below(&rng, 1000);
		struct lab_slot owned = one_slot(gen, GIVER,
						 LABYRINTH_PAGE_OWNED);
		struct lab_slot given_away = one_slot(gen, GIVER,
						      LABYRINTH_PAGE_TRANSIT);
		u64 before = lab_slot_word(&given_away);

		hits += handle >> LAB_INDEX_BITS == gen;
		/* Nobody can give himself what is another's. */
		CHECK(!lab_slot_give(&owned, handle, GETTER, GETTER));
		CHECK(!lab_slot_pass(&owned, handle, GETTER, GETTER));
		CHECK(!lab_slot_take(&given_away, handle, GETTER));
		CHECK(!lab_slot_drop(&given_away, handle, GETTER));
		CHECK_EQ(lab_slot_word(&given_away), before);
	}
	CHECK(hits > 0);
	test_ops(4 * i);
}

/* === What the giver's handle is worth ==================================== */

static void worthless(struct lab_slot *slot, u64 handle, u32 owner)
{
	u64 before = lab_slot_word(slot);

	CHECK(!lab_slot_free(slot, handle, owner));
	CHECK(!lab_slot_leave(slot, handle, owner));
	CHECK(!lab_slot_stay(slot, handle, owner));
	CHECK(!lab_slot_gone(slot, handle, owner));
	CHECK(!lab_slot_give(slot, handle, owner, owner));
	CHECK(!lab_slot_pass(slot, handle, owner, owner));
	CHECK(!lab_slot_take(slot, handle, owner));
	CHECK(!lab_slot_drop(slot, handle, owner));
	CHECK_EQ(lab_slot_word(slot), before);
	test_ops(8);
}

static u64 hand_over(struct lab_slot *slot, u64 handle, u32 owner, u32 to,
		     bool leaving)
{
	u64 next;

	if (leaving) {
		CHECK(lab_slot_leave(slot, handle, owner));
		CHECK(!lab_slot_give(slot, handle, owner, to));
		CHECK(lab_slot_pass(slot, handle, owner, to));
	} else {
		CHECK(!lab_slot_pass(slot, handle, owner, to));
		CHECK(lab_slot_give(slot, handle, owner, to));
	}
	worthless(slot, handle, owner);
	next = lab_handle(lab_slot_word(slot), INDEX);
	CHECK_EQ(lab_word_owner(lab_slot_word(slot)), to);
	/* Nothing but a take makes it whole again; the giver's is not one. */
	CHECK(!lab_slot_free(slot, next, to));
	CHECK(lab_slot_take(slot, next, to));
	CHECK(!lab_slot_take(slot, next, to));
	CHECK(!lab_slot_drop(slot, next, to));
	return next;
}

/* There and back, and to oneself: every handle of the past stays refused. */
static void comes_back(void)
{
	struct lab_slot slot = one_slot(1, GIVER, LABYRINTH_PAGE_OWNED);
	u64 past[64], handle = handle_of(1);
	u32 owner = GIVER, i, p;

	for (i = 0; i < ARRAY_SIZE(past); i++) {
		u32 to = i % 5 == 4 ? owner :
			 owner == GIVER ? GETTER : GIVER;

		past[i] = handle;
		handle = hand_over(&slot, handle, owner, to, i % 3 == 2);
		CHECK_EQ(handle >> LAB_INDEX_BITS, i + 2);
		owner = to;
		for (p = 0; p <= i; p++) {
			worthless(&slot, past[p], GIVER);
			worthless(&slot, past[p], GETTER);
		}
		worthless(&slot, handle, owner == GIVER ? GETTER : GIVER);
	}
	CHECK(lab_slot_free(&slot, handle, owner));
}

static void generation_goes_up(void)
{
	u64 gen;

	for (gen = LAST_GEN - 1000; gen < LAST_GEN; gen++) {
		struct lab_slot slot = one_slot(gen, GIVER,
						LABYRINTH_PAGE_OWNED);
		u64 next = hand_over(&slot, handle_of(gen), GIVER, GETTER,
				     gen % 2);

		CHECK_EQ(next, handle_of(gen + 1));
		worthless(&slot, handle_of(gen), GIVER);
		worthless(&slot, handle_of(gen), GETTER);
	}
}

/*
 * Where no generation is left the owner alone makes it another word: so the
 * giver is refused as long as it is another's; it never wraps; and once freed,
 * it retires.
 */
static void last_generation(void)
{
	struct lab_slot slot = one_slot(LAST_GEN, GIVER, LABYRINTH_PAGE_OWNED);
	u64 handle = handle_of(LAST_GEN), word;

	CHECK_EQ(hand_over(&slot, handle, GIVER, GETTER, false), handle);
	worthless(&slot, handle, GIVER);
	CHECK_EQ(hand_over(&slot, handle, GETTER, GIVER, true), handle);
	worthless(&slot, handle, GETTER);
	/* To oneself: not before it has been taken. */
	CHECK(lab_slot_give(&slot, handle, GIVER, GIVER));
	CHECK(!lab_slot_free(&slot, handle, GIVER));
	CHECK(!lab_slot_give(&slot, handle, GIVER, GETTER));
	CHECK(lab_slot_drop(&slot, handle, GIVER));
	worthless(&slot, handle, GIVER);
	CHECK(!lab_slot_clean(&slot));
	CHECK(!lab_slot_vacate(&slot));
	CHECK_EQ(lab_slot_word(&slot),
		 lab_word(LAST_GEN, 0, LABYRINTH_PAGE_RETIRED));
	CHECK(!lab_slot_own(&slot, GIVER, &word));
	worthless(&slot, handle, GIVER);
	worthless(&slot, handle, GETTER);
}

/* Dropped or freed after a give, it is as any other: wiped under a new one. */
static void wiped_after(void)
{
	size_t g;
	u32 drop;

	for (g = 0; g + 2 < ARRAY_SIZE(gens); g++)
	for (drop = 0; drop < 2; drop++) {
		struct lab_slot slot = one_slot(gens[g], GIVER,
						LABYRINTH_PAGE_OWNED);
		u64 handle = handle_of(gens[g] + 1);

		CHECK(lab_slot_give(&slot, handle_of(gens[g]), GIVER, GETTER));
		if (drop) {
			CHECK(lab_slot_drop(&slot, handle, GETTER));
		} else {
			CHECK(lab_slot_take(&slot, handle, GETTER));
			CHECK(lab_slot_free(&slot, handle, GETTER));
		}
		CHECK(!lab_slot_take(&slot, handle, GETTER));
		/* Quarantine would name whose it was last: the receiver's. */
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gens[g] + 1, GETTER, LABYRINTH_PAGE_DIRTY));
		CHECK(lab_slot_clean(&slot));
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gens[g] + 2, 0, LABYRINTH_PAGE_READY));
		worthless(&slot, handle, GETTER);
	}
}

/* The worker's arrows leave alone what is on its way. */
static void not_the_workers(void)
{
	size_t g;
	u64 word;

	for (g = 0; g < ARRAY_SIZE(gens); g++) {
		struct lab_slot slot = one_slot(gens[g], GETTER,
						LABYRINTH_PAGE_TRANSIT);
		u64 before = lab_slot_word(&slot);

		CHECK(!lab_slot_own(&slot, GIVER, &word));
		CHECK(!lab_slot_clean(&slot));
		CHECK(!lab_slot_quarantine(&slot));
		CHECK_EQ(lab_slot_word(&slot), before);
		test_ops(3);
	}
}

const struct test give_tests[] = {
	{ "give and pass work from one state, for one owner and generation, else change nothing",
	  giving_arrows },
	{ "take and drop work in transit only, for its receiver and generation, else change nothing",
	  getting_arrows },
	{ "a guessed handle gives, takes and drops nothing", guesses },
	{ "a giver's handle is worth nothing, even after the block came back to it",
	  comes_back },
	{ "a give makes the generation one higher", generation_goes_up },
	{ "in the last generation a give wraps nothing, and the giver is refused while it is another's",
	  last_generation },
	{ "given, then dropped or freed: it is wiped, and its handle refused",
	  wiped_after },
	{ "what is in transit is not the worker's to own, clean or quarantine",
	  not_the_workers },
	{}
};
