/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ladder with the worker held off: with reserve_lock held it neither fills nor
 * wipes, so what is at hand is known. Nothing is asserted meanwhile: whoever leaves
 * then would leave it locked.
 */
#ifndef LABYRINTH_KUNIT_FROZEN_H
#define LABYRINTH_KUNIT_FROZEN_H

#include "suite.h"

extern const struct labyrinth_request lab_at_once;
extern const struct labyrinth_request lab_strict;

/* What a request came to, and the books before and after. */
struct ladder_outcome {
	struct labyrinth_page page;
	int err;
	long before[6];
	long after[6];
};

void ladder_freeze(struct labyrinth *lab);
void ladder_thaw(struct labyrinth *lab);
unsigned long ladder_on_this_cpu(struct labyrinth *lab);

/* One page: zeroed, and then not any more, so that who has it next can tell. */
int ladder_take(struct kunit *test, struct labyrinth_owner *owner,
		const struct labyrinth_request *rq, struct labyrinth_page *page);
/* So many pages, each from that rung. */
void ladder_serves(struct kunit *test, struct labyrinth_owner *owner,
		   enum labyrinth_rung rung, unsigned long pages);
/* All that anybody could have without the buddy allocator. */
void ladder_empty(struct kunit *test, struct labyrinth *lab,
		  struct labyrinth_owner *hog);

/* In any context: it is looked at later. */
struct ladder_outcome ladder_try(struct labyrinth_owner *owner,
				 const struct labyrinth_request *rq);
/* Refused, and nothing has changed. */
void ladder_was_refused(struct kunit *test, const struct ladder_outcome *outcome,
			int err, enum labyrinth_rung rung,
			enum labyrinth_reason reason);
void ladder_refuses(struct kunit *test, struct labyrinth_owner *owner,
		    const struct labyrinth_request *rq, int err,
		    enum labyrinth_rung rung, enum labyrinth_reason reason);

#endif /* LABYRINTH_KUNIT_FROZEN_H */
