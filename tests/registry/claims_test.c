// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is declared is delivered: N from a full reserve of N, and a guarantee
 * against whoever hammers what is for all.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "test.h"

#define THREADS		4
#define MOST		64

/* === Rounds ============================================================== */

enum mode {
	/* Each claims until it is refused: N in all. */
	MODE_UNTIL_REFUSED,
	/* N requests in all: none is refused. */
	MODE_EXACTLY,
	/* N requests and a few: N succeed. */
	MODE_A_FEW_MORE,
	/* Until refused, while k more are put: N + k, once all is quiet. */
	MODE_REFILL,
	MODES
};

/* A round is made by the main thread, who claims too, or refills. */
static struct {
	struct lab_ring ring;
	struct meeting start, finish;
	enum disturbance how;
	u64 rounds;
	enum mode mode;
	u32 n, k;
	long requests;
	u32 taken, refused;
	u32 seen[2 * MOST];
} game;

static bool request(void)
{
	u32 index;

	if (!lab_claim(&game.ring.available)) {
		__atomic_fetch_add(&game.refused, 1, __ATOMIC_RELAXED);
		return false;
	}
	index = lab_ring_take(&game.ring);
	if (CHECK(index < ARRAY_SIZE(game.seen)))
		CHECK_EQ(__atomic_exchange_n(&game.seen[index], 1,
					     __ATOMIC_RELAXED), 0);
	__atomic_fetch_add(&game.taken, 1, __ATOMIC_RELAXED);
	return true;
}

static void play(void)
{
	if (game.mode == MODE_UNTIL_REFUSED || game.mode == MODE_REFILL) {
		while (request() && !test_failed())
			;
		return;
	}
	while (__atomic_fetch_add(&game.requests, -1, __ATOMIC_RELAXED) > 0)
		request();
}

static void *player(void *arg)
{
	u64 i;

	disturb(game.how, (u64)(unsigned long)arg);
	for (i = 0; i < game.rounds; i++) {
		meet(&game.start);
		play();
		meet(&game.finish);
	}
	return NULL;
}

static void set_up(struct rng *rng, enum mode mode)
{
	u32 i;

	memset(game.seen, 0, sizeof(game.seen));
	game.taken = game.refused = 0;
	game.mode = mode;
	game.n = rng_below(rng, 8) ? rng_below(rng, 9) :
				     1 + rng_below(rng, MOST);
	game.k = mode == MODE_REFILL ? 1 + rng_below(rng, 12) : 0;
	game.requests = (long)game.n;
	if (mode == MODE_A_FEW_MORE)
		game.requests += 1 + rng_below(rng, 5);
	for (i = 0; i < game.n; i++)
		CHECK(lab_ring_put(&game.ring, i, &game.ring.available));
}

static void refill(void)
{
	u32 i;

	for (i = 0; i < game.k; i++)
		while (!lab_ring_put(&game.ring, game.n + i,
				     &game.ring.available) && !test_failed())
			sched_yield();
}

static void judge(void)
{
	switch (game.mode) {
	case MODE_UNTIL_REFUSED:
		CHECK_EQ(game.taken, game.n);
		break;
	case MODE_EXACTLY:
		CHECK_EQ(game.refused, 0);
		CHECK_EQ(game.taken, game.n);
		break;
	case MODE_A_FEW_MORE:
		CHECK_EQ(game.taken, game.n);
		break;
	default:
		/* All is quiet: now the rest must be there. */
		while (request() && !test_failed())
			;
		CHECK_EQ(game.taken, game.n + game.k);
	}
	CHECK_EQ(atomic_long_read(&game.ring.available), 0);
	CHECK_EQ(game.ring.tail, (u32)atomic_read(&game.ring.head));
	test_ops(game.taken + game.refused);
}

static void n_from_n(u32 threads, enum disturbance how, u64 rounds)
{
	struct rng rng = rng_of(70 + how);
	pthread_t thread[THREADS];
	u64 i;
	u32 t;

	memset(&game, 0, sizeof(game));
	if (!CHECK_EQ(lab_ring_init(&game.ring, MOST), 0))
		return;
	game.ring.tail = 0U - 1000;
	atomic_set(&game.ring.head, (int)game.ring.tail);
	game.start.threads = game.finish.threads = (int)threads;
	game.how = how;
	game.rounds = rounds;
	for (t = 1; t < threads; t++)
		pthread_create(&thread[t], NULL, player,
			       (void *)(unsigned long)t);
	disturb(how == DISTURB_ONE_CPU ? DISTURB_YIELD : how, 0);
	for (i = 0; i < rounds; i++) {
		/* Once it has failed, meet the others until they have ended. */
		if (!test_failed())
			set_up(&rng, (enum mode)(i % MODES));
		meet(&game.start);
		if (game.mode == MODE_REFILL)
			refill();
		else
			play();
		meet(&game.finish);
		if (!test_failed())
			judge();
	}
	disturb(DISTURB_NOT, 0);
	for (t = 1; t < threads; t++)
		pthread_join(thread[t], NULL);
	lab_ring_exit(&game.ring);
}

static void all_modes(void)
{
	n_from_n(2, DISTURB_NOT, TEST_ROUNDS(100000));
	n_from_n(2, DISTURB_SPIN, TEST_ROUNDS(60000));
	n_from_n(3, DISTURB_YIELD, TEST_ROUNDS(20000));
	n_from_n(4, DISTURB_YIELD, TEST_ROUNDS(10000));
	n_from_n(4, DISTURB_ONE_CPU, TEST_ROUNDS(5000));
}

/* === A guarantee against hogs ============================================ */

#define HOGS		2
#define GUARANTEE	12
#define FOR_ALL		8

static struct {
	struct lab_registry reg;
	struct lab_ring ring;
	atomic_long_t credit;
	enum disturbance how;
	u64 rounds;
	int ask, stop;
	u64 hogged;
} bank;

/* What was taken goes back through the dirty map, to the worker. */
static u32 bank_take(void)
{
	u32 index = lab_ring_take(&bank.ring);

	if (CHECK(index < GUARANTEE + FOR_ALL))
		lab_dirty_mark(&bank.reg.dirty, index);
	return index;
}

static void *hog(void *arg)
{
	u64 tries = 0;

	disturb(bank.how, (u64)(unsigned long)arg);
	while (!__atomic_load_n(&bank.stop, __ATOMIC_ACQUIRE)) {
		if (lab_claim(&bank.ring.available)) {
			bank_take();
			__atomic_fetch_add(&bank.hogged, 1, __ATOMIC_RELAXED);
		} else if (!(++tries % 32)) {
			sched_yield();
		}
	}
	return NULL;
}

/* All that it was promised is there, whenever it takes it, and not one more. */
static void *holder(void *arg)
{
	u64 i, hogged;
	u32 n;

	(void)arg;
	disturb(bank.how, 80);
	for (i = 0; i < bank.rounds && !test_failed(); i++) {
		__atomic_store_n(&bank.ask, 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&bank.ask, __ATOMIC_ACQUIRE) &&
		       !test_failed())
			sched_yield();
		hogged = __atomic_load_n(&bank.hogged, __ATOMIC_RELAXED);
		while (__atomic_load_n(&bank.hogged, __ATOMIC_RELAXED) -
		       hogged < FOR_ALL && !test_failed())
			sched_yield();
		for (n = 0; n < GUARANTEE; n++)
			if (CHECK(lab_claim(&bank.credit)))
				bank_take();
		CHECK(!lab_claim(&bank.credit));
	}
	test_ops(i * GUARANTEE);
	__atomic_store_n(&bank.stop, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* As module/reserve.c: the guarantee first, from what comes or what is there. */
static void bank_work(void)
{
	bool asked = __atomic_load_n(&bank.ask, __ATOMIC_ACQUIRE);
	bool lacks = asked && atomic_long_read(&bank.credit) < GUARANTEE;
	u32 index;

	if (asked && !lacks) {
		__atomic_store_n(&bank.ask, 0, __ATOMIC_RELEASE);
		return;
	}
	if (lacks && lab_claim(&bank.ring.available)) {
		atomic_long_inc(&bank.credit);
		return;
	}
	index = lab_dirty_next(&bank.reg.dirty, 0);
	if (index == LAB_NIL) {
		sched_yield();
	} else if (!lab_ring_put(&bank.ring, index, lacks ? &bank.credit :
				 &bank.ring.available)) {
		/* A round ago somebody claimed, and has not taken yet. */
		lab_dirty_mark(&bank.reg.dirty, index);
		sched_yield();
	}
}

static void bank_count(void)
{
	u32 n = 0;

	while (lab_dirty_next(&bank.reg.dirty, 0) != LAB_NIL)
		n++;
	CHECK_EQ(n + (u64)atomic_long_read(&bank.ring.available) +
		 (u64)atomic_long_read(&bank.credit), GUARANTEE + FOR_ALL);
	CHECK(bank.hogged >= bank.rounds * FOR_ALL);
	test_ops(bank.hogged);
}

static void against_hogs(enum disturbance how, u64 rounds)
{
	pthread_t thread[HOGS + 1];
	u32 i;

	memset(&bank, 0, sizeof(bank));
	if (!CHECK_EQ(lab_registry_init(&bank.reg, 64), 0) ||
	    !CHECK_EQ(lab_ring_init(&bank.ring, GUARANTEE + FOR_ALL), 0))
		return;
	bank.how = how;
	bank.rounds = rounds;
	for (i = 0; i < GUARANTEE + FOR_ALL; i++)
		lab_dirty_mark(&bank.reg.dirty, i);
	for (i = 0; i < HOGS; i++)
		pthread_create(&thread[i], NULL, hog, (void *)(81UL + i));
	pthread_create(&thread[HOGS], NULL, holder, NULL);
	while (!__atomic_load_n(&bank.stop, __ATOMIC_ACQUIRE) && !test_failed())
		bank_work();
	__atomic_store_n(&bank.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i <= HOGS; i++)
		pthread_join(thread[i], NULL);
	if (!test_failed())
		bank_count();
	lab_ring_exit(&bank.ring);
	lab_registry_exit(&bank.reg);
}

static void guarantee(void)
{
	against_hogs(DISTURB_NOT, TEST_ROUNDS(4000));
	against_hogs(DISTURB_SPIN, TEST_ROUNDS(3000));
	against_hogs(DISTURB_YIELD, TEST_ROUNDS(2000));
}

const struct test claims_tests[] = {
	{ "N requests from a reserve of N all succeed, and never one more, refilled or not",
	  all_modes },
	{ "a guarantee of G yields exactly G, whatever others take of the rest",
	  guarantee },
	{}
};
