// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ownership word: each arrow from each state, handles, generations.
 */
#include <linux/errno.h>
#include <linux/vmalloc.h>

#include "test.h"

#define STATES	(LABYRINTH_PAGE_RETIRED + 1)

static struct lab_slot one_slot(u64 gen, u32 owner,
				enum labyrinth_page_state state)
{
	struct lab_slot slot = {};

	slot_set(&slot, gen, owner, state);
	return slot;
}

/* === Arrows that a handle names ========================================== */

static const struct arrow {
	bool (*move)(struct lab_slot *slot, u64 handle, u32 owner);
	enum labyrinth_page_state from, to;
} arrows[] = {
	{ lab_slot_leave, LABYRINTH_PAGE_OWNED, LABYRINTH_PAGE_LEAVING },
	{ lab_slot_stay, LABYRINTH_PAGE_LEAVING, LABYRINTH_PAGE_OWNED },
	{ lab_slot_free, LABYRINTH_PAGE_OWNED, LABYRINTH_PAGE_DIRTY },
	{ lab_slot_gone, LABYRINTH_PAGE_LEAVING, LABYRINTH_PAGE_DIRTY },
};

static const u64 gens[] = { 1, 2, 0x80000000ULL, LAST_GEN - 1, LAST_GEN };
static const u32 owners[] = { 1, 2, 0x80000, LAB_MAX_OWNER - 1, LAB_MAX_OWNER };
static const u32 indexes[] = { 0, 1, 0x800000, LAB_MAX_SLOTS - 1 };

static void try_arrow(const struct arrow *arrow, u64 gen, u32 owner,
		      enum labyrinth_page_state state, u64 claimed_gen,
		      u32 claimed_owner)
{
	struct lab_slot slot = one_slot(gen, owner, state);
	u64 before = lab_slot_word(&slot);
	u64 handle = lab_handle(lab_word(claimed_gen, 0, 0), 5);
	bool mine = state == arrow->from && claimed_gen == gen &&
		    claimed_owner == owner;

	CHECK_EQ(arrow->move(&slot, handle, claimed_owner), mine);
	CHECK_EQ(lab_slot_word(&slot),
		 mine ? lab_word(gen, owner, arrow->to) : before);
	test_ops(1);
}

static void handle_arrows(void)
{
	enum labyrinth_page_state state;
	size_t a, g, o, cg, co;

	for (a = 0; a < ARRAY_SIZE(arrows); a++)
	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++)
	for (cg = 0; cg < ARRAY_SIZE(gens); cg++)
	for (co = 0; co < ARRAY_SIZE(owners); co++)
		try_arrow(&arrows[a], gens[g], owners[o], state, gens[cg],
			  owners[co]);
}

static void guesses(void)
{
	struct rng rng = rng_of(1);
	u64 i, hits = 0;

	for (i = 0; i < TEST_ROUNDS(2000000); i++) {
		struct lab_slot slot = one_slot(1 + rng_below(&rng, 1000), 7,
						LABYRINTH_PAGE_OWNED);
		u64 handle = rng_next(&rng) >> rng_below(&rng, 64);
		u64 before = lab_slot_word(&slot);
		size_t a = rng_below(&rng, ARRAY_SIZE(arrows));
		bool moved = arrows[a].move(&slot, handle, 8);

		/* A right generation alone is of no use to the wrong owner. */
		hits += lab_handle(before, 0) == (handle & LAB_GEN_MASK);
		CHECK(!moved);
		CHECK_EQ(lab_slot_word(&slot), before);
	}
	CHECK(hits > 0);
	test_ops(i);
}

/* === Arrows of whoever holds the slot alone ============================== */

static void own_arrow(void)
{
	enum labyrinth_page_state state;
	size_t g, o;
	u64 word;

	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++) {
		struct lab_slot slot = one_slot(gens[g], 0, state);
		u64 before = lab_slot_word(&slot);
		bool ready = state == LABYRINTH_PAGE_READY;

		CHECK_EQ(lab_slot_own(&slot, owners[o], &word), ready);
		if (ready)
			CHECK_EQ(word, lab_word(gens[g], owners[o],
						LABYRINTH_PAGE_OWNED));
		CHECK_EQ(lab_slot_word(&slot), ready ? word : before);
		test_ops(1);
	}
}

static void clean_arrow(void)
{
	enum labyrinth_page_state state;
	size_t g, o;

	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++) {
		struct lab_slot slot = one_slot(gens[g], owners[o], state);
		u64 before = lab_slot_word(&slot);
		bool cleans = state == LABYRINTH_PAGE_DIRTY &&
			      gens[g] < LAST_GEN;

		CHECK_EQ(lab_slot_clean(&slot), cleans);
		CHECK_EQ(lab_slot_word(&slot),
			 cleans ? lab_word(gens[g] + 1, 0,
					   LABYRINTH_PAGE_READY) : before);
		test_ops(1);
	}
}

static void quarantine_arrow(void)
{
	enum labyrinth_page_state state;
	size_t g, o;

	for (state = 0; state < STATES; state++)
	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++) {
		struct lab_slot slot = one_slot(gens[g], owners[o], state);
		u64 before = lab_slot_word(&slot);
		bool dirty = state == LABYRINTH_PAGE_DIRTY;

		CHECK_EQ(lab_slot_quarantine(&slot), dirty);
		CHECK_EQ(lab_slot_word(&slot),
			 dirty ? lab_word(gens[g], owners[o],
					  LABYRINTH_PAGE_QUARANTINED) : before);
		test_ops(1);
	}
}

static void vacant_arrows(void)
{
	int a, b;
	size_t g;

	for (g = 0; g < ARRAY_SIZE(gens); g++) {
		struct lab_slot slot = one_slot(gens[g], 0,
						LABYRINTH_PAGE_VACANT);
		u64 word = lab_word(gens[g], LAB_MAX_OWNER,
				    LABYRINTH_PAGE_OWNED);

		lab_slot_fill(&slot, &a);
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gens[g], 0, LABYRINTH_PAGE_READY));
		CHECK(slot.addr == &a && slot.order == 0);

		slot = one_slot(gens[g], 0, LABYRINTH_PAGE_VACANT);
		CHECK_EQ(lab_slot_enter(&slot, &b, 9, LAB_MAX_OWNER), word);
		CHECK_EQ(lab_slot_word(&slot), word);
		CHECK(slot.addr == &b && slot.order == 9);
		test_ops(2);
	}
}

/* === Generations ========================================================= */

static void generation_up(void)
{
	u64 gen;

	for (gen = LAST_GEN - 1000; gen < LAST_GEN; gen++) {
		struct lab_slot slot = one_slot(gen, 9, LABYRINTH_PAGE_DIRTY);

		CHECK(lab_slot_clean(&slot));
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gen + 1, 0, LABYRINTH_PAGE_READY));

		slot = one_slot(gen, 9, LABYRINTH_PAGE_DIRTY);
		CHECK(lab_slot_vacate(&slot));
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gen + 1, 0, LABYRINTH_PAGE_VACANT));
		test_ops(2);
	}
}

/* A READY slot's generation has been in nobody's handle yet. */
static void generation_stays(void)
{
	size_t g;

	for (g = 0; g < ARRAY_SIZE(gens); g++) {
		struct lab_slot slot = one_slot(gens[g], 0,
						LABYRINTH_PAGE_READY);

		CHECK(lab_slot_vacate(&slot));
		CHECK_EQ(lab_slot_word(&slot),
			 lab_word(gens[g], 0, LABYRINTH_PAGE_VACANT));
		test_ops(1);
	}
}

static void generation_last(void)
{
	struct lab_slot slot = one_slot(LAST_GEN - 1, 0, LABYRINTH_PAGE_VACANT);
	u64 word, handle, i;

	lab_slot_fill(&slot, &word);
	for (i = LAST_GEN - 1; i <= LAST_GEN; i++) {
		CHECK(lab_slot_own(&slot, 3, &word));
		handle = lab_handle(word, 0);
		CHECK_EQ(lab_word_gen(word), i);
		CHECK(lab_slot_free(&slot, handle, 3));
		CHECK_EQ(lab_slot_clean(&slot), i < LAST_GEN);
		CHECK(!lab_slot_free(&slot, handle, 3));
		test_ops(4);
	}
	CHECK_EQ(lab_slot_word(&slot),
		 lab_word(LAST_GEN, 3, LABYRINTH_PAGE_DIRTY));
	CHECK(!lab_slot_vacate(&slot));
	CHECK_EQ(lab_slot_word(&slot),
		 lab_word(LAST_GEN, 0, LABYRINTH_PAGE_RETIRED));
	CHECK(!lab_slot_own(&slot, 3, &word));
	CHECK(!lab_slot_free(&slot, handle, 3));
}

/* === Handles ============================================================= */

static void handles(void)
{
	struct rng rng = rng_of(2);
	size_t g, o, x;
	u64 i;

	for (g = 0; g < ARRAY_SIZE(gens); g++)
	for (o = 0; o < ARRAY_SIZE(owners); o++)
	for (x = 0; x < ARRAY_SIZE(indexes); x++) {
		u64 word = lab_word(gens[g], owners[o], LABYRINTH_PAGE_OWNED);
		u64 handle = lab_handle(word, indexes[x]);

		CHECK_EQ(lab_word_gen(word), gens[g]);
		CHECK_EQ(lab_word_owner(word), owners[o]);
		CHECK_EQ(lab_word_state(word), LABYRINTH_PAGE_OWNED);
		CHECK_EQ(lab_handle_index(handle), indexes[x]);
		CHECK_EQ(lab_handle_word(handle, owners[o],
					 LABYRINTH_PAGE_OWNED), word);
		CHECK(handle);
	}
	for (i = 0; i < TEST_ROUNDS(1000000); i++) {
		u64 gen = rng_next(&rng) & LAST_GEN;
		u32 owner = rng_below(&rng, LAB_MAX_OWNER + 1);
		u32 index = rng_below(&rng, LAB_MAX_SLOTS);
		enum labyrinth_page_state state = rng_below(&rng, STATES);
		u64 word = lab_word(gen, owner, state);

		CHECK(lab_word_gen(word) == gen &&
		      lab_word_owner(word) == owner &&
		      lab_word_state(word) == state);
		CHECK_EQ(lab_handle_index(lab_handle(word, index)), index);
		CHECK_EQ(lab_handle_word(lab_handle(word, index), owner, state),
			 word);
	}
	test_ops(i);
}

static void handle_slots(void)
{
	struct lab_registry reg = {};
	struct rng rng = rng_of(3);
	u64 i;

	if (!CHECK_EQ(lab_registry_init(&reg, 1000), 0))
		return;
	for (i = 0; i < TEST_ROUNDS(1000000); i++) {
		u64 handle = rng_next(&rng);
		u32 index = (u32)(handle & 0xffffff);

		if (rng_below(&rng, 2))
			handle -= index - (index % 1010);
		index = (u32)(handle & 0xffffff);
		CHECK(lab_registry_slot(&reg, handle) ==
		      (index < 1000 ? &reg.slot[index] : NULL));
	}
	CHECK(lab_registry_slot(&reg, 999) == &reg.slot[999]);
	CHECK(!lab_registry_slot(&reg, 1000));
	CHECK_EQ(lab_slot_index(&reg, &reg.slot[999]), 999);
	lab_registry_exit(&reg);
	test_ops(i);
}

/* === The table =========================================================== */

static void sizes(void)
{
	static const u32 refused[] = { 0, LAB_MAX_SLOTS + 1, ~0U };
	static const u32 taken[] = { 1, 2, 63, 64, 65, 4096, 262145 };
	struct lab_registry reg;
	u32 i, n;

	CHECK_EQ(sizeof(struct lab_slot), 64);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		reg = (struct lab_registry){};
		CHECK_EQ(lab_registry_init(&reg, refused[i]), -EINVAL);
		lab_registry_exit(&reg);
	}
	for (i = 0; i < ARRAY_SIZE(taken); i++) {
		reg = (struct lab_registry){};
		CHECK_EQ(lab_registry_init(&reg, taken[i]), 0);
		CHECK_EQ(reg.slots, taken[i]);
		for (n = 0; n < taken[i]; n++) {
			struct lab_slot *slot = lab_vacant_take(&reg);

			CHECK(slot == &reg.slot[n]);
			CHECK_EQ(lab_slot_word(&reg.slot[n]),
				 lab_word(1, 0, LABYRINTH_PAGE_VACANT));
		}
		CHECK(!lab_vacant_take(&reg));
		CHECK_EQ(atomic_long_read(&reg.vacants), 0);
		CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
		lab_registry_exit(&reg);
		test_ops(n);
	}
}

static void no_memory(void)
{
	struct lab_registry reg;
	struct lab_ring ring;
	long budget;

	for (budget = 0; budget < 4; budget++) {
		reg = (struct lab_registry){};
		ring = (struct lab_ring){};
		shim_vmalloc_budget = budget;
		CHECK_EQ(lab_registry_init(&reg, 100),
			 budget < 3 ? -ENOMEM : 0);
		lab_registry_exit(&reg);
		shim_vmalloc_budget = budget;
		CHECK_EQ(lab_ring_init(&ring, 100), budget ? 0 : -ENOMEM);
		lab_ring_exit(&ring);
		CHECK_EQ(shim_vmalloc_live, 0);
		test_ops(2);
	}
	shim_vmalloc_budget = -1;
}

const struct test arrows_tests[] = {
	{ "leave, stay, free and gone work from one state, for one owner and generation, else change nothing",
	  handle_arrows },
	{ "a guessed handle is refused, even one with the right generation",
	  guesses },
	{ "own works on a READY slot only", own_arrow },
	{ "clean makes READY of what is DIRTY and has a generation left, of nothing else",
	  clean_arrow },
	{ "quarantine works on a DIRTY slot only, and keeps its last owner",
	  quarantine_arrow },
	{ "fill and enter keep the generation and set address and order",
	  vacant_arrows },
	{ "leaving DIRTY makes the generation one higher", generation_up },
	{ "READY to VACANT leaves the generation alone", generation_stays },
	{ "a slot that used its last generation is retired, and of no more use",
	  generation_last },
	{ "word and handle give back what was put in them", handles },
	{ "a handle names the slot of its index, or none", handle_slots },
	{ "a registry of any size starts with every slot VACANT, once each",
	  sizes },
	{ "without memory init fails, and exit leaves nothing behind",
	  no_memory },
	{}
};
