// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stacks, rings and the dirty map, one thread: order, counts, borders, wraps.
 */
#include "test.h"

#define SLOTS	10000

static struct lab_registry reg;

static bool begin(u32 slots)
{
	reg = (struct lab_registry){};
	return CHECK_EQ(lab_registry_init(&reg, slots), 0);
}

/* === Stacks ============================================================== */

static u64 stack_tag(const struct lab_stack *stack)
{
	return (u64)atomic64_read(&stack->head) >> 33;
}

static void stack_lifo(void)
{
	struct lab_stack stack;
	u32 i;

	if (!begin(SLOTS))
		return;
	lab_stack_init(&stack);
	CHECK_EQ(lab_stack_take(&reg, &stack, 1), LAB_NIL);
	for (i = 0; i < SLOTS; i++) {
		CHECK_EQ(lab_stack_count(&stack), i % 256);
		CHECK_EQ(lab_stack_put(&reg, &stack, i), (i + 1) % 256);
		CHECK_EQ(lab_stack_top(&stack), i);
	}
	while (i--) {
		CHECK_EQ(lab_stack_top(&stack), i);
		CHECK_EQ(lab_stack_take(&reg, &stack, i % 3), i);
		CHECK_EQ(lab_stack_count(&stack), i % 256);
	}
	CHECK_EQ(lab_stack_take(&reg, &stack, 0), LAB_NIL);
	CHECK_EQ(lab_stack_top(&stack), LAB_NIL);
	lab_registry_exit(&reg);
	test_ops(2 * SLOTS);
}

static void stack_tags(void)
{
	struct lab_stack stack;
	struct rng rng = rng_of(10);
	u32 depth = 0, i;
	u64 tag;

	if (!begin(16))
		return;
	lab_stack_init(&stack);
	/* Near the end of the tags: they wrap, and spill into nothing else. */
	atomic64_set(&stack.head, (s64)(GENMASK_ULL(63, 33) - (100ULL << 33) +
					LAB_NIL));
	tag = stack_tag(&stack);
	for (i = 0; i < TEST_ROUNDS(100000); i++) {
		if (depth < 16 && rng_below(&rng, 2))
			CHECK_EQ(lab_stack_put(&reg, &stack, depth), depth + 1),
			depth++;
		else if (depth)
			CHECK_EQ(lab_stack_take(&reg, &stack, 1), --depth);
		else
			continue;
		tag = (tag + 1) & 0x7fffffff;
		CHECK_EQ(stack_tag(&stack), tag);
		CHECK_EQ(lab_stack_count(&stack), depth);
		CHECK_EQ(lab_stack_top(&stack), depth ? depth - 1 : LAB_NIL);
	}
	lab_registry_exit(&reg);
	test_ops(i);
}

/* === Rings =============================================================== */

static void ring_wrap_of(u32 entries, u32 start)
{
	struct lab_ring ring;
	u32 size = 1, in = 0, out = 0;
	u64 i;

	while (size < entries)
		size *= 2;
	if (!CHECK_EQ(lab_ring_init(&ring, entries), 0))
		return;
	CHECK_EQ(ring.mask, size - 1);
	ring.tail = start;
	atomic_set(&ring.head, (int)start);
	for (i = 0; i < 8; i++) {
		CHECK(!lab_claim(&ring.available));
		while (in - out < size && !test_failed())
			CHECK(lab_ring_put(&ring, in++, &ring.available));
		CHECK(!lab_ring_put(&ring, in, &ring.available));
		CHECK_EQ(atomic_long_read(&ring.available), size);
		while (in - out > i * size / 8 && !test_failed()) {
			CHECK(lab_claim(&ring.available));
			CHECK_EQ(lab_ring_take(&ring), out++);
		}
		CHECK_EQ(atomic_long_read(&ring.available), i * size / 8);
		while (!test_failed() && lab_claim(&ring.available))
			CHECK_EQ(lab_ring_take(&ring), out++);
		CHECK_EQ(in, out);
	}
	CHECK_EQ(ring.tail, start + in);
	CHECK_EQ(atomic_read(&ring.head), (int)(start + in));
	lab_ring_exit(&ring);
	test_ops(2 * in);
}

static void ring_wrap(void)
{
	static const u32 entries[] = { 1, 2, 3, 64, 1000, 4096 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		ring_wrap_of(entries[i], 0);
		ring_wrap_of(entries[i], 0U - 1);
		ring_wrap_of(entries[i], 0U - 100);
		ring_wrap_of(entries[i], 0x80000000U - 3);
	}
}

static void ring_counts(void)
{
	struct lab_ring ring;
	atomic_long_t credit = {};
	u32 i;

	if (!CHECK_EQ(lab_ring_init(&ring, 64), 0))
		return;
	for (i = 0; i < 60; i++)
		CHECK(lab_ring_put(&ring, i, i % 3 == 0 ? &ring.available :
					     i % 3 == 1 ? &ring.emergency :
							  &credit));
	for (i = 0; i < 20; i++) {
		CHECK(lab_claim(&credit));
		CHECK_EQ(lab_ring_take(&ring), i);
	}
	CHECK(!lab_claim(&credit));
	CHECK_EQ(atomic_long_read(&credit), 0);
	CHECK_EQ(atomic_long_read(&ring.available), 20);
	CHECK_EQ(atomic_long_read(&ring.emergency), 20);
	lab_ring_exit(&ring);
	test_ops(80);
}

/* Claimed, but not taken yet: the place is not free. */
static void ring_slow_taker(void)
{
	struct lab_ring ring;
	u32 i, lap;

	if (!CHECK_EQ(lab_ring_init(&ring, 8), 0))
		return;
	for (i = 0; i < 8; i++)
		CHECK(lab_ring_put(&ring, i, &ring.available));
	CHECK(lab_claim(&ring.available));
	for (lap = 0; lap < 3; lap++)
		CHECK(!lab_ring_put(&ring, 100, &ring.available));
	CHECK_EQ(atomic_long_read(&ring.available), 7);
	CHECK_EQ(ring.tail, 8);
	CHECK_EQ(lab_ring_take(&ring), 0);
	CHECK(lab_ring_put(&ring, 8, &ring.available));
	for (i = 1; i < 9; i++) {
		CHECK(lab_claim(&ring.available));
		CHECK_EQ(lab_ring_take(&ring), i);
	}
	lab_ring_exit(&ring);
	test_ops(18);
}

/* === The dirty map ======================================================= */

static void dirty_every_bit(void)
{
	/* One chunk is 4096 slots; 64 of them fill a word of the summary. */
	static const u32 sizes[] = { 1, 63, 64, 65, 4095, 4096, 4097, 262144,
				     262145 };
	size_t s;
	u32 i;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		if (!begin(sizes[s]))
			return;
		for (i = 0; i < sizes[s]; i++) {
			CHECK(!lab_dirty_test(&reg.dirty, i));
			lab_dirty_mark(&reg.dirty, i);
			CHECK(lab_dirty_test(&reg.dirty, i));
			CHECK_EQ(lab_dirty_next(&reg.dirty, 0), i);
			CHECK(!lab_dirty_test(&reg.dirty, i));
		}
		CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
		for (i = sizes[s]; i--; )
			lab_dirty_mark(&reg.dirty, i);
		for (i = 0; i < sizes[s]; i++)
			CHECK_EQ(lab_dirty_next(&reg.dirty, 0), i);
		CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
		lab_registry_exit(&reg);
		test_ops(4 * sizes[s]);
	}
}

static void dirty_borders(void)
{
	static const u32 bits[] = { 0, 63, 64, 4095, 4096, 8191, 262143, 262144,
				    266239, 266240, 299999 };
	u32 set, i;

	if (!begin(300000))
		return;
	for (set = 0; set < 1U << ARRAY_SIZE(bits); set++) {
		for (i = ARRAY_SIZE(bits); i--; )
			if (set & BIT(i))
				lab_dirty_mark(&reg.dirty, bits[i]);
		for (i = 0; i < ARRAY_SIZE(bits); i++)
			if (set & BIT(i))
				CHECK_EQ(lab_dirty_next(&reg.dirty, 0), bits[i]);
		CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
		test_ops(1);
	}
	lab_registry_exit(&reg);
}

static void dirty_twice(void)
{
	u32 i;

	if (!begin(SLOTS))
		return;
	for (i = 0; i < SLOTS; i += 7) {
		lab_dirty_mark(&reg.dirty, i);
		lab_dirty_mark(&reg.dirty, i);
	}
	for (i = 0; i < SLOTS; i += 7)
		CHECK_EQ(lab_dirty_next(&reg.dirty, 0), i);
	CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
	lab_registry_exit(&reg);
	test_ops(2 * SLOTS / 7);
}

/* === Bounds ============================================================== */

/* What places.c promises, in accesses that another context can see. */
static void bounds(void)
{
	struct lab_stack stack;
	struct lab_ring ring;
	unsigned long start;
	u64 word;

	if (!begin(SLOTS) || !CHECK_EQ(lab_ring_init(&ring, 8), 0))
		return;
	lab_stack_init(&stack);
	lab_slot_fill(&reg.slot[5], &word);
	lab_ring_put(&ring, 5, &ring.available);
	start = shim_steps;
	CHECK(lab_claim(&ring.available));
	CHECK_EQ(lab_ring_take(&ring), 5);
	CHECK(lab_slot_own(&reg.slot[5], 1, &word));
	CHECK(shim_steps - start <= 6);
	start = shim_steps;
	CHECK(lab_slot_free(&reg.slot[5], lab_handle(word, 5), 1));
	lab_dirty_mark(&reg.dirty, 5);
	CHECK(shim_steps - start <= 4);
	start = shim_steps;
	CHECK(!lab_claim(&ring.available));
	CHECK_EQ(lab_stack_take(&reg, &stack, 5), LAB_NIL);
	CHECK(shim_steps - start <= 2);
	lab_stack_put(&reg, &stack, 5);
	start = shim_steps;
	CHECK_EQ(lab_stack_take(&reg, &stack, 5), 5);
	CHECK(shim_steps - start <= 3);
	lab_ring_exit(&ring);
	lab_registry_exit(&reg);
	test_ops(8);
}

const struct test places_tests[] = {
	{ "a stack gives back in reverse order and counts modulo 256",
	  stack_lifo },
	{ "every change of a stack changes its tag by one, which wraps",
	  stack_tags },
	{ "a ring of any size gives back in order, across the wrap of its ends",
	  ring_wrap },
	{ "counts over one ring are apart: who has none left gets none",
	  ring_counts },
	{ "a place that was claimed and not yet taken is not put into",
	  ring_slow_taker },
	{ "each bit of the dirty map is found, lowest first", dirty_every_bit },
	{ "no mark is lost at the borders of words, chunks and summary",
	  dirty_borders },
	{ "a slot marked twice comes once", dirty_twice },
	{ "undisturbed, alloc takes 6 steps at most, free 4, and none left 2",
	  bounds },
	{}
};
