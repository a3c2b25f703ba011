/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ladder: the sources of a page, tried in order for one request.
 */
#ifndef LABYRINTH_LADDER_H
#define LABYRINTH_LADDER_H

#include <linux/ktime.h>

#include "owner.h"

/**
 * struct lab_request - what is asked for
 * @order: 2^order pages
 * @strict: only what never leaves the reserve; order 0 only
 * @fallback: enum labyrinth_fallback: FAIL, WAIT, or DEFER, which fails here and
 *	leaves what comes of it to the caller
 * @deadline: with WAIT: on the monotonic clock; KTIME_MAX: none
 */
struct lab_request {
	unsigned int order;
	bool strict;
	enum labyrinth_fallback fallback;
	ktime_t deadline;
};

/**
 * struct lab_grant - what came of it
 * @slot: OWNED, not published; NULL if not served
 * @handle: of @slot
 * @rung: that served, or the last one tried
 * @reason: why not
 */
struct lab_grant {
	struct lab_slot *slot;
	u64 handle;
	enum labyrinth_rung rung;
	enum labyrinth_reason reason;
};

void lab_request_timeout(struct lab_request *rq, u64 timeout_ns);
bool lab_grant_own(struct labyrinth *lab, struct labyrinth_owner *owner,
		   u32 index, struct lab_grant *grant);
bool lab_grant_enter(struct labyrinth *lab, struct labyrinth_owner *owner,
		     void *addr, unsigned int order, struct lab_grant *grant);
int lab_take(struct labyrinth_owner *owner, const struct lab_request *rq,
	     struct lab_grant *grant);
void lab_free_unpublished(struct labyrinth_owner *owner,
			  const struct lab_grant *grant);
void lab_count_failure(struct labyrinth_owner *owner,
		       const struct lab_grant *grant);

#endif /* LABYRINTH_LADDER_H */
