// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way to take turns: depth-first search over the choices of who is next.
 * A run repeats the choices of the one before up to the last that had another
 * option, takes that, and goes on with first options.
 */
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "bounds.h"
#include "schedules.h"
#include "test.h"

#define CHOICES		1024
#define STACK_BYTES	65536

static struct {
	const struct scenario *scenario;
	ucontext_t home, thread[SCHEDULE_THREADS];
	bool alive[SCHEDULE_THREADS];
	unsigned int steps[SCHEDULE_THREADS];
	int threads, current;
	unsigned int switches;
	/* Who was next, at each choice; of whom. */
	unsigned int choice[CHOICES], options[CHOICES], fixed, choices;
} all;

static char stacks[SCHEDULE_THREADS][STACK_BYTES] __aligned(64);

/* Return: who is next, or -1: all have ended. */
static int choose(void)
{
	bool going = all.current >= 0 && all.alive[all.current];
	int option[SCHEDULE_THREADS], n = 0, i;
	unsigned int c;

	if (going)
		option[n++] = all.current;
	if (!going || all.switches < all.scenario->switches)
		for (i = 0; i < all.threads; i++)
			if (all.alive[i] && i != all.current)
				option[n++] = i;
	if (n < 2)
		return n ? option[0] : -1;
	if (all.choices == CHOICES) {
		puts("Bail out! A schedule has no end");
		exit(1);
	}
	c = all.choices < all.fixed ? all.choice[all.choices] : 0;
	all.choice[all.choices] = c;
	all.options[all.choices++] = (unsigned int)n;
	all.switches += going && c;
	return option[c];
}

static void step(void)
{
	int from = all.current, to = choose();
	struct counted own;

	all.steps[from]++;
	if (to == from)
		return;
	all.current = to;
	/* Each counts its own steps, as if it were a thread. */
	own = counted_now();
	swapcontext(&all.thread[from], &all.thread[to]);
	counted_restore(own);
}

static void entry(int i)
{
	int next;

	all.scenario->thread[i]();
	all.alive[i] = false;
	next = choose();
	all.current = next;
	setcontext(next < 0 ? &all.home : &all.thread[next]);
}

static void run_once(void)
{
	int i;

	all.choices = 0;
	all.switches = 0;
	all.current = -1;
	all.scenario->begin();
	for (i = 0; i < all.threads; i++) {
		all.alive[i] = true;
		all.steps[i] = 0;
		getcontext(&all.thread[i]);
		all.thread[i].uc_stack.ss_sp = stacks[i];
		all.thread[i].uc_stack.ss_size = STACK_BYTES;
		makecontext(&all.thread[i], (void (*)(void))entry, 1, i);
	}
	all.current = choose();
	shim_hook = step;
	swapcontext(&all.home, &all.thread[all.current]);
	shim_hook = NULL;
	all.scenario->end();
}

unsigned int schedule_steps(void)
{
	return all.steps[all.current];
}

u64 schedule_all(const struct scenario *scenario)
{
	u64 runs = 0;

	all.scenario = scenario;
	all.threads = 0;
	while (scenario->thread[all.threads])
		all.threads++;
	all.fixed = 0;
	do {
		run_once();
		runs++;
		while (all.choices &&
		       all.choice[all.choices - 1] + 1 ==
		       all.options[all.choices - 1])
			all.choices--;
		if (all.choices)
			all.choice[all.choices - 1]++;
		all.fixed = all.choices;
	} while (all.fixed && !test_failed());
	if (test_failed()) {
		unsigned int i;

		printf("# choices of way %llu:", runs);
		for (i = 0; i < all.fixed; i++)
			printf(" %u", all.choice[i]);
		putchar('\n');
	}
	return runs;
}
