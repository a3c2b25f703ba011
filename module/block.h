/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks: how pages come from the system, go back, and are wiped. The only
 * file that calls the page allocator.
 */
#ifndef LABYRINTH_BLOCK_H
#define LABYRINTH_BLOCK_H

#include <linux/gfp.h>
#include <linux/types.h>

/*
 * For the refill: may reclaim, never takes a zone below its min watermark, never
 * wakes the OOM killer.
 */
#define LAB_GFP_REFILL	(GFP_KERNEL | __GFP_NORETRY | __GFP_NOMEMALLOC | \
			 __GFP_NOWARN)
/* For a request at once: for all, and for owners with the emergency right. */
#define LAB_GFP_NOWAIT	(GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN)
#define LAB_GFP_ATOMIC	(GFP_ATOMIC | __GFP_NOWARN)

void *lab_block_get(int nid, gfp_t gfp, unsigned int order);
void lab_block_put(void *addr, unsigned int order);
bool lab_block_wipe(void *addr, unsigned int order);
bool lab_buddy_legal(void);

#endif /* LABYRINTH_BLOCK_H */
