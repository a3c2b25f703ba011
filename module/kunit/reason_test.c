// SPDX-License-Identifier: GPL-2.0-only
/* Why the ladder serves nobody: each reason, and the fallbacks. */
#include <linux/completion.h>
#include <linux/preempt.h>

#include "../reserve.h"
#include "frozen.h"

static const struct labyrinth_owner_spec plain = {
	.name = "kunit.plain",
	.quota = ULONG_MAX,
};

static const struct labyrinth_owner_spec privileged = {
	.name = "kunit.privileged",
	.quota = ULONG_MAX,
	.emergency = true,
};

/* === Why not ============================================================= */

static void why_context(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct ladder_outcome may_leave, may_not;
	struct labyrinth *lab = hog->lab;
	unsigned long flags;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	/* Such that it takes this for an NMI. */
	local_irq_save(flags);
	preempt_count_add(NMI_OFFSET);
	may_leave = ladder_try(hog, &lab_at_once);
	may_not = ladder_try(hog, &lab_strict);
	preempt_count_sub(NMI_OFFSET);
	local_irq_restore(flags);
	ladder_thaw(lab);
	ladder_was_refused(test, &may_leave, -ENOMEM, LABYRINTH_RUNG_BUDDY,
			   LABYRINTH_REASON_CONTEXT);
	ladder_was_refused(test, &may_not, -ENOMEM, LABYRINTH_RUNG_EMERGENCY,
			   LABYRINTH_REASON_EMPTY);
}

/* Every vacant slot, linked by what whoever holds a slot may write. */
static u32 ladder_hide_vacants(struct labyrinth *lab)
{
	struct lab_slot *slot;
	u32 hidden = LAB_NIL;

	while ((slot = lab_vacant_take(&lab->reg))) {
		slot->next = hidden;
		hidden = lab_slot_index(&lab->reg, slot);
	}
	return hidden;
}

static void ladder_show_vacants(struct labyrinth *lab, u32 hidden)
{
	while (hidden != LAB_NIL) {
		struct lab_slot *slot = &lab->reg.slot[hidden];

		hidden = slot->next;
		lab_vacant_put(&lab->reg, slot);
	}
}

static void why_slots(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth *lab = hog->lab;
	struct labyrinth_page page;
	u32 hidden;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	hidden = ladder_hide_vacants(lab);
	ladder_refuses(test, hog, &lab_at_once, -ENOMEM, LABYRINTH_RUNG_BUDDY,
		       LABYRINTH_REASON_SLOTS);
	/* Told before there is none: what has come goes back. */
	atomic_long_inc(&lab->reg.vacants);
	ladder_refuses(test, hog, &lab_at_once, -ENOMEM, LABYRINTH_RUNG_BUDDY,
		       LABYRINTH_REASON_SLOTS);
	atomic_long_dec(&lab->reg.vacants);
	ladder_show_vacants(lab, hidden);
	KUNIT_EXPECT_EQ(test, ladder_take(test, hog, &lab_at_once, &page), 0);
	ladder_thaw(lab);
}

static void why_ceiling(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth *lab = hog->lab;
	struct labyrinth_page page;
	unsigned long all;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	/* Others have taken all but what the reserve lacks. */
	all = (unsigned long)atomic_long_read(&lab->room) - lab_reserve_lacks(lab);
	atomic_long_sub((long)all, &lab->room);
	ladder_refuses(test, hog, &lab_at_once, -ENOMEM, LABYRINTH_RUNG_BUDDY,
		       LABYRINTH_REASON_CEILING);
	/* But for one page, which is anybody's. */
	atomic_long_inc(&lab->room);
	KUNIT_EXPECT_EQ(test, ladder_take(test, hog, &lab_at_once, &page), 0);
	KUNIT_EXPECT_EQ(test, page.rung, LABYRINTH_RUNG_BUDDY);
	ladder_refuses(test, hog, &lab_at_once, -ENOMEM, LABYRINTH_RUNG_BUDDY,
		       LABYRINTH_REASON_CEILING);
	atomic_long_add((long)all - 1, &lab->room);
	ladder_thaw(lab);
}

/* More is waiting to be wiped than may: not so for who has the emergency right. */
static void why_soiled(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct labyrinth *lab = hog->lab;
	struct labyrinth_page page;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	lab_count_add(lab, soiled, lab->reg.slots);
	ladder_refuses(test, owner, &lab_at_once, -ENOMEM, LABYRINTH_RUNG_BUDDY,
		       LABYRINTH_REASON_SOILED);
	KUNIT_EXPECT_EQ(test, ladder_take(test, hog, &lab_at_once, &page), 0);
	KUNIT_EXPECT_EQ(test, page.rung, LABYRINTH_RUNG_BUDDY);
	lab_count_add(lab, soiled, -(unsigned long)lab->reg.slots);
	KUNIT_EXPECT_EQ(test, ladder_take(test, owner, &lab_at_once, &page), 0);
	ladder_thaw(lab);
}

/* === Fallbacks =========================================================== */

static void wait_times_out(struct kunit *test)
{
	const struct labyrinth_request rq = {
		.flags = LABYRINTH_ALLOC_STRICT,
		.fallback = LABYRINTH_FALLBACK_WAIT,
		.timeout_ns = 20 * NSEC_PER_MSEC,
	};
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth *lab = hog->lab;

	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	ladder_refuses(test, hog, &rq, -ETIMEDOUT, LABYRINTH_RUNG_FALLBACK,
		       LABYRINTH_REASON_TIMEOUT);
	ladder_thaw(lab);
}

static void wait_not_in_atomic(struct kunit *test)
{
	const struct labyrinth_request rq = { .fallback = LABYRINTH_FALLBACK_WAIT };
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct ladder_outcome outcome;
	unsigned long flags;

	/* What the tests before this one took may still be on its way back. */
	ladder_freeze(owner->lab);
	local_irq_save(flags);
	outcome = ladder_try(owner, &rq);
	local_irq_restore(flags);
	ladder_thaw(owner->lab);
	ladder_was_refused(test, &outcome, -EINVAL, LABYRINTH_RUNG_NONE,
			   LABYRINTH_REASON_CONTEXT);
}

/* A request that waits, with what it was told. */
struct ladder_deferred {
	struct labyrinth_deferred deferred;
	struct completion told;
	int err;
};

static void ladder_told(struct labyrinth_deferred *deferred, int err)
{
	struct ladder_deferred *d = container_of(deferred, struct ladder_deferred,
						 deferred);

	d->err = err;
	complete(&d->told);
}

/* Charged at once, and told when the worker may fill again. */
static void defer_is_served(struct kunit *test)
{
	struct labyrinth_owner *hog = lab_kunit_owner(test, &privileged);
	struct labyrinth_owner *owner = lab_kunit_owner(test, &plain);
	struct ladder_deferred d = { .deferred.served = ladder_told };
	struct labyrinth_request rq = lab_strict;
	struct labyrinth *lab = hog->lab;
	struct labyrinth_page page;

	rq.fallback = LABYRINTH_FALLBACK_DEFER;
	rq.deferred = &d.deferred;
	init_completion(&d.told);
	ladder_freeze(lab);
	ladder_empty(test, lab, hog);
	KUNIT_EXPECT_EQ(test, labyrinth_alloc(owner, &rq, &page), -EINPROGRESS);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->used), 1);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&owner->deferred), 1);
	ladder_thaw(lab);
	lab_kunit_destroy(test, hog);
	/* On this stack: it must have been told before this returns. */
	wait_for_completion(&d.told);
	KUNIT_EXPECT_EQ(test, d.err, 0);
	KUNIT_EXPECT_EQ(test, d.deferred.page.rung, LABYRINTH_RUNG_FALLBACK);
	KUNIT_EXPECT_NE(test, d.deferred.page.handle, 0);
	lab_kunit_settle(lab);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&owner->pending), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&owner->deferred), 0);
	KUNIT_EXPECT_EQ(test, labyrinth_free(owner, d.deferred.page.handle), 0);
}

static struct kunit_case reason_cases[] = {
	KUNIT_CASE(why_context),
	KUNIT_CASE(why_slots),
	KUNIT_CASE(why_ceiling),
	KUNIT_CASE(why_soiled),
	KUNIT_CASE(wait_times_out),
	KUNIT_CASE(wait_not_in_atomic),
	KUNIT_CASE(defer_is_served),
	{}
};

static struct kunit_suite reason_suite = {
	.name = "labyrinth-reason",
	.test_cases = reason_cases,
};

kunit_test_suite(reason_suite);
