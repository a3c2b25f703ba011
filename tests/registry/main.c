// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the registry: module/registry.c and module/places.c as they are,
 * built in user space. Output is TAP.
 *
 *	registry_test [WORD]	only the tests whose sentences have WORD in them
 *
 * REGISTRY_SEED chooses another seed than the one that is always the same;
 * REGISTRY_STOP, after how many failures to stop.
 *
 * Each of these can fail: `make faults` plants faults in copies of the two
 * files and lists, for each, the tests that caught it.
 *
 *	planted fault					caught, among others, by
 *	----------------------------------------	------------------------
 *	stack: a store for the exchange, tag stays	turns (ABA), threads
 *	stack: tries for ever				turns (bound), threads
 *	claim: not undone, one too many, look and take	turns, N from N, G of G
 *	claim: undone and not tried again		turns (hid) alone
 *	ring: put without a look, count before entry	turns, N from N, G of G
 *	ring: take leaves entry, head in two steps	model, turns, N from N
 *	dirty: summary cleared after the last look,	turns (every mark) alone
 *	 not set again, looked at before the bit
 *	dirty: wrong summary, store for the exchange	every bit, turns
 *	dirty: mark does not publish			ThreadSanitizer, threads
 *	word: compare then store, plain store		turns (ends once), threads
 *	word: generation kept, changed, wrapped		generations, model
 *	word: own, free, gone ask for less		arrows, model
 *	handle: past the table				handles
 *	give, take, drop: compare then store, store	turns (one happens)
 *	give: generation kept, wrapped; whose it is	giver's handle, last
 *	take, drop: ask for less, drop not wiped	give arrows, model
 *	queue: ticket in two steps, after the put	turns (queue), interrupts
 *	queue: entry left, room before it is cleared	turns (queue), order
 *	queue: room kept, doubled, of another size	full, sizes, order
 *	queue: a look past the end, at what is next	looks ahead, model
 *	queue: goes round at its capacity		wrap of its tickets
 *	queue: put, look, room without their order	ThreadSanitizer, threads
 *	steps: one more try, a step untold		steps
 *	bucket: limits, a power of two, its floor	buckets
 */
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bounds.h"
#include "test.h"

#define DEFAULT_SEED	20261121
#define HANG_SECONDS	60

_Thread_local void (*shim_hook)(void);
long shim_vmalloc_budget = -1;
long shim_vmalloc_live;

u64 test_seed = DEFAULT_SEED;

static struct {
	const char *name;
	int failed;
	const char *skipped;
	u64 ops;
	const char *file;
	int line;
	const char *what;
	u64 a, b;
} now;

void test_fail(const char *file, int line, const char *what, u64 a, u64 b)
{
	if (__atomic_exchange_n(&now.failed, 1, __ATOMIC_SEQ_CST))
		return;
	now.file = file;
	now.line = line;
	now.what = what;
	now.a = a;
	now.b = b;
}

bool test_failed(void)
{
	return __atomic_load_n(&now.failed, __ATOMIC_RELAXED);
}

void test_skip(const char *why)
{
	now.skipped = why;
}

void test_ops(u64 ops)
{
	__atomic_fetch_add(&now.ops, ops, __ATOMIC_RELAXED);
}

void test_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

/* === Threads ============================================================= */

void meet(struct meeting *meeting)
{
	int round = __atomic_load_n(&meeting->round, __ATOMIC_ACQUIRE);
	unsigned int spins = 0;

	if (__atomic_add_fetch(&meeting->here, 1, __ATOMIC_SEQ_CST) ==
	    meeting->threads) {
		__atomic_store_n(&meeting->here, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&meeting->round, round + 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n(&meeting->round, __ATOMIC_ACQUIRE) == round)
		if (++spins > 200)
			sched_yield();
}

static _Thread_local struct rng disturbance;

static void disturb_spin(void)
{
	u32 i;

	if (rng_below(&disturbance, 8))
		return;
	for (i = rng_below(&disturbance, 100); i; i--)
		__asm__ __volatile__("" ::: "memory");
}

static void disturb_yield(void)
{
	if (!rng_below(&disturbance, 32))
		sched_yield();
}

/* Long enough for others to go round a ring, and to reuse a slot. */
static void disturb_stall(void)
{
	const struct timespec pause = { .tv_nsec = 20000 };

	if (!rng_below(&disturbance, 2048))
		nanosleep(&pause, NULL);
}

static void one_cpu(void)
{
	cpu_set_t cpus, one;
	int cpu;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return;
	for (cpu = 0; !CPU_ISSET(cpu, &cpus); cpu++)
		;
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* For the calling thread, until it ends or says otherwise. */
void disturb(enum disturbance how, u64 stream)
{
	disturbance = rng_of(stream ^ 0xd157);
	shim_hook = how == DISTURB_SPIN ? disturb_spin :
		    how == DISTURB_STALL ? disturb_stall :
		    how == DISTURB_NOT ? NULL : disturb_yield;
	if (how == DISTURB_ONE_CPU)
		one_cpu();
}

/* === Running ============================================================= */

static void bail_out(const char *why)
{
	static const char head[] = "Bail out! ";

	if (write(STDOUT_FILENO, head, sizeof(head) - 1) < 0 ||
	    write(STDOUT_FILENO, why, strlen(why)) < 0 ||
	    write(STDOUT_FILENO, now.name, strlen(now.name)) < 0 ||
	    write(STDOUT_FILENO, "\n", 1) < 0)
		_exit(4);
}

static void stuck(int signal)
{
	(void)signal;
	bail_out("It hangs or crashes: ");
	_exit(3);
}

#if TEST_SANITIZED
void __sanitizer_set_death_callback(void (*callback)(void));

static void sanitized(void)
{
	bail_out("A sanitizer stops: ");
}
#endif

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static u64 run(const struct test *test, int number)
{
	double start = seconds();

	memset(&now, 0, sizeof(now));
	now.name = test->name;
	bounds_forget();
	alarm(HANG_SECONDS);
	test->run();
	alarm(0);
	/* A test that has done nothing has shown nothing. */
	if (!now.skipped)
		CHECK(now.ops > 0);
	CHECK_EQ(shim_vmalloc_live, 0);
	if (now.failed)
		printf("# %s:%d: %s: %llu, %llu (%#llx, %#llx)\n", now.file,
		       now.line, now.what, now.a, now.b, now.a, now.b);
	bounds_print();
	printf("%sok %d - %s%s%s\n", now.failed ? "not " : "", number,
	       test->name, now.skipped ? " # SKIP " : "",
	       now.skipped ? now.skipped : "");
	if (!now.skipped)
		printf("# %llu operations, %.2f s\n", now.ops,
		       seconds() - start);
	shim_vmalloc_live = 0;
	return now.ops;
}

int main(int argc, char **argv)
{
	static const struct test *const tables[] = {
		arrows_tests, give_tests, places_tests, queue_tests,
		model_tests, schedules_tests, schedules_give_tests,
		schedules_queue_tests, claims_tests, threads_tests,
		queue_threads_tests, nested_tests, steps_tests, buckets_tests,
	};
	const char *word = argc > 1 ? argv[1] : "", *seed = getenv("REGISTRY_SEED");
	const char *stop = getenv("REGISTRY_STOP");
	int number = 0, failures = 0, most = stop ? atoi(stop) : INT_MAX;
	const struct test *test;
	double start = seconds();
	u64 ops = 0;
	size_t i;

	if (seed)
		test_seed = strtoull(seed, NULL, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, stuck);
#if TEST_SANITIZED
	__sanitizer_set_death_callback(sanitized);
#else
	signal(SIGSEGV, stuck);
#endif
	printf("TAP version 13\n# seed %llu\n", test_seed);
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (test = tables[i]; test->name; test++) {
			if (!strstr(test->name, word) || failures >= most)
				continue;
			ops += run(test, ++number);
			failures += now.failed;
		}
	}
	printf("1..%d\n# %d failed; %llu operations, %.1f s\n", number,
	       failures, ops, seconds() - start);
	return failures || !number;
}
