// SPDX-License-Identifier: GPL-2.0-only
/*
 * The latency histogram: which bucket a time is in, at each bound that the uapi
 * header promises, and that what is recorded is read again.
 */
#include <linux/limits.h>
#include <linux/timekeeping.h>

#include "../latency.h"
#include "suite.h"

#define LAST_BUCKET	(LABYRINTH_LATENCY_BUCKETS - 1U)

/* === Buckets ============================================================= */

/* As linux/labyrinth_netlink.h words it, and not as it is computed. */
static u32 bucket_promised(u64 ns)
{
	u32 e;

	if (ns < 16)
		return ns;
	e = fls64(ns) - 1;
	if (e >= 34)
		return LAST_BUCKET;
	return 8 * (e - 3) + (ns >> (e - 3)) % 8 + 8;
}

struct bucket_param {
	u64 ns;
	u32 bucket;
};

static const struct bucket_param bucket_params[] = {
	{ 0, 0 }, { 1, 1 }, { 2, 2 }, { 15, 15 }, { 16, 16 }, { 17, 16 },
	{ 18, 17 }, { 31, 23 }, { 32, 24 }, { 35, 24 }, { 36, 25 }, { 63, 31 },
	{ 64, 32 }, { 1000, 63 }, { 1023, 63 }, { 1024, 64 },
	{ BIT_ULL(33) - 1, 247 }, { BIT_ULL(33), 248 },
	{ 15 * BIT_ULL(30) - 1, 254 }, { 15 * BIT_ULL(30), 255 },
	{ BIT_ULL(34) - 1, 255 }, { BIT_ULL(34), 256 }, { BIT_ULL(34) + 1, 256 },
	{ S64_MAX, 256 }, { U64_MAX, 256 },
};

static void bucket_name(const struct bucket_param *param, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu ns", param->ns);
}

KUNIT_ARRAY_PARAM(bucket, bucket_params, bucket_name);

static void bucket_of(struct kunit *test)
{
	const struct bucket_param *p = test->param_value;

	KUNIT_EXPECT_EQ(test, lab_latency_bucket(p->ns), p->bucket);
	KUNIT_EXPECT_EQ(test, bucket_promised(p->ns), p->bucket);
}

static void bucket_powers_of_two(struct kunit *test)
{
	u32 e;

	for (e = 0; e < 64; e++) {
		u64 ns = BIT_ULL(e);

		KUNIT_EXPECT_EQ(test, lab_latency_bucket(ns - 1),
				bucket_promised(ns - 1));
		KUNIT_EXPECT_EQ(test, lab_latency_bucket(ns), bucket_promised(ns));
		KUNIT_EXPECT_EQ(test, lab_latency_bucket(ns + 1),
				bucket_promised(ns + 1));
	}
}

/* Each begins where its floor says, and the one before ends there. */
static void bucket_floors(struct kunit *test)
{
	u32 i;

	KUNIT_EXPECT_EQ(test, lab_latency_floor(0), 0);
	for (i = 1; i < LABYRINTH_LATENCY_BUCKETS; i++) {
		u64 floor = lab_latency_floor(i);

		KUNIT_EXPECT_EQ(test, lab_latency_bucket(floor), i);
		KUNIT_EXPECT_EQ(test, lab_latency_bucket(floor - 1), i - 1);
		KUNIT_EXPECT_GT(test, floor, lab_latency_floor(i - 1));
		/* No wider than an eighth of where it begins. */
		if (i >= 16 && i < LAST_BUCKET)
			KUNIT_EXPECT_LE(test, (lab_latency_floor(i + 1) - floor) * 8,
					floor);
	}
	KUNIT_EXPECT_EQ(test, lab_latency_floor(LAST_BUCKET), LAB_LATENCY_MOST);
}

/* === The record ========================================================== */

static const struct labyrinth_owner_spec latency_owner = {
	.name = "kunit.latency",
	.quota = 1,
};

/* Nothing is served from it, so that nobody else's calls are counted there. */
#define NO_ONES_RUNG	LABYRINTH_RUNG_NONE

static int latency_change(struct labyrinth *lab,
			  const struct lab_latency_change *change)
{
	int err;

	mutex_lock(&lab->admin);
	err = lab_latency_set(lab, change);
	mutex_unlock(&lab->admin);
	return err;
}

static void latency_off(void *data)
{
	const struct lab_latency_change change = {
		.has_deadline = true,
		.reset = true,
	};

	latency_change(data, &change);
}

/* It is as good as new afterwards: off, empty, without a deadline. */
static struct labyrinth *latency_on(struct kunit *test, u64 deadline)
{
	struct labyrinth *lab = lab_kunit_owner(test, &latency_owner)->lab;
	const struct lab_latency_change change = {
		.enabled = 1,
		.deadline = deadline,
		.has_deadline = true,
		.reset = true,
	};

	if (lab_latency_enabled())
		kunit_skip(test, "an administrator has it recorded");
	KUNIT_ASSERT_EQ(test, latency_change(lab, &change), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, latency_off, lab), 0);
	return lab;
}

/* As a call that began so long ago. */
static void latency_record(struct labyrinth *lab, u64 ago)
{
	/* The table is this CPU's. */
	preempt_disable();
	lab_latency_record(lab, ktime_get_mono_fast_ns() - ago, NO_ONES_RUNG);
	preempt_enable();
}

static bool latency_read(struct labyrinth *lab, struct lab_latency_sum *sum)
{
	return lab_latency_read(lab, LABYRINTH_CONTEXT_PROCESS, NO_ONES_RUNG, sum);
}

static void record_counts(struct kunit *test)
{
	struct lab_latency_sum *sum = kunit_kmalloc(test, sizeof(*sum), GFP_KERNEL);
	struct labyrinth *lab = latency_on(test, BIT_ULL(40));
	u64 total = 0;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, sum);
	KUNIT_EXPECT_FALSE(test, latency_read(lab, sum));
	for (i = 0; i < 10; i++)
		latency_record(lab, 0);
	KUNIT_EXPECT_TRUE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->count, 10);
	KUNIT_EXPECT_EQ(test, sum->late, 0);
	for (i = 0; i < LABYRINTH_LATENCY_BUCKETS; i++)
		total += sum->bucket[i];
	KUNIT_EXPECT_EQ(test, total, 10);
	/* Another context's record is another. */
	KUNIT_EXPECT_FALSE(test, lab_latency_read(lab, LABYRINTH_CONTEXT_NMI,
						  NO_ONES_RUNG, sum));
}

/* What no clock of a test can be late for: a time that is all in the last one. */
static void record_longest(struct kunit *test)
{
	struct lab_latency_sum *sum = kunit_kmalloc(test, sizeof(*sum), GFP_KERNEL);
	struct labyrinth *lab = latency_on(test, BIT_ULL(40));

	KUNIT_ASSERT_NOT_NULL(test, sum);
	latency_record(lab, 0);
	latency_record(lab, BIT_ULL(50));
	KUNIT_EXPECT_TRUE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->count, 2);
	KUNIT_EXPECT_EQ(test, sum->bucket[LAST_BUCKET], 1);
	KUNIT_EXPECT_EQ(test, sum->late, 1);
	KUNIT_EXPECT_GE(test, sum->longest, BIT_ULL(50));
	/* A shorter one leaves the longest as it is. */
	latency_record(lab, BIT_ULL(45));
	KUNIT_EXPECT_TRUE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->bucket[LAST_BUCKET], 2);
	KUNIT_EXPECT_EQ(test, sum->late, 2);
	KUNIT_EXPECT_GE(test, sum->longest, BIT_ULL(50));
}

/* A clock that steps back makes no time of centuries. */
static void record_back_in_time(struct kunit *test)
{
	struct lab_latency_sum *sum = kunit_kmalloc(test, sizeof(*sum), GFP_KERNEL);
	struct labyrinth *lab = latency_on(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, sum);
	latency_record(lab, (u64)-BIT_ULL(40));
	KUNIT_EXPECT_TRUE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->bucket[0], 1);
	KUNIT_EXPECT_EQ(test, sum->longest, 0);
	KUNIT_EXPECT_EQ(test, sum->late, 0);
}

static void record_reset(struct kunit *test)
{
	struct lab_latency_sum *sum = kunit_kmalloc(test, sizeof(*sum), GFP_KERNEL);
	struct labyrinth *lab = latency_on(test, 1);
	const struct lab_latency_change reset = { .enabled = -1, .reset = true };

	KUNIT_ASSERT_NOT_NULL(test, sum);
	latency_record(lab, BIT_ULL(50));
	KUNIT_EXPECT_EQ(test, latency_change(lab, &reset), 0);
	KUNIT_EXPECT_FALSE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->longest, 0);
	KUNIT_EXPECT_EQ(test, sum->late, 0);
	/* It goes on, with the deadline that it had. */
	KUNIT_EXPECT_TRUE(test, lab_latency_enabled());
	latency_record(lab, BIT_ULL(50));
	KUNIT_EXPECT_TRUE(test, latency_read(lab, sum));
	KUNIT_EXPECT_EQ(test, sum->late, 1);
}

/* Through the door: a call that is served is recorded under its rung. */
static void record_of_take(struct kunit *test)
{
	struct lab_latency_sum *sum = kunit_kmalloc(test, sizeof(*sum), GFP_KERNEL);
	struct labyrinth *lab = latency_on(test, 0);
	struct labyrinth_owner *owner = lab_kunit_owner(test, &latency_owner);
	const struct labyrinth_request rq = {
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	struct labyrinth_page page;

	KUNIT_ASSERT_NOT_NULL(test, sum);
	KUNIT_ASSERT_EQ(test, labyrinth_alloc(owner, &rq, &page), 0);
	KUNIT_EXPECT_TRUE(test, lab_latency_read(lab, LABYRINTH_CONTEXT_PROCESS,
						 page.rung, sum));
	KUNIT_EXPECT_GE(test, sum->count, 1);
	/* Without a deadline nothing is late; what is refused is not recorded. */
	KUNIT_EXPECT_EQ(test, sum->late, 0);
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &rq, &page), -EDQUOT);
	KUNIT_EXPECT_FALSE(test, latency_read(lab, sum));
}

static struct kunit_case latency_cases[] = {
	KUNIT_CASE_PARAM(bucket_of, bucket_gen_params),
	KUNIT_CASE(bucket_powers_of_two),
	KUNIT_CASE(bucket_floors),
	KUNIT_CASE(record_counts),
	KUNIT_CASE(record_longest),
	KUNIT_CASE(record_back_in_time),
	KUNIT_CASE(record_reset),
	KUNIT_CASE(record_of_take),
	{}
};

static struct kunit_suite latency_suite = {
	.name = "labyrinth-latency",
	.test_cases = latency_cases,
};

kunit_test_suite(latency_suite);
