/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that wait for their blocks, first in, first out by order. Queued in
 * any context, served by the worker, cancelled when their owner dies.
 */
#ifndef LABYRINTH_DEFER_H
#define LABYRINTH_DEFER_H

#include <linux/labyrinth.h>

#include "owner.h"

void lab_defer_init(struct lab_defer *defer);

/* Any context. */
void lab_defer_add(struct labyrinth_owner *owner,
		   struct labyrinth_deferred *deferred);

/* For whoever takes what comes out of an inbox. Process context. */
int lab_defer_prepare(struct labyrinth_owner *owner, unsigned int order,
		      u64 tag, u32 count, struct list_head *later);
void lab_defer_abandon(struct labyrinth_owner *owner, struct list_head *later,
		       u32 count);
void lab_defer_commit(struct labyrinth_owner *owner, struct list_head *later);

/* The owner's end. Process context. */
void lab_defer_cancel(struct labyrinth_owner *owner);

/* The worker's. */
void lab_defer_collect(struct labyrinth *lab);
void lab_defer_feed(struct labyrinth *lab, struct lab_node *node);
bool lab_defer_blocks(struct labyrinth *lab);
void lab_defer_deliver(struct labyrinth *lab);

#endif /* LABYRINTH_DEFER_H */
