// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests know of pages, told by nobody but themselves: who has which
 * page frame, and what was written there. All of it in any context.
 */
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "context.h"

static const char *const lt_fault_name[LT_FAULTS] = {
	[LT_SHARED] = "a page was handed out that somebody else has",
	[LT_SOILED] = "a fresh page was not all zeroes",
	[LT_ALTERED] = "a page did not hold what its owner wrote",
	[LT_DENIED] = "a call on an owner's own page was refused",
	[LT_LIED] = "a call's answer contradicts itself",
	[LT_DISORDER] = "lost, doubled or out of order",
	[LT_MISPLACED] = "a test ran in another context than it should",
};

static struct {
	atomic_t *holder;	/* by page frame; 0: nobody */
	unsigned long frames;
	int dying;		/* who is being destroyed; 0: nobody */
	atomic_long_t held;
	atomic64_t stamp;
	atomic_long_t fault[LT_FAULTS];
	atomic_long_t detail[LT_FAULTS];
} lt_book;

/* max_pfn is not for modules. */
static unsigned long lt_last_frame(void)
{
	unsigned long last = 0;
	int node;

	for_each_online_node(node)
		last = max(last, pgdat_end_pfn(NODE_DATA(node)));
	return last;
}

int lt_book_init(void)
{
	lt_book.frames = lt_last_frame();
	lt_book.holder = vzalloc(array_size(lt_book.frames, sizeof(atomic_t)));
	return lt_book.holder ? 0 : -ENOMEM;
}

void lt_book_exit(void)
{
	vfree(lt_book.holder);
}

void lt_book_open(void)
{
	int i;

	for (i = 0; i < LT_FAULTS; i++)
		atomic_long_set(&lt_book.fault[i], 0);
}

/* Return: true if no fault was found and nobody is left with a page. */
bool lt_book_close(void)
{
	long held = atomic_long_read(&lt_book.held), n;
	bool good = !held;
	int i;

	if (held)
		lt_note("%ld pages are still somebody's", held);
	for (i = 0; i < LT_FAULTS; i++) {
		n = atomic_long_read(&lt_book.fault[i]);
		if (!n)
			continue;
		lt_note("%ld times: %s (the last time: %ld)", n, lt_fault_name[i],
			atomic_long_read(&lt_book.detail[i]));
		good = false;
	}
	return good;
}

void lt_fault(enum lt_fault fault, long detail)
{
	atomic_long_set(&lt_book.detail[fault], detail);
	atomic_long_inc(&lt_book.fault[fault]);
}

/* This page frame's entry; a dying owner's pages are swept and anybody's again. */
static bool lt_book_move_one(const void *addr, int from, int to)
{
	unsigned long pfn = page_to_pfn(virt_to_page(addr));
	int was = from;

	if (pfn >= lt_book.frames)
		return false;
	if (!atomic_try_cmpxchg(&lt_book.holder[pfn], &was, to)) {
		if (from || was != READ_ONCE(lt_book.dying) ||
		    !atomic_try_cmpxchg(&lt_book.holder[pfn], &was, to))
			return false;
		from = was;
	}
	atomic_long_add(!!to - !!from, &lt_book.held);
	return true;
}

/**
 * lt_book_move - a block changes hands
 * @held: the block
 * @from: who has it; 0: nobody
 * @to: who has it next; 0: nobody
 *
 * Return: false if @from does not have it: a fault, and counted.
 */
bool lt_book_move(const struct lt_held *held, u32 from, u32 to)
{
	unsigned int i;

	for (i = 0; i < 1U << held->order; i++)
		if (!lt_book_move_one(held->addr + i * PAGE_SIZE, (int)from,
				      (int)to)) {
			lt_fault(LT_SHARED, (long)from);
			return false;
		}
	return true;
}

/* From now on an owner's pages may turn up as somebody else's: it is destroyed. */
void lt_book_dying(u32 who)
{
	WRITE_ONCE(lt_book.dying, (int)who);
}

/* It has been, with whatever it had left. */
void lt_book_forget(u32 who)
{
	unsigned long i;

	for (i = 0; i < lt_book.frames; i++)
		if (atomic_cmpxchg(&lt_book.holder[i], (int)who, 0) == (int)who)
			atomic_long_dec(&lt_book.held);
	lt_book_dying(0);
}

/* Never 0, and never the same twice. */
u64 lt_stamp_next(void)
{
	return (u64)atomic64_inc_return(&lt_book.stamp);
}

static u64 lt_stamp_word(u64 stamp, size_t i)
{
	return (stamp + i) * GOLDEN_RATIO_64;
}

static size_t lt_words(const struct lt_held *held)
{
	return (PAGE_SIZE << held->order) / sizeof(u64);
}

/* Write it all over a block. */
void lt_stamp(struct lt_held *held, u64 stamp)
{
	u64 *word = held->addr;
	size_t i;

	held->stamp = stamp;
	for (i = 0; i < lt_words(held); i++)
		word[i] = lt_stamp_word(stamp, i);
}

bool lt_stamp_there(const struct lt_held *held)
{
	const u64 *word = held->addr;
	size_t i;

	for (i = 0; i < lt_words(held); i++)
		if (word[i] != lt_stamp_word(held->stamp, i))
			return false;
	return true;
}
