// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many steps a call takes at most: undisturbed, in every way to take turns,
 * and with threads that get in each other's way as much as they can.
 */
#include <pthread.h>
#include <string.h>

#include "bounds.h"
#include "schedules.h"
#include "test.h"

#define THREADS		4
#define SLOTS		64
#define OWNER		3

static struct lab_registry reg;
static struct lab_ring ring;
static struct lab_queue queue;
static struct lab_stack stack;

static bool begin(void)
{
	u32 i;

	reg = (struct lab_registry){};
	if (!CHECK_EQ(lab_registry_init(&reg, SLOTS), 0) ||
	    !CHECK_EQ(lab_ring_init(&ring, 4), 0) ||
	    !CHECK_EQ(lab_queue_init(&queue, 2), 0))
		return false;
	lab_stack_init(&stack);
	for (i = 0; i < SLOTS; i++)
		slot_set(&reg.slot[i], 1, 0, LABYRINTH_PAGE_READY);
	return true;
}

static void end(void)
{
	lab_queue_exit(&queue);
	lab_ring_exit(&ring);
	lab_registry_exit(&reg);
}

/* === Each call, alone ==================================================== */

static u32 claimed(atomic_long_t *count)
{
	bool yes = false;

	BOUNDED(BOUND_CLAIM)
		yes = lab_claim(count);
	return yes;
}

static u32 ring_take(void)
{
	u32 index = LAB_NIL;

	if (claimed(&ring.available))
		BOUNDED(BOUND_RING_TAKE)
			index = lab_ring_take(&ring);
	return index;
}

static void queue_put(u32 index)
{
	if (claimed(&queue.room))
		BOUNDED(BOUND_QUEUE_PUT)
			lab_queue_put(&queue, index);
}

static u32 queue_take(void)
{
	u32 index = LAB_NIL;

	BOUNDED(BOUND_QUEUE_TAKE)
		index = lab_queue_take(&queue);
	return index;
}

static u32 stack_take(void)
{
	u32 index = LAB_NIL;

	BOUNDED(BOUND_STACK_TAKE)
		index = lab_stack_take(&reg, &stack, BOUND_TRIES);
	return index;
}

static void mark(u32 index)
{
	BOUNDED(BOUND_MARK)
		lab_dirty_mark(&reg.dirty, index);
}

#define ARROW(move) \
	({ \
		bool _moved = false; \
		BOUNDED(BOUND_ARROW) \
			_moved = (move); \
		_moved; \
	})

/* Every arrow that any context may make, twice: done, and refused. */
static void arrows(void)
{
	struct lab_slot *slot = &reg.slot[5];
	u64 handle = lab_handle(LAB_GEN_ONE, 5), next, word;
	bool first;

	next = handle + LAB_GEN_ONE;
	for (first = true; ; first = false) {
		slot_set(slot, 1, 0, LABYRINTH_PAGE_READY);
		CHECK(ARROW(lab_slot_own(slot, OWNER, &word)));
		CHECK(!ARROW(lab_slot_own(slot, OWNER, &word)));
		CHECK(ARROW(lab_slot_leave(slot, handle, OWNER)));
		CHECK(!ARROW(lab_slot_free(slot, handle, OWNER)));
		CHECK(ARROW(lab_slot_stay(slot, handle, OWNER)));
		CHECK(!ARROW(lab_slot_gone(slot, handle, OWNER)));
		CHECK(ARROW(lab_slot_give(slot, handle, OWNER, OWNER + 1)));
		CHECK(!ARROW(lab_slot_pass(slot, handle, OWNER, OWNER + 1)));
		if (!first)
			break;
		CHECK(ARROW(lab_slot_take(slot, next, OWNER + 1)));
		CHECK(!ARROW(lab_slot_drop(slot, next, OWNER + 1)));
		CHECK(ARROW(lab_slot_free(slot, next, OWNER + 1)));
		test_ops(11);
	}
	CHECK(ARROW(lab_slot_drop(slot, next, OWNER + 1)));
}

static void alone(void)
{
	u32 i;

	if (!begin())
		return;
	arrows();
	for (i = 0; i < 3; i++) {
		CHECK_EQ(ring_take(), LAB_NIL);
		CHECK(lab_ring_put(&ring, i, &ring.available));
		CHECK_EQ(ring_take(), i);
		queue_put(i);
		CHECK_EQ(queue_take(), i);
		CHECK_EQ(queue_take(), LAB_NIL);
		CHECK_EQ(stack_take(), LAB_NIL);
		lab_stack_put(&reg, &stack, i);
		CHECK_EQ(stack_take(), i);
		mark(i);
		test_ops(5);
	}
	/* Nobody in the way: the least there can be. */
	CHECK_EQ(bound_most(BOUND_CLAIM), 1);
	CHECK_EQ(bound_most(BOUND_RING_TAKE), 2);
	CHECK_EQ(bound_most(BOUND_QUEUE_PUT), 2);
	CHECK_EQ(bound_most(BOUND_QUEUE_TAKE), 2);
	CHECK_EQ(bound_most(BOUND_STACK_TAKE), 1);
	CHECK_EQ(bound_most(BOUND_MARK), 2);
	CHECK_EQ(bound_most(BOUND_ARROW), 1);
	end();
}

/* === Every way to take turns ============================================= */

static void try_all(const struct scenario *scenario, enum bound bound)
{
	if (TEST_TSAN) {
		test_skip("ThreadSanitizer can't follow coroutines");
		return;
	}
	if (!begin())
		return;
	test_ops(schedule_all(scenario));
	/* Somewhere among them is the worst: the bound is no larger than it. */
	CHECK_EQ(bound_most(bound), bound_of(bound));
	end();
}

static void begin_one_left(void)
{
	atomic_long_set(&queue.room, 1);
}

static void claims(void)
{
	claimed(&queue.room);
}

/* Takes the one place and returns it, in one step each, for one try too many. */
static void comes_and_goes(void)
{
	u32 i;

	for (i = 0; i < 3; i++) {
		atomic_long_fetch_add(-1, &queue.room);
		atomic_long_fetch_add(1, &queue.room);
	}
}

static void end_none(void)
{
}

static void worst_claim(void)
{
	try_all(&(struct scenario){
		.begin = begin_one_left, .thread = { claims, comes_and_goes },
		.end = end_none, .switches = 20,
	}, BOUND_CLAIM);
}

static void begin_full_stack(void)
{
	u32 i;

	lab_stack_init(&stack);
	for (i = 0; i < 8; i++)
		lab_stack_put(&reg, &stack, i);
}

static void takes(void)
{
	stack_take();
}

/* In the way of five tries, and of one more if there were one: in one step each. */
static void changes(void)
{
	u32 i;

	for (i = 0; i < BOUND_TRIES + 1; i++)
		atomic64_fetch_add((s64)BIT_ULL(33), &stack.head);
}

static void worst_stack_take(void)
{
	try_all(&(struct scenario){
		.begin = begin_full_stack, .thread = { takes, changes },
		.end = end_none, .switches = 20,
	}, BOUND_STACK_TAKE);
}

/* === Threads in each other's way ========================================= */

static struct {
	struct meeting start;
	enum disturbance how;
	u64 rounds;
} crowd;

/* What it takes it puts back, so that there is always something to fight for. */
static void jostle(u32 number, struct rng *rng)
{
	u32 index;

	switch (rng_below(rng, 4)) {
	case 0:
		if (claimed(&queue.room))
			atomic_long_fetch_add(1, &queue.room);
		return;
	case 1:
		mark(rng_below(rng, SLOTS));
		return;
	case 2:
		if (!number) {
			queue_take();
			return;
		}
		queue_put(number);
		return;
	default:
		index = stack_take();
		if (index != LAB_NIL)
			lab_stack_put(&reg, &stack, index);
	}
}

/* Of all who go for one word, whoever loses makes no second try. */
static void contend(struct lab_slot *slot, struct rng *rng)
{
	u64 word = lab_slot_word(slot), handle = lab_handle(word, 63);
	u32 owner = lab_word_owner(word), to = 1 + rng_below(rng, 3);

	if (lab_word_state(word) == LABYRINTH_PAGE_TRANSIT)
		ARROW(lab_slot_take(slot, handle, owner));
	else
		ARROW(lab_slot_give(slot, handle, owner, to));
}

/* One refills the ring and clears the map, as the worker does. */
static void work(void)
{
	u32 i;

	lab_ring_put(&ring, 1, &ring.available);
	for (i = 0; i < 4; i++)
		lab_dirty_next(&reg.dirty, 0);
}

static void *jostler(void *arg)
{
	u32 number = (u32)(unsigned long)arg;
	struct rng rng = rng_of(150 + number);
	u64 i;

	disturb(crowd.how, 150 + number);
	meet(&crowd.start);
	for (i = 0; i < crowd.rounds && !test_failed(); i++) {
		jostle(number, &rng);
		contend(&reg.slot[63], &rng);
		if (!number)
			work();
		else
			ring_take();
	}
	test_ops(3 * i);
	return NULL;
}

static void crowded(enum disturbance how, u64 rounds)
{
	pthread_t thread[THREADS];
	u32 i;

	if (!begin())
		return;
	memset(&crowd, 0, sizeof(crowd));
	crowd.start.threads = THREADS;
	crowd.how = how;
	crowd.rounds = rounds;
	for (i = 0; i < 4; i++)
		lab_stack_put(&reg, &stack, i);
	slot_set(&reg.slot[63], 1, 1, LABYRINTH_PAGE_OWNED);
	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, jostler,
			       (void *)(unsigned long)i);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	end();
}

static void in_a_crowd(void)
{
	crowded(DISTURB_NOT, TEST_ROUNDS(60000));
	crowded(DISTURB_SPIN, TEST_ROUNDS(60000));
	crowded(DISTURB_YIELD, TEST_ROUNDS(30000));
}

const struct test steps_tests[] = {
	{ "alone, each call takes the fewest steps, and counts every one", alone },
	{ "whichever way they take turns: a claim takes 4 steps at most, and somewhere does",
	  worst_claim },
	{ "whichever way they take turns: a stack's take in 5 tries takes 5 steps at most, and somewhere does",
	  worst_stack_take },
	{ "threads in each other's way: every call stays within its bound",
	  in_a_crowd },
	{}
};
