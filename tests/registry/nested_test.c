// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: signal handlers take, use, free and give in the middle of a thread's
 * own calls, three deep, as soft interrupt, hard interrupt and NMI are.
 *
 * They come in two ways: raised between two steps of a call, so that every gap
 * is hit; and sent at any instruction by another thread. ThreadSanitizer puts
 * the latter off until a call to libc; there only the former interrupt.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "mini.h"

#define TAKERS	2
#define LEVELS	4

/* One thread: its hands by level, 0 being what is interrupted. */
struct context {
	pthread_t thread;
	struct mini_hand hand[LEVELS];
	struct rng rng[LEVELS];
	u64 allocs;
	volatile u32 level;
	/* In a call for the hand of this level; with what is raised under way. */
	volatile sig_atomic_t inside[LEVELS];
	volatile sig_atomic_t raising;
	u64 raised, sent, deepest, putting;
};

static struct mini mini;
static struct context contexts[TAKERS + 1];
static _Thread_local struct context *me;
static int done, quiet;

static int signal_of(u32 level)
{
	return level == 1 ? SIGUSR1 : level == 2 ? SIGUSR2 : SIGRTMIN;
}

static void call(u32 level)
{
	me->inside[level] = 1;
	mini_step(&me->hand[level]);
	me->inside[level] = 0;
}

static void interrupt(int signal)
{
	u32 level = signal == SIGUSR1 ? 1 : signal == SIGUSR2 ? 2 : 3;
	struct counted own;
	u32 below, n;

	/* ThreadSanitizer forgets the mask of what it has put off. */
	if (!me || level <= me->level)
		return;
	below = me->level;
	if (me->raising)
		me->raised++;
	else if (me->inside[below])
		me->sent++;
	me->raising = 0;
	me->putting += me->hand[below].giving;
	me->deepest += level == 3 && below == 2 && me->inside[2] &&
		       me->inside[1] && me->inside[0];
	me->level = level;
	/* What is interrupted counts its own steps only. */
	own = counted_now();
	for (n = rng_below(&me->rng[level], 4); n; n--)
		call(level);
	counted_restore(own);
	me->level = below;
}

/* Before a step: an interrupt, by a level that may interrupt this one. */
static void between_steps(void)
{
	u32 level = me->level;

	if (level == LEVELS - 1 ||
	    rng_below(&me->rng[level], level ? 16 : 96))
		return;
	level += 1 + rng_below(&me->rng[level], LEVELS - 1 - level);
	me->raising = 1;
	raise(signal_of(level));
	me->raising = 0;
}

static void handlers(void)
{
	struct sigaction action = { .sa_handler = interrupt,
				    .sa_flags = SA_RESTART };
	u32 level;

	sigemptyset(&action.sa_mask);
	for (level = 1; level < LEVELS; level++) {
		sigaddset(&action.sa_mask, signal_of(level));
		sigaction(signal_of(level), &action, NULL);
	}
}

static void quiesce(void)
{
	sigset_t all;
	u32 level;

	shim_hook = NULL;
	sigemptyset(&all);
	for (level = 1; level < LEVELS; level++)
		sigaddset(&all, signal_of(level));
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (level = 0; level < LEVELS; level++)
		mini_let_go(&me->hand[level]);
}

static void *take(void *arg)
{
	me = arg;
	shim_hook = between_steps;
	while (me->hand[0].allocs < me->allocs && !test_failed()) {
		call(0);
		if (me->hand[0].empty > 8)
			sched_yield();
	}
	quiesce();
	__atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The worker is interrupted too, in the middle of what only it does. */
static void *work(void *arg)
{
	me = arg;
	shim_hook = between_steps;
	while (!__atomic_load_n(&mini.stop, __ATOMIC_ACQUIRE)) {
		me->inside[0] = 1;
		if (!mini_work(&mini))
			sched_yield();
		me->inside[0] = 0;
	}
	quiesce();
	return NULL;
}

static void *send(void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000 };
	struct rng rng = rng_of(90);

	(void)arg;
	while (!__atomic_load_n(&quiet, __ATOMIC_ACQUIRE)) {
		pthread_kill(contexts[rng_below(&rng, TAKERS + 1)].thread,
			     signal_of(1 + rng_below(&rng, LEVELS - 1)));
		if (rng_below(&rng, 4))
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static void begin_context(u32 i, void *(*run)(void *), u64 allocs)
{
	struct context *context = &contexts[i];
	u32 level;

	*context = (struct context){ .allocs = allocs };
	for (level = 0; level < LEVELS; level++) {
		context->rng[level] = rng_of(100 + i * LEVELS + level);
		context->hand[level] = (struct mini_hand){
			.mini = &mini,
			.owner = 1 + i * LEVELS + level,
			.rng = rng_of(120 + i * LEVELS + level),
		};
	}
	pthread_create(&context->thread, NULL, run, context);
}

static void sum_up(void)
{
	u64 raised = 0, sent = 0, deepest = 0, putting = 0, by_handlers = 0;
	struct mini_hand sum = {};
	u32 i, level;

	for (i = 0; i <= TAKERS; i++) {
		raised += contexts[i].raised;
		sent += contexts[i].sent;
		deepest += contexts[i].deepest;
		putting += contexts[i].putting;
		for (level = 0; level < LEVELS; level++) {
			mini_sum(&sum, &contexts[i].hand[level]);
			by_handlers += level ? contexts[i].hand[level].allocs : 0;
		}
	}
	mini_balance(&mini, &sum);
	CHECK(raised > 0 && putting > 0);
	CHECK(TEST_TSAN || (sent > 0 && deepest > 0));
	CHECK(by_handlers > 0 && sum.takes > 0);
	test_ops(sum.allocs + sum.frees + sum.gives + sum.takes);
	test_note("interrupted in the middle: %llu times between steps, %llu times anywhere, %llu times three deep, %llu times in a put",
		  raised, sent, deepest, putting);
	test_note("%llu of what was taken, by handlers", by_handlers);
}

static void interrupted(void)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	pthread_t sender;
	u32 i;

	if (!mini_begin(&mini, (TAKERS + 1) * LEVELS, 89))
		return;
	done = quiet = 0;
	handlers();
	begin_context(TAKERS, work, 0);
	for (i = 0; i < TAKERS; i++)
		begin_context(i, take, TEST_ROUNDS(120000));
	pthread_create(&sender, NULL, send, NULL);
	while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < TAKERS)
		nanosleep(&pause, NULL);
	__atomic_store_n(&quiet, 1, __ATOMIC_RELEASE);
	pthread_join(sender, NULL);
	for (i = 0; i < TAKERS; i++)
		pthread_join(contexts[i].thread, NULL);
	__atomic_store_n(&mini.stop, 1, __ATOMIC_RELEASE);
	pthread_join(contexts[TAKERS].thread, NULL);
	mini_end(&mini);
	sum_up();
}

const struct test nested_tests[] = {
	{ "interrupts that take, free, give and receive in the middle of calls: one owner at a time, nothing lost",
	  interrupted },
	{}
};
