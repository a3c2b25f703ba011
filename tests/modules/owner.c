// SPDX-License-Identifier: GPL-2.0-only
/*
 * Labyrinth's calls, each answer held against the book.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "context.h"

const char *const lt_how_name[LT_HOWS] = {
	[LT_SIMPLE] = "alloc_page_gfp_atomic_exclusive()",
	[LT_STRICT] = "strict",
	[LT_LOOSE] = "not strict",
	[LT_BLOCK] = "a block",
};

int lt_owner_make(struct lt_owner *owner, const struct labyrinth_owner_spec *spec)
{
	static atomic_t last;

	owner->who = (u32)atomic_inc_return(&last);
	atomic_set(&owner->taking, 0);
	owner->lab = labyrinth_owner_create(spec);
	if (!IS_ERR_OR_NULL(owner->lab))
		return 0;
	lt_result(false, "an owner '%s' is made (%ld)", spec->name,
		  PTR_ERR(owner->lab));
	owner->lab = NULL;
	return -ENOMEM;
}

/* Takes along what the owner still has. */
void lt_owner_destroy(struct lt_owner *owner)
{
	if (!owner->lab)
		return;
	lt_book_dying(owner->who);
	labyrinth_owner_destroy(owner->lab);
	owner->lab = NULL;
	lt_book_forget(owner->who);
}

static int lt_ask(struct lt_owner *owner, enum lt_how how,
		  struct labyrinth_page *page)
{
	const struct labyrinth_request request = {
		.order = how == LT_BLOCK,
		.flags = how == LT_STRICT ? LABYRINTH_ALLOC_STRICT : 0,
		.fallback = LABYRINTH_FALLBACK_FAIL,
	};

	memset(page, 0xaa, sizeof(*page));
	if (how != LT_SIMPLE)
		return labyrinth_alloc(owner->lab, &request, page);

	memset(page, 0, sizeof(*page));
	page->address = alloc_page_gfp_atomic_exclusive(owner->lab, &page->handle);
	return page->address ? 0 : -ENOMEM;
}

static bool lt_served_well(const struct labyrinth_page *page, enum lt_how how)
{
	return page->handle && page->address && PAGE_ALIGNED(page->address) &&
	       page->order == (how == LT_BLOCK) && !page->used && !page->tag &&
	       page->reason == LABYRINTH_REASON_NONE;
}

static bool lt_refused_well(const struct labyrinth_page *page, enum lt_how how,
			    int err)
{
	return err < 0 && (how == LT_SIMPLE ||
			   (!page->handle &&
			    page->reason != LABYRINTH_REASON_NONE &&
			    page->reason <= LABYRINTH_REASON_CEILING));
}

/**
 * lt_alloc - take a block, see that it is nobody's and all zeroes, and stamp it
 * @owner: for whom
 * @how: which call
 * @held: what came
 * @page: what labyrinth said, or NULL
 *
 * Return: labyrinth's answer.
 */
int lt_alloc(struct lt_owner *owner, enum lt_how how, struct lt_held *held,
	     struct labyrinth_page *page)
{
	struct labyrinth_page own;
	int err;

	if (!page)
		page = &own;
	held->handle = 0;
	err = lt_ask(owner, how, page);
	if (err) {
		if (!lt_refused_well(page, how, err))
			lt_fault(LT_LIED, err);
		return err;
	}
	if (!lt_served_well(page, how)) {
		lt_fault(LT_LIED, page->reason);
		return -EFAULT;
	}
	held->handle = page->handle;
	held->addr = page->address;
	held->order = page->order;
	lt_book_move(held, 0, owner->who);
	if (memchr_inv(held->addr, 0, PAGE_SIZE << held->order))
		lt_fault(LT_SOILED, page->rung);
	lt_stamp(held, lt_stamp_next());
	return 0;
}

static void lt_check_stamp(const struct lt_held *held)
{
	if (!lt_stamp_there(held))
		lt_fault(LT_ALTERED, (long)held->stamp);
}

/* The book first: from the call on the page can be anybody's. */
void lt_free(struct lt_owner *owner, struct lt_held *held)
{
	int err;

	lt_check_stamp(held);
	lt_book_move(held, owner->who, 0);
	err = labyrinth_free(owner->lab, held->handle);
	if (err)
		lt_fault(LT_DENIED, err);
	held->handle = 0;
}

/**
 * lt_give - give a block; if it is refused, it must be as it was
 * @owner: whose it is
 * @held: the block; its stamp is the tag
 * @to: who is to have it
 * @reason: why not
 *
 * Return: labyrinth's answer.
 */
int lt_give(struct lt_owner *owner, struct lt_held *held, struct lt_owner *to,
	    u32 *reason)
{
	u32 used = PAGE_SIZE << held->order;
	int err;

	lt_check_stamp(held);
	lt_book_move(held, owner->who, to->who);
	*reason = ~0U;
	err = labyrinth_give(owner->lab, held->handle, to->lab, held->stamp,
			     used, reason);
	if (!err) {
		held->handle = 0;
		return 0;
	}
	lt_book_move(held, to->who, owner->who);
	lt_check_stamp(held);
	return err;
}

/* Whoever finds another one there, perhaps one that it interrupts, lets him. */
static int lt_take_alone(struct lt_owner *owner, struct labyrinth_page *page)
{
	int err = -EBUSY;

	if (!atomic_xchg_acquire(&owner->taking, 1)) {
		err = labyrinth_take(owner->lab, page);
		atomic_set_release(&owner->taking, 0);
	}
	return err;
}

/**
 * lt_take - take what has come, and see that it holds what was given
 * @owner: who takes
 * @held: the block; its stamp is the tag
 *
 * Return: labyrinth's answer; -EBUSY: it was not asked.
 */
int lt_take(struct lt_owner *owner, struct lt_held *held)
{
	struct labyrinth_page page;
	int err;

	memset(&page, 0xaa, sizeof(page));
	held->handle = 0;
	err = lt_take_alone(owner, &page);
	if (err)
		return err;
	if (!page.handle || !page.address || page.order > 1 ||
	    page.used != PAGE_SIZE << page.order) {
		lt_fault(LT_LIED, page.used);
		return -EFAULT;
	}
	held->handle = page.handle;
	held->addr = page.address;
	held->order = page.order;
	held->stamp = page.tag;
	lt_book_move(held, owner->who, owner->who);
	lt_check_stamp(held);
	return 0;
}

/* Take and free whatever has come. Return: how many. */
unsigned long lt_take_all(struct lt_owner *owner)
{
	unsigned long taken = 0;
	struct lt_held held;

	while (!lt_take(owner, &held)) {
		lt_free(owner, &held);
		taken++;
	}
	return taken;
}
