// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once: all calls, in all contexts, on all CPUs, for a few owners,
 * while others use the page allocator.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "context.h"

#define LT_OWNERS	3
#define LT_POCKET	6
#define LT_LEAST	500	/* pages served in each context */

/**
 * struct lt_pocket - what one context of one CPU has, and did
 * @held: pages, of owner number i % LT_OWNERS
 * @random: state of a generator
 * @calls: calls made
 * @served: blocks had
 * @failed: and not had
 * @freed: blocks freed
 * @given: blocks given away
 * @refused: and not given, for want of room
 * @taken: blocks taken from an inbox
 */
struct lt_pocket {
	struct lt_held held[LT_POCKET];
	u32 random;
	unsigned long calls;
	unsigned long served;
	unsigned long failed;
	unsigned long freed;
	unsigned long given;
	unsigned long refused;
	unsigned long taken;
};

struct lt_contended {
	struct lt_owner owner[LT_OWNERS];
	struct lt_pocket *pocket;
};

static u32 lt_random(struct lt_pocket *pocket)
{
	u32 x = pocket->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	pocket->random = x;
	return x;
}

static void lt_contended_alloc(struct lt_pocket *pocket, struct lt_owner *owner,
			       struct lt_held *held, enum lt_context context)
{
	enum lt_how how = lt_random(pocket) % LT_HOWS;
	struct labyrinth_page page;
	int err = lt_alloc(owner, how, held, &page);

	pocket->served += !err;
	pocket->failed += !!err;
	if (how != LT_BLOCK || lt_buddy_legal(context))
		return;
	if (err != -ENOMEM || page.reason != LABYRINTH_REASON_CONTEXT)
		lt_fault(LT_LIED, context);
}

static void lt_contended_give(struct lt_pocket *pocket, struct lt_owner *owner,
			      struct lt_held *held, struct lt_owner *to)
{
	u32 reason;
	int err = lt_give(owner, held, to, &reason);

	pocket->given += !err;
	if (!err)
		return;
	pocket->refused++;
	if (err != -ENOSPC || reason != LABYRINTH_REASON_INBOX)
		lt_fault(LT_DENIED, err);
}

static void lt_contended_take(struct lt_pocket *pocket, struct lt_owner *owner)
{
	struct lt_held held;

	if (lt_take(owner, &held))
		return;
	pocket->taken++;
	lt_free(owner, &held);
	pocket->freed++;
}

static void lt_contended_op(enum lt_context context, unsigned int cpu, void *arg)
{
	struct lt_contended *c = arg;
	struct lt_pocket *pocket = &c->pocket[cpu * LT_CONTEXTS + context];
	u32 random = lt_random(pocket), i = random % LT_POCKET;
	struct lt_owner *owner = &c->owner[i % LT_OWNERS];
	struct lt_owner *other = &c->owner[(i + 1) % LT_OWNERS];
	struct lt_held *held = &pocket->held[i];

	pocket->calls++;
	if (random & BIT(16)) {
		lt_contended_take(pocket, owner);
	} else if (!held->handle) {
		lt_contended_alloc(pocket, owner, held, context);
	} else if (random & BIT(17)) {
		lt_contended_give(pocket, owner, held, other);
	} else {
		lt_free(owner, held);
		pocket->freed++;
	}
}

static int lt_contended_make(struct lt_contended *c)
{
	const struct labyrinth_owner_spec spec = {
		.name = "contended",
		.quota = ULONG_MAX,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 64,
	};
	unsigned int i, pockets = nr_cpu_ids * LT_CONTEXTS;
	int err = 0;

	c->pocket = kcalloc(pockets, sizeof(*c->pocket), GFP_KERNEL);
	if (!c->pocket)
		return -ENOMEM;
	for (i = 0; i < pockets; i++)
		c->pocket[i].random = 2463534242U + i * 40503U;
	for (i = 0; i < LT_OWNERS && !err; i++)
		err = lt_owner_make(&c->owner[i], &spec);
	return err;
}

/* Everything is quiet: what is in the pockets and on its way is freed. */
static void lt_contended_empty(struct lt_contended *c, struct lt_pocket *sum)
{
	struct lt_pocket *pocket;
	unsigned int i, k;
	unsigned long n;

	for (i = 0; i < nr_cpu_ids * LT_CONTEXTS; i++) {
		pocket = &c->pocket[i];
		for (k = 0; k < LT_POCKET; k++) {
			if (!pocket->held[k].handle)
				continue;
			lt_free(&c->owner[k % LT_OWNERS], &pocket->held[k]);
			sum->freed++;
		}
		sum->served += pocket->served;
		sum->freed += pocket->freed;
		sum->given += pocket->given;
		sum->taken += pocket->taken;
	}
	for (i = 0; i < LT_OWNERS; i++) {
		n = lt_take_all(&c->owner[i]);
		sum->taken += n;
		sum->freed += n;
	}
}

static void lt_contended_context(struct lt_contended *c, enum lt_context context)
{
	unsigned long least = context == LT_NMI ? lt_nmis : 2 * LT_LEAST;
	struct lt_pocket sum = {}, *pocket;
	unsigned int cpu;
	bool all = true;

	for_each_online_cpu(cpu) {
		pocket = &c->pocket[cpu * LT_CONTEXTS + context];
		sum.calls += pocket->calls;
		sum.served += pocket->served;
		sum.failed += pocket->failed;
		sum.given += pocket->given;
		sum.refused += pocket->refused;
		sum.taken += pocket->taken;
		all &= pocket->served && pocket->given && pocket->taken;
	}
	lt_result(all && sum.calls >= least && sum.served >= LT_LEAST,
		  "%s, contended: %lu calls: %lu pages served and %lu not, %lu given and %lu not, %lu taken",
		  lt_context_name[context], sum.calls, sum.served, sum.failed,
		  sum.given, sum.refused, sum.taken);
}

static void lt_contended_run(struct lt_contended *c)
{
	const struct lt_storm storm = {
		.op = lt_contended_op,
		.arg = c,
		.buddy = true,
	};
	unsigned long began = jiffies;
	enum lt_context context;
	struct lt_pocket sum = {};
	int err = lt_storm_start(&storm);

	while (!err && !lt_storm_enough(began))
		msleep(100);
	lt_storm_stop();
	lt_probe_stop();
	lt_probe_report();
	lt_contended_empty(c, &sum);
	lt_note("%u ms", jiffies_to_msecs(jiffies - began));
	lt_storm_report();
	for (context = 0; context < LT_CONTEXTS; context++)
		lt_contended_context(c, context);
	lt_result(lt_storm_buddy_count() > LT_LEAST,
		  "the page allocator was in use: %lu times",
		  lt_storm_buddy_count());
	lt_result(sum.served == sum.freed && sum.given == sum.taken,
		  "conservation: %lu served, %lu freed; %lu given, %lu taken",
		  sum.served, sum.freed, sum.given, sum.taken);
}

void lt_test_contended(void)
{
	struct lt_contended c = {};
	int i;

	if (!lt_contended_make(&c)) {
		i = lt_probe_start();
		lt_result(!i, "the page allocator's doors are watched (%d)", i);
		if (!i)
			lt_contended_run(&c);
	}
	for (i = 0; i < LT_OWNERS; i++)
		lt_owner_destroy(&c.owner[i]);
	kfree(c.pocket);
}
