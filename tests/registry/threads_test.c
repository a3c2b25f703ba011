// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads take, use, free and give while a worker recycles; and several
 * threads go for one handle.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "mini.h"

#define THREADS		4

static struct mini mini;

/* === A worker and takers ================================================= */

struct taker {
	pthread_t thread;
	struct mini_hand hand;
	enum disturbance how;
	u64 allocs;
};

static void *take(void *arg)
{
	struct taker *taker = arg;
	struct mini_hand *hand = &taker->hand;
	u64 i;

	disturb(taker->how, hand->owner);
	for (i = 0; hand->allocs < taker->allocs && !test_failed(); i++) {
		mini_step(hand);
		/* It is the worker's turn. */
		if (hand->empty > 8)
			sched_yield();
	}
	mini_let_go(hand);
	test_ops(i);
	return NULL;
}

static void *work(void *arg)
{
	u64 i = 0;
	u32 idle = 0;

	disturb(*(enum disturbance *)arg, 99);
	while (!__atomic_load_n(&mini.stop, __ATOMIC_ACQUIRE)) {
		idle = mini_work(&mini) ? 0 : idle + 1;
		i += !idle;
		if (idle > 8)
			sched_yield();
	}
	test_ops(i);
	return NULL;
}

static void worker_and_takers(u32 takers, enum disturbance how, u64 allocs_each)
{
	struct taker taker[THREADS] = {};
	struct mini_hand sum = {};
	pthread_t worker;
	u32 i;

	if (!mini_begin(&mini, takers, 30 + how))
		return;
	pthread_create(&worker, NULL, work, &how);
	for (i = 0; i < takers; i++) {
		taker[i].hand = (struct mini_hand){
			.mini = &mini, .owner = i + 1, .rng = rng_of(40 + i),
		};
		taker[i].how = how;
		taker[i].allocs = allocs_each;
		pthread_create(&taker[i].thread, NULL, take, &taker[i]);
	}
	for (i = 0; i < takers; i++) {
		pthread_join(taker[i].thread, NULL);
		mini_sum(&sum, &taker[i].hand);
	}
	__atomic_store_n(&mini.stop, 1, __ATOMIC_RELEASE);
	pthread_join(worker, NULL);
	mini_end(&mini);
	mini_balance(&mini, &sum);
	CHECK(sum.allocs >= takers * allocs_each &&
	      sum.refused > sum.allocs / 4);
	CHECK(sum.takes && sum.drops && sum.full);
	test_note("%u takers: %llu misuses refused", takers, sum.refused);
}

static void undisturbed(void)
{
	worker_and_takers(1, DISTURB_NOT, TEST_ROUNDS(400000));
	worker_and_takers(2, DISTURB_NOT, TEST_ROUNDS(200000));
}

static void spinning(void)
{
	worker_and_takers(3, DISTURB_SPIN, TEST_ROUNDS(150000));
}

static void yielding(void)
{
	worker_and_takers(2, DISTURB_YIELD, TEST_ROUNDS(100000));
	worker_and_takers(4, DISTURB_YIELD, TEST_ROUNDS(50000));
}

static void stalling(void)
{
	worker_and_takers(3, DISTURB_STALL, TEST_ROUNDS(50000));
}

static void one_cpu(void)
{
	worker_and_takers(3, DISTURB_ONE_CPU, TEST_ROUNDS(60000));
}

/* === One handle, many hands ============================================== */

#define CONTEST_OWNER	7

/* What all do at once, and who did it. */
static struct {
	struct lab_registry reg;
	struct meeting start, finish;
	enum disturbance how;
	u64 rounds;
	u64 handle;
	u32 first;
	u32 won, left, stayed, ended;
} contest;

static void count(u32 *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

static bool end(struct lab_slot *slot,
		bool (*arrow)(struct lab_slot *, u64, u32))
{
	if (!arrow(slot, contest.handle, CONTEST_OWNER))
		return false;
	count(&contest.ended);
	return true;
}

/* The first arrow is the same for all, in the rounds where one must win. */
static void contend(struct lab_slot *slot, struct rng *rng)
{
	u32 first = contest.first < 2 ? contest.first : rng_below(rng, 3);

	if (first == 2) {
		end(slot, lab_slot_gone);
		return;
	}
	if (!first) {
		if (end(slot, lab_slot_free))
			count(&contest.won);
		return;
	}
	if (!lab_slot_leave(slot, contest.handle, CONTEST_OWNER))
		return;
	count(&contest.left);
	if (contest.first < 2)
		return;
	if (rng_below(rng, 2)) {
		end(slot, lab_slot_gone);
	} else if (lab_slot_stay(slot, contest.handle, CONTEST_OWNER)) {
		count(&contest.stayed);
		end(slot, lab_slot_free);
	}
}

static void *contestant(void *arg)
{
	u64 number = (u64)(unsigned long)arg, i;
	struct rng rng = rng_of(60 + number);

	disturb(contest.how, number);
	for (i = 0; i < contest.rounds; i++) {
		meet(&contest.start);
		contend(&contest.reg.slot[3], &rng);
		meet(&contest.finish);
	}
	return NULL;
}

static void judge(struct lab_slot *slot)
{
	enum labyrinth_page_state state = slot_state(slot);

	if (contest.first == 0) {
		CHECK_EQ(contest.won, 1);
	} else if (contest.first == 1) {
		CHECK_EQ(contest.left, 1);
		CHECK_EQ(state, LABYRINTH_PAGE_LEAVING);
	}
	CHECK_EQ(state == LABYRINTH_PAGE_DIRTY, contest.ended);
	CHECK(contest.ended <= 1);
	CHECK_EQ(lab_word_gen(lab_slot_word(slot)),
		 contest.handle >> LAB_INDEX_BITS);
}

/* One contestant is this thread, which prepares and judges each round. */
static void contest_of(u32 threads, enum disturbance how, u64 rounds)
{
	struct lab_slot *slot;
	pthread_t thread[THREADS];
	struct rng rng = rng_of(59);
	u64 i;
	u32 t;

	memset(&contest, 0, sizeof(contest));
	contest.start.threads = contest.finish.threads = (int)threads;
	contest.how = how;
	contest.rounds = rounds;
	if (!CHECK_EQ(lab_registry_init(&contest.reg, 8), 0))
		return;
	slot = &contest.reg.slot[3];
	for (t = 1; t < threads; t++)
		pthread_create(&thread[t], NULL, contestant,
			       (void *)(unsigned long)t);
	for (i = 0; i < rounds; i++) {
		contest.won = contest.left = 0;
		contest.stayed = contest.ended = 0;
		contest.first = (u32)(i % 4);
		slot_set(slot, i + 1, CONTEST_OWNER, LABYRINTH_PAGE_OWNED);
		contest.handle = lab_handle(lab_slot_word(slot), 3);
		meet(&contest.start);
		contend(slot, &rng);
		meet(&contest.finish);
		judge(slot);
	}
	for (t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	lab_registry_exit(&contest.reg);
	test_ops(rounds * threads);
}

static void one_wins(void)
{
	contest_of(2, DISTURB_NOT, TEST_ROUNDS(300000));
	contest_of(2, DISTURB_SPIN, TEST_ROUNDS(150000));
	contest_of(4, DISTURB_YIELD, TEST_ROUNDS(30000));
}

const struct test threads_tests[] = {
	{ "threads that take, free, give and receive, undisturbed: one owner at a time, nothing lost",
	  undisturbed },
	{ "threads that take, free, give and receive, spinning in the middle of calls: one owner at a time, nothing lost",
	  spinning },
	{ "threads that take, free, give and receive, yielding in the middle of calls: one owner at a time, nothing lost",
	  yielding },
	{ "threads that take, free, give and receive, stalled in the middle of calls: one owner at a time, nothing lost",
	  stalling },
	{ "threads that take, free, give and receive, all on one CPU: one owner at a time, nothing lost",
	  one_cpu },
	{ "of all who free, leave, stay or end one handle at once, exactly one does",
	  one_wins },
	{}
};
