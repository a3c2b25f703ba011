// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks: pages from the system, and back.
 *
 * While a page is ours its reference count is frozen at 0, so that nothing in
 * the kernel that takes references speculatively, or through KVM's PFNMAP path,
 * can get one. A block is split into base pages as it comes: each has a count of
 * its own, and each is checked, wiped and freed by itself.
 */
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/page_ref.h>
#include <linux/preempt.h>

#include "block.h"
#include "compat.h"

/*
 * With CONFIG_PROVE_RAW_LOCK_NESTING lockdep judges any kernel as PREEMPT_RT, on which
 * the page allocator's locks sleep: lab_buddy_legal() keeps us from it there. On others
 * they spin, and this says so (as lib/debugobjects.c does).
 */
static DEFINE_WAIT_OVERRIDE_MAP(lab_buddy_map, LD_WAIT_CONFIG);

static struct page *lab_buddy_alloc(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (IS_ENABLED(CONFIG_PREEMPT_RT) || gfpflags_allow_blocking(gfp))
		return alloc_pages_node(nid, gfp, order);
	lab_override_begin(&lab_buddy_map);
	page = alloc_pages_node(nid, gfp, order);
	lab_override_end(&lab_buddy_map);
	return page;
}

static void lab_buddy_free(struct page *page)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		__free_page(page);
		return;
	}
	lab_override_begin(&lab_buddy_map);
	__free_page(page);
	lab_override_end(&lab_buddy_map);
}

static void lab_thaw(struct page *page, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++) {
		page_ref_unfreeze(page + i, 1);
		lab_buddy_free(page + i);
	}
}

/**
 * lab_block_get - take a zeroed block from the system
 * @nid: where from; NUMA_NO_NODE for wherever is nearest
 * @gfp: one of LAB_GFP_*
 * @order: 2^order pages
 *
 * Context: what @gfp and lab_buddy_legal() allow.
 *
 * Return: its address, its pages' reference counts frozen; or NULL.
 */
void *lab_block_get(int nid, gfp_t gfp, unsigned int order)
{
	struct page *page = lab_buddy_alloc(nid, gfp | __GFP_ZERO, order);
	unsigned int pages = 1U << order, i, j;

	if (!page)
		return NULL;
	split_page(page, order);
	for (i = 0; i < pages; i++)
		if (!page_ref_freeze(page + i, 1))
			goto err_referenced;
	return page_address(page);

err_referenced:
	/* A speculative reference: its holder frees that page, we the others. */
	lab_thaw(page, i);
	for (j = i; j < pages; j++)
		lab_buddy_free(page + j);
	return NULL;
}

/**
 * lab_block_put - give a wiped block back to the system, page by page
 * @addr: the block
 * @order: 2^order pages
 *
 * Context: what lab_buddy_legal() allows.
 */
void lab_block_put(void *addr, unsigned int order)
{
	lab_thaw(virt_to_page(addr), 1U << order);
}

/**
 * lab_block_wipe - check that nobody can reach a block any more, and wipe it
 * @addr: the block
 * @order: 2^order pages
 *
 * Context: process; may sleep between pages.
 *
 * Return: false if a page has a reference or is poisoned: that one is as it was, and
 * the block must never be used again.
 */
bool lab_block_wipe(void *addr, unsigned int order)
{
	struct page *page = virt_to_page(addr);
	bool fine = true;
	unsigned int i;

	for (i = 0; i < 1U << order; i++) {
		if (page_ref_count(page + i) || PageHWPoison(page + i))
			fine = false;
		else
			clear_page(addr + i * PAGE_SIZE);
		cond_resched();
	}
	return fine;
}

/**
 * lab_buddy_legal - may the page allocator be called from here?
 *
 * Never in NMI. On PREEMPT_RT its locks sleep: not in hard interrupt, nor with
 * interrupts off, nor under a raw spinlock (which turns preemption off).
 *
 * Context: any, preemption as the caller of the API has it.
 */
bool lab_buddy_legal(void)
{
	if (in_nmi())
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) ||
	       !(in_hardirq() || irqs_disabled() || !preemptible());
}
