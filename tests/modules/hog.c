// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes all pages that there are to be had, from every context and every CPU.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/vmalloc.h>

#include "context.h"

#define LT_HOG_ROOM	65536UL
#define LT_HOG_CHUNK	64	/* with interrupts off, perhaps */
#define LT_HOG_DRY	3	/* rounds without a page until it believes it */

struct lt_hog_turn {
	struct lt_hog *hog;
	unsigned long got;
};

static void lt_hog_take(enum lt_context context, void *arg)
{
	struct lt_hog_turn *turn = arg;
	struct lt_hog *hog = turn->hog;
	unsigned int i;

	for (i = 0; i < LT_HOG_CHUNK && hog->count < hog->room; i++) {
		if (lt_alloc(&hog->owner, i & 1 ? LT_STRICT : LT_SIMPLE,
			     &hog->held[hog->count], NULL))
			break;
		hog->count++;
		hog->by[context]++;
		turn->got++;
	}
}

/* Everywhere once. Return: pages got, or an error. */
static long lt_hog_round(struct lt_hog *hog)
{
	struct lt_hog_turn turn = { .hog = hog };
	enum lt_context context;
	unsigned int cpu;
	int err;

	for_each_online_cpu(cpu)
		for (context = 0; context < LT_CONTEXTS; context++) {
			err = lt_on_cpu(cpu, context, lt_hog_take, &turn);
			if (err)
				return err;
		}
	return (long)turn.got;
}

static int lt_hog_make(struct lt_hog *hog)
{
	const struct labyrinth_owner_spec spec = {
		.name = "hog",
		.quota = ULONG_MAX,
	};

	memset(hog, 0, sizeof(*hog));
	hog->room = LT_HOG_ROOM;
	hog->held = vzalloc(array_size(hog->room, sizeof(*hog->held)));
	return hog->held ? lt_owner_make(&hog->owner, &spec) : -ENOMEM;
}

/**
 * lt_hog_drain - take all there is, until nothing comes back
 * @hog: to be ended with lt_hog_end(), also on failure
 *
 * Return: 0, or an error, and then the test has failed.
 */
int lt_hog_drain(struct lt_hog *hog)
{
	enum lt_context context;
	unsigned int dry = 0;
	long got = lt_hog_make(hog);

	while (got >= 0 && dry < LT_HOG_DRY) {
		got = hog->count < hog->room ? lt_hog_round(hog) : -E2BIG;
		dry = got ? 0 : dry + 1;
		msleep(dry ? 50 : 20);
	}
	lt_note("the hog took %lu pages", hog->count);
	for (context = 0; context < LT_CONTEXTS; context++)
		lt_note("  %s: %lu", lt_context_name[context], hog->by[context]);
	if (got >= 0)
		return 0;
	lt_result(false, "a hog takes all there is (%ld)", got);
	return (int)got;
}

void lt_hog_release(struct lt_hog *hog, unsigned long count)
{
	while (count-- && hog->count)
		lt_free(&hog->owner, &hog->held[--hog->count]);
}

void lt_hog_end(struct lt_hog *hog)
{
	if (hog->owner.lab) {
		lt_hog_release(hog, hog->count);
		lt_owner_destroy(&hog->owner);
	}
	vfree(hog->held);
}
