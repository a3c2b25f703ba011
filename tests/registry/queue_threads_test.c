// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads put and one takes: nothing is lost, doubled or out of order.
 *
 * What goes along with an item is plain memory, which its producer writes anew
 * as soon as a claim says that it may: so ThreadSanitizer sees whether a put
 * publishes what came before it, and whether room that comes back tells that
 * what was there has been taken.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "bounds.h"
#include "test.h"

#define PRODUCERS	3
#define MOST		8
/*
 * Items of a producer, used in turn. When a claim is granted, at most a queue of
 * its own is not out yet; and what came out before the last, was looked at.
 */
#define ITEMS		(MOST + 2)

struct item {
	u64 sequence;
	u64 check;
};

static struct {
	struct lab_queue queue;
	struct item item[PRODUCERS][ITEMS];
	enum disturbance how;
	u32 capacity, producers;
	u64 each;
	int finished;
	u64 refused, empty, looked_ahead;
	/* Claimed and not taken, by an account of its own. */
	long outstanding;
} game;

static bool claim(void)
{
	bool claimed = false;

	BOUNDED(BOUND_CLAIM)
		claimed = lab_claim(&game.queue.room);
	return claimed;
}

static bool put(u32 producer, u64 sequence)
{
	/* With more items than places, an item is out when its turn comes. */
	u32 which = (u32)(sequence % (game.capacity + 2));
	struct item *item = &game.item[producer][which];

	if (!claim())
		return false;
	__atomic_fetch_add(&game.outstanding, 1, __ATOMIC_RELAXED);
	item->sequence = sequence;
	item->check = sequence ^ ~(u64)producer;
	BOUNDED(BOUND_QUEUE_PUT)
		lab_queue_put(&game.queue, producer * ITEMS + which);
	return true;
}

static void *produce(void *arg)
{
	u32 producer = (u32)(unsigned long)arg;
	u64 refused = 0, called_off = 0, i = 0;
	struct rng rng = rng_of(130 + producer);

	disturb(game.how, 130 + producer);
	while (i < game.each && !test_failed()) {
		if (!rng_below(&rng, 16) && claim()) {
			atomic_long_fetch_add(1, &game.queue.room);
			called_off++;
		}
		if (put(producer, i)) {
			i++;
			continue;
		}
		if (!(++refused % 8))
			sched_yield();
	}
	__atomic_fetch_add(&game.refused, refused, __ATOMIC_RELAXED);
	__atomic_fetch_add(&game.finished, 1, __ATOMIC_RELEASE);
	test_ops(i + called_off);
	return NULL;
}

/* In the order of its producer, and as the producer wrote it. */
static void look(u32 index, const u64 *next)
{
	u32 producer = index / ITEMS;
	const struct item *item;

	if (!CHECK(producer < game.producers))
		return;
	item = &game.item[producer][index % ITEMS];
	CHECK_EQ(item->sequence, next[producer]);
	CHECK_EQ(item->check, item->sequence ^ ~(u64)producer);
}

static u32 take(void)
{
	u32 index = LAB_NIL;

	BOUNDED(BOUND_QUEUE_TAKE)
		index = lab_queue_take(&game.queue);
	return index;
}

/* What is shown ahead is what comes, each in its producer's order. */
static void look_ahead(const u64 *next)
{
	u64 then[PRODUCERS];
	u32 ahead, index;

	memcpy(then, next, sizeof(then));
	for (ahead = 0; ahead < game.capacity; ahead++) {
		index = lab_queue_peek(&game.queue, ahead);
		if (index == LAB_NIL)
			break;
		look(index, then);
		if (test_failed())
			return;
		then[index / ITEMS]++;
	}
	CHECK_EQ(lab_queue_peek(&game.queue, game.capacity), LAB_NIL);
	game.looked_ahead += ahead > 1;
}

static void receive(u64 *next, struct rng *rng)
{
	u32 index;

	if (!rng_below(rng, 16))
		look_ahead(next);
	index = take();
	if (index == LAB_NIL) {
		if (!(++game.empty % 8))
			sched_yield();
		return;
	}
	look(index, next);
	if (test_failed())
		return;
	next[index / ITEMS]++;
	__atomic_fetch_add(&game.outstanding, -1, __ATOMIC_RELAXED);
}

static void rest(u64 *next)
{
	u32 index, p;

	while (!test_failed() && (index = take()) != LAB_NIL) {
		look(index, next);
		if (!test_failed())
			next[index / ITEMS]++;
		game.outstanding--;
	}
	for (p = 0; p < game.producers; p++)
		CHECK_EQ(next[p], game.each);
	CHECK_EQ(game.outstanding, 0);
	CHECK_EQ(atomic_long_read(&game.queue.room), game.capacity);
	CHECK_EQ((u32)atomic_read(&game.queue.tail), game.queue.head);
	for (p = 0; p <= game.queue.mask; p++)
		CHECK_EQ(atomic_read(&game.queue.entry[p]), LAB_NIL);
	test_ops(game.producers * game.each);
}

static void many_to_one(u32 producers, u32 capacity, enum disturbance how,
			u64 each)
{
	struct rng rng = rng_of(140 + capacity);
	pthread_t thread[PRODUCERS];
	u64 next[PRODUCERS] = {};
	u32 p;

	memset(&game, 0, sizeof(game));
	if (!CHECK_EQ(lab_queue_init(&game.queue, capacity), 0))
		return;
	/* The tickets wrap soon. */
	game.queue.head = 0U - 1000;
	atomic_set(&game.queue.tail, (int)game.queue.head);
	game.capacity = capacity;
	game.producers = producers;
	game.how = how;
	game.each = each;
	for (p = 0; p < producers; p++)
		pthread_create(&thread[p], NULL, produce,
			       (void *)(unsigned long)p);
	disturb(how == DISTURB_ONE_CPU ? DISTURB_YIELD : how, 139);
	while (__atomic_load_n(&game.finished, __ATOMIC_ACQUIRE) <
	       (int)producers && !test_failed())
		receive(next, &rng);
	disturb(DISTURB_NOT, 0);
	for (p = 0; p < producers; p++)
		pthread_join(thread[p], NULL);
	if (!test_failed())
		rest(next);
	test_note("%u producers, %u places: %llu refused, %llu times empty, %llu looks ahead",
		  producers, capacity, game.refused, game.empty,
		  game.looked_ahead);
	lab_queue_exit(&game.queue);
}

/* === Tests =============================================================== */

static void undisturbed(void)
{
	many_to_one(1, 4, DISTURB_NOT, TEST_ROUNDS(100000));
	many_to_one(2, 1, DISTURB_NOT, TEST_ROUNDS(50000));
	many_to_one(2, 8, DISTURB_NOT, TEST_ROUNDS(100000));
	many_to_one(3, 3, DISTURB_NOT, TEST_ROUNDS(50000));
}

static void spinning(void)
{
	many_to_one(2, 2, DISTURB_SPIN, TEST_ROUNDS(40000));
	many_to_one(3, 5, DISTURB_SPIN, TEST_ROUNDS(40000));
}

static void yielding(void)
{
	many_to_one(2, 1, DISTURB_YIELD, TEST_ROUNDS(15000));
	many_to_one(3, 2, DISTURB_YIELD, TEST_ROUNDS(15000));
	many_to_one(3, 7, DISTURB_YIELD, TEST_ROUNDS(20000));
}

static void stalling(void)
{
	many_to_one(3, 3, DISTURB_STALL, TEST_ROUNDS(20000));
}

static void one_cpu(void)
{
	many_to_one(3, 3, DISTURB_ONE_CPU, TEST_ROUNDS(15000));
}

const struct test queue_threads_tests[] = {
	{ "several put and one takes, undisturbed: nothing lost, doubled or out of order",
	  undisturbed },
	{ "several put and one takes, spinning in the middle of calls: nothing lost, doubled or out of order",
	  spinning },
	{ "several put and one takes, yielding in the middle of calls: nothing lost, doubled or out of order",
	  yielding },
	{ "several put and one takes, stalled in the middle of calls: nothing lost, doubled or out of order",
	  stalling },
	{ "several put and one takes, all on one CPU: nothing lost, doubled or out of order",
	  one_cpu },
	{}
};
