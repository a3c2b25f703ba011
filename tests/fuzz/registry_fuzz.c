// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry against the model of tests/registry/model_test.c, step by step: what
 * that test draws by lot is decided by the fuzzer's bytes here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static const u8 *input;
static size_t input_left;

/* Two bytes where one can't say it; 0 when there are no more. */
static u32 input_below(struct rng *rng, u32 n)
{
	u32 value = 0, range;

	(void)rng;
	for (range = 1; range < n && input_left; range <<= 8) {
		value = value << 8 | *input++;
		input_left--;
	}
	return value % n;
}

#define rng_below input_below
#include "model_test.c"
#undef rng_below

long shim_vmalloc_budget = -1;
long shim_vmalloc_live;
u64 test_seed;

/* Where the sanitizers would: the first thing that is wrong ends the run. */
void test_fail(const char *file, int line, const char *what, u64 a, u64 b)
{
	fprintf(stderr, "%s:%d: %s: %#llx, %#llx\n", file, line, what,
		(unsigned long long)a, (unsigned long long)b);
	abort();
}

bool test_failed(void)
{
	return false;
}

void test_ops(u64 ops)
{
	(void)ops;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u32 slots, entries;

	input = data;
	input_left = size;
	slots = 1 + input_below(NULL, 64);
	entries = 1 + input_below(NULL, 24);
	/* A step takes two bytes or more. */
	random_run(slots, entries, input_left / 2);
	CHECK_EQ(shim_vmalloc_live, 0);
	return 0;
}
