// SPDX-License-Identifier: GPL-2.0-only
/* What a block's pages must be, for it to be used again. */
#include <linux/mm.h>
#include <linux/page_ref.h>
#include <linux/string.h>

#include "suite.h"
#include "../block.h"

#define FILL	0x5a

static bool filled(const void *addr, u8 with)
{
	return !memchr_inv(addr, with, PAGE_SIZE);
}

/* A page that somebody still refers to is left alone, and the block is not used again. */
static void block_referenced(struct kunit *test)
{
	void *addr = lab_block_get(NUMA_NO_NODE, LAB_GFP_REFILL, 1);
	struct page *second;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	second = virt_to_page(addr + PAGE_SIZE);
	memset(addr, FILL, 2 * PAGE_SIZE);
	page_ref_unfreeze(second, 1);
	KUNIT_EXPECT_FALSE(test, lab_block_wipe(addr, 1));
	KUNIT_EXPECT_TRUE(test, filled(addr, 0));
	KUNIT_EXPECT_TRUE(test, filled(addr + PAGE_SIZE, FILL));

	KUNIT_EXPECT_TRUE(test, page_ref_freeze(second, 1));
	KUNIT_EXPECT_TRUE(test, lab_block_wipe(addr, 1));
	KUNIT_EXPECT_TRUE(test, filled(addr + PAGE_SIZE, 0));
	lab_block_put(addr, 1);
}

/* As it comes: zero, and nobody can refer to it. */
static void block_comes(struct kunit *test)
{
	unsigned int order, i;

	for (order = 0; order < 4; order++) {
		void *addr = lab_block_get(NUMA_NO_NODE, LAB_GFP_REFILL, order);

		KUNIT_ASSERT_NOT_NULL(test, addr);
		for (i = 0; i < 1U << order; i++) {
			struct page *page = virt_to_page(addr + i * PAGE_SIZE);

			KUNIT_EXPECT_EQ(test, page_ref_count(page), 0);
			KUNIT_EXPECT_FALSE(test, get_page_unless_zero(page));
			KUNIT_EXPECT_TRUE(test, filled(addr + i * PAGE_SIZE, 0));
		}
		lab_block_put(addr, order);
	}
}

static struct kunit_case block_cases[] = {
	KUNIT_CASE(block_referenced),
	KUNIT_CASE(block_comes),
	{}
};

static struct kunit_suite block_suite = {
	.name = "labyrinth-block",
	.test_cases = block_cases,
};

kunit_test_suite(block_suite);
