/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What any context is promised: how many steps a call takes at most, whoever
 * else does what meanwhile. lab_step() counts them, as the kernel's test build
 * does; the shim counts the atomic writes, so that no step goes untold.
 */
#ifndef REGISTRY_BOUNDS_H
#define REGISTRY_BOUNDS_H

#include <linux/types.h>

enum bound {
	BOUND_CLAIM,
	BOUND_RING_TAKE,
	BOUND_QUEUE_PUT,
	BOUND_QUEUE_TAKE,
	/* In BOUND_TRIES tries. */
	BOUND_STACK_TAKE,
	BOUND_MARK,
	BOUND_ARROW,
	BOUNDS
};

#define BOUND_TRIES	5

/* What a thread has counted; whatever interrupts it saves and restores this. */
struct counted {
	unsigned long accesses, writes, steps;
};

struct counted counted_now(void);
void counted_restore(struct counted then);

struct bound_call {
	enum bound bound;
	struct counted start;
	bool under_way;
};

struct bound_call bound_begin(enum bound bound);
void bound_end(struct bound_call *call);

/* Counts and judges the statement that follows: one call. */
#define BOUNDED(bound) \
	for (struct bound_call _call = bound_begin(bound); _call.under_way; \
	     bound_end(&_call))

/* The most that a call of each kind took since bounds_forget(). */
u32 bound_most(enum bound bound);
u32 bound_of(enum bound bound);
void bounds_forget(void);
void bounds_print(void);

#endif /* REGISTRY_BOUNDS_H */
