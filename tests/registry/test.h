/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of the registry share: checks, seeds, sizes, disturbances.
 */
#ifndef REGISTRY_TEST_H
#define REGISTRY_TEST_H

#include <linux/bitops.h>

#include "registry.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/**
 * struct test - one test
 * @name: a sentence; NULL ends a table
 * @run: does it
 */
struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test arrows_tests[], give_tests[], places_tests[],
	queue_tests[], model_tests[], schedules_tests[], schedules_give_tests[],
	schedules_queue_tests[], claims_tests[], threads_tests[],
	queue_threads_tests[], nested_tests[], steps_tests[], buckets_tests[];

/* Any context: only the first failure of a test is kept, and told at its end. */
void test_fail(const char *file, int line, const char *what, u64 a, u64 b);
bool test_failed(void);
void test_skip(const char *why);
/* Counted and printed; any thread. */
void test_ops(u64 ops);
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(what) \
	({ \
		bool _true = (what); \
		if (!_true) \
			test_fail(__FILE__, __LINE__, #what, 1, 0); \
		_true; \
	})
#define CHECK_EQ(x, y) \
	({ \
		u64 _a = (u64)(x), _b = (u64)(y); \
		if (_a != _b) \
			test_fail(__FILE__, __LINE__, #x " == " #y, _a, _b); \
		_a == _b; \
	})

/* Sanitizers are slow: the same tests, with fewer rounds. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define TEST_TSAN		1
#define TEST_SANITIZED		1
#define TEST_ROUNDS(n)		((n) / 12 + 1)
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define TEST_TSAN		0
#define TEST_SANITIZED		1
#define TEST_ROUNDS(n)		((n) / 4 + 1)
#else
#define TEST_TSAN		0
#define TEST_SANITIZED		0
#define TEST_ROUNDS(n)		(n)
#endif

/* Numbers that are the same for the same seed; each user has its own. */
struct rng {
	u64 state;
};

extern u64 test_seed;

static inline struct rng rng_of(u64 stream)
{
	return (struct rng){ (test_seed + stream) * 0x9e3779b97f4a7c15ULL | 1 };
}

static inline u64 rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * 0x2545f4914f6cdd1dULL;
}

static inline u32 rng_below(struct rng *rng, u32 n)
{
	return (u32)(((rng_next(rng) >> 32) * n) >> 32);
}

/* The last generation, which retires. */
#define LAST_GEN	(LAB_GEN_MASK >> LAB_GEN_SHIFT)

static inline enum labyrinth_page_state slot_state(const struct lab_slot *slot)
{
	return lab_word_state(lab_slot_word(slot));
}

static inline void slot_set(struct lab_slot *slot, u64 gen, u32 owner,
			    enum labyrinth_page_state state)
{
	atomic64_set(&slot->word, (s64)lab_word(gen, owner, state));
}

/* Where threads meet. */
struct meeting {
	int threads;
	int here;
	int round;
};

void meet(struct meeting *meeting);

/* How a thread is disturbed in the middle of the registry's calls. */
enum disturbance {
	DISTURB_NOT,
	DISTURB_SPIN,
	DISTURB_YIELD,
	DISTURB_STALL,
	DISTURB_ONE_CPU,
};

void disturb(enum disturbance how, u64 stream);

#endif /* REGISTRY_TEST_H */
