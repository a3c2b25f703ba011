// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buckets of the latency record, against what the contract says of them.
 */
#include "latency_bucket.h"
#include "test.h"

#define LAST	(LABYRINTH_LATENCY_BUCKETS - 1)

/* linux/labyrinth_netlink.h, word by word. */
static u32 promised(u64 t)
{
	u32 e = 0;

	if (t < 16)
		return (u32)t;
	if (t >= 1ULL << 34)
		return LAST;
	while (t >> e > 1)
		e++;
	return 8 * (e - 3) + (u32)(t >> (e - 3) & 7) + 8;
}

static void try_time(u64 t)
{
	u32 bucket = lab_latency_bucket(t);

	CHECK_EQ(bucket, promised(t));
	CHECK(lab_latency_floor(bucket) <= t);
	CHECK(bucket == LAST || t < lab_latency_floor(bucket + 1));
	test_ops(1);
}

static void as_promised(void)
{
	struct rng rng = rng_of(0xb0c);
	u64 t;
	u32 i;

	for (t = 0; t < 1 << 12; t++)
		try_time(t);
	for (i = 0; i < 64; i++) {
		try_time((1ULL << i) - 1);
		try_time(1ULL << i);
		try_time((1ULL << i) + 1);
	}
	try_time(~0ULL);
	for (i = 0; i < TEST_ROUNDS(1 << 20); i++)
		try_time(rng_next(&rng) >> rng_below(&rng, 64));
}

/* So they follow each other without a gap, and never go back. */
static void floors(void)
{
	u32 bucket;

	CHECK_EQ(lab_latency_floor(0), 0);
	CHECK_EQ(lab_latency_floor(LAST), 1ULL << 34);
	for (bucket = 0; bucket <= LAST; bucket++) {
		u64 floor = lab_latency_floor(bucket);

		CHECK_EQ(lab_latency_bucket(floor), bucket);
		if (bucket)
			CHECK_EQ(lab_latency_bucket(floor - 1), bucket - 1);
		test_ops(1);
	}
}

/* What a figure read from a histogram can be off by. */
static void an_eighth(void)
{
	u32 bucket;

	for (bucket = 16; bucket < LAST; bucket++) {
		u64 floor = lab_latency_floor(bucket);

		CHECK((lab_latency_floor(bucket + 1) - floor) * 8 <= floor);
		test_ops(1);
	}
}

const struct test buckets_tests[] = {
	{ "a time is in the bucket that the contract says, and between its floors",
	  as_promised },
	{ "buckets follow each other without a gap", floors },
	{ "a bucket is no wider than an eighth of its shortest time", an_eighth },
	{}
};
