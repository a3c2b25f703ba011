// SPDX-License-Identifier: GPL-2.0-only
/* Counting steps, and judging them. See bounds.h. */
#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "test.h"

_Thread_local unsigned long shim_steps, shim_writes;

static _Thread_local unsigned long steps;

/* As registry.h and places.c have it. */
static const struct {
	const char *name;
	u32 most;
} bounds[BOUNDS] = {
	/* Two tries, each an addition and its undoing. */
	[BOUND_CLAIM] = { "claim", 4 },
	[BOUND_RING_TAKE] = { "ring take", 2 },
	[BOUND_QUEUE_PUT] = { "queue put", 2 },
	[BOUND_QUEUE_TAKE] = { "queue take", 2 },
	[BOUND_STACK_TAKE] = { "stack take", BOUND_TRIES },
	[BOUND_MARK] = { "mark", 2 },
	[BOUND_ARROW] = { "arrow", 1 },
};

static u32 most[BOUNDS];

/* module/steps.c has the kernel's. */
void lab_step(void)
{
	steps++;
}

struct counted counted_now(void)
{
	return (struct counted){ shim_steps, shim_writes, steps };
}

void counted_restore(struct counted then)
{
	shim_steps = then.accesses;
	shim_writes = then.writes;
	steps = then.steps;
}

struct bound_call bound_begin(enum bound bound)
{
	return (struct bound_call){ bound, counted_now(), true };
}

void bound_end(struct bound_call *call)
{
	u32 took = (u32)(steps - call->start.steps);
	u32 old = bound_most(call->bound);

	call->under_way = false;
	CHECK(took <= bounds[call->bound].most);
	/* Else a call could take as long as it likes, and not count. */
	CHECK_EQ(took, shim_writes - call->start.writes);
	while (took > old &&
	       !__atomic_compare_exchange_n(&most[call->bound], &old, took,
					    false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

u32 bound_most(enum bound bound)
{
	return __atomic_load_n(&most[bound], __ATOMIC_RELAXED);
}

u32 bound_of(enum bound bound)
{
	return bounds[bound].most;
}

void bounds_forget(void)
{
	u32 i;

	for (i = 0; i < BOUNDS; i++)
		most[i] = 0;
}

void bounds_print(void)
{
	const char *comma = "";
	char line[256] = "";
	u32 i;

	for (i = 0; i < BOUNDS; i++) {
		size_t end = strlen(line);

		if (!most[i])
			continue;
		snprintf(line + end, sizeof(line) - end, "%s %s %u of %u", comma,
			 bounds[i].name, most[i], bounds[i].most);
		comma = ",";
	}
	if (*line)
		test_note("most steps:%s", line);
}
