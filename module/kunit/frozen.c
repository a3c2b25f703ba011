// SPDX-License-Identifier: GPL-2.0-only
/* The ladder with the worker held off: see frozen.h. */
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "../reserve.h"
#include "frozen.h"

const struct labyrinth_request lab_at_once = {
	.fallback = LABYRINTH_FALLBACK_FAIL,
};

const struct labyrinth_request lab_strict = {
	.flags = LABYRINTH_ALLOC_STRICT,
	.fallback = LABYRINTH_FALLBACK_FAIL,
};

/* In the middle of a round it has let the lock go, to fetch: that round is to end. */
static bool ladder_held_off(struct labyrinth *lab)
{
	return !(work_busy(&lab->work) & WORK_BUSY_RUNNING);
}

void ladder_freeze(struct labyrinth *lab)
{
	for (;;) {
		lab_kunit_settle(lab);
		migrate_disable();
		mutex_lock(&lab->reserve_lock);
		if (ladder_held_off(lab))
			return;
		mutex_unlock(&lab->reserve_lock);
		migrate_enable();
	}
}

void ladder_thaw(struct labyrinth *lab)
{
	mutex_unlock(&lab->reserve_lock);
	migrate_enable();
	lab_kick(lab);
}

unsigned long ladder_on_this_cpu(struct labyrinth *lab)
{
	unsigned long count;

	preempt_disable();
	count = lab_stack_count(&this_cpu_ptr(lab->cpu)->ready);
	preempt_enable();
	return count;
}

int ladder_take(struct kunit *test, struct labyrinth_owner *owner,
		const struct labyrinth_request *rq,
		struct labyrinth_page *page)
{
	int err = labyrinth_alloc(owner, rq, page);

	if (err)
		return err;
	KUNIT_EXPECT_NULL(test, memchr_inv(page->address, 0,
					   PAGE_SIZE << page->order));
	memset(page->address, 0xa5, PAGE_SIZE << page->order);
	return 0;
}

void ladder_serves(struct kunit *test, struct labyrinth_owner *owner,
		   enum labyrinth_rung rung, unsigned long pages)
{
	struct labyrinth_page page;
	unsigned long i;
	int err;

	for (i = 0; i < pages; i++) {
		err = ladder_take(test, owner, &lab_strict, &page);
		if (!err && page.rung == rung)
			continue;
		KUNIT_FAIL(test, "page %lu of %lu: error %d, rung %u instead of %u",
			   i + 1, pages, err, page.rung, rung);
		return;
	}
}

static void ladder_books(struct labyrinth_owner *owner, long *books)
{
	struct labyrinth *lab = owner->lab;

	books[0] = atomic_long_read(&owner->used);
	books[1] = atomic_long_read(&owner->pending);
	books[2] = atomic_long_read(&lab->room);
	books[3] = atomic_long_read(&lab->fetching);
	books[4] = atomic_long_read(&lab->reg.taken);
	books[5] = atomic_long_read(&lab->reg.vacants);
}

struct ladder_outcome ladder_try(struct labyrinth_owner *owner,
				 const struct labyrinth_request *rq)
{
	struct ladder_outcome outcome;

	ladder_books(owner, outcome.before);
	outcome.err = labyrinth_alloc(owner, rq, &outcome.page);
	ladder_books(owner, outcome.after);
	return outcome;
}

void ladder_was_refused(struct kunit *test,
			const struct ladder_outcome *outcome, int err,
			enum labyrinth_rung rung,
			enum labyrinth_reason reason)
{
	KUNIT_EXPECT_EQ(test, outcome->err, err);
	KUNIT_EXPECT_EQ(test, outcome->page.rung, rung);
	KUNIT_EXPECT_EQ(test, outcome->page.reason, reason);
	KUNIT_EXPECT_EQ(test, outcome->page.handle, 0);
	KUNIT_EXPECT_NULL(test, outcome->page.address);
	KUNIT_EXPECT_MEMEQ(test, outcome->after, outcome->before,
			   sizeof(outcome->before));
}

void ladder_refuses(struct kunit *test, struct labyrinth_owner *owner,
		    const struct labyrinth_request *rq, int err,
		    enum labyrinth_rung rung, enum labyrinth_reason reason)
{
	struct ladder_outcome outcome = ladder_try(owner, rq);

	ladder_was_refused(test, &outcome, err, rung, reason);
}

void ladder_empty(struct kunit *test, struct labyrinth *lab,
		  struct labyrinth_owner *hog)
{
	ladder_serves(test, hog, LABYRINTH_RUNG_CPU, ladder_on_this_cpu(lab));
	ladder_serves(test, hog, LABYRINTH_RUNG_RESERVE,
		      lab_reserve_available(lab));
	ladder_serves(test, hog, LABYRINTH_RUNG_EMERGENCY,
		      lab_emergency_available(lab));
}
