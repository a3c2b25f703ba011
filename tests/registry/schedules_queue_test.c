// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two who put and one who takes, in every way to take turns.
 *
 * Claims and takes end with the step that counts, so what a thread notes right
 * after one is noted at the same instant: who is refused, and what comes next,
 * is judged exactly.
 */
#include "bounds.h"
#include "schedules.h"
#include "test.h"

#define ITEMS		8

static struct lab_queue queue;
static u32 capacity;

/* Bits are items. */
static struct {
	u32 outstanding, refused;
	u32 under_way, done, got;
	/* What had been put for good before a put of each began. */
	u32 before[ITEMS];
} seen;

static void begin(void)
{
	u32 i;

	for (i = 0; i <= queue.mask; i++)
		atomic_set(&queue.entry[i], LAB_NIL);
	/* The tickets wrap after the first. */
	queue.head = 0U - 1;
	atomic_set(&queue.tail, (int)queue.head);
	atomic_long_set(&queue.room, capacity);
	seen = (typeof(seen)){};
}

static bool claim(void)
{
	bool claimed = false;

	BOUNDED(BOUND_CLAIM)
		claimed = lab_claim(&queue.room);
	if (!claimed) {
		seen.refused++;
		return false;
	}
	CHECK(++seen.outstanding <= capacity);
	return true;
}

static void put_claimed(u32 item)
{
	seen.before[item] = seen.done;
	seen.under_way++;
	BOUNDED(BOUND_QUEUE_PUT)
		lab_queue_put(&queue, item);
	seen.under_way--;
	seen.done |= (u32)BIT(item);
}

static void put(u32 item)
{
	if (claim())
		put_claimed(item);
}

static void take(void)
{
	bool there = !seen.under_way && seen.done != seen.got;
	u32 ahead = lab_queue_peek(&queue, 0), index = LAB_NIL;

	CHECK(!there || ahead != LAB_NIL);
	BOUNDED(BOUND_QUEUE_TAKE)
		index = lab_queue_take(&queue);
	CHECK(ahead == LAB_NIL || ahead == index);
	if (index == LAB_NIL || !CHECK(index < ITEMS))
		return;
	CHECK(seen.outstanding-- > 0);
	CHECK(!(seen.got & BIT(index)));
	/* First in, first out: what was in before it is out before it. */
	CHECK_EQ(seen.before[index] & ~seen.got, 0);
	seen.got |= (u32)BIT(index);
}

static void end(void)
{
	u32 i;

	for (i = 0; i <= capacity; i++)
		take();
	CHECK_EQ(seen.got, seen.done);
	CHECK_EQ(seen.outstanding, 0);
	CHECK_EQ(atomic_long_read(&queue.room), capacity);
	CHECK_EQ((u32)atomic_read(&queue.tail), queue.head);
	for (i = 0; i <= queue.mask; i++)
		CHECK_EQ(atomic_read(&queue.entry[i]), LAB_NIL);
}

static void try_all(u32 room, const struct scenario *scenario)
{
	if (TEST_TSAN) {
		test_skip("ThreadSanitizer can't follow coroutines");
		return;
	}
	capacity = room;
	queue = (struct lab_queue){};
	if (CHECK_EQ(lab_queue_init(&queue, room), 0))
		test_ops(schedule_all(scenario));
	lab_queue_exit(&queue);
}

/* === Scenes ============================================================== */

static void put_0(void)
{
	put(0);
}

static void put_1(void)
{
	put(1);
}

static void put_0_2(void)
{
	put(0);
	put(2);
}

static void put_1_3(void)
{
	put(1);
	put(3);
}

static void take_two(void)
{
	take();
	take();
}

static void take_three(void)
{
	take_two();
	take();
}

static void end_one(void)
{
	CHECK(seen.done);
	end();
}

static void end_both(void)
{
	CHECK_EQ(seen.refused, 0);
	CHECK_EQ(seen.done, 3);
	end();
}

static void one_place(void)
{
	try_all(1, &(struct scenario){
		.begin = begin, .thread = { put_0_2, put_1_3, take_three },
		.end = end_one, .switches = 4,
	});
}

static void two_places(void)
{
	try_all(2, &(struct scenario){
		.begin = begin, .thread = { put_0_2, put_1_3, take_three },
		.end = end_one, .switches = 4,
	});
}

/* Three places of four: the fourth entry is nobody's. */
static void three_places(void)
{
	try_all(3, &(struct scenario){
		.begin = begin, .thread = { put_0_2, put_1_3, take_two },
		.end = end_one, .switches = 4,
	});
}

static void n_from_n(void)
{
	try_all(2, &(struct scenario){
		.begin = begin, .thread = { put_0, put_1 },
		.end = end_both, .switches = 20,
	});
}

/* === Every single way ==================================================== */

static void put_0_claimed(void)
{
	put_claimed(0);
}

static void put_1_claimed(void)
{
	put_claimed(1);
}

static void begin_claimed(void)
{
	begin();
	CHECK(claim() && claim());
}

static void tickets(void)
{
	try_all(2, &(struct scenario){
		.begin = begin_claimed,
		.thread = { put_0_claimed, put_1_claimed, take_two },
		.end = end_both, .switches = 20,
	});
}

/* === Room that comes back ================================================ */

static void call_off(void)
{
	if (!claim())
		return;
	atomic_long_fetch_add(1, &queue.room);
	seen.outstanding--;
}

static void room(void)
{
	try_all(1, &(struct scenario){
		.begin = begin,
		.thread = { put_0, put_1, call_off, take_two },
		.end = end, .switches = 3,
	});
}

const struct test schedules_queue_tests[] = {
	{ "whichever way they take turns: two put and one takes through a queue of one place, in order",
	  one_place },
	{ "whichever way they take turns: two put and one takes through a queue of two places, in order",
	  two_places },
	{ "whichever way they take turns: two put and one takes through a queue of three places, in order",
	  three_places },
	{ "whichever way they take turns: two claims on two places are both granted",
	  n_from_n },
	{ "whichever way two tickets and a receiver take turns: what comes is in order, and whole",
	  tickets },
	{ "whichever way they take turns: a claim called off leaves its room to others, not twice",
	  room },
	{}
};
