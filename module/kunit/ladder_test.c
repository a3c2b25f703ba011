// SPDX-License-Identifier: GPL-2.0-only
/* The ladder: the order of its rungs, to the page, and whose each of them is. */
#include <linux/mm.h>

#include "../reserve.h"
#include "frozen.h"

#define GUARANTEE	4

static const struct labyrinth_owner_spec plain = {
	.name = "kunit.plain",
	.quota = ULONG_MAX,
};

static const struct labyrinth_owner_spec privileged = {
	.name = "kunit.privileged",
	.quota = ULONG_MAX,
	.emergency = true,
};

static const struct labyrinth_owner_spec guaranteed = {
	.name = "kunit.guaranteed",
	.quota = ULONG_MAX,
	.guarantee = GUARANTEE,
};

static const struct labyrinth_owner_spec all_rights = {
	.name = "kunit.all",
	.quota = ULONG_MAX,
	.guarantee = GUARANTEE,
	.emergency = true,
};

/* === The order of the rungs ============================================== */

static void rungs_in_order(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &all_rights);
	struct labyrinth *lab = owner->lab;
	unsigned long cpu, available, emergency;
	struct labyrinth_page page;

	ladder_freeze(lab);
	cpu = ladder_on_this_cpu(lab);
	available = lab_reserve_available(lab);
	emergency = lab_emergency_available(lab);
	/* Below the half it is filled. */
	KUNIT_EXPECT_GE(test, cpu * 2, (unsigned long)lab->settings.cpu_depth);
	KUNIT_EXPECT_GT(test, available, 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), GUARANTEE);
	ladder_serves(test, owner, LABYRINTH_RUNG_CPU, cpu);
	ladder_serves(test, owner, LABYRINTH_RUNG_GUARANTEE, GUARANTEE);
	KUNIT_EXPECT_EQ(test, lab_reserve_available(lab), available);
	ladder_serves(test, owner, LABYRINTH_RUNG_RESERVE, available);
	KUNIT_EXPECT_EQ(test, lab_emergency_available(lab), emergency);
	ladder_serves(test, owner, LABYRINTH_RUNG_EMERGENCY, emergency);
	ladder_refuses(test, owner, &lab_strict, -ENOMEM, LABYRINTH_RUNG_EMERGENCY,
		       LABYRINTH_REASON_EMPTY);
	KUNIT_EXPECT_EQ(test, ladder_take(test, owner, &lab_at_once, &page), 0);
	KUNIT_EXPECT_EQ(test, page.rung, LABYRINTH_RUNG_BUDDY);
	KUNIT_EXPECT_EQ(test, page.reason, LABYRINTH_REASON_NONE);
	ladder_thaw(lab);
	lab_kunit_destroy(test, owner);
	lab_kunit_settle(lab);
	lab_kunit_verify(test, lab);
}

/* The emergency part is not for whoever has no right to it. */
static void emergency_is_a_right(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_owner *other = lab_kunit_owner(test, &privileged);
	struct labyrinth *lab = owner->lab;
	unsigned long emergency;

	ladder_freeze(lab);
	emergency = lab_emergency_available(lab);
	ladder_serves(test, owner, LABYRINTH_RUNG_CPU, ladder_on_this_cpu(lab));
	ladder_serves(test, owner, LABYRINTH_RUNG_RESERVE,
		      lab_reserve_available(lab));
	ladder_refuses(test, owner, &lab_strict, -ENOMEM, LABYRINTH_RUNG_RESERVE,
		       LABYRINTH_REASON_EMPTY);
	KUNIT_EXPECT_EQ(test, lab_emergency_available(lab), emergency);
	ladder_serves(test, other, LABYRINTH_RUNG_EMERGENCY, emergency);
	ladder_thaw(lab);
}

/* What is promised to one is there for that one, whatever others take. */
static void guarantee_is_kept(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth_owner *owner = lab_kunit_owner(test, &guaranteed);
	struct labyrinth *lab = owner->lab;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	ladder_refuses(test, hog, &lab_strict, -ENOMEM, LABYRINTH_RUNG_EMERGENCY,
		       LABYRINTH_REASON_EMPTY);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), GUARANTEE);
	ladder_serves(test, owner, LABYRINTH_RUNG_GUARANTEE, GUARANTEE);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->credit), 0);
	KUNIT_EXPECT_EQ(test, lab_credit_target(owner), 0);
	ladder_refuses(test, owner, &lab_strict, -ENOMEM, LABYRINTH_RUNG_RESERVE,
		       LABYRINTH_REASON_EMPTY);
	ladder_thaw(lab);
}

static struct lab_node *guarantee_home(struct labyrinth *lab, void *address)
{
	return lab->node[page_to_nid(virt_to_page(address))];
}

/* What it has of its guarantee. */
static long guarantee_used(struct labyrinth_owner *owner)
{
	return owner->aside - atomic_long_read(&owner->credit) +
	       atomic_long_read(&owner->covered);
}

/* A page that counts against the guarantee does so until it is free. */
static void guarantee_covers(struct kunit *test)
{
	struct labyrinth_owner *owner = lab_kunit_owner(test, &guaranteed);
	struct labyrinth *lab = owner->lab;
	struct labyrinth_page page[2] = {};
	u32 i, covered = 0;

	ladder_freeze(lab);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, ladder_take(test, owner, &lab_strict, &page[i]), 0);
		if (page[i].handle)
			covered += guarantee_home(lab, page[i].address) ==
				   owner->home;
	}
	KUNIT_EXPECT_EQ(test, guarantee_used(owner), covered);
	KUNIT_EXPECT_EQ(test, lab_credit_target(owner), GUARANTEE - covered);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, labyrinth_free(owner, page[i].handle), 0);
	KUNIT_EXPECT_EQ(test, guarantee_used(owner), 0);
	KUNIT_EXPECT_EQ(test, lab_credit_target(owner), GUARANTEE);
	ladder_thaw(lab);
}

/* === Larger blocks ======================================================= */

static void order_name(const u32 *order, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "order %u", *order);
}

static const u32 orders[] = { 1, 2, 3, 5, LAB_MAX_ORDER };
KUNIT_ARRAY_PARAM(order, orders, order_name);

static void order_from_buddy(struct kunit *test)
{
	const struct labyrinth_request rq = {
		.order = *(const u32 *)test->param_value,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};
	struct labyrinth_request no_rq = rq;
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth_page page;
	int err;

	no_rq.flags = LABYRINTH_ALLOC_STRICT;
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &no_rq, &page), -EOPNOTSUPP);
	err = ladder_take(test, owner, &rq, &page);
	KUNIT_EXPECT_EQ(test, page.rung, LABYRINTH_RUNG_BUDDY);
	/* Whether the system has one is the system's; but then it says so. */
	if (err) {
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, page.reason, LABYRINTH_REASON_SYSTEM);
		kunit_skip(test, "the system has no such block");
	}
	KUNIT_EXPECT_EQ(test, page.order, rq.order);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 1L << rq.order);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, page.handle), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 0);
	lab_kunit_settle(owner->lab);
	lab_kunit_verify(test, owner->lab);
}

static struct kunit_case ladder_cases[] = {
	KUNIT_CASE(rungs_in_order),
	KUNIT_CASE(emergency_is_a_right),
	KUNIT_CASE(guarantee_is_kept),
	KUNIT_CASE(guarantee_covers),
	KUNIT_CASE_PARAM(order_from_buddy, order_gen_params),
	{}
};

static struct kunit_suite ladder_suite = {
	.name = "labyrinth-ladder",
	.test_cases = ladder_cases,
};

kunit_test_suite(ladder_suite);
