// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues, one thread: order, room, borders, wraps; and a put that an interrupt
 * comes into the middle of.
 */
#include <linux/errno.h>
#include <linux/vmalloc.h>

#include "bounds.h"
#include "test.h"

static const u32 capacities[] = { 1, 2, 3, 4, 5, 7, 63, 64, 100, 1000 };
/* The tickets wrap on the way. */
static const u32 starts[] = { 0, 0U - 1, 0U - 2, 0U - 5, 0U - 1000,
			      0x80000000U - 3 };

static struct lab_queue queue;

static bool begin(u32 capacity, u32 start)
{
	queue = (struct lab_queue){};
	if (!CHECK_EQ(lab_queue_init(&queue, capacity), 0))
		return false;
	atomic_set(&queue.tail, (int)start);
	queue.head = start;
	return true;
}

static void put(u32 index)
{
	bool claimed = false;

	BOUNDED(BOUND_CLAIM)
		claimed = lab_claim(&queue.room);
	CHECK(claimed);
	BOUNDED(BOUND_QUEUE_PUT)
		lab_queue_put(&queue, index);
}

static u32 take(void)
{
	u32 index = LAB_NIL;

	BOUNDED(BOUND_QUEUE_TAKE)
		index = lab_queue_take(&queue);
	return index;
}

static void is_empty(u32 capacity)
{
	u32 i;

	CHECK_EQ(lab_queue_peek(&queue, 0), LAB_NIL);
	CHECK_EQ(take(), LAB_NIL);
	CHECK_EQ(atomic_long_read(&queue.room), capacity);
	CHECK_EQ((u32)atomic_read(&queue.tail), queue.head);
	for (i = 0; i <= queue.mask; i++)
		CHECK_EQ(atomic_read(&queue.entry[i]), LAB_NIL);
}

/* === Sizes =============================================================== */

static void size(u32 capacity)
{
	u32 entries = 1;

	while (entries < capacity)
		entries *= 2;
	if (!begin(capacity, 0))
		return;
	CHECK_EQ(queue.mask, entries - 1);
	CHECK_EQ(queue.capacity, capacity);
	is_empty(capacity);
	lab_queue_exit(&queue);
	CHECK(!queue.entry);
	test_ops(1);
}

static void sizes(void)
{
	u32 capacity;

	for (capacity = 1; capacity <= 130; capacity++)
		size(capacity);
	shim_vmalloc_budget = 0;
	queue = (struct lab_queue){};
	CHECK_EQ(lab_queue_init(&queue, 8), -ENOMEM);
	lab_queue_exit(&queue);
	shim_vmalloc_budget = -1;
}

/* === Order =============================================================== */

/* Fills to each level and empties, over and over; looks ahead at all of it. */
static void levels_of(u32 capacity, u32 start)
{
	u32 level, in = 0, out = 0, ahead;

	if (!begin(capacity, start))
		return;
	for (level = 1; level <= capacity && !test_failed(); level++) {
		while (in - out < level)
			put(in++);
		CHECK_EQ(atomic_long_read(&queue.room), capacity - level);
		for (ahead = 0; ahead < level; ahead++)
			CHECK_EQ(lab_queue_peek(&queue, ahead), out + ahead);
		CHECK_EQ(lab_queue_peek(&queue, level), LAB_NIL);
		while (in != out)
			CHECK_EQ(take(), out++);
		is_empty(capacity);
	}
	CHECK_EQ(queue.head, start + in);
	lab_queue_exit(&queue);
	test_ops(in + out);
}

static void order(void)
{
	size_t c, s;

	for (c = 0; c < ARRAY_SIZE(capacities); c++)
		for (s = 0; s < ARRAY_SIZE(starts); s++)
			levels_of(capacities[c], starts[s]);
}

/* Never empty, nor full: many rounds past the end of the tickets. */
static void rolling(void)
{
	struct rng rng = rng_of(25);
	size_t c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++) {
		u32 in = 0, out = 0, i;

		if (!begin(capacities[c], 0U - 5000))
			return;
		for (i = 0; i < 20000 && !test_failed(); i++) {
			if (in - out < capacities[c] && rng_below(&rng, 2))
				put(in++);
			else
				CHECK_EQ(take(), in == out ? LAB_NIL : out++);
			CHECK_EQ(atomic_long_read(&queue.room),
				 capacities[c] - (in - out));
		}
		while (in != out)
			CHECK_EQ(take(), out++);
		is_empty(capacities[c]);
		CHECK(queue.head < 0x80000000U);
		lab_queue_exit(&queue);
		test_ops(i);
	}
}

/* === Full ================================================================ */

static void full_of(u32 capacity)
{
	u32 i, entry[1024], tail;
	bool claimed = false;

	if (!begin(capacity, 0U - 2))
		return;
	for (i = 0; i < capacity; i++)
		put(100 + i);
	tail = (u32)atomic_read(&queue.tail);
	for (i = 0; i <= queue.mask; i++)
		entry[i] = (u32)atomic_read(&queue.entry[i]);
	for (i = 0; i < 3; i++) {
		BOUNDED(BOUND_CLAIM)
			claimed = lab_claim(&queue.room);
		CHECK(!claimed);
	}
	CHECK_EQ(atomic_long_read(&queue.room), 0);
	CHECK_EQ((u32)atomic_read(&queue.tail), tail);
	CHECK_EQ(queue.head, 0U - 2);
	for (i = 0; i <= queue.mask; i++)
		CHECK_EQ(atomic_read(&queue.entry[i]), entry[i]);
	/* One out, one in; and not one more. */
	CHECK_EQ(take(), 100);
	put(100 + capacity);
	CHECK(!lab_claim(&queue.room));
	for (i = 1; i <= capacity; i++)
		CHECK_EQ(take(), 100 + i);
	is_empty(capacity);
	lab_queue_exit(&queue);
	test_ops(capacity + 4);
}

static void full(void)
{
	size_t c;

	for (c = 0; c < ARRAY_SIZE(capacities); c++)
		full_of(capacities[c]);
}

/* Claimed and called off: the room is there again, and no ticket was used. */
static void called_off(void)
{
	u32 i;

	if (!begin(3, 0))
		return;
	for (i = 0; i < 100; i++) {
		CHECK(lab_claim(&queue.room));
		put(i);
		CHECK(lab_claim(&queue.room));
		CHECK(!lab_claim(&queue.room));
		atomic_long_fetch_add(2, &queue.room);
		CHECK_EQ(take(), i);
		test_ops(1);
	}
	CHECK_EQ(atomic_read(&queue.tail), 100);
	is_empty(3);
	lab_queue_exit(&queue);
}

/* === Looking ahead ======================================================= */

static void ahead(void)
{
	u32 i, far;

	if (!begin(3, 0U - 1))
		return;
	put(10);
	put(11);
	put(12);
	for (i = 0; i < 3; i++)
		CHECK_EQ(lab_queue_peek(&queue, i), 10 + i);
	/* Four entries: the fourth is never used; past it there is nothing. */
	for (far = 3; far < 20; far++)
		CHECK_EQ(lab_queue_peek(&queue, far), LAB_NIL);
	CHECK_EQ(lab_queue_peek(&queue, ~0U), LAB_NIL);
	CHECK_EQ(lab_queue_peek(&queue, 1U << 31), LAB_NIL);
	CHECK_EQ(atomic_long_read(&queue.room), 0);
	CHECK_EQ(take(), 10);
	CHECK_EQ(lab_queue_peek(&queue, 0), 11);
	CHECK_EQ(lab_queue_peek(&queue, 2), LAB_NIL);
	CHECK_EQ(take(), 11);
	CHECK_EQ(take(), 12);
	is_empty(3);
	lab_queue_exit(&queue);
	test_ops(20);
}

/* === Interrupted ========================================================= */

/* At step @at of what runs, an interrupt puts @depth, one in the other. */
static struct {
	u32 step, at, depth;
	u32 next;
	bool received;
} irq;

static void interrupt(void)
{
	struct counted own;
	u32 index = LAB_NIL;

	if (irq.step++ != irq.at || !irq.depth)
		return;
	own = counted_now();
	irq.depth--;
	irq.step = 0;
	index = irq.next++;
	put(index);
	/* The receiver may look from an interrupt, too: it misses nothing. */
	if (!irq.received && lab_queue_peek(&queue, 0) == LAB_NIL) {
		irq.received = true;
		CHECK_EQ(take(), LAB_NIL);
	}
	counted_restore(own);
}

/* Return: a number for each order in which what was put came out. */
static u32 interrupted_at(u32 at, u32 depth, u32 start)
{
	u32 seen = 0, way = 0, i, index;

	if (!begin(8, start))
		return 0;
	irq.step = 0;
	irq.at = at;
	irq.depth = depth;
	irq.next = 1;
	irq.received = false;
	shim_hook = interrupt;
	put(0);
	shim_hook = NULL;
	for (i = 0; i < irq.next; i++) {
		index = take();
		if (!CHECK(index < irq.next) ||
		    !CHECK(!(seen & BIT(index))))
			break;
		seen |= (u32)BIT(index);
		way = way * 4 + index;
	}
	is_empty(8);
	lab_queue_exit(&queue);
	test_ops(irq.next);
	return way;
}

/* A claim takes two steps, then the ticket, then the entry. */
static void interrupted(void)
{
	u32 at, depth, ways[4] = {}, s;

	for (s = 0; s < ARRAY_SIZE(starts); s++)
	for (depth = 1; depth <= 3; depth++)
	for (at = 0; at < 4; at++) {
		u32 way = interrupted_at(at, depth, starts[s]);
		u32 last = way % 4;

		/* Whoever has a ticket is before whoever comes in after it. */
		CHECK_EQ(at == 3, way >> 2 * depth == 0);
		if (at < 3)
			CHECK_EQ(last, 0);
		ways[depth] |= (u32)BIT(at == 3);
	}
	for (depth = 1; depth <= 3; depth++)
		CHECK_EQ(ways[depth], 3);
}

/* Ticketed, but not there yet: what others have put behind it waits. */
static u32 early, later;

static void peek_in_between(void)
{
	if (irq.step++ != 3)
		return;
	shim_hook = NULL;
	put(21);
	CHECK_EQ(lab_queue_peek(&queue, 0), LAB_NIL);
	CHECK_EQ(lab_queue_peek(&queue, 1), 21);
	early = take();
	CHECK_EQ(queue.head, later);
}

static void waits(void)
{
	size_t s;

	for (s = 0; s < ARRAY_SIZE(starts); s++) {
		if (!begin(2, starts[s]))
			return;
		later = starts[s];
		irq.step = 0;
		shim_hook = peek_in_between;
		CHECK(lab_claim(&queue.room));
		lab_queue_put(&queue, 20);
		CHECK(!shim_hook);
		CHECK_EQ(early, LAB_NIL);
		CHECK_EQ(take(), 20);
		CHECK_EQ(take(), 21);
		is_empty(2);
		lab_queue_exit(&queue);
		test_ops(4);
	}
}

const struct test queue_tests[] = {
	{ "a queue of any capacity starts empty, with room for just as many",
	  sizes },
	{ "a queue gives back in order, and shows it ahead, across the wrap of its tickets",
	  order },
	{ "a queue that is never at rest keeps order and room across the wrap",
	  rolling },
	{ "a full queue refuses the claim, and nothing has changed", full },
	{ "a claim that is called off uses no ticket", called_off },
	{ "a look past what is there, or past the end, shows nothing", ahead },
	{ "puts that interrupt a put, at each step and three deep, come in the order of their tickets",
	  interrupted },
	{ "what was put behind a put that is not done waits for it", waits },
	{}
};
