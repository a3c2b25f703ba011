// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many producers in all contexts, one receiver, who is only told and never asks:
 * nothing is lost, nothing doubled, nobody is overtaken by himself.
 */
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "context.h"

#define LT_SEQUENCE_BITS	40
#define LT_RELAY_LEAST		200

/**
 * struct lt_producer - one context of one CPU
 * @given: pages, numbered as they are given
 * @refused: no room in the inbox
 * @taken: what came of @given
 */
struct lt_producer {
	u64 given;
	unsigned long refused;
	u64 taken;
};

struct lt_relay {
	struct lt_owner from;
	struct lt_owner to;
	struct lt_producer *producer;
	unsigned int producers;
	unsigned long told;
	atomic_t inside;
};

/* The number is used up only by a page that was given. */
static void lt_relay_op(enum lt_context context, unsigned int cpu, void *arg)
{
	struct lt_relay *relay = arg;
	u64 number = cpu * LT_CONTEXTS + context;
	struct lt_producer *producer = &relay->producer[number];
	struct lt_held held;
	u32 reason;
	int err;

	if (lt_alloc(&relay->from, LT_SIMPLE, &held, NULL))
		return;
	lt_stamp(&held, (number << LT_SEQUENCE_BITS) | producer->given);
	err = lt_give(&relay->from, &held, &relay->to, &reason);
	if (!err) {
		producer->given++;
		return;
	}
	if (err != -ENOSPC || reason != LABYRINTH_REASON_INBOX)
		lt_fault(LT_DENIED, err);
	producer->refused++;
	lt_free(&relay->from, &held);
}

static void lt_relay_check(struct lt_relay *relay, u64 tag)
{
	u64 number = tag >> LT_SEQUENCE_BITS;
	struct lt_producer *producer = &relay->producer[number];

	if (number >= relay->producers ||
	    (tag & GENMASK_ULL(LT_SEQUENCE_BITS - 1, 0)) != producer->taken++)
		lt_fault(LT_DISORDER, (long)tag);
}

/* One at a time, in process context: so there is no lock here. */
static void lt_relay_arrived(struct labyrinth_owner *owner, void *data)
{
	struct lt_relay *relay = data;
	struct lt_held held;

	if (atomic_inc_return(&relay->inside) > 1 || !lt_is_context(LT_PROCESS))
		lt_fault(LT_MISPLACED, relay->told);
	relay->told++;
	while (!lt_take(&relay->to, &held)) {
		lt_relay_check(relay, held.stamp);
		lt_free(&relay->to, &held);
	}
	atomic_dec(&relay->inside);
}

static int lt_relay_make(struct lt_relay *relay)
{
	const struct labyrinth_owner_spec from = {
		.name = "producers",
		.quota = ULONG_MAX,
	};
	const struct labyrinth_owner_spec to = {
		.name = "receiver",
		.quota = ULONG_MAX,
		.accept = LABYRINTH_ACCEPT_ANY,
		.inbox = 128,
		.arrived = lt_relay_arrived,
		.data = relay,
	};
	int err;

	relay->producers = nr_cpu_ids * LT_CONTEXTS;
	relay->producer = kcalloc(relay->producers, sizeof(*relay->producer),
				  GFP_KERNEL);
	if (!relay->producer)
		return -ENOMEM;
	err = lt_owner_make(&relay->from, &from);
	return err ? err : lt_owner_make(&relay->to, &to);
}

static void lt_relay_sum(struct lt_relay *relay, unsigned int first,
			 unsigned int step, struct lt_producer *sum)
{
	unsigned int i;

	memset(sum, 0, sizeof(*sum));
	for (i = first; i < relay->producers; i += step) {
		sum->given += READ_ONCE(relay->producer[i].given);
		sum->refused += READ_ONCE(relay->producer[i].refused);
		sum->taken += READ_ONCE(relay->producer[i].taken);
	}
}

/* Whoever is told of every page needs not be told twice: it all comes. */
static void lt_relay_wait(struct lt_relay *relay, struct lt_producer *sum)
{
	unsigned long end = jiffies + 20 * HZ;

	do {
		msleep(20);
		lt_relay_sum(relay, 0, 1, sum);
	} while (sum->taken != sum->given && time_before(jiffies, end));
}

/* For its time, and until each context has given enough; but not for ever. */
static bool lt_relay_enough(struct lt_relay *relay, unsigned long began)
{
	enum lt_context context;
	struct lt_producer sum;

	if (time_before(jiffies, began + lt_seconds * HZ))
		return false;
	for (context = 0; context < LT_CONTEXTS; context++) {
		lt_relay_sum(relay, context, LT_CONTEXTS, &sum);
		if (sum.given < LT_RELAY_LEAST)
			return time_after(jiffies, began + 20 * lt_seconds * HZ);
	}
	return true;
}

static void lt_relay_run(struct lt_relay *relay)
{
	const struct lt_storm storm = { .op = lt_relay_op, .arg = relay };
	unsigned long began = jiffies;
	enum lt_context context;
	struct lt_producer sum;
	int err = lt_storm_start(&storm);

	while (!err && !lt_relay_enough(relay, began))
		msleep(100);
	lt_storm_stop();
	lt_relay_wait(relay, &sum);
	lt_result(sum.taken == sum.given && sum.given && relay->told,
		  "%llu given, %llu taken, told %lu times; %lu gives refused",
		  sum.given, sum.taken, relay->told, sum.refused);
	for (context = 0; context < LT_CONTEXTS; context++) {
		lt_relay_sum(relay, context, LT_CONTEXTS, &sum);
		lt_result(sum.given >= LT_RELAY_LEAST && sum.given == sum.taken,
			  "%s: %llu given, %llu taken", lt_context_name[context],
			  sum.given, sum.taken);
	}
}

void lt_test_relay(void)
{
	struct lt_relay relay = {};

	if (!lt_relay_make(&relay))
		lt_relay_run(&relay);
	lt_owner_destroy(&relay.from);
	lt_owner_destroy(&relay.to);
	kfree(relay.producer);
}
