// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is declared, is delivered: when a hog has taken all it could, and when the
 * system has no memory left.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "context.h"

#define LT_GUARANTEE	16UL
#define LT_HOARD_ORDER	9

/**
 * struct lt_wanted - so many pages, strictly
 * @owner: for whom
 * @held: room for @count
 * @count: how many
 * @got: how many came
 * @reason: why no more came
 */
struct lt_wanted {
	struct lt_owner *owner;
	struct lt_held *held;
	unsigned long count;
	unsigned long got;
	u32 reason;
};

/* One more than there can be, so that it is seen where they end. */
static void lt_want(enum lt_context context, void *arg)
{
	struct lt_wanted *wanted = arg;
	struct labyrinth_page page;

	wanted->reason = LABYRINTH_REASON_NONE;
	while (wanted->got < wanted->count) {
		if (lt_alloc(wanted->owner, LT_STRICT,
			     &wanted->held[wanted->got], &page)) {
			wanted->reason = page.reason;
			return;
		}
		wanted->got++;
	}
}

static void lt_want_end(struct lt_wanted *wanted)
{
	while (wanted->got)
		lt_free(wanted->owner, &wanted->held[--wanted->got]);
}

/* === A hog =============================================================== */

static void lt_guarantee_in(struct lt_owner *owner, enum lt_context context)
{
	struct lt_held held[LT_GUARANTEE + 1];
	struct lt_wanted wanted = {
		.owner = owner,
		.held = held,
		.count = LT_GUARANTEE + 1,
	};
	int err = lt_in_context(context, lt_want, &wanted);

	lt_result(!err && wanted.got == LT_GUARANTEE &&
		  wanted.reason == LABYRINTH_REASON_EMPTY,
		  "%s: a guarantee of %lu is worth %lu pages when a hog has all others",
		  lt_context_name[context], LT_GUARANTEE, wanted.got);
	lt_want_end(&wanted);
}

/* An owner for each context, or what one had would come back for the next. */
void lt_test_guarantee(void)
{
	const struct labyrinth_owner_spec spec = {
		.name = "brakes",
		.quota = LT_GUARANTEE + 1,
		.guarantee = LT_GUARANTEE,
	};
	struct lt_owner owner[LT_CONTEXTS] = {};
	enum lt_context context;
	struct lt_hog hog;
	int err = 0;

	for (context = 0; context < LT_CONTEXTS && !err; context++)
		err = lt_owner_make(&owner[context], &spec);
	if (!err) {
		err = lt_hog_drain(&hog);
		for (context = 0; context < LT_CONTEXTS && !err; context++)
			lt_guarantee_in(&owner[context], context);
		lt_hog_end(&hog);
	}
	for (context = 0; context < LT_CONTEXTS; context++)
		lt_owner_destroy(&owner[context]);
}

static void lt_emergency_in(struct lt_owner *owner, enum lt_context context)
{
	struct lt_wanted wanted = {
		.owner = owner,
		.count = lt_emergency + 1,
	};
	int err;

	wanted.held = vzalloc(array_size(wanted.count, sizeof(*wanted.held)));
	if (!wanted.held)
		return;
	err = lt_in_context(context, lt_want, &wanted);
	lt_result(!err && lt_emergency && wanted.got == lt_emergency &&
		  wanted.reason == LABYRINTH_REASON_EMPTY,
		  "%s: of an emergency part of %u come %lu pages when a hog has all others",
		  lt_context_name[context], lt_emergency, wanted.got);
	lt_want_end(&wanted);
	vfree(wanted.held);
}

void lt_test_emergency(void)
{
	const struct labyrinth_owner_spec spec = {
		.name = "emergency",
		.quota = ULONG_MAX,
		.emergency = true,
	};
	struct lt_owner owner;
	struct lt_hog hog;

	if (lt_owner_make(&owner, &spec))
		return;
	if (!lt_hog_drain(&hog))
		lt_emergency_in(&owner, LT_HARDIRQ);
	lt_hog_end(&hog);
	lt_owner_destroy(&owner);
}

/* === No memory at all ==================================================== */

/*
 * Until alloc_pages() fails. Whoever asks the system next may wake the OOM killer,
 * so be quick (init_on_alloc=0: emulated, zeroing takes longer than reclaim does).
 */
static unsigned long lt_hoard(struct list_head *hoard, unsigned int order)
{
	unsigned long pages = 0;
	struct page *page;

	for (;;) {
		page = alloc_pages(GFP_ATOMIC | __GFP_NOWARN, order);
		if (page) {
			set_page_private(page, order);
			list_add(&page->lru, hoard);
			pages += 1UL << order;
		} else if (!order--) {
			return pages;
		}
		cond_resched();
	}
}

static void lt_hoard_free(struct list_head *hoard)
{
	struct page *page, *next;
	unsigned int order;

	list_for_each_entry_safe(page, next, hoard, lru) {
		order = page_private(page);
		set_page_private(page, 0);
		list_del(&page->lru);
		__free_pages(page, order);
		cond_resched();
	}
}

/* One of them. */
static void lt_want_one(enum lt_context context, void *arg)
{
	struct lt_wanted *wanted = arg;

	wanted->got += !lt_alloc(wanted->owner, LT_SIMPLE,
				 &wanted->held[wanted->got], NULL);
}

/*
 * Each time in turn: the system has nothing, and says so; labyrinth has. Reclaim,
 * which goes on meanwhile, may bring pages back in between: they are hoarded too.
 * Return: how often the system said so.
 */
static unsigned long lt_side_by_side(struct list_head *hoard,
				     struct lt_wanted *wanted)
{
	unsigned long i;

	for (i = 0; i < wanted->count; i++) {
		lt_hoard(hoard, 0);
		if (lt_in_context(LT_HARDIRQ, lt_want_one, wanted))
			break;
	}
	return i;
}

static void lt_exhaust(struct lt_wanted *wanted)
{
	unsigned long hoarded, failed, began = jiffies, full;
	LIST_HEAD(hoard);

	hoarded = lt_hoard(&hoard, LT_HOARD_ORDER);
	full = jiffies;
	failed = lt_side_by_side(&hoard, wanted);
	lt_note("hoarded %lu pages until alloc_pages(GFP_ATOMIC) failed: %u ms, then %u ms",
		hoarded, jiffies_to_msecs(full - began),
		jiffies_to_msecs(jiffies - full));
	lt_hoard_free(&hoard);
	lt_result(hoarded && failed == wanted->count &&
		  wanted->got == wanted->count,
		  "no memory: alloc_pages(GFP_ATOMIC): %lu of %lu; labyrinth strict, hard interrupt: %lu of %lu",
		  wanted->count - failed, wanted->count, wanted->got,
		  wanted->count);
}

void lt_test_exhausted(void)
{
	const struct labyrinth_owner_spec spec = {
		.name = "declared",
		.quota = ULONG_MAX,
	};
	struct lt_wanted wanted = { .count = lt_reserve };
	struct lt_owner owner;

	wanted.owner = &owner;
	wanted.held = vzalloc(array_size(wanted.count, sizeof(*wanted.held)));
	if (wanted.held && !lt_owner_make(&owner, &spec)) {
		lt_exhaust(&wanted);
		lt_want_end(&wanted);
		lt_owner_destroy(&owner);
	}
	vfree(wanted.held);
}
