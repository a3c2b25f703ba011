// SPDX-License-Identifier: GPL-2.0-only
/* Where slots are found: stacks, claims, rings, queues, the dirty map. */
#include <linux/log2.h>

#include "suite.h"

/* Both sides of a power of two, for what is rounded up to one. */
static const u32 sizes[] = { 1, 2, 3, 4, 5, 63, 64, 65 };

static void size_name(const u32 *size, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%u", *size);
}

KUNIT_ARRAY_PARAM(size, sizes, size_name);

/* === Stacks ============================================================== */

static void stack_order(struct kunit *test)
{
	u32 size = *(const u32 *)test->param_value, i;
	struct lab_registry *reg = lab_kunit_registry(test, size);
	struct lab_stack stack;

	lab_stack_init(&stack);
	KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 1), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_stack_top(&stack), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_stack_count(&stack), 0);
	for (i = 0; i < size; i++) {
		KUNIT_EXPECT_EQ(test, lab_stack_put(reg, &stack, i), i + 1);
		KUNIT_EXPECT_EQ(test, lab_stack_top(&stack), i);
	}
	/* Last in, first out; one try is enough where nobody is in between. */
	while (i--) {
		KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 1), i);
		KUNIT_EXPECT_EQ(test, lab_stack_count(&stack), i);
	}
	KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 0), LAB_NIL);
}

/* The count is modulo 256, and does not run into the tag. */
static void stack_count_wraps(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 260);
	struct lab_stack stack;
	u32 i;

	lab_stack_init(&stack);
	for (i = 0; i < 260; i++)
		KUNIT_EXPECT_EQ(test, lab_stack_put(reg, &stack, i),
				(i + 1) % 256);
	KUNIT_EXPECT_EQ(test, lab_stack_count(&stack), 4);
	while (i--)
		KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 0), i);
	KUNIT_EXPECT_EQ(test, lab_stack_count(&stack), 0);
}

/* A head that has come back is another: what was read before is of no use. */
static void stack_no_aba(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 3);
	struct lab_stack stack;
	s64 seen;

	lab_stack_init(&stack);
	lab_stack_put(reg, &stack, 1);
	lab_stack_put(reg, &stack, 0);
	seen = atomic64_read(&stack.head);
	KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 1), 0);
	KUNIT_EXPECT_EQ(test, lab_stack_take(reg, &stack, 1), 1);
	lab_stack_put(reg, &stack, 2);
	lab_stack_put(reg, &stack, 0);
	KUNIT_EXPECT_EQ(test, lab_stack_top(&stack), 0);
	KUNIT_EXPECT_EQ(test, lab_stack_count(&stack), 2);
	KUNIT_EXPECT_FALSE(test, atomic64_try_cmpxchg(&stack.head, &seen, 0));
}

static void stack_last_index(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 1);
	struct lab_stack stack;

	/* The table is not touched at that index: only its head is looked at. */
	lab_stack_init(&stack);
	atomic64_set(&stack.head, LAB_MAX_SLOTS - 1);
	KUNIT_EXPECT_EQ(test, lab_stack_top(&stack), LAB_MAX_SLOTS - 1);
	KUNIT_EXPECT_EQ(test, reg->slots, 1);
}

/* === Claims and rings ==================================================== */

static void claim_limits(struct kunit *test)
{
	atomic_long_t count = ATOMIC_LONG_INIT(2);

	KUNIT_EXPECT_TRUE(test, lab_claim(&count));
	KUNIT_EXPECT_TRUE(test, lab_claim(&count));
	KUNIT_EXPECT_FALSE(test, lab_claim(&count));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&count), 0);
	/* As while another's failing claim is being undone. */
	atomic_long_set(&count, -3);
	KUNIT_EXPECT_FALSE(test, lab_claim(&count));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&count), -3);
	atomic_long_set(&count, LONG_MAX);
	KUNIT_EXPECT_TRUE(test, lab_claim(&count));
	KUNIT_EXPECT_EQ(test, atomic_long_read(&count), LONG_MAX - 1);
}

static void ring_end(void *ring)
{
	lab_ring_exit(ring);
}

static struct lab_ring *ring_of(struct kunit *test, u32 entries)
{
	struct lab_ring *ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ring);
	KUNIT_ASSERT_EQ(test, lab_ring_init(ring, entries), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, ring_end, ring), 0);
	return ring;
}

/* First in, first out, some rounds, and never more than there is room for. */
static void ring_rounds(struct kunit *test)
{
	u32 size = *(const u32 *)test->param_value, room, i, round;
	struct lab_ring *ring = ring_of(test, size);

	room = roundup_pow_of_two(size);
	for (round = 0; round < 3; round++) {
		KUNIT_EXPECT_FALSE(test, lab_claim(&ring->available));
		for (i = 0; i < room; i++)
			KUNIT_EXPECT_TRUE(test, lab_ring_put(ring, i,
							     &ring->available));
		KUNIT_EXPECT_FALSE(test, lab_ring_put(ring, i, &ring->available));
		KUNIT_EXPECT_EQ(test, atomic_long_read(&ring->available), room);
		for (i = 0; i < room; i++) {
			KUNIT_ASSERT_TRUE(test, lab_claim(&ring->available));
			KUNIT_EXPECT_EQ(test, lab_ring_take(ring), i);
		}
	}
}

/* Each count opens the ring to its own; together they are what is in it. */
static void ring_counts(struct kunit *test)
{
	struct lab_ring *ring = ring_of(test, 4);
	atomic_long_t credit = ATOMIC_LONG_INIT(0);

	lab_ring_put(ring, 10, &ring->available);
	lab_ring_put(ring, 11, &ring->emergency);
	lab_ring_put(ring, 12, &credit);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&ring->available), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&ring->emergency), 1);
	KUNIT_EXPECT_TRUE(test, lab_claim(&credit));
	KUNIT_EXPECT_EQ(test, lab_ring_take(ring), 10);
	KUNIT_EXPECT_TRUE(test, lab_claim(&ring->available));
	KUNIT_EXPECT_EQ(test, lab_ring_take(ring), 11);
	KUNIT_EXPECT_FALSE(test, lab_claim(&ring->available));
	KUNIT_EXPECT_TRUE(test, lab_claim(&ring->emergency));
	KUNIT_EXPECT_EQ(test, lab_ring_take(ring), 12);
}

/* Who claimed and has not come yet keeps its entry; the put is refused. */
static void ring_slow_taker(struct kunit *test)
{
	struct lab_ring *ring = ring_of(test, 2);

	lab_ring_put(ring, 1, &ring->available);
	lab_ring_put(ring, 2, &ring->available);
	KUNIT_EXPECT_TRUE(test, lab_claim(&ring->available));
	KUNIT_EXPECT_FALSE(test, lab_ring_put(ring, 3, &ring->available));
	KUNIT_EXPECT_EQ(test, lab_ring_take(ring), 1);
	KUNIT_EXPECT_TRUE(test, lab_ring_put(ring, 3, &ring->available));
}

/* === Queues ============================================================== */

static void queue_end(void *queue)
{
	lab_queue_exit(queue);
}

static struct lab_queue *queue_of(struct kunit *test, u32 capacity)
{
	struct lab_queue *queue = kunit_kzalloc(test, sizeof(*queue), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, queue);
	KUNIT_ASSERT_EQ(test, lab_queue_init(queue, capacity), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, queue_end, queue), 0);
	return queue;
}

static void queue_rounds(struct kunit *test)
{
	u32 capacity = *(const u32 *)test->param_value, i, round;
	struct lab_queue *queue = queue_of(test, capacity);

	for (round = 0; round < 3; round++) {
		KUNIT_EXPECT_EQ(test, lab_queue_take(queue), LAB_NIL);
		for (i = 0; i < capacity; i++) {
			KUNIT_ASSERT_TRUE(test, lab_claim(&queue->room));
			lab_queue_put(queue, i + 100);
			KUNIT_EXPECT_EQ(test, lab_queue_peek(queue, i), i + 100);
		}
		/* The capacity asked for, not what it was rounded up to. */
		KUNIT_EXPECT_FALSE(test, lab_claim(&queue->room));
		for (i = 0; i < capacity; i++) {
			KUNIT_EXPECT_EQ(test, lab_queue_take(queue), i + 100);
			KUNIT_EXPECT_EQ(test, atomic_long_read(&queue->room),
					i + 1);
		}
	}
}

static void queue_peek_bounds(struct kunit *test)
{
	struct lab_queue *queue = queue_of(test, 3);

	lab_claim(&queue->room);
	lab_queue_put(queue, 5);
	KUNIT_EXPECT_EQ(test, lab_queue_peek(queue, 0), 5);
	KUNIT_EXPECT_EQ(test, lab_queue_peek(queue, 1), LAB_NIL);
	/* Past all entries: not the first one again. */
	KUNIT_EXPECT_EQ(test, lab_queue_peek(queue, 4), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_queue_peek(queue, U32_MAX), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_queue_take(queue), 5);
}

/* === The dirty map ======================================================= */

static const u32 dirty_marks[] = {
	0, 1, BITS_PER_LONG - 1, BITS_PER_LONG, LAB_DIRTY_SLOTS - 1,
	LAB_DIRTY_SLOTS, 2 * LAB_DIRTY_SLOTS, 2 * LAB_DIRTY_SLOTS + 6,
};

/* Each once, lowest first, over the bounds of words and chunks. */
static void dirty_order(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 2 * LAB_DIRTY_SLOTS + 7);
	u32 i, from = 0;

	for (i = ARRAY_SIZE(dirty_marks); i--; )
		lab_dirty_mark(&reg->dirty, dirty_marks[i]);
	lab_dirty_mark(&reg->dirty, dirty_marks[3]);
	for (i = 0; i < ARRAY_SIZE(dirty_marks); i++) {
		KUNIT_EXPECT_TRUE(test, lab_dirty_test(&reg->dirty, dirty_marks[i]));
		KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, from),
				dirty_marks[i]);
		KUNIT_EXPECT_FALSE(test, lab_dirty_test(&reg->dirty, dirty_marks[i]));
		from = dirty_marks[i] + 1;
	}
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, from), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, 0), LAB_NIL);
}

/* What is marked behind a pass is left to the next, and not lost. */
static void dirty_behind(struct kunit *test)
{
	struct lab_registry *reg = lab_kunit_registry(test, 2 * LAB_DIRTY_SLOTS);
	u32 near = 7, far = LAB_DIRTY_SLOTS + 3;

	lab_dirty_mark(&reg->dirty, far);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, 0), far);
	lab_dirty_mark(&reg->dirty, near);
	lab_dirty_mark(&reg->dirty, far - 1);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, far + 1), LAB_NIL);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, 0), near);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, near + 1), far - 1);
	KUNIT_EXPECT_EQ(test, lab_dirty_next(&reg->dirty, 0), LAB_NIL);
}

static struct kunit_case places_cases[] = {
	KUNIT_CASE_PARAM(stack_order, size_gen_params),
	KUNIT_CASE(stack_count_wraps),
	KUNIT_CASE(stack_no_aba),
	KUNIT_CASE(stack_last_index),
	KUNIT_CASE(claim_limits),
	KUNIT_CASE_PARAM(ring_rounds, size_gen_params),
	KUNIT_CASE(ring_counts),
	KUNIT_CASE(ring_slow_taker),
	KUNIT_CASE_PARAM(queue_rounds, size_gen_params),
	KUNIT_CASE(queue_peek_bounds),
	KUNIT_CASE(dirty_order),
	KUNIT_CASE(dirty_behind),
	{}
};

static struct kunit_suite places_suite = {
	.name = "labyrinth-places",
	.test_cases = places_cases,
};

kunit_test_suite(places_suite);
