// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small scenes in which every way to take turns is tried.
 */
#include "schedules.h"
#include "test.h"

#define SLOTS	8

static struct lab_registry reg;
static struct lab_ring ring;
static struct lab_stack stack;
static u32 got[8], gets;

static void begin_empty(void)
{
	u32 i;

	for (i = 0; i < SLOTS; i++)
		slot_set(&reg.slot[i], 1, 0, LABYRINTH_PAGE_READY);
	for (i = 0; i <= ring.mask; i++)
		atomic_set(&ring.entry[i], LAB_NIL);
	ring.tail = 0;
	atomic_set(&ring.head, 0);
	atomic_long_set(&ring.available, 0);
	lab_stack_init(&stack);
	gets = 0;
}

static void try_all(const struct scenario *scenario)
{
	if (TEST_TSAN) {
		test_skip("ThreadSanitizer can't follow coroutines");
		return;
	}
	reg = (struct lab_registry){};
	if (CHECK_EQ(lab_registry_init(&reg, SLOTS), 0) &&
	    CHECK_EQ(lab_ring_init(&ring, 2), 0))
		test_ops(schedule_all(scenario));
	lab_ring_exit(&ring);
	lab_registry_exit(&reg);
}

/* Nobody else may have got it. */
static void got_it(u32 index)
{
	u32 i;

	if (!CHECK(index < SLOTS) || !CHECK(gets < ARRAY_SIZE(got)))
		return;
	for (i = 0; i < gets; i++)
		CHECK(got[i] != index);
	got[gets++] = index;
}

/* === Claims ============================================================== */

static void claimer(void)
{
	unsigned int start = schedule_steps();

	if (lab_claim(&ring.available))
		got_it(lab_ring_take(&ring));
	/* Two tries of three steps each, and a take. */
	CHECK(schedule_steps() - start <= 8);
}

static void put_then_claim(void)
{
	CHECK(lab_ring_put(&ring, 3, &ring.available));
	claimer();
}

static void begin_two(void)
{
	begin_empty();
	lab_ring_put(&ring, 0, &ring.available);
	lab_ring_put(&ring, 1, &ring.available);
}

static void begin_one(void)
{
	begin_empty();
	lab_ring_put(&ring, 0, &ring.available);
}

static void end_two(void)
{
	CHECK_EQ(gets, 2);
	CHECK_EQ(atomic_long_read(&ring.available), 0);
}

static void two_from_two(void)
{
	try_all(&(struct scenario){
		.begin = begin_two, .thread = { claimer, claimer },
		.end = end_two, .switches = 20,
	});
}

static void three_from_two(void)
{
	try_all(&(struct scenario){
		.begin = begin_two, .thread = { claimer, claimer, claimer },
		.end = end_two, .switches = 4,
	});
}

static void uncovered(void)
{
	try_all(&(struct scenario){
		.begin = begin_one, .thread = { claimer, claimer, put_then_claim },
		.end = end_two, .switches = 4,
	});
}

/* === Rings =============================================================== */

static u32 putter_puts;

static void putter(void)
{
	putter_puts = 0;
	while (putter_puts < 2 &&
	       lab_ring_put(&ring, 4 + putter_puts, &ring.available))
		putter_puts++;
}

static void end_lap(void)
{
	while (!test_failed() && lab_claim(&ring.available))
		got_it(lab_ring_take(&ring));
	CHECK_EQ(gets, 2 + putter_puts);
}

static void lap(void)
{
	try_all(&(struct scenario){
		.begin = begin_two, .thread = { claimer, claimer, putter },
		.end = end_lap, .switches = 4,
	});
}

/* === Stacks ============================================================== */

static void begin_stack(void)
{
	begin_empty();
	lab_stack_put(&reg, &stack, 2);
	lab_stack_put(&reg, &stack, 1);
	lab_stack_put(&reg, &stack, 0);
}

static void popper(void)
{
	u32 index = lab_stack_take(&reg, &stack, 0);

	if (index != LAB_NIL)
		got_it(index);
}

/* Leaves top and count as they were, and another second: the ABA. */
static void shuffler(void)
{
	u32 a = lab_stack_take(&reg, &stack, 0);
	u32 b = lab_stack_take(&reg, &stack, 0);

	if (!CHECK(a != LAB_NIL && b != LAB_NIL && a != b))
		return;
	got_it(b);
	lab_stack_put(&reg, &stack, 5);
	lab_stack_put(&reg, &stack, a);
}

static void pusher(void)
{
	lab_stack_put(&reg, &stack, 6);
}

static void pusher_7(void)
{
	lab_stack_put(&reg, &stack, 7);
}

static void end_stack(u32 in_all)
{
	u32 left = lab_stack_count(&stack), i;

	for (i = 0; i < SLOTS && lab_stack_top(&stack) != LAB_NIL; i++) {
		CHECK_EQ(lab_stack_count(&stack), left - i);
		popper();
	}
	CHECK_EQ(lab_stack_top(&stack), LAB_NIL);
	CHECK_EQ(i, left);
	CHECK_EQ(gets, in_all);
}

static void end_four(void)
{
	end_stack(4);
}

/* Whatever the others do, its steps are few. */
static void bounded_popper(void)
{
	unsigned int start = schedule_steps();
	u32 index = lab_stack_take(&reg, &stack, 2);

	CHECK(schedule_steps() - start <= 5);
	if (index != LAB_NIL)
		got_it(index);
}

static void end_bounded(void)
{
	end_stack(5);
}

static void bounded(void)
{
	try_all(&(struct scenario){
		.begin = begin_stack,
		.thread = { bounded_popper, pusher, pusher_7 },
		.end = end_bounded, .switches = 5,
	});
}

static void aba(void)
{
	try_all(&(struct scenario){
		.begin = begin_stack, .thread = { popper, shuffler },
		.end = end_four, .switches = 6,
	});
}

static void push_pop(void)
{
	try_all(&(struct scenario){
		.begin = begin_stack, .thread = { popper, pusher, popper },
		.end = end_four, .switches = 5,
	});
}

/* === The dirty map ======================================================= */

static void mark_low(void)
{
	lab_dirty_mark(&reg.dirty, 1);
}

static void mark_high(void)
{
	lab_dirty_mark(&reg.dirty, 6);
}

static void sweep(void)
{
	u32 i, index;

	for (i = 0; i < 2; i++) {
		index = lab_dirty_next(&reg.dirty, 0);
		if (index != LAB_NIL)
			got_it(index);
	}
}

static void end_marked(void)
{
	sweep();
	CHECK_EQ(gets, 2);
	CHECK_EQ(lab_dirty_next(&reg.dirty, 0), LAB_NIL);
}

static void begin_swept(void)
{
	begin_empty();
	/* The summary is set, and nothing behind it any more. */
	lab_dirty_mark(&reg.dirty, 3);
	CHECK_EQ(lab_dirty_next(&reg.dirty, 0), 3);
}

static void marks(void)
{
	try_all(&(struct scenario){
		.begin = begin_swept, .thread = { mark_low, mark_high, sweep },
		.end = end_marked, .switches = 4,
	});
}

/* === Arrows ============================================================== */

static u32 ends;

static void arrow_free(void)
{
	ends += lab_slot_free(&reg.slot[2], lab_handle(LAB_GEN_ONE, 2), 9);
}

static void arrow_leave(void)
{
	u64 handle = lab_handle(LAB_GEN_ONE, 2);

	if (lab_slot_leave(&reg.slot[2], handle, 9))
		ends += lab_slot_gone(&reg.slot[2], handle, 9);
}

static void arrow_stay(void)
{
	u64 handle = lab_handle(LAB_GEN_ONE, 2);

	if (lab_slot_leave(&reg.slot[2], handle, 9) &&
	    lab_slot_stay(&reg.slot[2], handle, 9))
		arrow_free();
}

static void begin_owned(void)
{
	begin_empty();
	slot_set(&reg.slot[2], 1, 9, LABYRINTH_PAGE_OWNED);
	ends = 0;
}

static void end_owned(void)
{
	/* A free that came while it was leaving was refused: not its end. */
	if (!ends)
		arrow_free();
	CHECK_EQ(ends, 1);
	CHECK_EQ(lab_slot_word(&reg.slot[2]),
		 lab_word(1, 9, LABYRINTH_PAGE_DIRTY));
	arrow_leave();
	arrow_stay();
	CHECK_EQ(ends, 1);
}

static void arrows(void)
{
	try_all(&(struct scenario){
		.begin = begin_owned,
		.thread = { arrow_free, arrow_leave, arrow_stay, arrow_leave },
		.end = end_owned, .switches = 8,
	});
}

const struct test schedules_tests[] = {
	{ "whichever way they take turns: two claims on two both succeed",
	  two_from_two },
	{ "whichever way they take turns: of three claims on two, two succeed",
	  three_from_two },
	{ "whichever way they take turns: what an undone claim hid is not lost",
	  uncovered },
	{ "whichever way they take turns: a ring's next round overwrites nothing",
	  lap },
	{ "whichever way they take turns: a stack's top that comes back is not taken for the old one",
	  aba },
	{ "whichever way they take turns: what is put on a stack and taken off it is conserved",
	  push_pop },
	{ "whichever way they take turns: a take in few tries stays within its bound, and loses nothing",
	  bounded },
	{ "whichever way they take turns: every mark is found", marks },
	{ "whichever way they take turns: a page ends once", arrows },
	{}
};
